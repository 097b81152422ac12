"""A published night on the bench: looked at and trained on, never changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb

from pipelines import store
from pipelines.config import Config
from pipelines.errors import NothingPublished
from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.link import frozen
from pipelines.link.blocking import candidates_sql
from pipelines.link.crowd import find_crowd
from pipelines.link.train import Decided, train

_VIEWS = ("std.record", "link.standing", "link.tie")


@dataclass(frozen=True)
class Bench:
    """A scratch file with the newest published night behind views.

    Attributes:
        con: `std.record` and `link.standing` of the night, and the temporary tables ``candidate``
            and ``crowd``; the published file is attached as ``home``.
        night, day: which night it is.
        seed: of the district's samples.
        decided: what people said about pairs of records, up to now.
    """

    con: duckdb.DuckDBPyConnection
    night: int
    day: date
    seed: int
    decided: list[Decided]


@contextmanager
def on_bench(home: Home, config: Config) -> Iterator[Bench]:
    """Open the published night; the caller holds `home.lock()`.

    Raises:
        NothingPublished: there is none yet.
    """
    if not home.published.exists():
        raise NothingPublished(f"nothing is published in {home.root} yet: start with `onegrid run`")
    folder = home.work / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with store.connect(
            folder / "bench.duckdb", config.district.limits, folder / "spill"
        ) as con:
            con.execute(f"ATTACH '{store.escape(home.published)}' AS home (READ_ONLY)")
            for view in _VIEWS:
                con.execute(f"CREATE SCHEMA IF NOT EXISTS {view.split('.')[0]}")
                con.execute(f"CREATE VIEW {view} AS FROM home.{view}")
            ((night, day),) = con.execute(
                "SELECT night, business_date FROM home.meta.night ORDER BY night DESC LIMIT 1"
            ).fetchall()
            con.execute(f"CREATE TEMP TABLE candidate AS {candidates_sql()}")
            find_crowd(con)
            with open_journal(config.journal_url) as journal:
                said = [(low, high, verdict) for _, low, high, verdict, *_ in journal.decisions()]
            yield Bench(con, night, day, config.district.linkage.seed, said)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def train_on_bench(bench: Bench, home: Home, seed: int | None = None) -> frozen.Model:
    """Train on the published night and put the model in force.

    Args:
        bench: the night.
        home: where the model goes.
        seed: of the samples; default: the district's.
    """
    trained = train(
        bench.con,
        home,
        night=bench.night,
        day=bench.day,
        seed=bench.seed if seed is None else seed,
        decided=bench.decided,
    )
    frozen.put_in_force(home, trained)
    return trained
