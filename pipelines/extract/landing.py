"""The landing zone: every version of every source row, with the nights it lived (SCD2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from pipelines import store
from pipelines.errors import SourceHeld
from pipelines.extract import texts
from pipelines.night import Night
from schemas.source import SourceMap
from schemas.tables import RAW_COLUMNS, TABLE
from schemas.tables.model import Column

UNPLACED = """SELECT NULL::VARCHAR AS village, NULL::VARCHAR AS src_file,
    NULL::VARCHAR AS src_sheet, NULL::INTEGER AS src_row, NULL::VARCHAR AS src_observed,
    NULL::VARCHAR AS src_mark, *
    FROM drawn"""
"""The rows of the registered relation `drawn`, which comes from a database."""
CONFIRMED_AFTER_DAYS = 180
"""A ledger row that is still the same counts as a new version, and so as newly observed, when the
new ledger is this much younger than the one it was taken from."""

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
    _create(con, source.source, (*RAW_COLUMNS, *_own_columns(source)))
    known = {
        row[0] for row in con.execute(f"DESCRIBE main.{store.quote(source.source)}").fetchall()
    }
    for column in ("mark", *source.columns):
        if column not in known:
            con.execute(
                f"ALTER TABLE main.{store.quote(source.source)} "
                f"ADD COLUMN {store.quote(column)} VARCHAR"
            )
    _create(con, "pull", (*TABLE["raw.pull"].columns, *_PERIOD))
    _create(con, "ledger_file", (*LEDGER_FILE, *_PERIOD))
    _create(con, "ledger_place", LEDGER_PLACE)
    _create(con, "draw", (*DRAW, *_PERIOD))
    for book in ("ledger_quarantine", "ledger_finding", "source_column"):
        _create(con, book, TABLE[f"raw.{book}"].columns)


def rewind(con: duckdb.DuckDBPyConnection, night: Night, table: str, where: str = "true") -> None:
    """Take back what this night did to a landing table, so that a repeated pull starts afresh."""
    name = f"main.{store.quote(table)}"
    con.execute(f"DELETE FROM {name} WHERE since_night = {night.number} AND {where}")
    con.execute(
        f"UPDATE {name} SET until_night = NULL WHERE until_night = {night.number} AND {where}"
    )


def key(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, rows: str) -> int:
    """Make temporary table `incoming`: rows with source_key, row_hash and observed date.

    Args:
        con: the landing zone.
        night: the night.
        source: its map.
        rows: SQL that selects village, src_file, src_sheet, src_row, src_observed, src_mark and
            the map's columns; read once.

    Returns:
        How many rows share their key with another; those carry an occurrence number.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE incoming AS {_keyed_sql(night, source, rows)}")
    repeated = _count_repeated(con, "incoming")
    if repeated:
        # by content, never by position: the same rows in another order keep their keys
        con.execute("""CREATE OR REPLACE TEMP TABLE incoming AS
            SELECT * EXCLUDE (occurrence) REPLACE (CASE WHEN occurrence = 1 THEN source_key
                ELSE source_key || '~' || occurrence END AS source_key)
            FROM (SELECT *, row_number() OVER (PARTITION BY source_key
                ORDER BY row_hash, file, sheet, row_no) AS occurrence FROM incoming)""")
    return repeated


def is_first(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap) -> bool:
    """Whether no row of `source` was alive before this night."""
    was_alive = f"since_night < {night.number} AND coalesce(until_night >= {night.number}, TRUE)"
    return not store.count(
        con, f"SELECT count(*) FROM main.{store.quote(source.source)} WHERE {was_alive}"
    )


def land_first(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, rows: str) -> int:
    """What `key` and `merge` do together, where there is nothing to compare with.

    The rows go straight into the landing table while they are drawn, so they are written once and
    never held. The caller holds the transaction and has rewound the table.

    Raises:
        SourceHeld: fewer rows than the map's minimum.
    """
    _insert(con, night, source, f"({_keyed_sql(night, source, rows)})")
    name = f"main.{store.quote(source.source)}"
    living = f"(FROM {name} WHERE until_night IS NULL)"
    if (brought := store.count(con, f"SELECT count(*) FROM {living}")) < source.minimum_rows:
        raise SourceHeld(source.source, texts.too_few(brought, source.minimum_rows))
    if repeated := _count_repeated(con, living):
        con.execute(f"""UPDATE {name} t SET source_key = t.source_key || '~' || again.occurrence
            FROM (SELECT rowid AS place, row_number() OVER (PARTITION BY source_key
                    ORDER BY row_hash, file, sheet, row_no) AS occurrence
                FROM {name} WHERE until_night IS NULL) again
            WHERE t.rowid = again.place AND again.occurrence > 1""")
    return repeated


def merge(
    con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, scope: str = "true"
) -> None:
    """Merge `incoming` into the landing table; live rows in `scope` that are not in it end.

    The caller holds the transaction and has rewound the table.

    Raises:
        SourceHeld: fewer rows than the map's minimum, or too many vanished.
    """
    name = f"main.{store.quote(source.source)}"
    known = store.count(con, f"SELECT count(*) FROM {name} WHERE until_night IS NULL")
    fresh = "true"
    if known:
        _judge(con, source, name, scope=scope, known=known)
        con.execute(f"""UPDATE {name} SET until_night = {night.number} WHERE until_night IS NULL
            AND source_key IN (SELECT source_key FROM verdict WHERE change <> 'new')""")
        fresh = "source_key IN (SELECT source_key FROM verdict WHERE change <> 'vanished')"
    elif (brought := store.count(con, "SELECT count(*) FROM incoming")) < source.minimum_rows:
        raise SourceHeld(source.source, texts.too_few(brought, source.minimum_rows))
    _insert(con, night, source, f"incoming WHERE {fresh}")
    if known and source.kind == "workbook":
        _place(con, name)


def _keyed_sql(night: Night, source: SourceMap, rows: str) -> str:
    """SELECT of `rows` with their source_key, row_hash and observed date, see `key`."""
    hashed = ", ".join(f"'{name}=' || {store.quote(name)}" for name in sorted(source.columns))
    village = "substr(md5(village), 1, 8) || '-' || " if source.kind == "workbook" else ""
    own = ", ".join(store.quote(name) for name in source.columns)
    return f"""SELECT {village}{_key_sql(source)} AS source_key,
            CAST(md5_number_lower(concat_ws(chr(31), {hashed}, 'mark=' || src_mark)) >> 1 AS BIGINT)
                AS row_hash,
            src_file AS file, src_sheet AS sheet, src_row AS row_no,
            {_observed_sql(night, source)} AS observed, src_mark AS mark, {own}
        FROM ({rows})"""


def _count_repeated(con: duckdb.DuckDBPyConnection, rows: str) -> int:
    """How many of some rows share their source_key with another."""
    # hashes are short: most sources repeat no key, and then need no table of all of them
    if not store.count(con, f"SELECT count(*) - count(DISTINCT hash(source_key)) FROM {rows}"):
        return 0
    return store.count(
        con,
        f"""SELECT coalesce(sum(n), 0)
        FROM (SELECT count(*) AS n FROM {rows} GROUP BY source_key HAVING count(*) > 1)""",
    )


def _insert(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, rows: str) -> None:
    """Write `rows`, as `_keyed_sql` has them, as versions that begin this night."""
    columns = [column.name for column in (*RAW_COLUMNS, *_own_columns(source))]
    quoted = ", ".join(store.quote(column) for column in columns)
    dates = {"since_night": str(night.number), "until_night": "NULL"}
    values = ", ".join(dates.get(column, store.quote(column)) for column in columns)
    con.execute(
        f"INSERT INTO main.{store.quote(source.source)} ({quoted}) SELECT {values} FROM {rows}"
    )


def _judge(
    con: duckdb.DuckDBPyConnection, source: SourceMap, name: str, *, scope: str, known: int
) -> None:
    """Make temporary table `verdict`: the keys that are new, changed or vanished."""
    confirmed = "false"
    if source.kind == "workbook":
        confirmed = (
            "coalesce(TRY_CAST(i.observed AS DATE) - TRY_CAST(l.observed AS DATE), 0) "
            f">= {CONFIRMED_AFTER_DAYS}"
        )
    con.execute(f"""CREATE OR REPLACE TEMP TABLE verdict AS
        SELECT coalesce(i.source_key, l.source_key) AS source_key,
            CASE WHEN l.source_key IS NULL THEN 'new' WHEN i.source_key IS NULL THEN 'vanished'
                ELSE 'changed' END AS change
        FROM incoming i FULL JOIN
            (SELECT source_key, row_hash, observed FROM {name}
                WHERE until_night IS NULL AND {scope}) l
            ON i.source_key = l.source_key
        WHERE i.source_key IS NULL OR l.source_key IS NULL OR i.row_hash <> l.row_hash
            OR {confirmed}""")
    vanished = store.count(con, "SELECT count(*) FROM verdict WHERE change = 'vanished'")
    brought = store.count(con, "SELECT count(*) FROM verdict WHERE change = 'new'")
    if (held := known + brought - vanished) < source.minimum_rows:
        raise SourceHeld(source.source, texts.too_few(held, source.minimum_rows))
    if vanished / known > source.maximum_vanished:
        raise SourceHeld(
            source.source, texts.too_many_vanished(vanished, known, source.maximum_vanished)
        )


def _place(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """An unchanged row is no new version, but stands where the ledger read last has it."""
    con.execute(f"""UPDATE {name} l SET file = i.file, sheet = i.sheet, row_no = i.row_no
        FROM incoming i WHERE l.until_night IS NULL AND l.source_key = i.source_key
        AND (l.file <> i.file OR l.sheet <> i.sheet OR l.row_no <> i.row_no)""")


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


def _key_sql(source: SourceMap) -> str:
    """The key columns where one is filled, else a digest of what identifies the person."""
    natural = _natural_key_sql(source)
    if not source.key:
        return natural
    parts = [f"trim({store.quote(name)})" for name in source.key]
    filled = " OR ".join(f"{part} <> ''" for part in parts)
    if len(parts) == 1:
        return f"CASE WHEN {filled} THEN {parts[0]} ELSE {natural} END"
    joined = " || '|' || ".join(f"coalesce({part}, '')" for part in parts)
    return f"CASE WHEN {filled} THEN {joined} ELSE {natural} END"


def _natural_key_sql(source: SourceMap) -> str:
    """A digest: it shows nothing personal, and is the same whatever file and row it came from."""
    fields = source.persons[0].fields if source.persons else {}
    number = fields.get("id_number")
    weak = [fields[f] for f in ("name", "birth_date", "address") if f in fields]
    weak += [name for name in source.natural_key if name not in {*weak, number}]
    weak = weak or [name for name in source.columns if name != source.observed]
    plain = _digest([_bare(name) for name in weak])
    if number is None or number not in source.natural_key:
        return plain
    digits = f"regexp_replace(coalesce({store.quote(number)}, ''), '[^0-9A-Za-z]', '', 'g')"
    firm = [_bare(n) for n in source.natural_key if n != number]
    return f"""CASE WHEN regexp_full_match({digits}, '[0-9]{{17}}[0-9Xx]')
        THEN {_digest([f"left({digits}, 17)", *firm])}
        WHEN regexp_full_match({digits}, '[0-9]{{15}}')
        THEN {_digest([f"left({digits}, 6) || '19' || substr({digits}, 7, 9)", *firm])}
        ELSE {plain} END"""


def _bare(name: str) -> str:
    return rf"regexp_replace(coalesce({store.quote(name)}, ''), '\s', '', 'g')"


def _digest(parts: list[str]) -> str:
    return f"substr(md5(concat_ws(chr(31), {', '.join(parts)})), 1, 16)"


def _observed_sql(night: Night, source: SourceMap) -> str:
    if source.observed is None:
        return f"coalesce(src_observed, '{night.business_date.isoformat()}')"
    value = f"trim({store.quote(source.observed)})"
    parsed = f"""strftime(coalesce(
        TRY_CAST(left({value}, 10) AS DATE),
        try_strptime(left({value}, 8), '%Y%m%d')::DATE,
        try_strptime(regexp_extract({value}, '^[0-9]{{4}}[./年-][0-9]{{1,2}}[./月-][0-9]{{1,2}}'),
            ['%Y/%m/%d', '%Y.%m.%d', '%Y年%m月%d', '%Y-%m-%d'])::DATE), '%Y-%m-%d')"""
    return f"coalesce({parsed}, src_observed)" if source.kind == "workbook" else parsed
