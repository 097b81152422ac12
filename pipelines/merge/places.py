"""The dwellings of the grid register, and who is touched when the register moves one."""

from __future__ import annotations

from typing import Any

import duckdb

from pipelines import store
from pipelines.merge.before import night_before
from pipelines.merge.housing import homeless_of
from pipelines.night import Night

# One row a dwelling, whatever the register repeats.
_DWELLINGS = """SELECT dwelling_id, min(dwelling_key) AS dwelling_key, min(address) AS address,
    min(village_code) AS village_code, min(village_name) AS village_name,
    min(grid_code) AS grid_code, min(grid_name) AS grid_name, min(head_name) AS head_name
    FROM {database}std.dwelling GROUP BY dwelling_id"""


def place_dwellings(night: Night) -> dict[str, Any]:
    """Copy the register's dwellings to `master.dwelling`.

    In a delta night the residents whom a changed dwelling touches (who live there, or have a
    record that names it) are added to `delta.resident`.
    """
    with night.stage("place_dwellings") as counts:
        with night.open() as con, night_before(con, night) as is_known:
            con.execute("BEGIN")
            if night.base and is_known:
                counts["touched_residents"] = _place_changed(con)
            else:
                con.execute("DELETE FROM master.dwelling")
                _insert(con, "TRUE")
            con.execute("COMMIT")
            counts["dwellings"] = store.count(con, "SELECT count(*) FROM master.dwelling")
            counts["grids"] = store.count(
                con, "SELECT count(DISTINCT grid_code) FROM master.dwelling"
            )
        return counts


def _place_changed(con: duckdb.DuckDBPyConnection) -> int:
    now, before = _DWELLINGS.format(database=""), _DWELLINGS.format(database="before.")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE moved_dwelling AS
        SELECT DISTINCT dwelling_id, dwelling_key FROM
        (({now} EXCEPT {before}) UNION ALL ({before} EXCEPT {now}))"""
    )
    if not store.count(con, "SELECT count(*) FROM moved_dwelling"):
        return 0
    moved = "dwelling_id IN (SELECT dwelling_id FROM moved_dwelling)"
    con.execute(f"DELETE FROM master.dwelling WHERE {moved}")
    _insert(con, moved)
    named = """SELECT household_key FROM std.record
        WHERE dwelling_key IN (SELECT dwelling_key FROM moved_dwelling)"""
    return touch(
        con,
        f"""SELECT resident_id FROM before.master.resident
        WHERE dwelling_id IN (SELECT dwelling_id FROM moved_dwelling)
        UNION SELECT c.resident_id FROM std.record r JOIN link.cluster c USING (record_id)
        WHERE r.dwelling_key IN (SELECT dwelling_key FROM moved_dwelling)
        UNION {homeless_of(named)}""",
    )


def _insert(con: duckdb.DuckDBPyConnection, condition: str) -> None:
    con.execute(
        f"""INSERT INTO master.dwelling BY NAME
        SELECT * EXCLUDE (dwelling_key, head_name), 0 AS residents,
            {walk_key_sql("coalesce(dwelling_key, address, '')")} AS walk_key
        FROM ({_DWELLINGS.format(database="")}) WHERE {condition}"""
    )


def touch(con: duckdb.DuckDBPyConnection, residents: str) -> int:
    """Add the residents in force that `residents` selects to delta.resident; returns how many."""
    rows = con.execute(
        f"""INSERT INTO delta.resident SELECT DISTINCT resident_id, 'changed' FROM ({residents})
        WHERE resident_id IN (SELECT resident_id FROM link.identity)
        AND resident_id NOT IN (SELECT resident_id FROM delta.resident) RETURNING 1"""
    ).fetchall()
    return len(rows)


def walk_key_sql(place: str) -> str:
    """SQL of what dwellings are sorted by as one walks past them: 2 comes before 10.

    Args:
        place: SQL of a dwelling's address or of its parts, never NULL.
    """
    return f"""array_to_string(list_transform(
        regexp_extract_all({place}, '[0-9]+|[^0-9]+'),
        lambda part: CASE WHEN part[1] BETWEEN '0' AND '9'
            THEN lpad(part, greatest(8, length(part))::INTEGER, '0') ELSE part END), '')"""
