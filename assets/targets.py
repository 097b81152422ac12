"""Write-back: an asset a target that the night tells, made from the target contracts."""

from collections.abc import Iterable

import dagster as dg

from assets.edge import step_edge
from assets.resources import NightResource
from assets.tables import OPERATORS, WAREHOUSE, count_metadata
from pipelines import run
from schemas.targets import TargetContract


def build_target_assets(targets: Iterable[TargetContract]) -> list[dg.AssetsDefinition]:
    """`target/<name>` for every target that is told by the nightly job."""
    return [_target_asset(target) for target in targets if target.nightly]


def _target_asset(target: TargetContract) -> dg.AssetsDefinition:
    name = target.target

    @dg.asset(
        key=["target", name],
        deps=[["deliver", "publication"]],
        group_name="delivered",
        owners=[f"team:{OPERATORS}"],
        kinds={"sql"},
        description=f"回写 {target.label}: What the night changed, upserted into the table "
        f"`{target.table}` and acknowledged row by row. A target that cannot be written is told "
        "the next time; the night stands.",
        check_specs=[
            dg.AssetCheckSpec(
                "told",
                asset=["target", name],
                description="目标库已收到全部变更。 The target has taken every change.",
            )
        ],
        pool=WAREHOUSE,
    )
    def told(night: NightResource) -> dg.MaterializeResult:
        with step_edge():
            counts = run.write_back(night.current, name)
            aside = int(str(counts.get("set_aside", 0)))
            reason = counts.get("reason") or (f"{aside:,} rows set aside" if aside else None)
            return dg.MaterializeResult(
                metadata=count_metadata(counts),
                check_results=[
                    dg.AssetCheckResult(
                        check_name="told",
                        passed=reason is None,
                        severity=dg.AssetCheckSeverity.WARN,
                        description=str(reason) if reason else None,
                    )
                ],
            )

    return told
