"""Whose rows on the forms may say otherwise than the night before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import duckdb

from pipelines.deliver.returned import told_sql
from pipelines.deliver.states import item_fresh_days, period_of
from pipelines.merge.before import night_before
from pipelines.night import Night
from schemas.fields import FIELD
from schemas.forms import FormContract

_VILLAGES = """SELECT grid_code, min(village_name) AS village FROM {database}master.dwelling
    WHERE grid_code IS NOT NULL GROUP BY grid_code"""
_WAYS = """SELECT resident_id, grid_code, form, period, way, stays_off
    FROM {database}deliver.way_out"""


def register_affected(con: duckdb.DuckDBPyConnection, night: Night) -> bool:
    """The temporary table ``affected`` (resident_id), after `register_returns`.

    A row depends on the resident and their origin, on who is the head of the household, on what
    came back, and on the day: values grow old, people come of age. All of it is compared with the
    night that this one started from.

    Returns:
        False: everybody is affected and there is no table: the night is a full one, or a period has
        begun.

    Cost: a scan of two columns of `master.resident`, and where a day has passed one of
    `master.provenance`; else what has changed.
    """
    if not night.base:
        return False
    with night_before(con, night):
        before = con.execute(
            "SELECT business_date FROM before.meta.night WHERE night = ?", [night.base]
        ).fetchall()[0][0]
        contracts = night.config.forms.values()
        if any(period_of(c, before) != period_of(c, night.business_date) for c in contracts):
            return False
        sets = [
            """SELECT resident_id FROM master.resident n
            JOIN before.master.resident b USING (resident_id)
            WHERE n.is_head IS DISTINCT FROM b.is_head""",
            f"""SELECT resident_id FROM master.resident
            WHERE grid_code IN (SELECT grid_code FROM ({_differing(_VILLAGES)}))""",
            f"SELECT resident_id FROM ({_differing(_WAYS)})",
            f"""SELECT resident_id FROM ({told_sql(night.business_date)}
                EXCEPT {told_sql(before, "before.")})""",
            f"""SELECT resident_id FROM ({told_sql(before, "before.")}
                EXCEPT {told_sql(night.business_date)})""",
        ]
        if before != night.business_date:
            sets.append(_grown_older(contracts, before, night.business_date))
        con.execute(
            "CREATE OR REPLACE TEMP TABLE affected AS SELECT resident_id FROM delta.resident UNION "
            + " UNION ".join(sets)
        )
    return True


def _differing(query: str) -> str:
    now, before = query.format(database=""), query.format(database="before.")
    return f"({now} EXCEPT {before}) UNION ALL ({before} EXCEPT {now})"


def _grown_older(contracts: Iterable[FormContract], before: date, today: date) -> str:
    """SELECT of the residents for whom a value grew old between two days, or who had a birthday."""
    first, last = min(before, today), max(before, today)
    limits = {
        (item.field, days)
        for contract in contracts
        for item in contract.items
        for days in (item_fresh_days(item), FIELD[item.field].alone_days)
        if days is not None
    }
    aged = [
        f"""(p."{field}_observed" >= DATE '{first}' - {days}
            AND p."{field}_observed" < DATE '{last}' - {days})"""
        for field, days in sorted(limits)
    ]
    born = "date_sub('year', r.birth_date, DATE '{}')"
    aged.append(f"{born.format(first)} <> {born.format(last)}")
    return f"""SELECT r.resident_id FROM master.resident r JOIN master.provenance p
        USING (resident_id) WHERE {" OR ".join(aged)}"""
