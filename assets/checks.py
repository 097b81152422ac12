"""Rules as Dagster shows them: one check a rule; critical ones hold back whatever comes after."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from pipelines.validate import RuleResult
from schemas.suites import Rule


def check_spec(rule: Rule, asset: Sequence[str]) -> dg.AssetCheckSpec:
    """The check of `rule` on `asset`."""
    return dg.AssetCheckSpec(
        rule.name,
        asset=dg.AssetKey(asset),
        blocking=rule.severity == "critical",
        description=f"{rule.label}。 {rule.meaning}",
    )


def check_result(result: RuleResult, asset: Sequence[str]) -> dg.AssetCheckResult:
    """What the rule found: counts only."""
    critical = result.severity == "critical"
    return dg.AssetCheckResult(
        check_name=result.rule,
        asset_key=dg.AssetKey(asset),
        passed=bool(result.passed),
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        description=f"{result.rows_bad:,} of {result.rows_checked:,} rows break it "
        f"({result.share:.2%}; {result.allowed:.2%} tolerated)",
        metadata={
            "rows checked": result.rows_checked,
            "rows bad": result.rows_bad,
            "share": result.share,
        },
    )
