"""The way out: the night's page, and the one swap that readers see."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from assets.edge import step_edge
from assets.quality import QUALITY
from assets.resources import NightResource
from assets.tables import OPERATORS, WAREHOUSE, count_metadata
from pipelines import run
from pipelines.summary import read_summary

GROUP = "delivered"


@dg.asset(
    key=["deliver", "report"],
    deps=[["deliver", "workbook"], ["deliver", "issue"], *QUALITY],
    group_name=GROUP,
    owners=[f"team:{OPERATORS}"],
    kinds={"html", "file"},
    description="当晚报告: One page, readable without a network: sources, defects, matching, "
    "quality, and how much was not asked again.",
    pool=WAREHOUSE,
)
def report(night: NightResource) -> dg.MaterializeResult:
    """Write the night's page."""
    with step_edge():
        return dg.MaterializeResult(metadata=count_metadata(run.report(night.current)))


@dg.asset(
    key=["deliver", "publication"],
    deps=[["deliver", "report"], ["deliver", "workbook"], *QUALITY],
    group_name=GROUP,
    owners=[f"team:{OPERATORS}"],
    kinds={"duckdb", "file"},
    freshness_policy=dg.FreshnessPolicy.cron(
        deadline_cron="0 6 * * *",  # before offices open
        lower_bound_delta=timedelta(hours=8),
        timezone="Asia/Shanghai",
    ),
    description="发布: `published/onegrid.duckdb`, swapped atomically; forms, report and "
    "data docs follow. Nothing leaves the house before this, nothing "
    "after a broken critical rule.",
    pool=WAREHOUSE,
)
def publication(night: NightResource) -> dg.MaterializeResult:
    """Make the night the one that readers see."""
    with step_edge():
        tonight = night.let_go()
        counts = run.publish_night(tonight)
        limits = tonight.config.district.limits
        summary = read_summary(tonight.home, tonight.number, limits)
        return dg.MaterializeResult(
            metadata={
                **count_metadata(counts),
                **summary.counts,
                "held sources": ", ".join(summary.held) or "none",
                "not asked again": round(summary.not_asked_again, 4),
                "report": dg.MetadataValue.path(str(tonight.home.report)),
                "forms": dg.MetadataValue.path(str(tonight.home.forms)),
            }
        )
