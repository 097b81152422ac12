"""Records as a person reads them, and in which fields two of them say different things."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb

from pipelines.explain import texts
from pipelines.privacy import mask
from schemas.codes import code_list
from schemas.fields import FIELD, FIELDS

KEY_FIELDS = ("name", "former_name", "sex", "birth_date", "id_number", "phone", "address")
"""What a person compares first."""

# A value that is only less precise than another does not contradict it.
_BY_BEGINNING = ("birth_date", "address", "hukou_address")
# Codes of one group are more or less precise: 已婚 and 初婚; 子 and 长子.
_BY_FIRST = ("marital_status", "relation")


@dataclass(frozen=True)
class Card:
    """One record.

    Attributes:
        record_id: the record.
        source, role: Chinese name of its source, and the person's part in the row.
        observed: when the row was true.
        resident_id: the resident it belongs to.
        since: day from which it has belonged there.
        values: field → what it says, readable; fields it says nothing about are left out.
        remarks: field → what to know about the value.
        compared: field → forms of the value by which it is compared.
    """

    record_id: int
    source: str
    role: str
    observed: date | None
    resident_id: str | None
    since: date | None
    values: dict[str, str]
    remarks: dict[str, str]
    compared: dict[str, frozenset[str]]

    def masked(self) -> Card:
        """The card without personal values."""
        values = {name: mask(value) or "" for name, value in self.values.items()}
        return replace(self, values=values, compared={})


def read_cards(con: duckdb.DuckDBPyConnection, records: Iterable[int]) -> dict[int, Card]:
    """The cards of `records`, as far as they are in the published file."""
    result = con.execute(
        """
        SELECT r.*, coalesce(m.label, r.source) AS source_label, c.resident_id, x.since,
            s.is_open, s.held_id
        FROM std.record r
        LEFT JOIN meta.source m USING (source)
        LEFT JOIN link.cluster c USING (record_id)
        LEFT JOIN link.standing s USING (record_id)
        LEFT JOIN master.crosswalk x ON x.record_id = r.record_id AND x.until IS NULL
        WHERE r.record_id IN (SELECT unnest($records::BIGINT[]))
        """,
        {"records": list(records)},
    )
    names = [column[0] for column in result.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    corrected = _corrected(con, [row["record_id"] for row in rows])
    return {
        row["record_id"]: _card(row, corrected.get(row["record_id"], frozenset())) for row in rows
    }


def differs(field: str, one: Card, other: Card) -> bool:
    """Whether both say something about `field` that cannot both be true."""
    mine, theirs = one.compared.get(field), other.compared.get(field)
    if not mine or not theirs:
        return False
    return not any(_alike(field, a, b) for a in mine for b in theirs)


def readable(field: str, value: object) -> str:
    """The value of a canonical field; a code becomes its label."""
    codes = FIELD[field].codes
    return code_list(codes).values.get(str(value), str(value)) if codes else str(value)


def _corrected(con: duckdb.DuckDBPyConnection, records: list[int]) -> dict[int, frozenset[str]]:
    """The fields of `records` that their department corrected; none in a file of older layout."""
    if not con.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() "
        "AND schema_name = 'std' AND table_name = 'correction'"
    ).fetchall():
        return {}
    rows = con.execute(
        """SELECT record_id, list(field) FROM std.correction
        WHERE record_id IN (SELECT unnest(?::BIGINT[])) GROUP BY record_id""",
        [records],
    ).fetchall()
    return {record: frozenset(fields) for record, fields in rows}


def _card(row: dict[str, Any], corrected: frozenset[str]) -> Card:
    values = {f.name: readable(f.name, row[f.name]) for f in FIELDS if row[f.name] is not None}
    compared = {f.name: frozenset([str(row[f.name])]) for f in FIELDS if f.name in values}
    if row["name_key"]:
        compared["name"] = frozenset([row["name_key"]])
    if row["phones"]:
        values["phone"] = "、".join(row["phones"])
        compared["phone"] = frozenset(row["phones"])
    if place := row["dwelling_key"] or row["address_key"]:
        compared["address"] = frozenset([place.rstrip("|")])
    if row["birth_date"] and row["birth_precision"] in ("year", "month"):
        length = 4 if row["birth_precision"] == "year" else 7
        values["birth_date"] = str(row["birth_date"])[:length]
        compared["birth_date"] = frozenset([values["birth_date"]])
    number = row["id_number"] or row["id_partial"]
    if number:
        values["id_number"] = number
        compared["id_number"] = frozenset([number])
    return Card(
        record_id=row["record_id"],
        source=row["source_label"],
        role=texts.ROLES.get(row["role"], row["role"]),
        observed=row["observed_date"],
        resident_id=row["resident_id"],
        since=row["since"],
        values=values,
        remarks=_remarks(row, corrected, has_number=bool(number)),
        compared=compared,
    )


def _remarks(row: dict[str, Any], corrected: frozenset[str], *, has_number: bool) -> dict[str, str]:
    remarks: dict[str, str] = {}
    if row["birth_date"]:
        said = [texts.FROM_ID] if row["birth_from_id"] else []
        said += [text for kind, text in texts.PRECISION.items() if kind == row["birth_precision"]]
        remarks["birth_date"] = "，".join(said)
    if has_number:
        said = [text for kind, text in texts.ID_STATUS.items() if kind == row["id_status"]]
        if row["id17"] and row["is_open"]:
            said.append(texts.ID_OPEN if row["held_id"] else texts.ID_ANOTHERS)
        remarks["id_number"] = "，".join(said)
    for name in sorted(corrected):
        remarks[name] = "，".join(part for part in (remarks.get(name), texts.CORRECTED) if part)
    return {name: remark for name, remark in remarks.items() if remark}


def _alike(field: str, one: str, other: str) -> bool:
    if field in _BY_BEGINNING:
        return one.startswith(other) or other.startswith(one)
    if field in _BY_FIRST:
        return one[0] == other[0]
    if field == "id_number":
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(a == b or "*" in (a, b) for a, b in pairs)
    return one == other
