"""A night through Dagster, as the command and the schedule run it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.definitions import build_definitions
from assets.resources import CAUSE_TAG, HOME_TAG, KILLED, NIGHT_TAG, NightResource, end_orphans
from assets.sensors import note_cause
from onegrid.instance import settle
from pipelines.errors import FULL_DISK
from pipelines.home import Home
from pipelines.journal import open_journal
from schemas.suites import RULES
from tests.district_fixture import (
    Districts,
    ask,
    copy,
    differences,
    held,
    journal_url,
    onegrid,
    shown,
)


@pytest.fixture
def home(districts: Districts, tmp_path: Path) -> Home:
    """One night is published; the offices hold what they hold on the second day."""
    return copy(districts.before, tmp_path / "home")


@pytest.fixture
def instance(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    for name in ("DAGSTER_HOME", "ONEGRID_HOME", "GX_ANALYTICS_ENABLED"):
        monkeypatch.setenv(name, "")  # so that it is put back
    settle(home, None)
    with dg.DagsterInstance.get() as opened:
        yield opened


def last_run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    return instance.get_runs(limit=1)[0]


def checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, Any]:
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    records = instance.get_records_for_run(run.run_id, of_type=kind).records
    events = [record.event_log_entry.dagster_event for record in records]
    found = [event.asset_check_evaluation_data for event in events if event is not None]
    return {f"{check.asset_key.to_user_string()}:{check.check_name}": check for check in found}


def test_a_night_of_the_scheduler_ends_in_the_tables_of_the_plain_runner(
    home: Home, districts: Districts, instance: dg.DagsterInstance
) -> None:
    done = onegrid("run", home=home, environment={"ONEGRID_THREADS": "3"})
    assert done.code == 0, done.err
    assert "不再询问 not asked again" in done.out
    assert "delta" in done.out
    assert differences(home, districts.after) == {}
    assert sorted(shown(home)["forms"]) == sorted(shown(districts.after)["forms"])

    run = last_run(instance)
    assert (run.status, run.job_name) == (dg.DagsterRunStatus.SUCCESS, "nightly")
    assert (run.tags[HOME_TAG], run.tags[NIGHT_TAG]) == (str(home.root), "2")
    for spec in build_definitions().resolve_all_asset_specs():
        event = instance.get_latest_materialization_event(spec.key)
        assert event is not None, spec.key
        materialization = event.asset_materialization
        assert materialization is not None
        rows = materialization.metadata.get("dagster/row_count")
        if rows is not None and spec.key.path[0] in {"link", "master"}:
            table = ".".join(spec.key.path)
            assert [(rows.value,)] == ask(home, f"SELECT count(*) FROM {table}"), table
    judged = checks(instance, run)
    assert {f"quality/{rule.suite}:{rule.name}" for rule in RULES} < judged.keys()
    assert judged["std/record:rows_conserved"].passed


def _break_a_rule() -> None:
    from pipelines import run

    judge = run.judge

    def strict(night: Any) -> list:
        return [
            replace(result, rows_bad=7, passed=False)
            if result.rule == "residents_exist"
            else result
            for result in judge(night)
        ]

    run.judge = strict


@pytest.mark.thorough
def test_a_broken_critical_rule_keeps_the_forms_at_home(
    home: Home, instance: dg.DagsterInstance
) -> None:
    yesterday = shown(home)
    done = onegrid("run", home=home, before=_break_a_rule)
    assert done.code == 1
    assert "residents_exist" in done.err
    assert "Traceback" not in done.err
    assert shown(home) == yesterday
    with open_journal(journal_url(home)) as journal:
        assert [row.status for row in journal.nights()] == ["published", "failed"]
        assert "质检未通过" in (journal.nights()[-1].reason or "")
    assert (home.root / "report" / "night-000002.failed.html").exists()
    run = last_run(instance)
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert "residents_exist" in run.tags[CAUSE_TAG]
    assert not checks(instance, run)["quality/master:residents_exist"].passed


_TARGET = """
target: {name}
label: {name}
url: {url}
table: resident
purpose: population
legal_basis: 示例
key: resident_id
columns: {{name: xm, grid_code: wgbm}}
identifies: [name]
mark: {{column: zt, active: 1, dead: 2, moved: 3, merged: 4}}
nightly: true
"""


def test_a_source_and_a_target_that_do_not_answer_are_held_and_the_night_is_published(
    home: Home, instance: dg.DagsterInstance
) -> None:
    config = home.root / "config"
    config.mkdir()
    packaged = Path(__file__).parents[1] / "schemas" / "district.yaml"
    lines = packaged.read_text("utf-8").splitlines()
    dead = "postgresql+psycopg://nobody:secret-word@127.0.0.1:9/none?connect_timeout=2"
    lines = [
        f"  family_planning: {dead}" if line.startswith("  family_planning:") else line
        for line in lines
    ]
    (config / "district.yaml").write_text("\n".join(lines), "utf-8")
    (config / "targets").mkdir()
    for target, url in (("platform", "sqlite:///{home}/platform.sqlite"), ("silent", dead)):
        contract = _TARGET.format(name=target, url=url.replace("secret-word", "${SILENT}"))
        (config / "targets" / f"{target}.yaml").write_text(contract, "utf-8")
    with closing(sqlite3.connect(home.root / "platform.sqlite")) as con:
        con.execute("CREATE TABLE resident (resident_id PRIMARY KEY, xm TEXT, wgbm TEXT, zt INT)")
    mothers = "SELECT count(*) FROM std.record WHERE source = 'family_planning_women'"
    known = ask(home, mothers)

    environment = {"SILENT": "secret-word"}
    done = onegrid("run", "--config", config, home=home, environment=environment)
    assert done.code == 0, done.err
    assert "published, degraded" in done.out
    assert "连接不上" in held(home)["family_planning_women"]
    assert "secret-word" not in done.out + done.err + held(home)["family_planning_women"]
    assert "育龄妇女及子女" in done.out
    assert ask(home, mothers) == known

    run = last_run(instance)
    name = "family_planning_women"
    retried = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.STEP_RESTARTED
    ).records
    assert len(retried) == 2
    check = checks(instance, run)[f"raw/{name}:up_to_date"]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN

    with closing(sqlite3.connect(home.root / "platform.sqlite")) as con:
        sent = con.execute("SELECT resident_id, xm, wgbm FROM resident WHERE zt = 1").fetchall()
    here = "resident_id, name, grid_code FROM master.resident"
    assert set(sent) <= set(ask(home, f"SELECT {here} WHERE grid_code IS NOT NULL"))
    assert len(sent) > 1_000
    assert f"回写 told: platform: {len(sent):,} rows" in done.out
    assert "暂未回写 not told: silent: 目标库连接不上" in done.out
    told = {
        target: checks(instance, run)[f"target/{target}:told"] for target in ("platform", "silent")
    }
    assert (told["platform"].passed, told["silent"].passed) == (True, False)
    assert "secret-word" not in told["silent"].description


_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def _publish_alone(home: Home, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(resources={"night": NightResource(home=str(home.root))})
    job = definitions.resolve_implicit_global_asset_job_def()
    alone = [dg.AssetKey(["deliver", "publication"])]
    return job.execute_in_process(
        instance=instance, asset_selection=alone, raise_on_error=False, run_config=_QUIET
    )


def test_a_publication_started_alone_publishes_nothing_and_a_full_disk_is_told_at_the_start(
    home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    yesterday = shown(home)
    result = _publish_alone(home, instance)
    assert not result.success
    assert "is not whole" in note_cause(instance, result.run_id)
    assert shown(home) == yesterday

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.night._start_from", no_room)
    result = _publish_alone(home, instance)
    assert not result.success
    cause = note_cause(instance, result.run_id)
    assert "No space left on device" in cause and FULL_DISK in cause
    assert shown(home) == yesterday


def test_runs_that_a_killed_process_left_are_closed_with_a_cause(
    home: Home, instance: dg.DagsterInstance
) -> None:
    job = build_definitions().resolve_job_def("nightly")
    started = dg.DagsterRunStatus.STARTED
    mine = instance.create_run_for_job(job, status=started, tags={HOME_TAG: str(home.root)})
    other = instance.create_run_for_job(job, status=started, tags={HOME_TAG: "/elsewhere"})
    assert end_orphans(instance, home, this_run="this") == 1
    states = {run.run_id: run.status for run in instance.get_runs()}
    assert states[mine.run_id] == dg.DagsterRunStatus.FAILURE
    assert states[other.run_id] == started
    assert note_cause(instance, mine.run_id) == KILLED


def test_the_instance_phones_nobody_and_is_for_its_owner_alone(
    home: Home, instance: dg.DagsterInstance
) -> None:
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled
    for path in home.dagster.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    with sqlite3.connect(home.dagster / "schedules" / "schedules.db") as con:
        assert con.execute("PRAGMA integrity_check").fetchone() == ("ok",)
