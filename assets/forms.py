"""Forms: what each grid is asked, and the workbooks that ask it."""

from __future__ import annotations

import dagster as dg

from assets.edge import step_edge
from assets.quality import QUALITY
from assets.resources import NightResource
from assets.tables import WAREHOUSE, count_metadata, results, table_spec, table_step
from pipelines import run

GROUP = "forms"
OWNER = "网格办"
_MASTER = ["master.resident", "master.provenance", "master.household", "master.dwelling"]

plan = table_step(
    "plan_forms",
    {
        "deliver.form_row": _MASTER,
        "deliver.form": ["deliver.form_row"],
        "deliver.form_cell": ["deliver.form_row"],
    },
    group=GROUP,
    owner=OWNER,
)


@dg.multi_asset(
    name="render_forms",
    specs=[
        table_spec("deliver.issue", group=GROUP, owner=OWNER, deps=["deliver.form", *QUALITY]),
        dg.AssetSpec(
            ["deliver", "workbook"],
            deps=[["deliver", "form_row"], ["deliver", "form"], *QUALITY],
            group_name=GROUP,
            owners=[f"team:{OWNER}"],
            kinds={"excel", "file"},
            description="网格表单工作簿: One workbook a grid, known cells filled in; they "
            "wait in the night's folder and leave the house with the publication.",
        ),
    ],
    pool=WAREHOUSE,
)
def workbooks(night: NightResource):  # type: ignore[no-untyped-def]
    """Draw the workbooks whose content changed."""
    with step_edge():
        counts = run.do(night.current, "render_forms")
        yield from results(night.current, ["deliver.issue"], {})
        yield dg.MaterializeResult(
            asset_key=["deliver", "workbook"], metadata=count_metadata(counts)
        )
