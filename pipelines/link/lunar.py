"""The lunar calendar, in which many know their birthday."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from lunardate import LunarDate

_FIRST_YEAR, _LAST_YEAR = 1900, 2040
"""Years of the lunar calendar that are needed and known to the library."""


def lunar_days_sql() -> str:
    """SQL of every solar day (birth_day) and how it is written by the lunar calendar (lunar)."""
    return f"""
        WITH month AS (
            SELECT split_part(spelt, '=', 1)::DATE AS first, split_part(spelt, '=', 2) AS name,
                coalesce(lead(first) OVER (ORDER BY first) - first, 30) AS days
            FROM (SELECT unnest(string_split('{_lunar_months()}', ' ')) AS spelt)
        )
        SELECT (first + (d - 1)::INTEGER)::DATE AS birth_day,
            name || lpad(d::VARCHAR, 2, '0') AS lunar
        FROM (SELECT *, unnest(range(1, days + 1)) AS d FROM month)"""


@cache
def _lunar_months() -> str:
    """First day of every lunar month, and how its dates begin; a leap month's like its own.

    Those who write lunar dates into a field for dates do not mark leap months either. One text,
    since DuckDB takes long to plan thousands of them.
    """
    months = []
    for year in range(_FIRST_YEAR, _LAST_YEAR):
        for month in range(1, 13):
            for leap in (False, True):
                with suppress(ValueError):  # most months have no leap month behind them
                    first = LunarDate(year, month, 1, leap).to_solar_date()
                    months.append(f"{first.isoformat()}={year}-{month:02d}-")
    return " ".join(months)
