"""Which record belongs to which resident, since when and until when."""

from __future__ import annotations

import duckdb

from pipelines import store
from pipelines.night import Night


def trace_records(con: duckdb.DuckDBPyConnection, night: Night, *, has_before: bool) -> int:
    """Bring `master.crosswalk` up to date: rows that ended get `until`, new ones are opened.

    History comes from the night before, so that the step may be repeated and a full night keeps it.
    In a delta night only records that changed, or whose resident did, are looked at. Returns the
    number of rows in force.
    """
    chosen = "TRUE"
    if night.base:
        chosen = "record_id IN (SELECT record_id FROM traced)"
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE traced AS
            SELECT record_id FROM delta.record
            UNION SELECT record_id FROM link.cluster
                WHERE resident_id IN (SELECT resident_id FROM delta.resident)
            UNION SELECT record_id FROM master.crosswalk
                WHERE resident_id IN (SELECT resident_id FROM delta.resident)
                OR since_night = {night.number}"""
        )
    history = (
        "before.master.crosswalk" if has_before else "(SELECT * FROM master.crosswalk LIMIT 0)"
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE history AS SELECT * FROM {history} WHERE {chosen}"""
    )
    con.execute(f"DELETE FROM master.crosswalk WHERE {chosen}")
    con.execute(
        f"""INSERT INTO master.crosswalk BY NAME
        SELECT h.* REPLACE (CASE WHEN h.until IS NULL AND c.record_id IS NULL
            THEN CAST($day AS DATE) ELSE h.until END AS until)
        FROM history h LEFT JOIN
            (SELECT record_id, resident_id FROM link.cluster WHERE {chosen}) c
            USING (record_id, resident_id)""",
        {"day": night.business_date},
    )
    con.execute(
        f"""INSERT INTO master.crosswalk BY NAME
        SELECT r.source, r.source_key || CASE WHEN r.role = 'self' THEN '' ELSE '#' || r.role END
            AS source_key, record_id, c.resident_id, CAST($day AS DATE) AS since,
            NULL AS until, CAST($night AS INTEGER) AS since_night
        FROM (SELECT record_id, resident_id FROM link.cluster WHERE {chosen}) c
        JOIN std.record r USING (record_id)
        WHERE NOT EXISTS (SELECT 1 FROM history h WHERE h.record_id = c.record_id
            AND h.resident_id = c.resident_id AND h.until IS NULL)""",
        {"day": night.business_date, "night": night.number},
    )
    con.execute("DROP TABLE history")
    return store.count(con, "SELECT count(*) FROM master.crosswalk WHERE until IS NULL")
