"""What the pages of the queue's items need, copied out of the published file into memory.

A look at a few records of a published file reads whole columns: seconds in a district of a million
residents. The queue is short, so the rows behind it are taken once a night.
"""

from __future__ import annotations

import duckdb

_OF_RECORDS = (
    *("std.record", "std.benefit", "std.insurance", "std.defect", "std.correction"),
    *("link.cluster", "link.standing", "link.tie", "master.crosswalk"),
)
_OF_RESIDENTS = ("link.identity",)
_WHOLE = ("meta.source", "meta.night", "link.review", "link.decision")


def copy_near(con: duckdb.DuckDBPyConnection, night: str) -> None:
    """Fill tables of the same names in memory from the attached file `night`.

    They hold the records and residents of `link.review`, the households of these residents, and
    the pairs that wait; `meta.source`, `meta.night` and `link.decision` are whole.
    """
    for schema in ("std", "link", "master", "meta"):
        con.execute(f"CREATE SCHEMA {schema}")
    con.execute(
        f"""
        CREATE TEMP TABLE near_resident AS
        SELECT DISTINCT unnest([resident_l, resident_r]) AS resident_id FROM {night}.link.review
        """
    )
    con.execute(
        f"""
        CREATE TEMP TABLE near_record AS
        SELECT record_id FROM {night}.link.cluster SEMI JOIN near_resident USING (resident_id)
        """
    )
    for table in _OF_RECORDS:
        con.execute(
            f"CREATE TABLE {table} AS FROM {night}.{table} SEMI JOIN near_record USING (record_id)"
        )
    for table in _OF_RESIDENTS:
        con.execute(
            f"""CREATE TABLE {table} AS
            FROM {night}.{table} SEMI JOIN near_resident USING (resident_id)"""
        )
    for table in _WHOLE:
        con.execute(f"CREATE TABLE {table} AS FROM {night}.{table}")
    con.execute(
        f"""
        CREATE TABLE link.pair AS FROM {night}.link.pair
        SEMI JOIN link.review USING (record_l, record_r)
        """
    )
    con.execute(
        f"""
        CREATE TABLE master.resident AS FROM {night}.master.resident
        WHERE resident_id IN (FROM near_resident) OR household_id IN (
            SELECT household_id FROM {night}.master.resident
            SEMI JOIN near_resident USING (resident_id) WHERE household_id IS NOT NULL
        )
        """
    )
