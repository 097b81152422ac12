"""How a table appears in Dagster: key, column schema, row count and a masked preview."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
import duckdb

from assets.edge import step_edge
from assets.resources import NightResource
from pipelines import run, store
from pipelines.night import Night
from pipelines.privacy import mask
from schemas.tables import TABLE, VIEWS, Column

WAREHOUSE = "warehouse"
OPERATORS = "数据治理"
PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 8
_VIEW_NAMES = {table.qualified for table, _ in VIEWS}
_NUMERIC = ("INTEGER", "BIGINT", "SMALLINT", "DOUBLE", "BOOLEAN", "DECIMAL")
# Words of the house, never of a person; any other text is masked.
_PLAIN_TEXT = frozenset(
    (
        *("source", "department", "role", "kind", "severity", "field", "status", "tier", "verdict"),
        *("form", "period", "change", "grid_code", "village_code", "grid_name", "village_name"),
        *("resident_id", "other_id", "household_id", "dwelling_id", "head_resident_id"),
        *("resident_l", "resident_r", "review_id", "form_id", "id_status", "birth_precision"),
    )
)


def key(table: str) -> dg.AssetKey:
    """``std.record`` → ``std/record``."""
    return dg.AssetKey(table.split("."))


def column_schema(columns: Iterable[Column]) -> dg.TableSchema:
    """Columns as the catalogue shows them."""
    return dg.TableSchema(
        columns=[dg.TableColumn(c.name, type=c.type, description=c.meaning) for c in columns]
    )


def table_spec(
    table: str, *, group: str, owner: str, deps: Iterable[str | dg.AssetKey] = ()
) -> dg.AssetSpec:
    """The asset of a table of `schemas.tables`."""
    declared = TABLE[table]
    grain = declared.grain[0].upper() + declared.grain[1:]
    return dg.AssetSpec(
        key(table),
        deps=[key(dep) if isinstance(dep, str) else dep for dep in deps],
        group_name=group,
        owners=[f"team:{owner}"],
        kinds={"duckdb", "view" if table in _VIEW_NAMES else "table"},
        description=f"{declared.label}: {grain}.",
        metadata={
            "dagster/column_schema": column_schema(declared.columns),
            "dagster/table_name": f"onegrid.{table}",
        },
    )


def table_step(
    step: str, tables: Mapping[str, Iterable[str]], *, group: str, owner: str
) -> dg.AssetsDefinition:
    """A step of `pipelines.run.STEPS` that writes `tables` (each with what it is made from)."""

    @dg.multi_asset(
        name=step,
        specs=[
            table_spec(table, group=group, owner=owner, deps=deps) for table, deps in tables.items()
        ],
        pool=WAREHOUSE,
    )
    def materialise(night: NightResource):  # type: ignore[no-untyped-def]
        with step_edge():
            yield from results(night.current, tables, run.do(night.current, step))

    return materialise


def results(
    night: Night, tables: Iterable[str], counts: Mapping[str, Any]
) -> Iterator[dg.MaterializeResult]:
    """What each table holds now; what the step counted goes to the first of them."""
    with night.open() as con:
        shown = [(table, _table_metadata(con, table)) for table in tables]
    for place, (table, metadata) in enumerate(shown):
        counted = count_metadata(counts) if place == 0 else {}
        yield dg.MaterializeResult(asset_key=key(table), metadata={**metadata, **counted})


def count_metadata(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Counts of a step as metadata; nested ones as a list."""
    shown: dict[str, Any] = {}
    for name, value in counts.items():
        if isinstance(value, bool | int | float | str):
            shown[name] = value
        elif isinstance(value, Mapping) and value:
            shown[name] = dg.MetadataValue.md("\n".join(f"- {k}: {v}" for k, v in value.items()))
    return shown


def _table_metadata(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, Any]:
    if table in _VIEW_NAMES:
        return {}
    name = TABLE[table].qualified
    rows = store.count(con, f"SELECT count(*) FROM {name}")
    metadata: dict[str, Any] = {"dagster/row_count": rows}
    if rows:
        metadata["preview"] = dg.MetadataValue.md(_preview(con, table))
    return metadata


def _preview(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """The first rows as a Markdown table; whatever could be a person's is masked."""
    columns = TABLE[table].columns[:PREVIEW_COLUMNS]
    names = ", ".join(f'"{column.name}"' for column in columns)
    rows = con.execute(
        f"SELECT {names} FROM {TABLE[table].qualified} LIMIT {PREVIEW_ROWS}"
    ).fetchall()
    lines = [
        "| " + " | ".join(column.name for column in columns) + " |",
        "|" + " --- |" * len(columns),
        *(
            "| " + " | ".join(_shown(c, v) for c, v in zip(columns, row, strict=True)) + " |"
            for row in rows
        ),
    ]
    return "\n".join(lines)


def _shown(column: Column, value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    if column.name not in _PLAIN_TEXT and not column.type.startswith(_NUMERIC):
        text = mask(text) or ""
    return text.replace("|", "\\|").replace("\n", " ").replace("*", "\\*")
