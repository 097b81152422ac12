"""Records side by side: fields as rows, what differs marked, numbers masked until they are asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any

from onegrid.review import texts
from onegrid.review.queries import SHOWN, Row
from pipelines.report.texts import DEFECT_LABELS
from schemas.fields import FIELD

HIDDEN = "•"
MOST_MARKED = 6
"""Two numbers that differ in more characters are two numbers, not one with a slip."""
LEAST_ALIKE = 0.5
"""Texts less alike than this differ as a whole; marks on single characters would mislead."""


@dataclass(frozen=True)
class Piece:
    """A run of characters; `differs` from what stands opposite."""

    text: str
    differs: bool = False


@dataclass(frozen=True)
class Cell:
    """One field of one record.

    Attributes:
        pieces: its text; empty: the record does not say.
        note: a remark in small print.
        elsewhere: for a principal record: how many of the resident's other records say otherwise.
    """

    pieces: tuple[Piece, ...] = ()
    note: str = ""
    elsewhere: int = 0

    @property
    def text(self) -> str:
        """The text without marks."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True)
class Line:
    """One field over all records. `state` of the two principal ones: same, differs, half or none.

    `half`: one of them does not say; `none`: neither does.
    """

    name: str
    label: str
    state: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    """One record. `side` is l or r; `is_main`: it is one of the two that the item is about."""

    record_id: int
    side: str
    is_main: bool
    source: str
    department: str
    role: str
    observed: date | None


@dataclass(frozen=True)
class Table:
    """Both residents' records: the principal ones first on their side."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    has_numbers: bool


def compare(
    left: list[Row], right: list[Row], pair: tuple[int, int], today: date, *, unmasked: bool = False
) -> Table:
    """The table of the records of two residents (see `queries.read_records`).

    Args:
        left, right: records of each resident; the two of `pair` are among them.
        pair: the principal record of either side, in this order.
        today: for ages.
        unmasked: show ID numbers and phones as they are.
    """
    sides = [
        sorted(records, key=lambda record: record["record_id"] not in pair)
        for records in (left, right)
    ]
    records = [record for side in sides for record in side]
    mains = [side[0] for side in sides]
    opposite = [mains[1]] * len(sides[0]) + [mains[0]] * len(sides[1])
    lines = []
    for name in SHOWN:
        cells = [
            _cell(name, record, other, today, unmasked)
            for record, other in zip(records, opposite, strict=True)
        ]
        if any(cell.pieces for cell in cells):
            for place, side in ((0, sides[0]), (len(sides[0]), sides[1])):
                cells[place] = replace(cells[place], elsewhere=_elsewhere(name, side))
            lines.append(Line(name, FIELD[name].label, _state(name, *mains), tuple(cells)))
    lines += _lists(records, len(sides[0]))
    columns = tuple(
        Column(
            record["record_id"],
            side,
            record in mains,
            record["source_label"],
            record["department_label"],
            texts.ROLES.get(record["role"], record["role"]),
            record["observed_date"],
        )
        for side, group in zip("lr", sides, strict=True)
        for record in group
    )
    return Table(columns, tuple(lines), any(_numbers(record) for record in records))


def age(birth: date | None, today: date) -> str:
    """``46岁``; empty if the birth date is not known."""
    if birth is None:
        return ""
    return f"{today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))}岁"


# What a record says


def _value(name: str, record: Row) -> str:
    if name == "id_number":
        return str(record["id_number"] or record["id_partial"] or "")
    if name == "phone":
        return "、".join(record["phones"] or [record["phone"] or ""])
    value = record[name]
    return "" if value is None else texts.coded(name, value)


def _numbers(record: Row) -> str:
    return _value("id_number", record) + _value("phone", record)


def _note(name: str, record: Row, today: date) -> str:
    if name == "birth_date":
        parts = [age(record["birth_date"], today)]
        parts.append("取自证号" if record["birth_from_id"] else "")
        parts.append(texts.PRECISION.get(record["birth_precision"] or "", ""))
        return "，".join(part for part in parts if part)
    if name == "id_number":
        status = record["id_status"]
        said = "" if status in {"valid", "missing"} else texts.ID_STATUS.get(status, status)
        if status in {"valid", "upgraded", "conflict"} and not record["holds_id"]:
            return "，".join(part for part in (said, "归属待定") if part)
        return said
    if name == "name":
        return record["name_pinyin"] or ""
    return ""


# What differs


def _same(name: str, one: Row, other: Row) -> bool:
    if name == "name":
        return bool(one["name_key"] == other["name_key"])
    if name == "phone":
        return bool(set(one["phones"] or ()) & set(other["phones"] or ()))
    a, b = _value(name, one), _value(name, other)
    if name == "id_number":
        return len(a) == len(b) and all(
            x == y or "*" in (x, y) for x, y in zip(a, b, strict=True)
        )
    if name == "address" and one["address_key"] and other["address_key"]:
        return bool(one["address_key"] == other["address_key"])
    if name in {"address", "hukou_address"}:
        return a.endswith(b) or b.endswith(a)
    return a == b


def _state(name: str, one: Row, other: Row) -> str:
    told = [bool(_value(name, record)) for record in (one, other)]
    if not all(told):
        return "half" if any(told) else "none"
    return "same" if _same(name, one, other) else "differs"


def _elsewhere(name: str, side: list[Row]) -> int:
    main, *others = side
    return sum(bool(_value(name, o)) and not _same(name, main, o) for o in others)


def _cell(name: str, record: Row, other: Row, today: date, unmasked: bool) -> Cell:
    value, opposite = _value(name, record), _value(name, other)
    if not value:
        return Cell()
    same = bool(opposite) and _same(name, record, other)
    note = _note(name, record, today)
    if name == "phone":
        shown = [_phone(number, other, unmasked) for number in value.split("、")]
        pieces = [piece for number in shown for piece in (Piece("\n"), *number)][1:]
        return Cell(tuple(pieces), note)
    marks = _marks(name, value, opposite) if opposite and not same else [False] * len(value)
    if name == "id_number" and not unmasked:
        return Cell(_masked(value, marks, keep=(0, 0) if opposite else (3, 2)), note)
    if same and value != opposite and name != "id_number":
        note = "，".join(part for part in (note, "写法不同") if part)
    return Cell(_pieces(value, marks), note)


def _phone(number: str, other: Row, unmasked: bool) -> tuple[Piece, ...]:
    others = other["phones"] or []
    like = min(others, key=lambda o: sum(_positions(number, o)), default="")
    marks = _positions(number, like) if like else [False] * len(number)
    return _pieces(number, marks) if unmasked else _masked(number, marks, keep=(3, 2))


def _marks(name: str, value: str, opposite: str) -> list[bool]:
    """For every character of `value`, whether it differs from `opposite`."""
    if name in {"name", "former_name", "id_number", "birth_date"} and len(value) == len(opposite):
        return _positions(value, opposite)
    matcher = SequenceMatcher(None, value, opposite, autojunk=False)
    if name not in {"id_number", "address", "hukou_address"} or matcher.ratio() < LEAST_ALIKE:
        return [True] * len(value)
    marks = [True] * len(value)
    for block in matcher.get_matching_blocks():
        marks[block.a : block.a + block.size] = [False] * block.size
    return marks


def _positions(value: str, opposite: str) -> list[bool]:
    if len(value) != len(opposite):
        return [True] * len(value)
    return [a != b and "*" not in (a, b) for a, b in zip(value, opposite, strict=True)]


def _pieces(value: str, marks: list[bool]) -> tuple[Piece, ...]:
    runs = groupby(zip(value, marks, strict=True), key=lambda pair: pair[1])
    return tuple(Piece("".join(c for c, _ in run), differs) for differs, run in runs)


def _masked(value: str, marks: list[bool], *, keep: tuple[int, int]) -> tuple[Piece, ...]:
    """Only what differs is shown; of a number that is another one altogether, head and tail."""
    shown = marks
    if sum(marks) > MOST_MARKED or not any(marks):
        head, tail = (3, 2) if any(marks) else keep
        shown = [i < head or i >= len(value) - tail for i in range(len(value))]
        marks = [False] * len(value)
    text = "".join(c if is_shown else HIDDEN for c, is_shown in zip(value, shown, strict=True))
    return _pieces(text, marks)


# What hangs on a record


def _lists(records: list[Row], left: int) -> list[Line]:
    """Benefits, insurances and what cleaning found, a line each where any record has some."""
    kinds: list[tuple[str, str, Callable[[Row], list[str]]]] = [
        ("benefits", "领取待遇", lambda record: [_benefit(b) for b in record["benefits"]]),
        ("insurances", "参保情况", lambda record: [_insurance(i) for i in record["insurances"]]),
        ("defects", "问题数据", _defects),
    ]
    lines = []
    for name, label, told in kinds:
        cells = tuple(Cell(_lines(told(record))) for record in records)
        if any(cell.pieces for cell in cells):
            both = bool(cells[0].pieces) + bool(cells[left].pieces)
            lines.append(Line(name, label, ("none", "half", "half")[both], cells))
    return lines


def _lines(parts: list[str]) -> tuple[Piece, ...]:
    return (Piece("\n".join(parts)),) if parts else ()


def _benefit(row: dict[str, Any]) -> str:
    amount = f" {row['amount']:,.0f}元/月" if row["amount"] is not None else ""
    since = f"（{row['since']:%Y-%m}起）" if row["since"] else ""
    until = f"（至{row['until']:%Y-%m}）" if row["until"] else ""
    return f"{texts.BENEFITS.get(row['kind'], row['kind'])}{amount}{until or since}"


def _insurance(row: dict[str, Any]) -> str:
    status = texts.INSURANCE_STATUS.get(row["status"], row["status"] or "")
    return f"{texts.INSURANCES.get(row['kind'], row['kind'])} {status}".strip()


def _defects(record: Row) -> list[str]:
    return [
        DEFECT_LABELS.get(defect["kind"], defect["kind"])
        for defect in record["defects"]
        if defect["severity"] != "info"
    ]
