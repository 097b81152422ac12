"""The state before this night, read from the file of the night before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from pipelines import store
from pipelines.night import Night
from schemas.tables import TABLE

_NEEDED = ("master.crosswalk", "master.resident")


@contextmanager
def night_before(con: duckdb.DuckDBPyConnection, night: Night) -> Iterator[bool]:
    """Attach the published night before this one as ``before``, read-only; yields whether it is.

    A step that compares with it, and not with the tables it is about to change, can be repeated.
    A full night finds nothing to compare with where the file is gone or of another layout.
    """
    file = night.home.night_file(night.base or night.previous)
    if not file.exists():
        yield False
        return
    con.execute(f"ATTACH '{store.escape(file)}' AS before (READ_ONLY)")
    try:
        yield night.base > 0 or _has_same_layout(con)
    finally:
        con.execute("DETACH before")


def _has_same_layout(con: duckdb.DuckDBPyConnection) -> bool:
    rows = con.execute(
        """SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns()
        WHERE database_name = 'before'"""
    ).fetchall()
    needed = {(name, column.name) for name in _NEEDED for column in TABLE[name].columns}
    return needed <= set(rows)
