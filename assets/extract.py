"""Extraction: an asset a source, made from the source maps of the district."""

from collections.abc import Iterable

import dagster as dg

from assets.edge import step_edge
from assets.resources import NightResource
from assets.tables import OPERATORS, WAREHOUSE, column_schema, count_metadata, table_step
from pipelines import run
from pipelines.errors import SourceHeld
from schemas.source import DEPARTMENT_LABELS, SourceMap
from schemas.tables import RAW_COLUMNS, Column

GROUP = "extract"
_PATIENCE = dg.RetryPolicy(
    max_retries=run.PULL_TRIES - 1,
    delay=run.PULL_WAIT_SECONDS,
    backoff=dg.Backoff.EXPONENTIAL,
)


def build_raw_assets(sources: Iterable[SourceMap]) -> list[dg.AssetsDefinition]:
    """`raw/<source>` for every source, and `raw/pull`, which copies what landed into the night."""
    sources = list(sources)
    return [*(_raw_asset(source) for source in sources), _mirror(sources)]


def _raw_asset(source: SourceMap) -> dg.AssetsDefinition:
    name = source.source

    @dg.asset(
        key=["raw", name],
        group_name=GROUP,
        owners=[f"team:{DEPARTMENT_LABELS[source.department]}"],
        kinds={"excel" if source.kind == "workbook" else "sql", "duckdb"},
        description=_description(source),
        metadata={
            "dagster/column_schema": column_schema((*RAW_COLUMNS, *_columns(source))),
            "dagster/table_name": f"onegrid.raw.{name}",
        },
        check_specs=[
            dg.AssetCheckSpec(
                "up_to_date",
                asset=["raw", name],
                description="来源今晚可用。 The source could be used tonight; otherwise what was "
                "landed before stands and the night is degraded.",
            )
        ],
        retry_policy=_PATIENCE,
        pool=WAREHOUSE,
    )
    def raw(context: dg.AssetExecutionContext, night: NightResource) -> dg.MaterializeResult:
        last_try = context.retry_number >= _PATIENCE.max_retries
        with step_edge():
            try:
                counts = run.pull(night.current, name, last_try=last_try)
            except SourceHeld as held:
                context.log.warning(str(held))
                seconds = _PATIENCE.calculate_delay(context.retry_number + 1)
                raise dg.RetryRequested(_PATIENCE.max_retries, seconds) from None
            held_back = counts.get("status") == "held"
            return dg.MaterializeResult(
                metadata={
                    **count_metadata(counts),
                    "dagster/row_count": int(counts.get("rows_pulled") or 0),
                },
                check_results=[
                    dg.AssetCheckResult(
                        check_name="up_to_date",
                        passed=not held_back,
                        severity=dg.AssetCheckSeverity.WARN,
                        description=str(counts["reason"]) if held_back else None,
                    )
                ],
            )

    return raw


def _mirror(sources: list[SourceMap]) -> dg.AssetsDefinition:
    landed = [f"raw.{source.source}" for source in sources]
    return table_step(
        "mirror_raw",
        dict.fromkeys(
            ("raw.pull", "raw.ledger_quarantine", "raw.ledger_finding", "raw.source_column"), landed
        ),
        group=GROUP,
        owner=OPERATORS,
    )


def _description(source: SourceMap) -> str:
    department = DEPARTMENT_LABELS[source.department]
    lines = [f"{source.label} · {department}", "Rows as they came, with every earlier version."]
    if source.excluded:
        lines += ["不采集 Not pulled:"]
        lines += [f"- {item.column}：{item.why}" for item in source.excluded]
    return "\n\n".join(lines[:2]) + ("\n\n" + "\n".join(lines[2:]) if source.excluded else "")


def _columns(source: SourceMap) -> list[Column]:
    return [
        Column(name, "VARCHAR", " / ".join(column.aliases))
        for name, column in source.columns.items()
    ]
