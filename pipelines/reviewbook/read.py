"""Read a review workbook that came back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from pipelines.deliver.handout import cell_text, read_batch, reading
from pipelines.errors import OnegridError
from pipelines.extract.guard import Unreadable
from pipelines.reviewbook import texts
from pipelines.reviewbook.items import LAYOUT, Pair, name_of, row_digest
from pipelines.reviewbook.write import COLUMNS, DIGESTED, HEADER_ROW, KIND, META
from schemas.district import District

MOST_ROWS = 200_000
LONGEST_REASON = 200
_NUMBER = re.compile(r"\d{7,}")


class UnusableBook(OnegridError):
    """The file as a whole cannot be taken; the message is Chinese and says what to do."""


@dataclass(frozen=True)
class Answer:
    """One item that came back.

    Attributes:
        row: its first row in the sheet.
        review_id: as it stands there.
        pair: the records it is about.
        word, content: the last decision and the records' content when it was handed out.
        verdict: always, never, unsure; empty: not filled in.
        reason: why, as the reviewer wrote it.
        problem: why it cannot be taken (Chinese); None: it can, as far as the file goes.
    """

    row: int
    review_id: str
    pair: Pair | None
    word: int
    content: str
    verdict: str
    reason: str
    problem: str | None


def read_book(path: Path, district: District) -> list[Answer]:
    """The answers of a workbook in the order of its rows.

    Raises:
        UnusableBook: it is no workbook of this district's queue, or its layout was changed.
    """
    try:
        with reading(path) as book:
            _check_batch(book, district)
            rows = dict(_rows(_sheet(book, texts.QUEUE)))
    except Unreadable as error:
        raise UnusableBook(texts.UNREADABLE[error.code]) from error
    return _answers(rows)


def _sheet(book: Workbook, name: str) -> Any:
    if name not in book.sheetnames:
        raise UnusableBook(texts.SHEET_MISSING.format(sheet=name))
    return book[name]


def _check_batch(book: Workbook, district: District) -> None:
    if texts.BATCH not in book.sheetnames:
        raise UnusableBook(texts.NOT_OURS)
    said = read_batch(_sheet(book, texts.BATCH), META)
    if said.get("kind") != KIND:
        raise UnusableBook(texts.NOT_OURS)
    if said.get("layout") != str(LAYOUT):
        raise UnusableBook(texts.OTHER_LAYOUT.format(theirs=said.get("layout"), ours=LAYOUT))
    if (said.get("township"), said.get("district")) != (district.township_code, district.name):
        theirs = said.get("district") or ""
        raise UnusableBook(texts.ELSEWHERE.format(theirs=theirs, ours=district.name))


def _rows(sheet: Any) -> Iterator[tuple[int, dict[str, str]]]:
    """Row number and its cells, of rows that are not empty."""
    sheet.reset_dimensions()
    wide = len(COLUMNS) + 1
    for number, row in enumerate(
        sheet.iter_rows(min_row=HEADER_ROW, max_row=MOST_ROWS, max_col=wide), start=HEADER_ROW
    ):
        cells = [cell_text(cell) for cell in row]
        cells += [""] * (wide - len(cells))
        if number == HEADER_ROW:
            if cells != [*texts.HEADERS.values(), ""]:
                raise UnusableBook(texts.COLUMNS_CHANGED)
        elif any(cells):
            yield number, dict(zip(COLUMNS, cells[:-1], strict=True))


def _answers(rows: dict[int, dict[str, str]]) -> list[Answer]:
    items: dict[str, list[int]] = {}
    found = []
    for number, cells in rows.items():
        if cells["review_id"]:
            items.setdefault(cells["review_id"], []).append(number)
        else:
            found.append(Answer(number, "", None, 0, "", "", "", texts.NAMELESS))
    for review_id, numbers in items.items():
        found.append(_answer(review_id, numbers[0], [rows[number] for number in numbers]))
    return sorted(found, key=lambda answer: answer.row)


def _answer(review_id: str, row: int, rows: list[dict[str, str]]) -> Answer:
    said = {cells["verdict"] for cells in rows} - {""}
    verdict = texts.VERDICTS.get(next(iter(said), ""), "")
    reason = "；".join(cells["reason"] for cells in rows if cells["reason"])
    pair, word, content = None, 0, rows[0]["content"]
    problem = None
    if [cells["side"] for cells in rows] != ["L", "R"]:
        problem = texts.INCOMPLETE
    elif not _is_whole(rows):
        problem = texts.CHANGED
    else:
        left, right = (int(cells["record"]) for cells in rows)
        pair, word = (left, right), int(rows[0]["word"])
        if name_of(pair) != review_id:
            problem = texts.UNKNOWN
        elif len(said) > 1:
            problem = texts.CONTRADICTORY
        elif said and not verdict:
            problem = texts.INVALID
        elif len(reason) > LONGEST_REASON:
            problem = texts.LONG_REASON
        elif _NUMBER.search(reason):
            problem = texts.NUMBER_IN_REASON
    return Answer(row, review_id, pair, word, content, verdict, reason, problem)


def _is_whole(rows: list[dict[str, str]]) -> bool:
    """Whether both rows say what was handed out, as far as the digest shows."""
    digest = row_digest(cells[name] for cells in rows for name in DIGESTED)
    numeric = all(cells[name].isascii() and cells[name].isdigit() for cells in rows
                  for name in ("record", "word"))  # fmt: skip
    return numeric and all(cells["digest"] == digest for cells in rows)
