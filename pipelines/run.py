"""A night from beginning to end, called plainly; the Dagster assets call the same functions."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipelines.config import Config
from pipelines.errors import NightBlocked, SourceHeld
from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.night import Night, open_night
from pipelines.privacy import scrub
from pipelines.progress import tell
from pipelines.summary import Summary, read_summary
from pipelines.writeback import nightly_targets, tell_target

if TYPE_CHECKING:
    from pipelines.validate import RuleResult

PULL_TRIES = 3
PULL_WAIT_SECONDS = 2.0
"""Wait before the second try; every further wait is twice as long."""

STEPS: dict[str, str] = {
    "mirror_raw": "pipelines.extract",
    "standardise": "pipelines.standardise",
    "score_pairs": "pipelines.link",
    "cluster_records": "pipelines.link",
    "queue_reviews": "pipelines.link",
    "place_dwellings": "pipelines.merge",
    "merge_residents": "pipelines.merge",
    "plan_forms": "pipelines.deliver",
    "validate": "pipelines.validate",
    "render_forms": "pipelines.deliver",
}
"""The steps after extraction, in the order of the journey: function → the package it is in."""
_LAST = ("validate", "render_forms")


def run_night(home: Home, config: Config, *, full: bool = False, pull: bool = True) -> Summary:
    """Run a night and publish it.

    Args:
        home, config: where and how.
        full: recompute everything from the landing zone and the journal.
        pull: ask the sources; without it the night works on what has landed before.

    Raises:
        NightRunning: another run uses this home.
        NightBlocked: a critical rule is broken; yesterday's publication stays.
    """
    with home.lock():
        night = open_night(home, config, full=full, meanwhile=_load_steps)
        try:
            _walk(night, pull=pull)
        except NightBlocked:
            raise
        except Exception as error:
            # On a full disk this fails as well; the next run closes the night, see `recover`.
            with suppress(Exception):
                give_up(night, f"{type(error).__name__}: {scrub(str(error))}")
            raise
        for target in nightly_targets(config):
            write_back(night, target)
    return read_summary(home, night.number, config.district.limits)


def _load_steps() -> None:
    """Import what the steps need; the disk has work of its own meanwhile."""
    for step, package in {"pull_source": "pipelines.extract", **STEPS}.items():
        getattr(import_module(package), step)


def _walk(night: Night, *, pull: bool) -> None:
    import_module("pipelines.validate").warm_up()  # pulling leaves a core idle
    with night.keep_open():
        if pull:
            from pipelines.extract import keeping_children  # noqa: PLC0415

            with night.keep_landed_open(), keeping_children():
                for source in night.config.sources:
                    _pull_patiently(night, source)
        for step in STEPS:
            if step not in _LAST:
                do(night, step)
            if step == "standardise":
                require(night, [conservation(night)])
        require(night, _judge_while_drawing(night))
        report(night)
    publish_night(night)


def _judge_while_drawing(night: Night) -> list[RuleResult]:
    """Both of `_LAST` at once: neither looks at what the other writes, and what was drawn waits
    in the night's folder until it is published, or goes with it.

    Judging is one thread's work for the most part, drawing is everybody's.
    """
    with ThreadPoolExecutor(1) as beside:
        drawn = beside.submit(do, night, "render_forms")
        results = judge(night)
        drawn.result()
    return results


def do(night: Night, step: str) -> Any:
    """Call one of `STEPS`; returns what it counted."""
    tell(step, 0)
    if step == "score_pairs":
        # At the latest: Great Expectations takes seconds to import.
        import_module("pipelines.validate").warm_up()
    return getattr(import_module(STEPS[step]), step)(night)


def pull(night: Night, source: str, *, last_try: bool = True) -> dict[str, Any]:
    """Pull a source, or keep what was landed of it before.

    Raises:
        SourceHeld: the source cannot be reached, and this is not the last try.
    """
    from pipelines.extract import hold_source, pull_source  # noqa: PLC0415

    tell(f"pull_{source}", 0)
    if night.config.sources[source].kind == "returns":
        from pipelines.intake import take_inbox  # noqa: PLC0415

        with open_journal(night.config.journal_url) as journal:
            take_inbox(night.home, night.config, journal)
    try:
        return pull_source(night, source)
    except SourceHeld as held:
        if held.transient and not last_try:
            raise
        return hold_source(night, source, held.reason_zh)


def _pull_patiently(night: Night, source: str) -> None:
    for turn in range(PULL_TRIES - 1):
        try:
            pull(night, source, last_try=False)
        except SourceHeld:
            time.sleep(PULL_WAIT_SECONDS * 2**turn)
        else:
            return
    pull(night, source)


def conservation(night: Night) -> RuleResult:
    """The law of conservation, right after standardising: pulled = standardised + quarantined."""
    from pipelines.validate.count import count_rules  # noqa: PLC0415
    from schemas.suites import RULE  # noqa: PLC0415

    with night.open() as con:
        return count_rules(con, night, [RULE["rows_conserved"]])[0]


def judge(night: Night) -> list[RuleResult]:
    """Every rule's result, see `pipelines.validate.validate`."""
    return list(do(night, "validate"))


def require(night: Night, results: Iterable[RuleResult]) -> None:
    """Let the night go on unless a critical rule is broken.

    Raises:
        NightBlocked: it is; the journal and a page under ``report/`` say which.
    """
    from pipelines.validate import blocking  # noqa: PLC0415
    from schemas.suites import RULE  # noqa: PLC0415

    results = list(results)
    broken = blocking(results)
    if not broken:
        return
    named = "、".join(
        f"{RULE[result.rule].label if result.rule in RULE else result.rule}"
        f"（{result.rows_bad:,}/{result.rows_checked:,}）"
        for result in broken
    )
    give_up(night, f"质检未通过，未发布：{named}", results)
    raise NightBlocked(
        f"night {night.number} is not published, yesterday's master and forms stay: "
        f"{len(broken)} critical rule(s) broken: "
        + ", ".join(
            f"{result.rule} ({result.rows_bad:,} of {result.rows_checked:,} rows)"
            for result in broken
        )
    )


def give_up(night: Night, reason: str, results: Iterable[RuleResult] = ()) -> None:
    """Close the night as failed: in the journal, and on a page that says why."""
    from pipelines.report import write_failure_report  # noqa: PLC0415

    with open_journal(night.config.journal_url) as journal:
        journal.set_night(night.number, "failed", reason)
    write_failure_report(night.home, night, reason, results)


def report(night: Night) -> dict[str, Any]:
    """Write the night's page."""
    from pipelines.report import write_report  # noqa: PLC0415

    tell("write_report", 0)
    return {"bytes": write_report(night).stat().st_size}


def publish_night(night: Night) -> dict[str, Any]:
    """Make the night the one that readers see, if it is whole and no critical rule is broken.

    Raises:
        NightBlocked: a step was left out, or a rule is broken.
    """
    from pipelines.publish import publish  # noqa: PLC0415

    tell("publish", 0)
    with night.open() as con:
        done = {
            stage
            for (stage,) in con.execute(
                "SELECT stage FROM meta.stage WHERE night = ?", [night.number]
            ).fetchall()
        }
        broken = con.execute(
            """SELECT rule FROM quality.result
            WHERE night = ? AND severity = 'critical' AND NOT passed ORDER BY rule""",
            [night.number],
        ).fetchall()
    missing = [step for step in STEPS if step not in done]
    if missing:
        raise NightBlocked(
            f"night {night.number} is not whole ({', '.join(missing)} did not run): "
            "start the job 'nightly' instead of single assets"
        )
    if broken:
        raise NightBlocked(
            f"night {night.number} breaks critical rules: {', '.join(rule for (rule,) in broken)}"
        )
    with open_journal(night.config.journal_url) as journal:
        publish(
            night.home,
            journal,
            night.number,
            night.folder,
            keep=night.config.district.keep_nights,
        )
    return {"night": night.number, "published": str(night.home.published)}


def write_back(night: Night, target: str) -> dict[str, object]:
    """Tell a target what the night has published, see `pipelines.writeback.tell_target`."""
    tell(f"push_{target}", 0)
    return tell_target(night.home, night.config, target)
