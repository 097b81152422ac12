"""Parts of workbooks that go out to be answered and come back: text cells, guide, hidden batch."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import date
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell, MergedCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.deliver.archive import dated
from pipelines.deliver.layout import font
from pipelines.errors import OnegridError
from pipelines.extract.guard import Unreadable, inspect

LARGEST = 20 << 20
LARGEST_UNPACKED = 100 << 20


def clean_text(value: str) -> str:
    """What a cell can hold of `value`."""
    return ILLEGAL_CHARACTERS_RE.sub("", value).replace("\r\n", "\n").strip()


def write_text(cell: Cell | MergedCell, value: str, style: str | None = None) -> None:
    """A text stays a text, whatever it begins with."""
    if value:
        cell.value = value
        cell.data_type = "s"
    if style:
        cell.style = style


class Painter:
    """Gives cells named styles; openpyxl looks a name up anew for every cell, this once."""

    def __init__(self) -> None:
        self._looks: dict[str, Any] = {}

    def paint(self, cell: Any, style: str) -> None:
        """Let `cell` look like the workbook's style of this name."""
        if (look := self._looks.get(style)) is not None:
            cell._style = copy(look)
            return
        cell.style = style
        self._looks[style] = cell._style


def one_page_wide(sheet: Worksheet, paper: str) -> None:
    """Print across, as wide as the paper."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = paper
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True  # type: ignore[union-attr]


def write_guide(sheet: Worksheet, lines: Sequence[tuple[str, str]]) -> None:
    """How to fill it in: a title, then numbered lines."""
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 10, 90
    for row, (mark, line) in enumerate(lines, start=1):
        write_text(sheet.cell(row, 1), mark)
        write_text(sheet.cell(row, 2), line)
        sheet.cell(row, 1).font = font(14 if row == 1 else 11, bold=row == 1)
        sheet.cell(row, 2).font = font(11)
        sheet.cell(row, 2).alignment = Alignment(wrap_text=True)
    one_page_wide(sheet, sheet.PAPERSIZE_A4)
    sheet.protection.sheet = True


def write_batch(sheet: Worksheet, values: Mapping[str, str]) -> None:
    """The hidden sheet by which the workbook is known when it comes back."""
    for row, (name, value) in enumerate(values.items(), start=1):
        write_text(sheet.cell(row, 1), name)
        write_text(sheet.cell(row, 2), value)
    sheet.sheet_state = "hidden"
    sheet.protection.sheet = True


def read_batch(sheet: Any, names: Sequence[str]) -> dict[str, str]:
    """What `write_batch` wrote under `names`."""
    return {
        cell_text(row[0]): cell_text(row[1])
        for row in sheet.iter_rows(max_row=len(names), max_col=2, min_col=1)
        if len(row) == 2
    }


def pack_book(book: Workbook, day: date) -> bytes:
    """The workbook's bytes, dated `day`: the same content always makes the same."""
    drawn = io.BytesIO()
    book.save(drawn)
    return dated(drawn.getvalue(), day)


def open_book(path: Path) -> Workbook:
    """A workbook that came back, to be read row by row.

    Raises:
        Unreadable: it is too large or no workbook; `code` says which.
        FileNotFoundError: there is none.
    """
    if path.stat().st_size > LARGEST:
        raise Unreadable("too_large")
    inspect(path)
    try:
        with zipfile.ZipFile(path) as parts:
            if sum(entry.file_size for entry in parts.infolist()) > LARGEST_UNPACKED:
                raise Unreadable("too_large")
        return load_workbook(path, read_only=True)
    except Unreadable:
        raise
    except Exception as error:
        # whatever the parser says, its text may hold what the file holds
        raise Unreadable("not_a_workbook") from error


@contextmanager
def reading(path: Path) -> Iterator[Workbook]:
    """The workbook of `open_book`; its sheets are parsed only while they are gone through.

    Raises:
        Unreadable, FileNotFoundError: see `open_book`; or a sheet is damaged.
    """
    book = open_book(path)
    try:
        yield book
    except OnegridError:
        raise
    except Exception as error:
        raise Unreadable("not_a_workbook") from error
    finally:
        book.close()


def cell_text(cell: object) -> str:
    """What stands in a cell, as a text; empty where there is nothing."""
    value = getattr(cell, "value", None)
    return "" if value is None else str(value).replace("\r\n", "\n").strip()
