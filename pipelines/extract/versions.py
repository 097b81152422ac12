"""Rows that are drawn become versions in the landing zone: new, changed, vanished."""

from __future__ import annotations

import duckdb

from pipelines import store
from pipelines.errors import SourceHeld
from pipelines.extract import texts
from pipelines.extract.keys import hash_sql, keyed_sql, landed_hash_sql, version_sql
from pipelines.night import Night
from schemas.source import SourceMap
from schemas.tables import RAW_COLUMNS

CONFIRMED_AFTER_DAYS = 180
"""A ledger row that is still the same counts as a new version, and so as newly observed, when the
new ledger is this much younger than the one it was taken from."""


def from_database(relation: str) -> str:
    """SQL that selects the rows of `relation`, which stand on no sheet; see `keys.keyed_sql`."""
    return f"""SELECT NULL::VARCHAR AS village, NULL::VARCHAR AS src_file,
        NULL::VARCHAR AS src_sheet, NULL::INTEGER AS src_row, NULL::VARCHAR AS src_observed,
        NULL::VARCHAR AS src_mark, * FROM {relation}"""


def alive_before(night: Night, source: SourceMap) -> str:
    """SQL of the landed rows of `source` that were alive before this night."""
    return (
        f"FROM main.{store.quote(source.source)} WHERE since_night < {night.number} "
        f"AND coalesce(until_night >= {night.number}, TRUE)"
    )


def hashes_alive(night: Night, source: SourceMap) -> str:
    """SQL of the key and the hashes, ours and the server's, of the rows that `alive_before` has."""
    return f"""SELECT source_key, {landed_hash_sql(source)} AS row_hash, server_hash
        {alive_before(night, source)}"""


def keep_server_hashes(con: duckdb.DuckDBPyConnection, source: SourceMap, rows: str) -> None:
    """Let living rows have the `server_hash` that `rows` have for their `source_key`."""
    con.execute(f"""UPDATE main.{store.quote(source.source)} l SET server_hash = r.server_hash
        FROM ({rows}) r WHERE l.source_key = r.source_key AND l.until_night IS NULL""")


def is_first(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap) -> bool:
    """Whether no row of `source` was alive before this night."""
    return not store.count(con, f"SELECT count(*) FROM ({alive_before(night, source)})")


def land_first(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, rows: str) -> int:
    """What `key` and `merge` do together, where there is nothing to compare with.

    The rows go straight into the landing table while they are drawn, so they are written once and
    never held. The caller holds the transaction and has rewound the table.

    Returns:
        How many rows share their key with another; those carry an occurrence number.

    Raises:
        SourceHeld: fewer rows than the map's minimum.
    """
    _insert(con, night, source, f"({keyed_sql(night, source, rows, to_land=True)})")
    name = f"main.{store.quote(source.source)}"
    living = f"(FROM {name} WHERE until_night IS NULL)"
    if (brought := store.count(con, f"SELECT count(*) FROM {living}")) < source.minimum_rows:
        raise SourceHeld(source.source, texts.too_few(brought, source.minimum_rows))
    return _number_repeated(con, source, name, "until_night IS NULL")


def key(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, rows: str) -> int:
    """Make temporary table `incoming`: `rows` with source_key, row_hash and observed date.

    Returns:
        How many rows share their key with another; those carry an occurrence number.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE incoming AS {keyed_sql(night, source, rows)}")
    return _number_repeated(con, source, "incoming", "true")


def key_changes(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, rows: str) -> int:
    """Make `incoming` of `rows` that are not alive yet, `gone` of the keys of what ended.

    For a table most of which stands still: of a row that is alive nothing is held but its hash.
    Only where the rows that are alive were keyed as these are and share no keys.

    Returns:
        0, or a number if rows share their key with another; then neither table is of use.
    """
    alive = hashes_alive(night, source)
    own = ", ".join(store.quote(name) for name in source.columns)
    con.execute(f"""CREATE OR REPLACE TEMP TABLE seen AS
        SELECT row_hash, src_hash,
            CASE WHEN row_hash NOT IN (SELECT row_hash FROM ({alive})) THEN [{own}] END AS told
        FROM (SELECT {hash_sql(source, "src_mark")} AS row_hash, src_hash, {own} FROM ({rows}))""")
    con.execute(f"""CREATE OR REPLACE TEMP TABLE gone AS
        SELECT source_key FROM ({alive}) l ANTI JOIN seen ON seen.row_hash = l.row_hash""")
    keep_server_hashes(
        con,
        source,
        f"""SELECT source_key, src_hash AS server_hash
        FROM ({alive}) l JOIN (FROM seen WHERE src_hash IS NOT NULL) USING (row_hash)
        WHERE src_hash <> coalesce(server_hash, 0)""",
    )
    again = store.count(con, "SELECT count(*) FROM seen WHERE told IS NULL") - (
        store.count(con, f"SELECT count(*) FROM ({alive})")
        - store.count(con, "SELECT count(*) FROM gone")
    )
    columns = ", ".join(
        f"told[{place}] AS {store.quote(name)}" for place, name in enumerate(source.columns, 1)
    )
    fresh = f"(SELECT src_hash, {columns} FROM seen WHERE told IS NOT NULL)"
    repeated = key(con, night, source, from_database(fresh))
    con.execute("DROP TABLE seen")
    return again + repeated + count_beside(con, night, source)


def count_beside(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap) -> int:
    """How many rows of `incoming` have the key of a row that lives on."""
    return store.count(
        con,
        f"""SELECT count(*) FROM incoming WHERE source_key NOT IN (FROM gone)
            AND source_key IN (SELECT source_key FROM ({alive_before(night, source)}))""",
    )


def merge(
    con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, scope: str = "true"
) -> None:
    """Merge what `key` made into the landing table; live rows in `scope` not in it end.

    The caller holds the transaction and has rewound the table.

    Raises:
        SourceHeld: fewer rows than the map's minimum, or too many vanished.
    """
    name = f"main.{store.quote(source.source)}"
    known = store.count(con, f"SELECT count(*) FROM {name} WHERE until_night IS NULL")
    fresh = "true"
    if known:
        _compare(con, source, name, scope)
        _judge(con, source, known)
        fresh = _end_changed(con, night, name)
    elif (brought := store.count(con, "SELECT count(*) FROM incoming")) < source.minimum_rows:
        raise SourceHeld(source.source, texts.too_few(brought, source.minimum_rows))
    _insert(con, night, source, f"incoming WHERE {fresh}")
    if known and source.kind == "workbook":
        _place(con, name)


def merge_changes(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap) -> None:
    """Merge what `key_changes` made into the landing table.

    The caller holds the transaction and has rewound the table.

    Raises:
        SourceHeld: fewer rows than the map's minimum, or too many vanished.
    """
    name = f"main.{store.quote(source.source)}"
    con.execute("""CREATE OR REPLACE TEMP TABLE verdict AS
        SELECT source_key, CASE WHEN i.source_key IS NULL THEN 'vanished'
            WHEN g.source_key IS NULL THEN 'new' ELSE 'changed' END AS change
        FROM incoming i FULL JOIN gone g USING (source_key)""")
    _judge(con, source, store.count(con, f"SELECT count(*) FROM {name} WHERE until_night IS NULL"))
    _insert(con, night, source, f"incoming WHERE {_end_changed(con, night, name)}")


def _count_repeated(con: duckdb.DuckDBPyConnection, rows: str) -> int:
    """How many of `rows` share their key with another."""
    # hashes are short: most sources repeat no key, and then need no table of all of them
    if not store.count(con, f"SELECT count(*) - count(DISTINCT hash(source_key)) FROM {rows}"):
        return 0
    return store.count(
        con,
        f"""SELECT coalesce(sum(n), 0)
        FROM (SELECT count(*) AS n FROM {rows} GROUP BY source_key HAVING count(*) > 1)""",
    )


def _number_repeated(
    con: duckdb.DuckDBPyConnection, source: SourceMap, table: str, where: str
) -> int:
    """Give rows of `table` that share a key their occurrence number; how many share one.

    By content, never by position: the same rows in another order keep their keys.
    """
    rows = f"(FROM {table} WHERE {where})"
    if repeated := _count_repeated(con, rows):
        con.execute(f"""CREATE OR REPLACE TEMP TABLE again AS
            SELECT r.*, row_number() OVER (PARTITION BY r.source_key
                ORDER BY {version_sql(source, "r")}, r.file, r.sheet, r.row_no) AS occurrence
            FROM {rows} r SEMI JOIN (SELECT source_key FROM {rows}
                GROUP BY source_key HAVING count(*) > 1) s ON r.source_key = s.source_key""")
        con.execute(
            f"DELETE FROM {table} WHERE {where} AND source_key IN (SELECT source_key FROM again)"
        )
        con.execute(f"""INSERT INTO {table} SELECT * EXCLUDE (occurrence) REPLACE (
            CASE WHEN occurrence > 1 THEN source_key || '~' || occurrence ELSE source_key END
            AS source_key) FROM again""")
        con.execute("DROP TABLE again")
    return repeated


def _insert(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, rows: str) -> None:
    """Write `rows`, as `keyed_sql` has them, as versions that begin this night."""
    columns = [*(column.name for column in RAW_COLUMNS), "server_hash", *source.columns]
    quoted = ", ".join(store.quote(column) for column in columns)
    dates = {"since_night": str(night.number), "until_night": "NULL"}
    values = ", ".join(dates.get(column, store.quote(column)) for column in columns)
    con.execute(
        f"INSERT INTO main.{store.quote(source.source)} ({quoted}) SELECT {values} FROM {rows}"
    )


def _compare(con: duckdb.DuckDBPyConnection, source: SourceMap, name: str, scope: str) -> None:
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
            (SELECT source_key, {landed_hash_sql(source)} AS row_hash, observed FROM {name}
                WHERE until_night IS NULL AND {scope}) l
            ON i.source_key = l.source_key
        WHERE i.source_key IS NULL OR l.source_key IS NULL OR i.row_hash <> l.row_hash
            OR {confirmed}""")


def _judge(con: duckdb.DuckDBPyConnection, source: SourceMap, known: int) -> None:
    """Hold a source of which too little is left, or too much went at once."""
    vanished = store.count(con, "SELECT count(*) FROM verdict WHERE change = 'vanished'")
    brought = store.count(con, "SELECT count(*) FROM verdict WHERE change = 'new'")
    if (held := known + brought - vanished) < source.minimum_rows:
        raise SourceHeld(source.source, texts.too_few(held, source.minimum_rows))
    if known and vanished / known > source.maximum_vanished:
        raise SourceHeld(
            source.source, texts.too_many_vanished(vanished, known, source.maximum_vanished)
        )


def _end_changed(con: duckdb.DuckDBPyConnection, night: Night, name: str) -> str:
    """End the versions that `verdict` has judged; which rows of `incoming` begin one."""
    con.execute(f"""UPDATE {name} SET until_night = {night.number} WHERE until_night IS NULL
        AND source_key IN (SELECT source_key FROM verdict WHERE change <> 'new')""")
    return "source_key IN (SELECT source_key FROM verdict WHERE change <> 'vanished')"


def _place(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """An unchanged row is no new version, but stands where the ledger read last has it."""
    con.execute(f"""UPDATE {name} l SET file = i.file, sheet = i.sheet, row_no = i.row_no
        FROM incoming i WHERE l.until_night IS NULL AND l.source_key = i.source_key
        AND (l.file <> i.file OR l.sheet <> i.sheet OR l.row_no <> i.row_no)""")
