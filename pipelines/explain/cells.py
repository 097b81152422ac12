"""The origin of every value of one resident, and what other records say instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import duckdb

from pipelines.explain import texts
from pipelines.explain.records import Card, differs, readable
from pipelines.privacy import mask
from schemas.fields import FIELDS


@dataclass(frozen=True)
class Said:
    """Another value: what it is, the source that says so, since when, in how many records."""

    value: str
    source: str
    observed: date | None
    records: int
    remark: str


@dataclass(frozen=True)
class Origin:
    """One value of the resident.

    Attributes:
        field, label: the field and its Chinese name.
        value: readable.
        source, observed, record_id: where it was taken from.
        rule: what the survivorship rule prefers, in Chinese.
        contested: another record says otherwise, so that the form asks again.
        others: what other records say that cannot be true as well, newest first.
    """

    field: str
    label: str
    value: str
    source: str
    observed: date | None
    record_id: int | None
    rule: str
    contested: bool
    others: tuple[Said, ...]

    def masked(self) -> Origin:
        """The same without personal values."""
        others = tuple(replace(said, value=mask(said.value) or "") for said in self.others)
        return replace(self, value=mask(self.value) or "", others=others)


def read_origins(
    con: duckdb.DuckDBPyConnection, resident_id: str, cards: Mapping[int, Card]
) -> tuple[Origin, ...]:
    """The values of the resident, in the order of the fields; `cards` are its records."""
    columns = ", ".join(
        f"""r."{f.name}", p."{f.name}_record", p."{f.name}_observed",
        p."{f.name}_contested" """
        for f in FIELDS
    )
    sources = ", ".join(
        f"""(SELECT label FROM meta.source WHERE source_no = p."{f.name}_source")""" for f in FIELDS
    )
    rows = con.execute(
        f"""SELECT {columns}, {sources}
        FROM master.resident r JOIN master.provenance p USING (resident_id)
        WHERE resident_id = ?""",
        [resident_id],
    ).fetchall()
    if not rows:
        return ()
    (row,) = rows
    origins = []
    for place, field in enumerate(FIELDS):
        value, record, observed, contested = row[4 * place : 4 * place + 4]
        if value is None:
            continue
        origins.append(
            Origin(
                field=field.name,
                label=field.label,
                value=readable(field.name, value),
                source=row[4 * len(FIELDS) + place] or "",
                observed=observed,
                record_id=record,
                rule=texts.RULES[field.survivor.value],
                contested=bool(contested),
                others=_others(field.name, cards.get(record), cards),
            )
        )
    return tuple(origins)


def _others(field: str, chosen: Card | None, cards: Mapping[int, Card]) -> tuple[Said, ...]:
    if chosen is None:
        return ()
    said: dict[str, list[Card]] = {}
    for card in cards.values():
        if differs(field, card, chosen):
            said.setdefault(card.values[field], []).append(card)
    found = []
    for value, by in said.items():
        newest = max(by, key=lambda card: (card.observed or date.min, -card.record_id))
        remark = newest.remarks.get(field, "")
        found.append(Said(value, newest.source, newest.observed, len(by), remark))
    return tuple(sorted(found, key=lambda s: (s.observed or date.min, s.records), reverse=True))
