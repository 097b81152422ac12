"""Copy what landed into the night's own file."""

from __future__ import annotations

from typing import Any

import duckdb

from pipelines import store
from pipelines.extract.keys import landed_hash_sql
from pipelines.night import Night
from schemas.source import SourceMap
from schemas.tables import RAW_COLUMNS, TABLE


def mirror_raw(night: Night) -> dict[str, Any]:
    """Bring raw.<source> up to the landing zone: only versions since the night's base are touched.

    May be repeated. Afterwards raw.<source> holds every landed version, raw.pull every pull.
    """
    with night.stage("mirror_raw") as counts, night.open(landed=True) as con:
        landed = {
            row[0]
            for row in con.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = 'landed'"
            ).fetchall()
        }
        con.execute("BEGIN")
        for source in night.config.sources.values():
            counts[source.source] = _mirror(con, night, source, source.source in landed)
        _mirror_books(con, night, landed)
        con.execute("COMMIT")
    return counts


def _mirror(
    con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, is_landed: bool
) -> int:
    """Returns the number of versions that came or ended since the base."""
    name, base = f"raw.{store.quote(source.source)}", night.base
    body = [f"{store.quote(column.name)} {column.type}" for column in RAW_COLUMNS]
    body += [f"{store.quote(column)} VARCHAR" for column in source.columns]
    con.execute(f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(body)})")
    if not is_landed:
        return 0
    landed = f"landed.main.{store.quote(source.source)}"
    columns = ", ".join(
        store.quote(column) for column in (*(c.name for c in RAW_COLUMNS), *source.columns)
    )
    if night.base == 0:
        con.execute(f"DELETE FROM {name}")
    else:
        con.execute(f"DELETE FROM {name} WHERE since_night > {base}")
        con.execute(f"UPDATE {name} SET until_night = NULL WHERE until_night > {base}")
        con.execute(f"""UPDATE {name} r SET until_night = l.until_night FROM {landed} l
            WHERE l.until_night > {base} AND l.since_night <= {base}
            AND r.source_key = l.source_key AND r.since_night = l.since_night""")
    con.execute(
        f"""INSERT INTO {name} ({columns})
        SELECT * REPLACE ({landed_hash_sql(source)} AS row_hash)
        FROM (SELECT {columns} FROM {landed} WHERE since_night > {base})"""
    )
    if night.base and source.kind == "workbook":
        _place(con, night, source)
    return store.count(
        con, f"SELECT count(*) FROM {landed} WHERE since_night > {base} OR until_night > {base}"
    )


def _place(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap) -> None:
    """Unchanged rows of ledgers read since the base stand elsewhere now."""
    name, landed = (f"{schema}.{store.quote(source.source)}" for schema in ("raw", "landed.main"))
    con.execute(
        """CREATE OR REPLACE TEMP TABLE read_anew AS
        SELECT DISTINCT substr(md5(village), 1, 8) AS village FROM landed.main.ledger_file
        WHERE source = ? AND since_night > ? AND until_night IS NULL""",
        [source.source, night.base],
    )
    if store.count(con, "SELECT count(*) FROM read_anew"):
        con.execute(f"""UPDATE {name} r SET file = l.file, sheet = l.sheet, row_no = l.row_no
            FROM (SELECT source_key, file, sheet, row_no FROM {landed}
                WHERE until_night IS NULL AND left(source_key, 8) IN (FROM read_anew)) l
            WHERE r.until_night IS NULL AND r.source_key = l.source_key
            AND (r.file <> l.file OR r.sheet <> l.sheet OR r.row_no <> l.row_no)""")
    con.execute("DROP TABLE read_anew")


def _mirror_books(con: duckdb.DuckDBPyConnection, night: Night, landed: set[str]) -> None:
    for table in ("pull", "ledger_quarantine", "ledger_finding", "source_column"):
        if table not in landed:
            continue
        columns = ", ".join(store.quote(c.name) for c in TABLE[f"raw.{table}"].columns)
        con.execute(f"DELETE FROM raw.{table}")
        con.execute(
            f"INSERT INTO raw.{table} ({columns}) SELECT {columns} FROM landed.main.{table}"
        )
