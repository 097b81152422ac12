"""Who lives together, and who is the head of the household."""

from __future__ import annotations

import duckdb

from pipelines import store
from pipelines.merge.survivorship import days

# 本人 and 户主 in GB/T 4761-2008: the head of the household.
HEAD = ("01", "02")


def gather_households(con: duckdb.DuckDBPyConnection, *, is_full: bool) -> int:
    """Recompute `master.household`, `is_head` and the dwellings' counts of residents.

    Without `is_full` only for dwellings that the `touched` live in or (`touched_dwelling`) left.
    Returns the number of households.
    """
    if is_full:
        here = "TRUE"
    else:
        here = "dwelling_id IN (SELECT dwelling_id FROM touched_dwelling)"
        con.execute(
            """INSERT INTO touched_dwelling SELECT DISTINCT dwelling_id FROM master.resident
            WHERE dwelling_id IS NOT NULL AND resident_id IN (SELECT resident_id FROM touched)"""
        )
    # The newest word on being the head, else the register's, else the oldest; then the smallest
    # id, because ties must fall the same way in every night.
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE headed AS
        WITH register AS (
            SELECT dwelling_id, min(head_name) AS head_name FROM std.dwelling WHERE {here}
            GROUP BY dwelling_id),
        ranked AS (
            SELECT r.dwelling_id, r.resident_id, r.grid_code, r.household_id,
                CASE WHEN r.relation IN {HEAD}
                    THEN (1::BIGINT << 40) + ({days("p.relation_observed")}::BIGINT << 20)
                    ELSE 0 END
                + CASE WHEN r.name = g.head_name THEN 1::BIGINT << 18 ELSE 0 END
                + CASE WHEN r.birth_date IS NULL THEN 0
                    ELSE 131071 - {days("r.birth_date")} END AS rank
            FROM (SELECT * FROM master.resident WHERE {here} AND dwelling_id IS NOT NULL) r
            JOIN master.provenance p USING (resident_id)
            LEFT JOIN register g USING (dwelling_id)),
        best AS (SELECT dwelling_id, max(rank) AS rank FROM ranked GROUP BY dwelling_id)
        SELECT r.dwelling_id, any_value(r.household_id) AS household_id,
            any_value(r.grid_code) AS grid_code,
            min(r.resident_id) FILTER (r.rank = b.rank) AS head_resident_id,
            CAST(count(*) AS INTEGER) AS residents
        FROM ranked r JOIN best b USING (dwelling_id) GROUP BY r.dwelling_id"""
    )
    con.execute(f"DELETE FROM master.household WHERE {here}")
    con.execute("INSERT INTO master.household BY NAME SELECT * FROM headed")
    con.execute(
        f"""UPDATE master.resident SET is_head = NOT is_head WHERE {here}
        AND is_head <> (resident_id IN (SELECT head_resident_id FROM headed))"""
    )
    con.execute(f"UPDATE master.dwelling SET residents = 0 WHERE residents <> 0 AND {here}")
    con.execute(
        """UPDATE master.dwelling d SET residents = h.residents FROM headed h
        WHERE h.dwelling_id = d.dwelling_id"""
    )
    return store.count(con, "SELECT count(*) FROM master.household")
