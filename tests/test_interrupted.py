"""A run that is killed, starved or doubled: yesterday stays readable, the next run recovers."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from pipelines.home import Home
from pipelines.journal import open_journal
from tests.district_fixture import (
    Districts,
    copy,
    die_in,
    differences,
    journal_url,
    onegrid,
    shown,
)

KILLED = -9


def _recovers(home: Home, districts: Districts, *flags: str) -> None:
    """The next run publishes what an undisturbed night would have published."""
    done = onegrid("run", *flags, home=home)
    assert done.code == 0, done.err
    assert differences(home, districts.after) == {}
    assert sorted(shown(home)["forms"]) == sorted(shown(districts.after)["forms"])
    assert sorted(path.name for path in home.work.glob("night-*")) == []
    with open_journal(journal_url(home)) as journal:
        assert journal.nights("running", "publishing", "voiding") == []
        assert _identities(home) == _identities(districts.after)
    assert home.published.samefile(sorted(home.nights.glob("*.duckdb"))[-1])


def _identities(home: Home) -> list[tuple]:
    """Births, merges and splits in force, in order, whatever the number of their night."""
    with open_journal(journal_url(home)) as journal:
        return [row[2:] for batch in journal.identities() for row in batch]


DEADLY = (*("pull_ledger_population", "cluster_records", "merge_residents", "render_forms"),)
"""Of most stages a step; `test_publish` kills opening, publication and rollback at every call."""


def test_runs_killed_at_any_stage_or_out_of_disk_leave_yesterday_and_the_next_ends_as_if_never(
    districts: Districts, tmp_path: Path
) -> None:
    home = copy(districts.before, tmp_path / "home")
    yesterday = shown(home)
    for step in DEADLY:  # each run first settles what the one before it left
        killed = onegrid("run", "--plain", home=home, before=die_in(step, _middle(districts, step)))
        assert killed.code == KILLED, (step, killed.err)
        assert shown(home) == yesterday
    full = onegrid("run", "--plain", home=home, before=_fill_disk)
    assert full.code == 1
    assert "The disk of the home folder is full or read-only" in full.err, full.err
    assert full.err.count("\n") == 2
    assert shown(home) == yesterday
    _recovers(home, districts, "--plain")


def _middle(districts: Districts, step: str) -> int:
    return max(2, districts.calls[step] // 2 + 1)


def test_a_second_run_ends_at_once_with_a_clear_message_and_the_first_is_not_disturbed(
    districts: Districts, tmp_path: Path
) -> None:
    home = copy(districts.before, tmp_path / "home")
    yesterday = shown(home)
    program = [sys.executable, "-c", "from onegrid.main import main; main()"]
    told = f"another run (process {os.getpid()}) is using"
    with home.lock():
        start = time.perf_counter()
        second = subprocess.run(
            [*program, "run", "--home", str(home.root)], capture_output=True, text=True, check=False
        )
        assert time.perf_counter() - start < 5
        assert second.returncode == 3
        said = [second.stderr]
        for command in (("rebuild",), ("rollback", "1")):
            done = onegrid(*command, home=home)
            assert done.code == 3
            said.append(done.err)
        assert [(told in words, words.count("\n")) for words in said] == [(True, 1)] * 3
        assert onegrid("nights", home=home).code == 0
    assert shown(home) == yesterday
    with open_journal(journal_url(home)) as journal:
        assert [row.status for row in journal.nights()] == ["published"]


def _fill_disk() -> None:
    """From publication on no file can grow."""
    module = import_module("pipelines.run")
    function = module.publish_night

    def starved(*args: Any, **options: Any) -> Any:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        return function(*args, **options)

    module.publish_night = starved  # type: ignore[attr-defined]
