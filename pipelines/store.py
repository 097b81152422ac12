"""DuckDB: how the night's file, the landing zone and the published file are opened and laid out."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from schemas.district import Limits
from schemas.tables import SCHEMAS, TABLES, VIEWS

_IDENTIFIER = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
"""As DuckDB writes its memory limit."""


def quote(identifier: str) -> str:
    """An SQL identifier from configuration, validated and quoted.

    Raises:
        ValueError: it is not lower-case letters, digits and underscores.
    """
    if not _IDENTIFIER.match(identifier):
        raise ValueError(f"not a plain identifier: {identifier!r}")
    return f'"{identifier}"'


def escape(path: Path | str) -> str:
    """A path as it stands between the quotes of an SQL string."""
    return str(path).replace("'", "''")


@contextmanager
def connect(
    path: Path | str, limits: Limits, spill: Path, *, read_only: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB file under `limits`, without extensions from outside; closed on leaving.

    ``ONEGRID_THREADS`` says how many worker threads there are where `limits` leave it open.
    A checkpoint leaves the rows beside deleted ones where they are: moving them together writes
    wide tables anew for a few rows, and the files of nights are compacted as a whole.
    """
    spill.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": limits.memory,
        "temp_directory": str(spill),
        "max_temp_directory_size": limits.spill,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "preserve_insertion_order": False,
        "max_vacuum_tasks": 0,
    }
    if threads := limits.threads or int(os.environ.get("ONEGRID_THREADS") or 0):
        config["threads"] = threads
    con = duckdb.connect(str(path), read_only=read_only, config=config)
    try:
        con.execute("SET TimeZone = 'Asia/Shanghai'")
        yield con
    finally:
        con.close()


def lay_out(con: duckdb.DuckDBPyConnection) -> None:
    """Create every schema, table and view of `schemas.tables` that is not there yet."""
    con.execute("BEGIN")
    for schema in SCHEMAS:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for table in TABLES:
        con.execute(table.ddl())
    for _, sql in VIEWS:
        con.execute(sql)
    con.execute("COMMIT")


def parts_of(con: duckdb.DuckDBPyConnection, rows: int, row_bytes: int) -> int:
    """In how many parts `rows` of `row_bytes` each fit into the memory that DuckDB may use."""
    ((limit,),) = con.execute("SELECT current_setting('memory_limit')").fetchall()
    size, unit = limit.split()
    return max(1, math.ceil(rows * row_bytes / (float(size) * _UNITS[unit])))


def count(con: duckdb.DuckDBPyConnection, sql: str, *parameters: object) -> int:
    """The single number that `sql` selects; NULL counts as 0."""
    return int(con.execute(sql, list(parameters)).fetchall()[0][0] or 0)
