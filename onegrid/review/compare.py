"""Records side by side: what differs is marked, numbers are masked until somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from difflib import SequenceMatcher
from itertools import groupby

from onegrid.review import texts
from onegrid.review.queries import Record, Row
from pipelines.explain.records import Card, differs
from pipelines.report.texts import DEFECT_LABELS
from schemas.fields import FIELDS

HIDDEN = "•"
MOST_MARKED = 6
"""Two numbers that differ in more characters are two numbers, not one with a slip."""
LEAST_ALIKE = 0.5
"""Texts less alike than this differ as a whole; marks on single characters would mislead."""

_NAMES = {"name", "former_name"}
_BY_POSITION = {*_NAMES, "id_number", "birth_date"}
_BY_CHARACTER = {"id_number", "address", "hukou_address"}


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
    left: list[Record],
    right: list[Record],
    pair: tuple[int, int],
    today: date,
    *,
    unmasked: bool = False,
) -> Table:
    """The table of the records of two residents.

    Args:
        left, right: records of each resident; the two of `pair` are among them.
        pair: the principal record of either side.
        today: for ages.
        unmasked: show ID numbers and phones as they are.
    """
    sides = [
        sorted(records, key=lambda record: record.card.record_id not in pair)
        for records in (left, right)
    ]
    one, other = sides[0][0], sides[1][0]
    faced = [*((record, other) for record in sides[0]), *((record, one) for record in sides[1])]
    lines = []
    for field in FIELDS:
        cells = [_cell(field.name, record, face, today, unmasked) for record, face in faced]
        if any(cell.pieces for cell in cells):
            for place, side in ((0, sides[0]), (len(sides[0]), sides[1])):
                cells[place] = replace(cells[place], elsewhere=_elsewhere(field.name, side))
            state = _state(field.name, one.card, other.card)
            lines.append(Line(field.name, field.label, state, tuple(cells)))
    records = [record for record, _ in faced]
    columns = tuple(
        Column(
            record.card.record_id,
            side,
            record in (one, other),
            record.card.source,
            record.department,
            record.card.role,
            record.card.observed,
        )
        for side, group in zip("lr", sides, strict=True)
        for record in group
    )
    return Table(columns, (*lines, *_lists(records, len(sides[0]))), _has_numbers(records))


def age(birth: date | None, today: date) -> str:
    """``46岁``; empty if the birth date is not known."""
    if birth is None:
        return ""
    return f"{today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))}岁"


def hidden(value: str) -> str:
    """An ID number, or phones, with head and tail alone."""
    numbers = (_masked(number, [False] * len(number), keep=(3, 2)) for number in value.split("、"))
    return "、".join("".join(piece.text for piece in pieces) for pieces in numbers)


def _has_numbers(records: list[Record]) -> bool:
    return any({"id_number", "phone"} & record.card.values.keys() for record in records)


# What differs


def _same(name: str, one: Card, other: Card) -> bool:
    """Whether both say something about the field, and it can be the same."""
    if name not in one.values or name not in other.values:
        return False
    if not differs(name, one, other):
        return True
    # An address may leave out the province that another begins with.
    a, b = one.values[name], other.values[name]
    return name in {"address", "hukou_address"} and (a.endswith(b) or b.endswith(a))


def _state(name: str, one: Card, other: Card) -> str:
    told = (name in one.values) + (name in other.values)
    if told < 2:
        return ("none", "half")[told]
    return "same" if _same(name, one, other) else "differs"


def _elsewhere(name: str, side: list[Record]) -> int:
    main, *others = (record.card for record in side)
    return sum(name in card.values and not _same(name, main, card) for card in others)


def _cell(name: str, record: Record, other: Record, today: date, unmasked: bool) -> Cell:
    card, face = record.card, other.card
    value, opposite = card.values.get(name, ""), face.values.get(name, "")
    if not value:
        return Cell()
    same = _same(name, card, face)
    notes = [card.remarks.get(name, "")]
    if name == "name":
        notes.append(record.pinyin)
    if name == "birth_date" and len(value) == len("2000-01-01"):
        notes.insert(0, age(date.fromisoformat(value), today))
    if same and value != opposite and name not in {"id_number", "phone"}:
        notes.append("写法不同")
    note = "，".join(filter(None, notes))
    if name == "phone":
        numbers = [_phone(number, opposite, unmasked) for number in value.split("、")]
        return Cell(
            tuple(piece for number in numbers for piece in (Piece("\n"), *number))[1:], note
        )
    marks = _marks(name, value, opposite) if opposite and not same else [False] * len(value)
    if name == "id_number" and not unmasked:
        return Cell(_masked(value, marks, keep=(0, 0) if opposite else (3, 2)), note)
    return Cell(_pieces(value, marks), note)


def _phone(number: str, others: str, unmasked: bool) -> tuple[Piece, ...]:
    like = min(others.split("、"), key=lambda o: sum(_positions(number, o)))
    marks = _positions(number, like) if like else [False] * len(number)
    return _pieces(number, marks) if unmasked else _masked(number, marks, keep=(3, 2))


def _marks(name: str, value: str, opposite: str) -> list[bool]:
    """For every character of `value`, whether it differs from `opposite`."""
    if name in _BY_POSITION and len(value) == len(opposite):
        return _positions(value, opposite)
    matcher = SequenceMatcher(None, value, opposite, autojunk=False)
    marks = [True] * len(value)
    if name in _NAMES or (name in _BY_CHARACTER and matcher.ratio() >= LEAST_ALIKE):
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


def _lists(records: list[Record], left: int) -> list[Line]:
    """Benefits, insurances and what cleaning found, a line each where any record has some."""
    kinds: list[tuple[str, str, Callable[[Record], list[str]]]] = [
        ("benefits", "领取待遇", lambda record: [_benefit(b) for b in record.benefits]),
        ("insurances", "参保情况", lambda record: [_insurance(i) for i in record.insurances]),
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


def _benefit(row: Row) -> str:
    amount = f" {row['amount']:,.0f}元/月" if row["amount"] is not None else ""
    since = f"（{row['since']:%Y-%m}起）" if row["since"] else ""
    until = f"（至{row['until']:%Y-%m}）" if row["until"] else ""
    return f"{texts.BENEFITS.get(row['kind'], row['kind'])}{amount}{until or since}"


def _insurance(row: Row) -> str:
    status = texts.INSURANCE_STATUS.get(row["status"], row["status"] or "")
    return f"{texts.INSURANCES.get(row['kind'], row['kind'])} {status}".strip()


def _defects(record: Record) -> list[str]:
    return [
        str(DEFECT_LABELS.get(defect["kind"], defect["kind"]))
        for defect in record.defects
        if defect["severity"] != "info"
    ]
