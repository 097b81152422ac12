"""Read one workbook into a Parquet file; runs in a child process that may be sacrificed."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

import python_calamine as calamine

from pipelines.extract import rows as kinds
from pipelines.extract.block import BLOCK, BlockReader
from pipelines.extract.book import Book, opened
from pipelines.extract.findings import Findings, shown
from pipelines.extract.guard import FarCells, Unreadable, inspect
from pipelines.extract.header import DEEPEST, SEARCHED_ROWS, HeaderFinder
from pipelines.extract.parsed import ParsedRows
from pipelines.extract.people import Frame
from pipelines.extract.plain import PlainSheet
from pipelines.extract.signs import Signboard, Signs
from pipelines.extract.values import cell
from pipelines.extract.words import Vocabulary
from schemas.source import SourceMap

_BELOW_HEADER = 20
_SEARCHED_FIRST = 8 << 20
"""Bytes of a sheet that are unpacked and searched for far-off cells before it is read; the rest
meanwhile."""
_WIDEST = 16_384
"""Columns of a sheet, in any program; a damaged cell may claim to stand in the 65,000th."""
_PERHAPS = re.compile(
    r"(?i)sheet\s*\d*|工作表\s*\d*|表\s*\d*|.{1,12}(?:村|社区|[村居]委会|组|队|片区?)"
)
_OLD = re.compile(r"旧|原表|往年|上年|去年|历史|副本|备份|模板|样表")
_GONE = re.compile(r"死亡|已故|去世|迁出|注销|作废|停用")


@dataclass
class Sheet:
    """What one sheet gave: the date it states, how many rows, what was found odd."""

    title: str
    observed: str | None
    rows: int
    findings: Findings


def read_workbook(
    path: Path,
    target: Path,
    source: SourceMap,
    today: date,
    give_up: Callable[[Unreadable], None] | None = None,
) -> dict[str, Any]:
    """Write the rows of all sheets that match to `target`.

    Args:
        path: the workbook.
        target: becomes a Parquet file.
        source: the map.
        today: dates after it are slips of the pen.
        give_up: called at once, from another thread, where going on would fill the memory; what
            would be raised later.

    Returns:
        rows, observed, sheets_without_header, findings (as of `Finding`); stated: sheet → the date
        that itself states; and taken: how many rows were a person, blank, a total, …: every row
        of the sheets that were read is one of them, once for each table it runs through.

    Raises:
        Unreadable: the file cannot be used; `code` says why.
    """
    gc.disable()  # millions of cells and no cycles: looking for some costs a sixth of the time
    try:
        with opened(path, source, target.with_suffix(".open"), _SEARCHED_FIRST) as book:
            finder = HeaderFinder(Vocabulary(source))
            choice = _choose(book, source)
            if not choice.asked and not choice.perhaps:
                raise Unreadable("no_sheet")
            board = Signboard(book.path)
            if book.left.difference(board.sheets.values()):
                inspect(book.path)
            with ParsedRows(target, source) as parsed:
                read = {
                    title: _read_sheet(
                        book,
                        title,
                        source,
                        today,
                        parsed,
                        finder=finder,
                        look=partial(_look, board, title, book.left, give_up),
                        counts_from_1904=board.counts_from_1904,
                    )
                    for title in (*choice.asked, *choice.perhaps)
                }
    except calamine.PasswordError as error:
        raise Unreadable("password") from error
    except (calamine.CalamineError, OSError, ValueError, ParseError, BadZipFile) as error:
        raise Unreadable("not_a_workbook") from error
    except MemoryError as error:
        raise Unreadable("too_large") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what Rust raises; no module has it
            raise
        raise Unreadable("not_a_workbook") from error
    finally:
        gc.enable()
    sheets = [sheet for sheet in read.values() if sheet is not None]
    if not sheets:
        raise Unreadable("no_header" if choice.asked else "no_sheet")
    stated = {sheet.title: sheet.observed for sheet in sheets if sheet.observed}
    observed = max(stated.values(), default=None) or kinds.date_in([path.stem], today)
    if not sum(sheet.rows for sheet in sheets):
        raise Unreadable("no_rows")
    other = [title for title in (*choice.other, *choice.perhaps) if read.get(title) is None]
    notes = [*_notes(other, "sheet_other"), *_notes(choice.gone, "sheet_gone")]
    notes += _notes(choice.old, "sheet_old")
    notes += _notes([title for title in choice.hidden if read.get(title)], "hidden_sheet")
    taken = sum((sheet.findings.taken for sheet in sheets), start=type(sheets[0].findings.taken)())
    return {
        "rows": sum(sheet.rows for sheet in sheets),
        "observed": observed,
        "stated": stated,
        "sheets_without_header": sum(
            1 for t in choice.asked if read[t] is None and t not in choice.hidden
        ),
        "findings": [*(f for sheet in sheets for f in sheet.findings.listed()), *notes],
        "taken": dict(taken),
    }


@dataclass(frozen=True)
class _Choice:
    """Titles of sheets: asked for by the map; by their title possibly a ledger (a village's name,
    or none at all); hidden, and old by their title; of people who are gone; others. `hidden` are
    among the first two."""

    asked: list[str]
    perhaps: list[str]
    old: list[str]
    gone: list[str]
    other: list[str]
    hidden: set[str]


def _choose(book: Book, source: SourceMap) -> _Choice:
    choice = _Choice([], [], [], [], [], set())
    for sheet in book.sheets_metadata:
        if sheet.typ != calamine.SheetTypeEnum.WorkSheet:
            continue
        is_asked = book.is_untitled or bool(re.search(source.sheets, sheet.name))
        is_hidden = sheet.visible != calamine.SheetVisibleEnum.Visible
        if is_hidden and _OLD.search(sheet.name):
            choice.old.append(sheet.name)
        elif _GONE.search(sheet.name):
            choice.gone.append(sheet.name)
        elif is_asked or _PERHAPS.fullmatch(sheet.name.strip()):
            (choice.asked if is_asked else choice.perhaps).append(sheet.name)
            if is_hidden:
                choice.hidden.add(sheet.name)
        else:
            choice.other.append(sheet.name)
    return choice


def _notes(titles: list[str], kind: str) -> list[tuple[Any, ...]]:
    notes: list[tuple[Any, ...]] = []
    for title in titles:
        findings = Findings(title)
        findings.sheet(kind)
        notes += findings.listed()
    return notes


def _look(
    board: Signboard,
    title: str,
    left: Collection[str],
    give_up: Callable[[Unreadable], None] | None,
) -> Signs:
    """The signs of a sheet; and whether it has far-off cells, while it is being read.

    The reader makes room for them when it has read them all, and is slower than this.
    """
    try:
        return board.of(title, FarCells() if board.sheets.get(title) in left else None)
    except Unreadable as error:
        if give_up is not None:
            give_up(error)
        raise


def _read_sheet(
    book: Book,
    title: str,
    source: SourceMap,
    today: date,
    parsed: ParsedRows,
    *,
    finder: HeaderFinder,
    look: Callable[[], Signs],
    counts_from_1904: bool,
) -> Sheet | None:
    """None: there is no header."""
    with ThreadPoolExecutor(1) as beside:  # neither of them holds Python up
        looked = beside.submit(look)
        sheet = book.get_sheet_by_name(title)
        signs = looked.result()
    if sheet.width > _WIDEST and not isinstance(sheet, PlainSheet):  # which cuts them off
        raise Unreadable("sparse")
    rows = sheet.iter_rows()
    head = list(islice(rows, SEARCHED_ROWS + DEEPEST + _BELOW_HEADER))
    shift = sheet.start[1] if sheet.start else 0
    areas = [
        (top, left - shift, bottom, right - shift)
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or ()
        if left >= shift  # else it begins in columns where nothing stands
    ]
    header = finder.find(head, areas)
    if header is None:
        return None
    findings = Findings(sheet.name)
    frame = Frame(
        source,
        finder.vocabulary,
        findings,
        signs,
        shift=shift,
        counts_from_1904=counts_from_1904,
    )
    reader, shown_title = BlockReader(header, finder, frame, areas), shown(sheet.name)
    above = [cell(value) for row in head[: header.first] for value in row]
    for index, row in enumerate(head[: header.last + 1]):
        is_header = index >= header.first
        is_blank = not any(value != "" for value in row)
        findings.row("header_row" if is_header else "blank" if is_blank else "title_row", index + 1)
    number, rest = header.last + 2, head[header.last + 1 :]
    is_last = False
    while not is_last:
        block = list(islice(rows, BLOCK))
        is_last = len(block) < BLOCK
        rest += block
        used, found = reader.take(number, rest, is_last=is_last)
        for table in found:
            parsed.add(shown_title, table)
        rest, number = rest[used:], number + used
    count = reader.finish()
    observed = kinds.date_in([*above, *reader.footers], today)
    return Sheet(shown_title, observed, count, findings)
