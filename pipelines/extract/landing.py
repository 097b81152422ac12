"""The landing zone: every version of every source row, with the nights it lived (SCD2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from pipelines import store
from pipelines.extract.keys import hash_sql
from pipelines.night import Night
from schemas.source import SourceMap
from schemas.tables import RAW_COLUMNS, TABLE
from schemas.tables.model import Column

LEDGER_FILE = tuple(
    Column(name, kind, meaning)
    for name, kind, meaning in (
        ("source", "VARCHAR", "source"),
        ("file", "VARCHAR", "path below the ledger folder"),
        ("sha256", "VARCHAR", "hash of the content"),
        ("map_hash", "VARCHAR", "hash of the source map it was read with"),
        ("village", "VARCHAR", "village and part of it"),
        ("observed", "VARCHAR", "date of the ledger"),
        ("modified", "VARCHAR", "time of the file"),
        ("rows", "BIGINT", "rows read"),
        ("status", "VARCHAR", "live, superseded, duplicate or quarantined"),
    )
)
LEDGER_PLACE = tuple(
    Column(name, "VARCHAR", meaning)
    for name, meaning in (
        ("source", "source"),
        ("village", "village and part of it"),
        ("sha256", "the file that file, sheet and row_no of its rows speak of"),
    )
)
"""Not dated: rows keep their new places when a night is rolled back, so its files are read anew."""
DRAW = tuple(
    Column(name, "VARCHAR", meaning)
    for name, meaning in (
        ("source", "source"),
        ("since", "day from which on rows were asked for; NULL: all of them"),
        ("drawn_on", "business date of the pull"),
        ("map_hash", "hash of the source map"),
    )
)
HASHING = tuple(
    Column(name, "VARCHAR", meaning)
    for name, meaning in (
        ("source", "source"),
        ("method", "how the row_hash of its versions is made"),
    )
)
"""Not dated: every version that has landed is hashed alike."""
SERVER_HASH = Column("server_hash", "BIGINT", "hash of the row that its own server makes")
"""Of a row that has one nothing else need be drawn to see that it stands still; never published."""
_PACKED = "VARCHAR USING COMPRESSION zstd"
"""What the engine would choose takes half the room, and three quarters more of the processor's time
to write; these columns are read once or twice."""
_PERIOD = (Column("since_night", "INTEGER", ""), Column("until_night", "INTEGER", ""))


@dataclass(frozen=True)
class Counts:
    """What a pull did: rows held now, and since the last publication new, changed, vanished."""

    pulled: int
    new: int
    changed: int
    vanished: int


def prepare(con: duckdb.DuckDBPyConnection, source: SourceMap) -> None:
    """Create the landing tables of `source`, and columns that it has gained."""
    own = _own_columns(source)
    packed = (
        replace(column, type=_PACKED) if column.type == "VARCHAR" else column
        for column in (*RAW_COLUMNS, SERVER_HASH, *own)
    )
    _create(con, source.source, packed)
    known = {
        row[0] for row in con.execute(f"DESCRIBE main.{store.quote(source.source)}").fetchall()
    }
    for column in (Column("mark", "VARCHAR", ""), SERVER_HASH, *own):
        if column.name not in known:
            con.execute(
                f"ALTER TABLE main.{store.quote(source.source)} "
                f"ADD COLUMN {store.quote(column.name)} {column.type}"
            )
    _create(con, "pull", (*TABLE["raw.pull"].columns, *_PERIOD))
    _create(con, "ledger_file", (*LEDGER_FILE, *_PERIOD))
    _create(con, "ledger_place", LEDGER_PLACE)
    _create(con, "draw", (*DRAW, *_PERIOD))
    _create(con, "hashing", HASHING)
    for book in ("ledger_quarantine", "ledger_finding", "source_column"):
        _create(con, book, TABLE[f"raw.{book}"].columns)
    _hash_alike(con, source)


def _hash_alike(con: duckdb.DuckDBPyConnection, source: SourceMap) -> None:
    """Hash what has landed as tonight's rows will be, so that a new engine changes no row.

    Columns that the map has gained are empty in older versions, and so change none either.
    """
    ((probe,),) = con.execute("SELECT hash('山', NULL::VARCHAR, '1') || '/' || hash('')").fetchall()
    method = f"{probe} {hash_sql(source)}"
    known = con.execute("SELECT method FROM main.hashing WHERE source = ?", [source.source])
    if known.fetchall() == [(method,)]:
        return
    con.execute("BEGIN")
    con.execute(
        f"UPDATE main.{store.quote(source.source)} SET row_hash = {hash_sql(source)} "
        "WHERE row_hash IS NOT NULL"
    )
    con.execute("DELETE FROM main.hashing WHERE source = ?", [source.source])
    con.execute("INSERT INTO main.hashing VALUES (?, ?)", [source.source, method])
    con.execute("COMMIT")


def rewind(con: duckdb.DuckDBPyConnection, night: Night, table: str, where: str = "true") -> None:
    """Take back what this night did to a landing table, so that a repeated pull starts afresh."""
    name = f"main.{store.quote(table)}"
    con.execute(f"DELETE FROM {name} WHERE since_night = {night.number} AND {where}")
    con.execute(
        f"UPDATE {name} SET until_night = NULL WHERE until_night = {night.number} AND {where}"
    )


def count_changes(con: duckdb.DuckDBPyConnection, night: Night, source: str) -> Counts:
    """Rows held now, and how they differ from those of the last published night."""
    name, base = f"main.{store.quote(source)}", night.previous
    was = f"since_night <= {base} AND (until_night IS NULL OR until_night > {base})"
    if not store.count(con, f"SELECT count(*) FROM {name} WHERE {was}"):
        held = store.count(con, f"SELECT count(*) FROM {name} WHERE until_night IS NULL")
        return Counts(held, held, 0, 0)
    row = con.execute(f"""WITH touched AS (
            SELECT source_key, bool_or({was}) AS was, bool_or(until_night IS NULL) AS lives
            FROM {name} WHERE since_night > {base} OR until_night > {base} GROUP BY source_key)
        SELECT (SELECT count(*) FROM {name} WHERE until_night IS NULL),
            count(*) FILTER (WHERE lives AND NOT was), count(*) FILTER (WHERE lives AND was),
            count(*) FILTER (WHERE was AND NOT lives) FROM touched""").fetchall()[0]
    return Counts(*(int(value) for value in row))


def log_pull(
    con: duckdb.DuckDBPyConnection,
    night: Night,
    source: str,
    *,
    status: str,
    reason: str | None,
    counts: Counts,
    seconds: float,
) -> None:
    """Keep what this night did with `source`; an earlier attempt's row is replaced."""
    con.execute("DELETE FROM main.pull WHERE night = ? AND source = ?", [night.number, source])
    con.execute(
        "INSERT INTO main.pull VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        [
            night.number,
            source,
            status,
            reason,
            counts.pulled,
            counts.new,
            counts.changed,
            counts.vanished,
            seconds,
            night.number,
        ],
    )


def replace_state(
    con: duckdb.DuckDBPyConnection,
    night: Night,
    table: str,
    *,
    columns: Iterable[str],
    source: str,
    rows: list[dict[str, object]],
) -> None:
    """Let the live rows of `source` in a book-keeping table be `rows`; what changed is dated."""
    names = [name for name in columns if name not in {"since_night", "until_night"}]
    quoted = ", ".join(store.quote(name) for name in names)
    same = " AND ".join(
        f"t.{store.quote(n)} IS NOT DISTINCT FROM s.{store.quote(n)}" for n in names
    )
    kinds = {"BIGINT": pa.int64(), "INTEGER": pa.int32()}
    types = dict(
        con.execute(f"SELECT column_name, column_type FROM (DESCRIBE main.{table})").fetchall()
    )
    schema = pa.schema([(name, kinds.get(types[name], pa.string())) for name in names])
    con.register("state", pa.Table.from_pylist(rows, schema=schema))
    con.execute(
        f"""UPDATE main.{table} t SET until_night = {night.number} WHERE until_night IS NULL
        AND source = ? AND NOT EXISTS (SELECT 1 FROM state s WHERE {same})""",
        [source],
    )
    con.execute(f"""INSERT INTO main.{table} ({quoted}, since_night)
        SELECT {quoted}, {night.number} FROM state s WHERE NOT EXISTS
            (SELECT 1 FROM main.{table} t WHERE t.until_night IS NULL AND {same})""")
    con.unregister("state")


def _create(con: duckdb.DuckDBPyConnection, table: str, columns: Iterable[Column]) -> None:
    body = ", ".join(f"{store.quote(column.name)} {column.type}" for column in columns)
    con.execute(f"CREATE TABLE IF NOT EXISTS main.{store.quote(table)} ({body})")


def _own_columns(source: SourceMap) -> tuple[Column, ...]:
    return tuple(Column(name, "VARCHAR", "") for name in source.columns)
