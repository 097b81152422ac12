"""What the night is judged by: an asset a suite, a check a rule.

The rules are counted once, when the forms are planned: a check on an early table that also looks at
late ones would close a circle. Here all of them stand between the forms and the way out.
"""

import dagster as dg

from assets.checks import check_result, check_spec
from assets.edge import step_edge
from assets.resources import NightResource
from assets.tables import OPERATORS, WAREHOUSE, column_schema
from pipelines import run
from pipelines.errors import NightBlocked
from schemas.suites import RULE, RULES, SUITE_LABELS
from schemas.tables import TABLE

GROUP = "quality"
QUALITY = [dg.AssetKey(["quality", suite]) for suite in SUITE_LABELS]
_JUDGED = {
    "standardised": ["std/record", "std/quarantine", "std/defect", "std/benefit", "std/family"],
    "master": ["master/resident", "master/crosswalk", "master/event", "link/review"],
    "forms": ["deliver/form_row", "deliver/form", "master/cell"],
}


@dg.multi_asset(
    name="validate",
    specs=[
        dg.AssetSpec(
            ["quality", suite],
            deps=[
                dg.AssetKey.from_user_string(table)
                for table in dict.fromkeys([*_JUDGED[suite], "deliver/form", "link/review"])
            ],
            group_name=GROUP,
            owners=[f"team:{OPERATORS}"],
            kinds={"greatexpectations", "duckdb"},
            description=f"质检：{label}: The rules of the suite `{suite}`, counted over all "
            "rows by DuckDB and judged by Great Expectations. Its pages: `data_docs/`.",
            metadata={
                "dagster/column_schema": column_schema(TABLE["quality.result"].columns),
                "dagster/table_name": "onegrid.quality.result",
            },
        )
        for suite, label in SUITE_LABELS.items()
    ],
    check_specs=[check_spec(rule, ["quality", rule.suite]) for rule in RULES],
    pool=WAREHOUSE,
)
def verdicts(context: dg.AssetExecutionContext, night: NightResource):  # type: ignore[no-untyped-def]
    """Judge the night; a broken critical rule closes it, and nothing below is run."""
    with step_edge():
        found = run.judge(night.current)
        try:
            run.require(night.current, found)
        except NightBlocked as blocked:
            context.log.error(str(blocked))
        for suite in SUITE_LABELS:
            rules = [result for result in found if result.suite == suite]
            yield dg.MaterializeResult(
                asset_key=["quality", suite],
                metadata={
                    "dagster/row_count": len(rules),
                    "broken": ", ".join(r.rule for r in rules if not r.passed) or "none",
                    "rows checked": sum(r.rows_checked for r in rules),
                },
            )
        for result in found:
            if result.rule in RULE:
                yield check_result(result, ["quality", result.suite])
