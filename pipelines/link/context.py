"""Evidence that lies around a record: whose telephone it is, who lives with it, the other calendar.

Computed for the records that are compared, not for all. It depends on the model's frozen list of
shared telephones and, for companions, on the records of the same households; `past.mark_touched`
follows both households and numbers, so that a delta night sees what a full night would.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from functools import cache
from itertools import pairwise

import duckdb
import pyarrow as pa
from lunardate import LunarDate

OFFICE = 8
"""A telephone under more names than a family has is an office's: no evidence."""
HOUSEHOLD = 12
"""More records than this under one household number: the number is no household's."""

SHARED_PHONES = "phones"
"""Name under which a model keeps its list of shared telephones."""

_FIRST_YEAR, _LAST_YEAR = 1900, 2040
"""Years of the lunar calendar that are needed and known to the library."""

EMPTY = """NULL::VARCHAR AS birth_lunar, NULL::VARCHAR[] AS own_phones,
        NULL::UBIGINT[] AS companions"""
"""The columns that `add_context` fills, for the records it is not computed for."""

UNIT = """CASE WHEN household_key IS NOT NULL THEN hash(household_key, village_code)
        ELSE hash(source, source_key) END"""
"""SQL over `std.record`: its household within its source; without a number, the row itself."""


def shared_phones_sql() -> str:
    """SQL over ``candidate``: telephones that stand under several names, and under how many."""
    return """SELECT phone, count(DISTINCT name_pinyin) AS names
        FROM (SELECT unnest(phones) AS phone, name_pinyin FROM candidate)
        GROUP BY phone HAVING names > 1 ORDER BY phone"""


def add_context(con: duckdb.DuckDBPyConnection, table: str, shared: str | None) -> None:
    """Fill ``birth_lunar``, ``own_phones`` and ``companions`` of `table`, drop offices' phones.

    `table` has the columns record_id, hub, phones, birth_day and those of `EMPTY`; `shared` is SQL
    of the relation of shared telephones, None: there is none yet.
    """
    shared = shared or "(SELECT NULL::VARCHAR AS phone, 0 AS names)"
    con.register("calendar", _lunar_calendar())
    _companions(con, table)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        WITH listed AS (
            SELECT record_id, unnest(phones) AS phone FROM {table} WHERE phones IS NOT NULL
        ), shared AS (
            SELECT record_id, list(phone ORDER BY phone) AS shared,
                list(phone ORDER BY phone) FILTER (names > {OFFICE}) AS offices
            FROM listed JOIN {shared} USING (phone) GROUP BY record_id
        )
        SELECT t.* EXCLUDE (phones, birth_lunar, own_phones, companions),
            CASE WHEN s.offices IS NULL THEN t.phones
                WHEN len(s.offices) < len(t.phones)
                THEN list_filter(t.phones, lambda p: NOT list_contains(s.offices, p)) END AS phones,
            CASE WHEN s.shared IS NULL THEN t.phones
                ELSE list_filter(t.phones, lambda p: NOT list_contains(s.shared, p))
                END AS own_phones,
            l.lunar AS birth_lunar, c.companions
        FROM {table} t LEFT JOIN shared s USING (record_id)
        LEFT JOIN calendar l ON l.day = t.birth_day
        LEFT JOIN companion c ON c.hub = t.hub
        """
    )
    con.unregister("calendar")
    con.execute("DROP TABLE companion")


def _companions(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """The temporary table ``companion``: for each hub the sounds of those it shares a roof with.

    A source knows a household by its number, or by the row that names two of its members. All
    records of one number speak for the resident.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE companion AS
        WITH wanted AS (
            SELECT s.record_id, s.hub FROM link.standing s
            SEMI JOIN {table} t ON t.hub = s.hub
        ), member AS (
            SELECT record_id, {UNIT} AS unit, hash(name_pinyin) AS sound FROM std.record
            WHERE name_pinyin IS NOT NULL
                AND (household_key IS NOT NULL OR role <> 'self')
        ), home AS (
            SELECT unit, list(DISTINCT sound) AS sounds FROM member
            GROUP BY unit HAVING count(*) BETWEEN 2 AND {HOUSEHOLD}
        )
        SELECT w.hub, list_distinct(flatten(list(list_filter(h.sounds, lambda s: s <> m.sound))))
            AS companions
        FROM wanted w JOIN member m USING (record_id) JOIN home h USING (unit)
        GROUP BY w.hub HAVING len(companions) > 0
        """
    )


@cache
def _lunar_calendar() -> pa.Table:
    """Day → the same day of the lunar calendar, written like an ISO date.

    Leap months are not marked: those who write lunar dates into a field for dates do not either.
    """
    months: list[tuple[date, str]] = []
    for year in range(_FIRST_YEAR, _LAST_YEAR):
        for month in range(1, 13):
            for leap in (False, True):
                with suppress(ValueError):  # most months have no leap month behind them
                    first = LunarDate(year, month, 1, leap).to_solar_date()
                    months.append((first, f"{year}-{month:02d}-"))
    days: list[date] = []
    lunar: list[str] = []
    for (first, named), (end, _) in pairwise(months):
        for passed in range((end - first).days):
            days.append(first + timedelta(days=passed))
            lunar.append(f"{named}{passed + 1:02d}")
    return pa.table({"day": pa.array(days, pa.date32()), "lunar": lunar})
