"""Look at a form before it goes out: what of it is known already, by whom, and is it needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import duckdb

from pipelines.deliver.content import read_sources
from pipelines.deliver.states import check_target, people_sql, state_sql
from schemas.forms import FormContract

ENOUGH = 0.95
"""From this share of known cells on an item asks what is known."""

Verdict = Literal["needed", "known", "asked", "withheld"]


@dataclass(frozen=True)
class Holder:
    """A department that holds an item: of how many residents, and the middle date of its values."""

    department: str
    residents: int
    observed: date | None


@dataclass(frozen=True)
class ItemAppraisal:
    """What is known of one item.

    Attributes:
        field: canonical field.
        concerned: residents whom the item concerns.
        known, verify, ask, withheld: their cells by state; optional empty ones count as asked.
        holders: who knows, most residents first.
        asked_by: forms in force that ask the same item of the same people.
        verdict: ``needed``; ``known``: hardly anybody would be asked; ``asked``: another form asks
            it; ``withheld``: whoever knows it may not tell for this purpose.
    """

    field: str
    concerned: int
    known: int
    verify: int
    ask: int
    withheld: int
    holders: tuple[Holder, ...]
    asked_by: tuple[str, ...]
    verdict: Verdict

    @property
    def share_known(self) -> float:
        """Of the residents concerned, those of whom it is known and fresh."""
        return self.known / max(self.concerned, 1)


@dataclass(frozen=True)
class Appraisal:
    """A form's items, and how many residents meet its target."""

    residents: int
    items: tuple[ItemAppraisal, ...]

    @property
    def is_needed(self) -> bool:
        """Whether any item is."""
        return any(item.verdict == "needed" for item in self.items)

    @property
    def unneeded(self) -> tuple[str, ...]:
        """Fields that the form had better not ask."""
        return tuple(item.field for item in self.items if item.verdict != "needed")


def appraise(
    con: duckdb.DuckDBPyConnection, contract: FormContract, forms: dict[str, FormContract]
) -> Appraisal:
    """Judge `contract` by the published night `con`, against the other `forms` in force.

    Raises:
        ConfigError: its target is no condition over a resident.
    """
    check_target(con, contract)
    sources = read_sources(con)
    ((day,),) = con.execute("SELECT max(business_date) FROM meta.night").fetchall()
    living = "r.grid_code IS NOT NULL AND r.death_date IS NULL"
    origin = f"""{people_sql(day)} r LEFT JOIN master.provenance p USING (resident_id)
        LEFT JOIN (SELECT NULL::VARCHAR AS resident_id, FALSE AS refuses) o USING (resident_id)
        LEFT JOIN (SELECT NULL::VARCHAR AS resident_id, NULL::VARCHAR[] AS fields) u
            USING (resident_id)
        WHERE {living} AND ({contract.target})"""
    residents = int(con.execute(f"SELECT count(*) FROM {origin}").fetchall()[0][0])
    items = []
    for item in contract.items:
        rows = con.execute(
            f"""SELECT {state_sql(item, contract, sources, day)} AS state, p."{item.field}_source",
                count(*), median(p."{item.field}_observed")::DATE FROM {origin} GROUP BY ALL"""
        ).fetchall()
        counts = dict.fromkeys(("known", "verify", "ask", "none", "withheld"), 0)
        held: dict[str, tuple[int, date | None]] = {}
        for state, source, n, observed in rows:
            if state is None:
                continue
            counts[state] += n
            if state in {"known", "verify", "withheld"}:
                name = sources.labels.get(source, "") if source is not None else ""
                before, since = held.get(name, (0, None))
                newest = max((d for d in (since, observed) if d is not None), default=None)
                held[name] = before + n, newest
        asked_by = tuple(
            other.title
            for other in forms.values()
            if other.form != contract.form
            and any(own.field == item.field and own.required for own in other.items)
            and other.target.strip().upper() in {"TRUE", contract.target.strip().upper()}
        )
        items.append(_judged(item.field, counts, held, asked_by))
    return Appraisal(residents, tuple(items))


def _judged(
    field: str,
    counts: dict[str, int],
    held: dict[str, tuple[int, date | None]],
    asked_by: tuple[str, ...],
) -> ItemAppraisal:
    concerned = sum(counts.values())
    verdict: Verdict = "needed"
    if counts["known"] >= ENOUGH * concerned:
        verdict = "known"
    elif counts["withheld"] >= ENOUGH * concerned:
        verdict = "withheld"
    elif asked_by:
        verdict = "asked"
    holders = tuple(
        Holder(name, n, observed)
        for name, (n, observed) in sorted(held.items(), key=lambda entry: (-entry[1][0], entry[0]))
    )
    return ItemAppraisal(
        field,
        concerned,
        counts["known"],
        counts["verify"],
        counts["ask"] + counts["none"],
        counts["withheld"],
        holders,
        asked_by,
        verdict,
    )
