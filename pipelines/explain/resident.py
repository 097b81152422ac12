"""Explain one resident from a published file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import duckdb

from pipelines.errors import OnegridError
from pipelines.explain import texts
from pipelines.explain.cells import Origin, read_origins
from pipelines.explain.history import Event, Left, follow, read_events, read_left
from pipelines.explain.records import KEY_FIELDS, Card, differs, read_cards
from pipelines.explain.ties import (
    MOST_APART,
    Contest,
    Rival,
    read_contests,
    read_rivals,
    strongest_links,
)
from pipelines.home import Home
from pipelines.link.explain import Evidence, pair_evidence
from pipelines.privacy import scrub


class UnknownResident(OnegridError):
    """No resident has, or ever had, this id."""


@dataclass(frozen=True)
class Apart:
    """A resident that is kept apart, and the evidence on the pair in question."""

    rival: Rival
    evidence: Evidence


@dataclass(frozen=True)
class Explanation:
    """One resident.

    Attributes:
        resident_id: the id asked for.
        night, business_date: the published night that is explained.
        leads_to: the id in force it leads to; itself if it is in force; None: it has ended.
        records: the records behind it, oldest membership first. An id out of force has none.
        differing: record → key fields in which it contradicts the value of the master.
        links: the pairs that hold the records together, strongest first.
        apart: residents kept apart, and `apart_more` further ones.
        contests: ID numbers on its records that other residents carry too.
        history: events of the id.
        left: records that once belonged to it.
        cells: the origin of every value.
    """

    resident_id: str
    night: int
    business_date: date
    leads_to: str | None
    records: tuple[Card, ...]
    differing: dict[int, frozenset[str]]
    links: tuple[Evidence, ...]
    apart: tuple[Apart, ...]
    apart_more: int
    contests: tuple[Contest, ...]
    history: tuple[Event, ...]
    left: tuple[Left, ...]
    cells: tuple[Origin, ...]

    def masked(self) -> Explanation:
        """The same without personal values: all values masked, numbers in reasons scrubbed."""
        return replace(
            self,
            records=tuple(card.masked() for card in self.records),
            links=tuple(_scrubbed(evidence) for evidence in self.links),
            apart=tuple(replace(a, evidence=_scrubbed(a.evidence)) for a in self.apart),
            cells=tuple(cell.masked() for cell in self.cells),
        )


def explain_resident(con: duckdb.DuckDBPyConnection, home: Home, resident_id: str) -> Explanation:
    """Why the records of a resident are together, where its values come from, what became of it.

    Args:
        con: a published file, read only (see `Home.published`).
        home: where the model of its night is.
        resident_id: in force or not.

    Raises:
        UnknownResident: there is and was no such resident; the message is Chinese.
        OnegridError: the night's model is gone.
    """
    rows = con.execute(
        "SELECT max(night), arg_max(business_date, night) FROM meta.night"
    ).fetchall()
    night, business_date = rows[0]
    history = read_events(con, resident_id)
    leads_to = follow(con, resident_id)
    if not history and leads_to is None:
        raise UnknownResident(texts.UNKNOWN.format(resident_id=resident_id, night=night))
    members = [
        record
        for (record,) in con.execute(
            "SELECT record_id FROM link.cluster WHERE resident_id = ?", [resident_id]
        ).fetchall()
    ]
    cards = read_cards(con, members)
    cells = read_origins(con, resident_id, cards)
    rivals = read_rivals(con, resident_id)
    told = rivals[:MOST_APART]
    against = pair_evidence(con, home, [(rival.record_l, rival.record_r) for rival in told])
    return Explanation(
        resident_id=resident_id,
        night=night,
        business_date=business_date,
        leads_to=leads_to,
        records=tuple(
            sorted(cards.values(), key=lambda c: (c.since or date.max, c.source, c.record_id))
        ),
        differing=_differing(cells, cards),
        links=tuple(pair_evidence(con, home, strongest_links(con, members))),
        apart=tuple(Apart(rival, found) for rival, found in zip(told, against, strict=True)),
        apart_more=len(rivals) - len(told),
        contests=read_contests(con, resident_id, members),
        history=history,
        left=read_left(con, resident_id),
        cells=cells,
    )


def _differing(cells: tuple[Origin, ...], cards: dict[int, Card]) -> dict[int, frozenset[str]]:
    chosen = {cell.field: cards.get(cell.record_id or 0) for cell in cells}
    return {
        record: frozenset(
            field
            for field in KEY_FIELDS
            for best in [chosen.get(field)]
            if best is not None and differs(field, card, best)
        )
        for record, card in cards.items()
    }


def _scrubbed(evidence: Evidence) -> Evidence:
    if evidence.decision is None:
        return evidence
    reason = scrub(evidence.decision.reason)
    return replace(evidence, decision=replace(evidence.decision, reason=reason))
