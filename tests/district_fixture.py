"""A small district in a home of its own, and the command run in children that may die."""

from __future__ import annotations

import fcntl
import gc
import json
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.config import load_config
from pipelines.home import Home
from pipelines.run import STEPS

RESIDENTS = 1_200
os.environ.setdefault("ONEGRID_TEST_BEGUN", datetime.now(UTC).isoformat())  # workers inherit it
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        *("onegrid.main", "onegrid.show", "pipelines.run", "pipelines.publish", "pipelines.synth"),
        *("great_expectations", "dagster", "pipelines.report", "pipelines.merge"),
        *("pipelines.extract.pull", "pipelines.extract.landing", "pipelines.intake.desk"),
        "tests.preload",
        *dict.fromkeys(STEPS.values()),
    ]
)
COMPARED = {
    "std.record": "* EXCLUDE (household_key), household_key",
    "std.quarantine": "* EXCLUDE (since_night)",
    "std.defect": "*",
    "link.cluster": "*",
    "link.identity": "resident_id, anchor_record",
    "master.resident": "*",
    "master.crosswalk": "* EXCLUDE (since_night)",
    "deliver.form_cell": "*",
}
"""What of each table must be the same after an interruption; numbers of nights may differ."""


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code (negative: the signal) and what it said."""

    code: int
    out: str
    err: str


def onegrid(
    *arguments: str | Path,
    home: Home,
    before: Callable[[], None] | None = None,
    environment: dict[str, str] | None = None,
) -> Done:
    """Run the command on `home` in a child process; `before` is called in it first."""
    said = home.root.with_name(f"{home.root.name}.said-{os.getpid()}")
    said.mkdir(exist_ok=True)
    command = ["onegrid", *map(str, arguments), "--home", str(home.root)]
    child = _FORKS.Process(target=_obey, args=(command, said, before, environment or {}))
    child.start()
    child.join(180)
    assert child.exitcode is not None, "the command did not end"
    out, err = ((said / name).read_text("utf-8") for name in ("out", "err"))
    return Done(child.exitcode, out, err)


def _obey(
    command: list[str],
    said: Path,
    before: Callable[[], None] | None,
    environment: dict[str, str],
) -> None:
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(said / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.environ |= {"ONEGRID_TRACEBACK": "", **environment}
    sys.argv = command
    from onegrid import main
    from pipelines import run

    run.PULL_WAIT_SECONDS = 0.0
    _stay_in_the_day()
    gc.disable()  # a tenth of a night is looking for garbage among what was loaded before it
    if before is not None:
        before()
    main.main()


def _stay_in_the_day() -> None:
    """Let nights begin on the day on which the suite did, though midnight has passed since."""
    from pipelines import night

    begun = datetime.fromisoformat(os.environ["ONEGRID_TEST_BEGUN"])

    class Then(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Then:
            return cls.fromtimestamp(begun.timestamp(), tz)

    night.datetime = Then  # type: ignore[misc]


# Dying in the middle


class _Gauge:
    """Counts the calls a step makes, and ends the process at call number `deadly`."""

    def __init__(self, deadly: int | None = None) -> None:
        self.calls, self.deadly, self.is_on = 0, deadly, False

    def tick(self) -> None:
        if self.is_on:
            self.calls += 1
            if self.calls == self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)


class _Watched:
    """A DuckDB connection whose calls are counted."""

    __class__ = duckdb.DuckDBPyConnection  # Splink asks

    def __init__(self, con: duckdb.DuckDBPyConnection, gauge: _Gauge) -> None:
        self._con, self._gauge = con, gauge

    def __getattr__(self, name: str) -> Any:
        if name in {"execute", "executemany", "register", "sql"}:
            self._gauge.tick()
        return getattr(self._con, name)


def _watch(gauge: _Gauge) -> None:
    """Let every DuckDB connection and every file that is moved into place tick."""
    from pipelines import store

    connect, replace = store.connect, os.replace

    @contextmanager
    def watched(*args: Any, **options: Any) -> Iterator[Any]:
        with connect(*args, **options) as con:
            yield _Watched(con, gauge)

    def moved(*args: Any, **options: Any) -> None:
        gauge.tick()
        replace(*args, **options)

    store.connect, os.replace = watched, moved  # type: ignore[assignment]


def _during(step: str, gauge: _Gauge) -> None:
    """The gauge counts while `step` is at work; ``pull_x`` is the pull of the source x."""
    package = STEPS.get(step) or ("pipelines.publish" if step == "publish" else "pipelines.extract")
    name = "pull_source" if step.startswith("pull_") else step
    module = import_module(package)
    function = getattr(module, name)

    def measured(first: Any, *args: Any, **options: Any) -> Any:
        if name == "pull_source" and step != f"pull_{args[0]}":
            return function(first, *args, **options)
        gauge.is_on = True
        try:
            return function(first, *args, **options)
        finally:
            gauge.is_on = False

    setattr(module, name, measured)


def die_in(step: str, call: int) -> Callable[[], None]:
    """For `before`: the process is killed at the call number `call` of the step."""
    return partial(_die, step, call)


def _die(step: str, call: int) -> None:
    gauge = _Gauge(call)
    _watch(gauge)
    _during(step, gauge)


def _measure(steps: tuple[str, ...], target: Path) -> None:
    gauges = {}
    for step in steps:
        gauges[step] = gauge = _Gauge()
        _watch(gauge)
        _during(step, gauge)
    finish = import_module("pipelines.run").read_summary

    def summary(*args: Any) -> Any:
        target.write_text(json.dumps({step: gauge.calls for step, gauge in gauges.items()}))
        return finish(*args)

    import_module("pipelines.run").read_summary = summary  # type: ignore[attr-defined]


PULLED = ("pull_ledger_population", "pull_social_security_medical")


# Homes


@dataclass(frozen=True)
class Districts:
    """Homes to copy, never to write.

    Attributes:
        before: one night is published, and the offices hold what they hold on the second day.
        after: `before`, and a second night that nothing disturbed.
        calls: how many calls each step of that second night made.
    """

    before: Home
    after: Home
    calls: dict[str, int]


def make_districts(factory: pytest.TempPathFactory) -> Districts:
    """Both homes; made once, whatever the number of test workers and modules.

    ``ONEGRID_TEST_DISTRICTS`` names a folder in which they stay for the next run, as long as what
    one works on does not change them.
    """
    shared = factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    root = Path(os.environ.get("ONEGRID_TEST_DISTRICTS", shared / "district"))
    root.mkdir(exist_ok=True)
    before, after = root / "before", root / "after"
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "calls.json").exists():
            _make(Home.at(before), after, root / "calls.json")
    return Districts(
        before=Home(before), after=Home(after), calls=json.loads((root / "calls.json").read_text())
    )


def _make(home: Home, after: Path, calls: Path) -> None:
    assert onegrid("synth", "--residents", str(RESIDENTS), home=home).code == 0
    first = onegrid("run", "--plain", home=home)
    assert first.code == 0, first.err
    second = onegrid("synth", "--residents", str(RESIDENTS), "--day", "2", home=home)
    assert second.code == 0, second.err
    measured = calls.with_suffix(".part")
    counted = partial(_measure, (*PULLED, *STEPS, "publish"), measured)
    done = onegrid("run", "--plain", home=copy(home, after), before=counted)
    assert done.code == 0, done.err
    measured.rename(calls)


def copy(home: Home, target: Path) -> Home:
    """A home of one's own, as `home` is now."""
    shutil.copytree(home.root, target)
    return Home.at(target)


# Looking


def ask(home: Home, sql: str, *, file: Path | None = None) -> list[tuple]:
    """What readers get from the published file (or another one)."""
    with duckdb.connect(str(file or home.published), read_only=True) as con:
        return con.execute(sql).fetchall()


def differences(one: Home, other: Home, tables: dict[str, str] = COMPARED) -> dict[str, int]:
    """Rows by table that only one of the two published files has; empty: they are the same."""
    found = {}
    with duckdb.connect() as con:
        for name, home in (("a", one), ("b", other)):
            con.execute(f"ATTACH '{home.published}' AS {name} (READ_ONLY)")
        for table, columns in tables.items():
            a, b = (f"SELECT {columns} FROM {name}.{table}" for name in "ab")
            count = con.execute(
                f"SELECT count(*) FROM (({a} EXCEPT ALL {b}) UNION ALL ({b} EXCEPT ALL {a}))"
            ).fetchall()[0][0]
            if count:
                found[table] = count
    return found


def shown(home: Home) -> dict[str, Any]:
    """All that a reader of this home sees: numbers, and the bytes of forms and report."""
    forms = {
        str(path.relative_to(home.forms)): path.read_bytes()
        for path in sorted(home.forms.rglob("*"))
        if path.is_file()
    }
    return {
        "night": ask(home, "SELECT max(night) FROM meta.night"),
        "residents": ask(home, "SELECT count(*), bit_xor(hash(r)) FROM master.resident r"),
        "cells": ask(home, "SELECT count(*), bit_xor(hash(c)) FROM deliver.form_cell c"),
        "report": home.report.read_bytes(),
        "forms": forms,
    }


def held(home: Home) -> dict[str, str]:
    """Sources that the newest published night could not use → why."""
    return dict(
        ask(
            home,
            """SELECT source, reason FROM raw.pull WHERE status = 'held'
            AND night = (SELECT max(night) FROM meta.night)""",
        )
    )


def journal_url(home: Home) -> str:
    """Where this home's journal is."""
    return load_config(home).journal_url
