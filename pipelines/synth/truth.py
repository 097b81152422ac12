# ruff: noqa: E501  SQL reads better unbroken
"""The truth beside the district: who is who, and which row is about whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from pipelines import store
from pipelines.synth.ledgers import sheet_title
from pipelines.synth.offices import LEDGERS


def write(con: duckdb.DuckDBPyConnection, path: Path, seed: int, day: int) -> dict[str, Any]:
    """Write the tables person, record and day into the DuckDB file `path` (``truth.person``...).

    For databases `record.source_key` is the row's key; for ledgers it is empty and file (relative
    to the inbox), sheet and row_no say which row it is.
    """
    path.unlink(missing_ok=True)
    con.create_function("sheet_title", sheet_title, ["VARCHAR", "INTEGER", "BIGINT"], "VARCHAR")
    titles = " UNION ALL ".join(
        f"SELECT '{source}' AS source, sheet_no, seed, sheet_title('{source}', sheet_no, seed) AS sheet "
        f"FROM (SELECT DISTINCT sheet_no, h.seed FROM sheet_{source} s JOIN habit h "
        f"ON h.source = '{source}' AND h.village = s.village)"
        for source in LEDGERS
    )
    con.execute(f"CREATE TEMP TABLE title AS {titles}")
    keys = [
        row[0][5:]
        for row in con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'rows\\_%' ESCAPE '\\' "
            "AND table_name NOT LIKE 'rows\\_ledger%' ESCAPE '\\' "
            "AND table_name <> 'rows_grid_register' ORDER BY 1"
        ).fetchall()
    ]
    con.execute(f"ATTACH '{store.escape(path)}' AS kept")
    con.execute(
        """CREATE TABLE kept.person AS
        SELECT p.* EXCLUDE (dwelling, old_dwelling, home_address, phone_owner, phone_generation),
            phone_number(phone_owner, phone_generation) AS phone, d.address_town AS address,
            coalesce(home_address, d.address_town) AS hukou_address, g.village_code, g.village_name,
            g.grid_code FROM person p JOIN dwelling d USING (dwelling) JOIN grid g USING (grid)
        ORDER BY person_id"""
    )
    parts = [
        f"""SELECT a.source, r.source_key, NULL AS file, NULL AS sheet, NULL::INT AS row_no, a.role,
        a.person_id, a.copy, a.day FROM app a JOIN rows_{source} r USING (row_id)
        WHERE a.source = '{source}'"""
        for source in keys
    ] + [
        f"""SELECT a.source, NULL, r.file, coalesce(h.title, t.sheet), r.row_no,
            coalesce(g.role, a.role), a.person_id, a.copy, a.day
        FROM app a LEFT JOIN guest g ON g.source = a.source AND g.row_id = a.row_id
        JOIN sheet_{source} r ON r.row_id = coalesce(g.host, a.row_id) JOIN habit h ON h.source = '{source}'
            AND h.village = r.village
        JOIN title t ON t.source = '{source}' AND t.sheet_no = r.sheet_no AND t.seed = h.seed
        WHERE a.source = '{source}'"""
        for source in LEDGERS
    ]
    con.execute(
        f"CREATE TABLE kept.record AS SELECT * FROM ({' UNION ALL '.join(parts)}) "
        "ORDER BY source, source_key, file, sheet, row_no, role"
    )
    con.execute("CREATE TABLE kept.day AS SELECT * FROM happened ORDER BY day, kind")
    con.execute("INSERT INTO kept.day VALUES (?, NULL, 'made', ?)", [day, seed])
    persons = con.execute("SELECT count(*) FROM kept.person").fetchall()[0][0]
    records = con.execute("SELECT count(*) FROM kept.record").fetchall()[0][0]
    con.execute("DETACH kept")
    return {"persons": persons, "records": records}
