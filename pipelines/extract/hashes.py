"""Which rows of a table changed, by the hashes that its server tells of all of them.

Rows that stand still need then not be drawn. A hash is only ever trusted to say that a row is the
one that landed with it; whatever else it says, the row itself decides.
"""

from __future__ import annotations

import duckdb

from pipelines import store
from pipelines.extract.versions import (
    alive_before,
    count_beside,
    hashes_alive,
    keep_server_hashes,
    key,
)
from pipelines.night import Night
from schemas.source import SourceMap

_MOST_CHANGED = 0.05
"""Part of the rows above which the server would go twice through a table that is drawn anyway."""
_MOST_ASKED_FOR = 100_000
"""Hashes in one statement."""


def stand(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap) -> bool:
    """Whether every row that is alive landed with a hash of its server."""
    alive = alive_before(night, source)
    return not store.count(con, f"SELECT count(*) {alive} AND server_hash IS NULL")


def keep(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, rows: str) -> int:
    """Make temporary table `told` of the hashes of `rows`."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE told AS SELECT src_hash FROM ({rows})")
    return 0


def list_unknown(
    con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap
) -> list[int] | None:
    """The hashes in `told` that no row alive has; makes `gone` of the keys whose hash is not told.

    Returns:
        None where so much changed that the rows had better be drawn, or where rows are alike.
    """
    alive = alive_before(night, source)
    con.execute(f"""CREATE OR REPLACE TEMP TABLE unknown AS
        SELECT src_hash FROM told ANTI JOIN ({alive}) l ON l.server_hash = told.src_hash""")
    con.execute(f"""CREATE OR REPLACE TEMP TABLE gone AS
        SELECT source_key FROM ({alive}) l ANTI JOIN told ON told.src_hash = l.server_hash""")
    told, living, unknown, gone = (
        store.count(con, f"SELECT count(*) FROM {rows}")
        for rows in ("told", f"({alive})", "unknown", "gone")
    )
    is_alike = told - unknown != living - gone
    if is_alike or unknown > min(_MOST_ASKED_FOR, max(_MOST_CHANGED * told, 1)):
        return None
    return [number for (number,) in con.execute("FROM unknown ORDER BY ALL").fetchall()]


def key_unknown(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, rows: str) -> int:
    """Make `incoming` of `rows`, which were drawn by their hashes; takes from `gone` what stands.

    Returns:
        0, or a number if rows share their key with another, or the table did not wait until they
        were drawn; then neither table is of use.
    """
    repeated = key(con, night, source, rows)
    missing = store.count(
        con, "SELECT (SELECT count(*) FROM unknown) - (SELECT count(*) FROM incoming)"
    )
    con.execute(f"""CREATE OR REPLACE TEMP TABLE unchanged AS
        SELECT source_key, i.server_hash FROM incoming i SEMI JOIN ({hashes_alive(night, source)}) l
        USING (source_key, row_hash)""")
    keep_server_hashes(con, source, "FROM unchanged")
    for table in ("incoming", "gone"):
        con.execute(f"DELETE FROM {table} WHERE source_key IN (SELECT source_key FROM unchanged)")
    return repeated + abs(missing) + count_beside(con, night, source)
