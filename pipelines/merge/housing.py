"""Which dwelling a resident's records name; failing that, which one their household's name."""

from __future__ import annotations

import duckdb

from pipelines.merge.survivorship import Priority

_NEAREST = Priority(("quality", "days", "authority", "source"))


def house(con: duckdb.DuckDBPyConnection) -> None:
    """Table `housed` (who, dwelling_id, village_code) from the tables `merging` and `chosen`.

    The record of the chosen address goes first, then the newest. Whoever names no dwelling of the
    register lives where most records with the same household number of a source say.
    """
    nearness = _NEAREST.pack(
        {
            "quality": "CASE WHEN r.record_id = c.address_record THEN 1 ELSE 0 END",
            "days": "r.days",
            "authority": "r.authority",
            "source": "r.source_no",
        },
        "r.record_id",
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE own_dwelling AS
        WITH named AS (
            SELECT r.who, r.village_code, d.dwelling_id, {nearness} AS nearness
            FROM (SELECT who, record_id, days, authority, source_no, village_code, dwelling_key
                FROM merging) r
            JOIN (SELECT who, address_record FROM chosen) c USING (who)
            LEFT JOIN std.dwelling d ON d.dwelling_key = r.dwelling_key)
        SELECT who,
            arg_max(dwelling_id, nearness) FILTER (dwelling_id IS NOT NULL) AS dwelling_id,
            arg_max(village_code, nearness) FILTER (village_code IS NOT NULL) AS village_code
        FROM named GROUP BY who"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE housed AS
        WITH lost AS (
            SELECT DISTINCT r.who, r.household_key FROM merging r JOIN own_dwelling USING (who)
            WHERE dwelling_id IS NULL AND r.household_key IS NOT NULL),
        mate AS (
            SELECT l.who, d.dwelling_id, count(*) AS records, max(m.observed_date) AS newest
            FROM std.record m JOIN lost l USING (household_key)
            JOIN std.dwelling d USING (dwelling_key) GROUP BY ALL),
        shared AS (
            SELECT who, first(dwelling_id ORDER BY records DESC, newest DESC NULLS LAST,
                dwelling_id) AS dwelling_id
            FROM mate GROUP BY who)
        SELECT who, coalesce(o.dwelling_id, s.dwelling_id) AS dwelling_id, o.village_code
        FROM own_dwelling o LEFT JOIN shared s USING (who)"""
    )
    con.execute("DROP TABLE own_dwelling")


def homeless_of(households: str) -> str:
    """SELECT of the residents of `households` (household keys) who name no dwelling themselves.

    They move when a record of another member does.
    """
    return f"""SELECT resident_id FROM (
        WITH mate AS (
            SELECT DISTINCT c.resident_id FROM std.record r JOIN link.cluster c USING (record_id)
            WHERE r.household_key IN (SELECT household_key FROM ({households})
                WHERE household_key IS NOT NULL))
        SELECT resident_id FROM mate WHERE resident_id NOT IN (
            SELECT o.resident_id
            FROM (FROM link.cluster WHERE resident_id IN (FROM mate)) o
            JOIN std.record n USING (record_id) JOIN std.dwelling d USING (dwelling_key)))"""
