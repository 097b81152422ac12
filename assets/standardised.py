"""Standardised records: every person of every row in canonical fields, nothing lost on the way."""

import dagster as dg

from assets.checks import check_result, check_spec
from assets.edge import step_edge
from assets.resources import NightResource
from assets.tables import OPERATORS, WAREHOUSE, results, table_spec
from pipelines import run
from pipelines.errors import NightBlocked
from schemas.suites import RULE

GROUP = "standardised"
TABLES = (
    "std.record",
    "std.quarantine",
    "std.defect",
    "std.correction",
    "std.benefit",
    "std.insurance",
    "std.family",
    "std.dwelling",
)


@dg.multi_asset(
    name="standardise",
    specs=[table_spec(name, group=GROUP, owner=OPERATORS, deps=["raw.pull"]) for name in TABLES],
    check_specs=[check_spec(RULE["rows_conserved"], ["std", "record"])],
    pool=WAREHOUSE,
)
def standardised(context: dg.AssetExecutionContext, night: NightResource):  # type: ignore[no-untyped-def]
    """Clean what landed, and see at once that nothing has disappeared."""
    with step_edge():
        counts = run.do(night.current, "standardise")
        yield from results(night.current, TABLES, counts)
        conserved = run.conservation(night.current)
        try:
            run.require(night.current, [conserved])
        except NightBlocked as blocked:
            context.log.error(str(blocked))
        yield check_result(conserved, ["std", "record"])
