"""The published file as the page reads it: opened once, and again when a night has replaced it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import duckdb

from onegrid.review.near import copy_near
from onegrid.review.queries import Item, read_items
from pipelines import store
from pipelines.errors import NothingPublished
from pipelines.home import Home
from schemas.district import Limits

MEMORY = "1GB"
"""What the page may take beside a running night."""


@dataclass(frozen=True)
class Snapshot:
    """One published night.

    Attributes:
        near: what stands behind the queue, see `near.copy_near`.
        whole: its file, read-only. Both are to be used inside `Published.reading` alone.
        night: its number.
        items: its review queue by review_id, in the queue's order.
    """

    near: duckdb.DuckDBPyConnection
    whole: duckdb.DuckDBPyConnection
    night: int
    items: dict[str, Item]


class Published:
    """Hands out the newest published night, to one reader at a time."""

    def __init__(self, home: Home, limits: Limits) -> None:
        self._home = home
        self._limits = limits.model_copy(update={"memory": MEMORY})
        self._lock = threading.Lock()
        self._open = ExitStack()
        self._mark: tuple[int, int] | None = None
        self._snapshot: Snapshot | None = None

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """The newest published night; nobody replaces it under the reader's hands.

        Raises:
            NothingPublished: there is none.
        """
        with self._lock:
            mark = self._now()
            if self._snapshot is None or mark != self._mark:
                self._snapshot = self._reopen()
                self._mark = mark
            yield self._snapshot

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._snapshot = None
            self._open.close()

    def _now(self) -> tuple[int, int]:
        try:
            found = self._home.published.stat()
        except FileNotFoundError:
            raise NothingPublished(
                f"nothing is published under {self._home.root}: run a night first (`onegrid run`)"
            ) from None
        return found.st_ino, found.st_mtime_ns

    def _reopen(self) -> Snapshot:
        # DuckDB shares what is open under a path, even if the file is another one by now.
        self._snapshot = None
        self._open.close()
        near = self._open.enter_context(
            store.connect(":memory:", self._limits, self._home.work / "spill")
        )
        near.execute(f"ATTACH '{store.escape(self._home.published)}' AS published (READ_ONLY)")
        whole = self._open.enter_context(closing(near.cursor()))
        whole.execute("USE published; SET TimeZone = 'Asia/Shanghai'")
        copy_near(near, "published")
        night = store.count(whole, "SELECT max(night) FROM meta.night")
        return Snapshot(near, whole, night, {item.review_id: item for item in read_items(whole)})
