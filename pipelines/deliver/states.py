"""The state of a form's cells, as SQL over the master; and whom a form's target means."""

from __future__ import annotations

from datetime import date

import duckdb

from pipelines.deliver.content import Sources
from pipelines.errors import ConfigError
from schemas.fields import FIELD
from schemas.forms import FormContract, FormItem

STATES = ("known", "verify", "ask", "waits", "withheld")
"""States that count as required cells do; ``none`` (empty, not required) is none of them."""


def people_sql(day: date, residents: str = "master.resident") -> str:
    """SQL of `residents` as a form's target sees them: as in `master.resident`, with their age."""
    return f"(SELECT *, date_sub('year', birth_date, DATE '{day}') AS age FROM {residents})"


def check_target(con: duckdb.DuckDBPyConnection, contract: FormContract) -> None:
    """Refuse a form's target that is not one whole condition, see `check_condition`."""
    check_condition(con, contract.target, f"form {contract.form}: 'target'")


def check_condition(con: duckdb.DuckDBPyConnection, condition: str, said: str) -> None:
    """Refuse what is not one whole SQL condition over a resident; `said` is where it stands.

    It must stand both bare and in brackets: so it can neither close the brackets it is put into
    and escape the other conditions, nor go on after them.

    Raises:
        ConfigError: it is something else.
    """
    for written in (condition, f"({condition})"):
        query = f"SELECT 1 FROM {people_sql(date.min)} r WHERE {written} LIMIT 0"
        try:
            statements = len(con.extract_statements(query))
            if statements == 1:
                con.execute(query).fetchall()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"{said} cannot be used: {reason}") from error
        if statements != 1:
            raise ConfigError(f"{said} must be one SQL condition")


def state_sql(
    item: FormItem,
    contract: FormContract,
    sources: Sources,
    day: date,
    *,
    may_wait: bool = False,
) -> str:
    """SQL of the state of one cell.

    Over `master.resident` as r and `master.provenance` as p; o.refuses says that the resident would
    not answer this form in its period, u.fields what they have answered lately and, where the cell
    `may_wait`, b."field" that an earlier form asks it.
    """
    value, source = f'r."{item.field}"', f'p."{item.field}_source"'
    observed, contested = f'p."{item.field}_observed"', f'p."{item.field}_contested"'
    fresh_days = item_fresh_days(item)
    served = ", ".join(map(str, sources.serving(contract.purpose))) or "NULL"
    stale = "FALSE"
    if fresh_days is not None:
        within, alone_days = str(fresh_days), FIELD[item.field].alone_days
        if alone_days is not None and alone_days < fresh_days:
            within = f"""CASE WHEN p."{item.field}_alone" THEN {alone_days} ELSE {within} END"""
        stale = f"coalesce({observed} < DATE '{day}' - {within}, TRUE)"
    youngest, oldest = item.ages
    concerned = "TRUE"
    if (youngest, oldest) != (0, 200):
        age = f"date_sub('year', r.birth_date, DATE '{day}')"
        concerned = f"coalesce({age} BETWEEN {youngest} AND {oldest}, TRUE)"
    # Who would not say is not pressed again within the period; the cell stays open.
    asked = "CASE WHEN o.refuses THEN 'none' ELSE 'ask' END" if item.required else "'none'"
    waits = f"""WHEN coalesce(b."{item.field}", FALSE) THEN 'waits'""" if may_wait else ""
    withheld = f"WHEN NOT coalesce({source} IN ({served}), FALSE) THEN 'withheld'"
    if item.field in contract.identifies:
        withheld = f"WHEN {source} IS NULL THEN 'withheld'"
    return f"""CASE WHEN NOT {concerned} THEN NULL
        WHEN {value} IS NULL THEN {f"CASE {waits} ELSE {asked} END" if waits else asked}
        {withheld}
        WHEN (coalesce({contested}, FALSE) OR {stale})
            AND NOT coalesce(list_contains(u.fields, '{item.field}'), FALSE)
            THEN {f"CASE {waits} ELSE 'verify' END" if waits else "'verify'"}
        ELSE 'known' END"""


def item_fresh_days(item: FormItem) -> int | None:
    """Days for which a value of the item needs no second look; None: for ever."""
    return FIELD[item.field].fresh_days if item.fresh_days is None else item.fresh_days


def period_of(contract: FormContract, day: date) -> str:
    """The period that `day` falls into: ``2026-11``, ``2026Q4`` or ``2026``."""
    if contract.period == "month":
        return f"{day:%Y-%m}"
    if contract.period == "quarter":
        return f"{day.year}Q{(day.month + 2) // 3}"
    return str(day.year)
