"""Rows of an SQLite file as Arrow batches, without a Python object for every value."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import adbc_driver_sqlite.dbapi as adbc
import pyarrow as pa

UNDECODABLE = "Could not decode to UTF-8"


def uri(path: Path) -> str:
    """The address of a file that is only read: one that is not there must not be created."""
    return f"file:{quote(str(path))}?mode=ro"


def is_plain(connection: sqlite3.Connection, statement: str, names: Sequence[str]) -> bool:
    """Whether columns of what `statement` selects hold text and whole numbers only.

    Those SQLite casts to text as they are read. Its columns take values of any type, whatever they
    are declared as; but one that is declared as text keeps no number, and bytes that are no text
    show when they are read.

    Args:
        connection: to the file.
        statement: one SELECT.
        names: columns that are not declared as text.
    """
    odd = " OR ".join(f"typeof(\"{name}\") IN ('real', 'blob')" for name in names)
    return (
        not odd
        or not connection.execute(f"SELECT 1 FROM ({statement}) WHERE {odd} LIMIT 1").fetchall()
    )


def stream(
    path: Path, statement: str, names: Sequence[str], batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """Batches of what `statement` selects: the columns `names`, cast to text.

    Raises:
        sqlite3.OperationalError: the file cannot be read, or holds text that is not UTF-8.
    """
    cast = ", ".join(f'CAST("{name}" AS TEXT) AS "{name}"' for name in names)
    try:
        with adbc.connect(uri(path)) as con, con.cursor() as cursor:
            cursor.execute("PRAGMA query_only = ON")
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(batch_rows)})
            cursor.execute(f"SELECT {cast} FROM ({statement})")
            for batch in cursor.fetch_record_batch():
                yield _checked(batch, names)
    except adbc.Error as error:
        raise sqlite3.OperationalError(str(error)) from None


def _checked(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    """A column of NULLs comes as numbers, and no driver looks at what it takes for text."""
    columns = [
        column if pa.types.is_string(column.type) else column.cast(pa.string())
        for column in batch.columns
    ]
    checked = pa.record_batch(columns, names=list(names))
    try:
        checked.validate(full=True)
    except pa.ArrowInvalid:
        raise sqlite3.OperationalError(UNDECODABLE) from None
    return checked
