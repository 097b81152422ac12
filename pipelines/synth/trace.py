"""Which person of the synthetic district each record of a published night really speaks of."""

from __future__ import annotations

import duckdb

from pipelines.home import Home


def trace(con: duckdb.DuckDBPyConnection, home: Home) -> int:
    """The temporary table ``traced(record_id, person_id)``; returns the number of records in it.

    Attaches the published file as ``home`` and the truth as ``truth``. Rows of registers are known
    by their key, rows of ledgers by file, sheet and row. Right for a night of the truth's own day.
    """
    con.execute(f"ATTACH IF NOT EXISTS '{home.published}' AS home (READ_ONLY)")
    con.execute(
        f"ATTACH IF NOT EXISTS '{home.root / 'district' / 'truth.duckdb'}' AS truth (READ_ONLY)"
    )
    ledgers = con.execute(
        """SELECT DISTINCT table_name FROM duckdb_columns() WHERE database_name = 'home'
        AND schema_name = 'raw' AND column_name = 'row_no' AND table_name IN
        (SELECT source FROM truth.record WHERE source_key IS NULL) ORDER BY 1"""
    ).fetchall()
    parts = [
        """SELECT source, source_key, role, person_id FROM truth.record
        WHERE source_key IS NOT NULL"""
    ]
    parts += [
        f"""SELECT t.source, w.source_key, t.role, t.person_id FROM truth.record t
        JOIN home.raw."{name}" w USING (file, sheet, row_no)
        WHERE t.source = '{name}' AND w.until_night IS NULL"""
        for (name,) in ledgers
    ]
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE traced AS
        SELECT r.record_id, any_value(t.person_id) AS person_id
        FROM ({" UNION ALL ".join(parts)}) t
        JOIN home.std.record r USING (source, source_key, role) GROUP BY r.record_id"""
    )
    return int(con.execute("SELECT count(*) FROM traced").fetchall()[0][0])
