"""The step: count, judge, keep, document."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace

from pipelines.night import Night
from pipelines.progress import tell
from pipelines.validate.count import count_rules
from pipelines.validate.judges import judge, warm_up
from pipelines.validate.result import RuleResult


def validate(night: Night) -> list[RuleResult]:
    """Count every rule over all rows, let Great Expectations judge the counts, keep the results.

    Writes `quality.result` (this night's rows) and the pages in ``night.folder/data_docs``. Neither
    holds a personal value: Great Expectations only ever sees one share a rule. May be repeated.
    """
    warm_up()
    with night.stage("validate") as counts:
        tell("validate", 0, 3)
        with night.open() as con:
            found = count_rules(con, night)
            tell("validate", 1, 3)
            pages = night.folder / "data_docs"
            shutil.rmtree(pages, ignore_errors=True)
            verdicts = judge(found, pages, f"night-{night.number:06d}")
            results = [replace(result, passed=verdicts[result.rule]) for result in found]
            tell("validate", 2, 3)
            con.execute("DELETE FROM quality.result WHERE night = ?", [night.number])
            con.executemany(
                "INSERT INTO quality.result VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    [
                        night.number,
                        result.rule,
                        result.suite,
                        result.severity,
                        result.rows_checked,
                        result.rows_bad,
                        result.allowed,
                        result.passed,
                    ]
                    for result in results
                ],
            )
        tell("validate", 3, 3)
        broken = [result for result in results if not result.passed]
        counts["rules"] = len(results)
        counts["critical_failed"] = len(blocking(broken))
        counts["warnings"] = len(broken) - len(blocking(broken))
    return results


def blocking(results: Iterable[RuleResult]) -> list[RuleResult]:
    """The critical rules that are broken: with any, the night is not published."""
    return [result for result in results if not result.passed and result.severity == "critical"]
