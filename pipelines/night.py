"""The night: opened from the last publication and built aside in a file of its own."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from pipelines import store
from pipelines.config import Config
from pipelines.errors import NothingPublished
from pipelines.home import Home
from pipelines.journal import Journal, NightRow, open_journal
from pipelines.publish import recover
from schemas.source import DEPARTMENT_LABELS

_READY = "ready"
_NIGHTS_BEFORE_COMPACTION = 7


@dataclass(frozen=True)
class Night:
    """A running night: what every step needs to know.

    Attributes:
        home, config: where and how.
        number: number of the night.
        business_date: the day the night belongs to, fixed once.
        base: published night it started from; 0: none, everything is new.
        previous: the last published night, which a full night does not start from but is
            compared with; 0: none.
        is_full: recompute everything from raw and journal.
    """

    home: Home
    config: Config
    number: int
    business_date: date
    base: int
    previous: int
    is_full: bool

    @property
    def folder(self) -> Path:
        """Where this night builds aside; gone after publication."""
        return self.home.work / f"night-{self.number:06d}"

    @property
    def file(self) -> Path:
        """The night's own DuckDB file."""
        return self.folder / "onegrid.duckdb"

    @contextmanager
    def open(self, *, landed: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """The night's file for writing; with `landed`, the landing zone attached read-only."""
        limits = self.config.district.limits
        with store.connect(self.file, limits, self.folder / "spill") as con:
            if landed:
                con.execute(f"ATTACH '{store.escape(self.home.landed)}' AS landed (READ_ONLY)")
            yield con
            if landed:
                con.execute("DETACH landed")

    @contextmanager
    def open_for_linking(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """As `open`, within `linking_memory`: pages of the file that were read make room."""
        limits = self.config.district.limits
        with self.open() as con:
            con.execute(f"SET memory_limit = '{limits.linking_memory}'")
            try:
                yield con
            finally:
                with con.cursor() as other:  # `con` may be in a transaction that failed
                    other.execute(f"SET memory_limit = '{limits.memory}'")

    @contextmanager
    def open_landed(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The landing zone for writing."""
        limits = self.config.district.limits
        limits = limits.model_copy(update={"memory": limits.landing_memory})
        with store.connect(self.home.landed, limits, self.folder / "spill") as con:
            yield con

    @contextmanager
    def keep_open(self) -> Iterator[None]:
        """Within the block every `open` takes a millisecond, because DuckDB runs on between them;
        starting it takes twenty to forty."""
        with self.open():
            yield

    @contextmanager
    def keep_landed_open(self) -> Iterator[None]:
        """The same for `open_landed`; the landing zone cannot be attached elsewhere meanwhile."""
        with self.open_landed():
            yield

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Time a step; what the caller puts into the yielded dict is kept in meta.stage."""
        counts: dict[str, Any] = {}
        start = time.perf_counter()
        yield counts
        seconds = time.perf_counter() - start
        with self.open() as con:
            con.execute("DELETE FROM meta.stage WHERE night = ? AND stage = ?", [self.number, name])
            con.execute(
                "INSERT INTO meta.stage VALUES (?, ?, now(), ?, ?)",
                [self.number, name, seconds, json.dumps(counts, ensure_ascii=False, default=str)],
            )


def open_night(
    home: Home,
    config: Config,
    *,
    run_id: str | None = None,
    full: bool = False,
    meanwhile: Callable[[], None] = lambda: None,
) -> Night:
    """Begin a night, or go on with the one that `run_id` began.

    The caller holds `home.lock()`. What a killed run left is settled first (`recover`). The night's
    file starts as a copy of the published one, unless nothing is published, the configuration's
    fingerprint changed, or `full` asks for everything. While it is copied, `meanwhile` is called.
    """
    with open_journal(config.journal_url) as journal:
        recover(home, journal, keep_run=run_id)
        running = journal.nights("running")
        row = running[-1] if running else _begin(home, config, journal, run_id=run_id, full=full)
        night = _night(home, config, journal, row)
    if not (night.folder / _READY).exists():
        _prepare(night, meanwhile)
    return night


def _begin(
    home: Home, config: Config, journal: Journal, *, run_id: str | None, full: bool
) -> NightRow:
    published = journal.nights("published")
    # An older file will not do as a start: ids that later nights gave out would be given again.
    start = published[-1] if published and not full else None
    is_full = (
        start is None
        or start.fingerprint != config.fingerprint
        or not home.night_file(start.night).exists()
    )
    return journal.begin_night(
        datetime.now(ZoneInfo(config.district.timezone)).date(),
        0 if start is None or is_full else start.night,
        is_full=is_full,
        fingerprint=config.fingerprint,
        run_id=run_id,
    )


def _prepare(night: Night, meanwhile: Callable[[], None]) -> None:
    """Lay out the night's folder and file; a mark comes last, so that half of it is done again."""
    shutil.rmtree(night.folder, ignore_errors=True)
    night.folder.mkdir(parents=True)
    if night.base:
        _start_from(night, night.home.night_file(night.base), meanwhile)
    config = night.config
    with night.open() as con:
        store.lay_out(con)
        con.execute("BEGIN")
        con.execute(
            "INSERT INTO meta.night VALUES (?, ?, ?, ?, now(), ?, NULL)",
            [night.number, night.business_date, night.base, night.is_full, config.fingerprint],
        )
        con.execute("DELETE FROM meta.source")
        for number, source in enumerate(config.sources.values(), start=1):
            con.execute(
                "INSERT INTO meta.source SELECT ?, ?, ?, ?, ?, ?",
                [
                    number,
                    source.source,
                    source.label,
                    source.department,
                    DEPARTMENT_LABELS[source.department],
                    list(source.purposes),
                ],
            )
        con.execute("COMMIT")
    (night.folder / _READY).touch()


def _start_from(night: Night, published: Path, meanwhile: Callable[[], None]) -> None:
    """Let the night's file hold what `published` does.

    DuckDB keeps the place of rows that were replaced, so within some nights a file doubles: every
    seventh time its rows are written anew, in their order.
    """
    if night.number % _NIGHTS_BEFORE_COMPACTION:
        with ThreadPoolExecutor(1) as beside:
            copied = beside.submit(shutil.copyfile, published, night.file)
            meanwhile()
            copied.result()
        return
    with night.open() as con:
        con.execute("SET preserve_insertion_order = true")
        con.execute(f"ATTACH '{store.escape(published)}' AS published (READ_ONLY)")
        own = con.execute("SELECT current_database()").fetchall()[0][0]
        con.execute(f'COPY FROM DATABASE published TO "{own}"')
        con.execute("DETACH published")


def current_night(home: Home, config: Config) -> Night:
    """The night that is running.

    Raises:
        NothingPublished: none is; a single step was started without the night it belongs to.
    """
    with open_journal(config.journal_url) as journal:
        running = journal.nights("running")
        if not running:
            raise NothingPublished("no night is running: start the job 'nightly', or `onegrid run`")
        return _night(home, config, journal, running[-1])


def last_published(home: Home, journal: Journal) -> NightRow | None:
    """The newest published night whose file is there; None: there is nothing to start from."""
    kept = [row for row in journal.nights("published") if home.night_file(row.night).exists()]
    return kept[-1] if kept else None


def _night(home: Home, config: Config, journal: Journal, row: NightRow) -> Night:
    published = last_published(home, journal)
    return Night(
        home=home,
        config=config,
        number=row.night,
        business_date=row.business_date,
        base=row.base_night,
        previous=published.night if published else 0,
        is_full=row.is_full,
    )
