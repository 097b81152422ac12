"""Jobs: the night, and the night without asking the sources. What steps do is in pipelines/."""

from __future__ import annotations

import dagster as dg

NIGHTLY = "nightly"
REBUILD = "rebuild"
FULL = {"resources": {"night": {"config": {"full": True}}}}

nightly = dg.define_asset_job(
    NIGHTLY,
    selection=dg.AssetSelection.all(),
    description="每晚作业：抽取、标准化、归并、质检、下发、发布。 The whole night, extraction to "
    "publication. Stops before publication if a critical rule is broken.",
)

rebuild = dg.define_asset_job(
    REBUILD,
    selection=dg.AssetSelection.all()
    - (dg.AssetSelection.groups("extract") - dg.AssetSelection.assets(["raw", "pull"]))
    | dg.AssetSelection.assets(
        ["raw", "ledger_quarantine"], ["raw", "ledger_finding"], ["raw", "source_column"]
    ),
    config=FULL,
    description="全量重建：不再抽取，由原始数据与日志簿重算，居民编号不变。 Everything anew "
    "from the landing zone and the journal, with the same resident ids; no source is asked.",
)
