"""The home folder: every path a run reads or writes, and the lock that keeps a second run out."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import NightRunning

MANIFEST = "manifest.sha256"
"""Beside the workbooks of the grids: the name of each, behind its hash."""


@dataclass(frozen=True)
class Home:
    """All that a run makes lies below `root`; folders are 0700, files 0600 (umask 077)."""

    root: Path

    @classmethod
    def at(cls, root: Path | str | None = None) -> Home:
        """The home at `root`, else at ``ONEGRID_HOME``, else ``./var``; it is made if need be."""
        home = cls(Path(root or os.environ.get("ONEGRID_HOME") or "var").resolve())
        os.umask(0o077)
        for folder in (home.root, home.inbox, home.work, home.nights, home.landed.parent):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (home.journal.parent, home.models, home.dagster, home.forms, home.quarantine):
            folder.mkdir(parents=True, exist_ok=True)
        return home

    @property
    def published(self) -> Path:
        """The DuckDB file that readers open; replaced atomically."""
        return self.root / "published" / "onegrid.duckdb"

    @property
    def nights(self) -> Path:
        """Published nights that are kept, one file each."""
        return self.root / "published" / "nights"

    def night_file(self, night: int) -> Path:
        """The published file of one night."""
        return self.nights / f"{night:06d}.duckdb"

    @property
    def landed(self) -> Path:
        """The landing zone: every version of every source row."""
        return self.root / "landed" / "raw.duckdb"

    @property
    def journal(self) -> Path:
        """Default place of the journal."""
        return self.root / "journal" / "journal.sqlite"

    @property
    def work(self) -> Path:
        """Where the running night builds aside."""
        return self.root / "work"

    @property
    def models(self) -> Path:
        """Frozen linkage models."""
        return self.root / "models"

    @property
    def forms(self) -> Path:
        """Workbooks of the grids and their manifest."""
        return self.root / "forms"

    @property
    def inbox(self) -> Path:
        """Where ledgers and returned forms are dropped."""
        return self.root / "inbox"

    @property
    def returns(self) -> Path:
        """Where returned forms are dropped; a folder in it is the name of who answers."""
        return self.inbox / "returns"

    @property
    def archive(self) -> Path:
        """What was taken in, each file named by its hash."""
        return self.root / "archive"

    @property
    def receipts(self) -> Path:
        """What became of each returned form, to be given back to who sent it."""
        return self.root / "receipts"

    @property
    def quarantine(self) -> Path:
        """Files that could not be used, each with a note saying why."""
        return self.root / "quarantine"

    @property
    def report(self) -> Path:
        """The report page of the published night."""
        return self.root / "report" / "index.html"

    @property
    def data_docs(self) -> Path:
        """Great Expectations' pages of the published night."""
        return self.root / "data_docs"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME."""
        return self.root / "dagster"

    @contextmanager
    def lock(self, name: str = "night") -> Iterator[None]:
        """Hold this home for one run. The kernel frees the lock when the process ends, however.

        Runs of another `name` are not kept out: they do not touch what this one works on.

        Raises:
            NightRunning: another process holds it.
        """
        path = self.work / f"{name}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
                raise NightRunning(
                    f"another run (process {holder or 'unknown'}) is using {self.root}; "
                    "wait until it has ended, or choose another --home"
                ) from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)
