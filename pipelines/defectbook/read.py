"""Read a defect workbook that came back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from pipelines.defectbook import texts
from pipelines.defectbook.write import (
    ANSWERS,
    COLUMNS,
    DIGESTED,
    HEADER_ROW,
    KIND,
    LAYOUT,
    META,
    name_of,
    row_digest,
)
from pipelines.deliver.handout import cell_text, read_batch, reading
from pipelines.errors import OnegridError
from pipelines.extract.guard import Unreadable
from schemas.district import District
from schemas.source import DEPARTMENT_LABELS

MOST_ROWS = 100_000
LONGEST, LONGEST_HANDLER = 200, 20
_NUMBER = re.compile(r"\d{7,}")


class UnusableBook(OnegridError):
    """The file as a whole cannot be taken; the message is Chinese and says what to do."""


@dataclass(frozen=True)
class Row:
    """One row that came back.

    Attributes:
        row: its number in the sheet.
        record_id, source, field, kind, row_hash: which defect, of which version of the row.
        verdict: key of `texts.TAKEN` or empty: not filled in.
        value, handler, remark: as they were written.
        problem: why it cannot be taken (Chinese); None: it can, as far as the file goes.
    """

    row: int
    record_id: int = 0
    source: str = ""
    field: str = ""
    kind: str = ""
    row_hash: int = 0
    verdict: str = ""
    value: str = ""
    handler: str = ""
    remark: str = ""
    problem: str | None = None


@dataclass(frozen=True)
class Came:
    """A workbook that came back: whose it is, and its rows."""

    department: str
    month: str
    rows: list[Row]


def read_book(path: Path, district: District) -> Came:
    """The answers of a workbook in the order of its rows.

    Raises:
        UnusableBook: it is no defect workbook of this district, or its layout was changed.
    """
    if path.is_symlink():
        raise UnusableBook(texts.LINK)
    try:
        with reading(path) as book:
            said = _batch(book, district)
            rows = _rows(_sheet(book, texts.LIST), said["department"])
    except Unreadable as error:
        raise UnusableBook(texts.UNREADABLE[error.code]) from error
    return Came(said["department"], said["month"], rows)


def _sheet(book: Workbook, name: str) -> Any:
    if name not in book.sheetnames:
        raise UnusableBook(texts.SHEET_MISSING.format(sheet=name))
    return book[name]


def _batch(book: Workbook, district: District) -> dict[str, str]:
    if texts.BATCH not in book.sheetnames:
        raise UnusableBook(texts.NOT_OURS)
    said = read_batch(book[texts.BATCH], META)
    if said.get("kind") != KIND or said.get("department") not in DEPARTMENT_LABELS:
        raise UnusableBook(texts.NOT_OURS)
    if said.get("layout") != str(LAYOUT):
        raise UnusableBook(texts.OTHER_LAYOUT.format(theirs=said.get("layout"), ours=LAYOUT))
    if (said.get("township"), said.get("district")) != (district.township_code, district.name):
        theirs = said.get("district") or ""
        raise UnusableBook(texts.ELSEWHERE.format(theirs=theirs, ours=district.name))
    return {name: said.get(name, "")[:32] for name in META}


def _rows(sheet: Any, department: str) -> list[Row]:
    sheet.reset_dimensions()
    wide = len(COLUMNS) + 1
    found: list[Row] = []
    for number, row in enumerate(
        sheet.iter_rows(min_row=HEADER_ROW, max_row=MOST_ROWS, max_col=wide), start=HEADER_ROW
    ):
        cells = [cell_text(cell) for cell in row]
        cells += [""] * (wide - len(cells))
        if number == HEADER_ROW:
            if cells != [*texts.HEADERS.values(), ""]:
                raise UnusableBook(texts.COLUMNS_CHANGED)
        elif any(cells):
            found.append(_row(number, dict(zip(COLUMNS, cells[:-1], strict=True)), department))
    return _only_once(found)


def _row(number: int, cells: dict[str, str], department: str) -> Row:
    if not cells["defect_id"]:
        return Row(number, problem=texts.NAMELESS)
    if not _is_whole(cells, department):
        return Row(number, problem=texts.CHANGED)
    verdict, value = cells["verdict"], cells["value"]
    if value and not verdict:
        verdict = "已更正"
    return Row(
        row=number,
        record_id=int(cells["record"]),
        source=cells["source_name"],
        field="" if cells["field_name"] == "-" else cells["field_name"],
        kind=cells["kind"],
        row_hash=int(cells["version"]),
        verdict=texts.VERDICTS.get(verdict, ""),
        value=value,
        handler=cells["handler"],
        remark=cells["remark"],
        problem=_problem(cells, verdict),
    )


def _problem(cells: dict[str, str], verdict: str) -> str | None:
    if verdict and verdict not in texts.VERDICTS:
        return texts.INVALID
    if cells["value"] and texts.VERDICTS[verdict] != "mended":
        return texts.CONTRADICTORY
    if cells["value"] and cells["field_name"] == "-":
        return texts.WHOLE
    if cells["remark"] and not verdict:
        return texts.NO_VERDICT
    if len(cells["remark"]) > LONGEST:
        return texts.LONG_REMARK
    if len(cells["value"]) > LONGEST:
        return texts.LONG_VALUE
    if len(cells["handler"]) > LONGEST_HANDLER:
        return texts.LONG_HANDLER
    if _NUMBER.search(cells["remark"]) or _NUMBER.search(cells["handler"]):
        return texts.NUMBER_IN_REMARK
    return None


def _is_whole(cells: dict[str, str], department: str) -> bool:
    """Whether the row says what was handed out, as far as the digest shows."""
    numeric = all(
        cells[name].isascii() and cells[name].isdigit() and len(cells[name]) < 20
        for name in ("record", "version")
    )
    if not numeric or cells["department"] != department:
        return False
    field = "" if cells["field_name"] == "-" else cells["field_name"]
    named = name_of(int(cells["record"]), field, cells["kind"])
    digest = row_digest(cells[name] for name in DIGESTED)
    return named == cells["defect_id"] and digest == cells["digest"]


def _only_once(rows: list[Row]) -> list[Row]:
    """Copies of a row count once; those that differ in their answers are refused."""
    kept: dict[object, Row] = {}
    for row in rows:
        key = (row.record_id, row.field, row.kind) if row.record_id else row.row
        before = kept.get(key)
        if before is None:
            kept[key] = row
        elif any(getattr(before, name) != getattr(row, name) for name in ANSWERS):
            kept[key] = Row(before.row, problem=texts.TWICE)
    return list(kept.values())
