"""Workbooks as grid workers leave them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.check_digit import check_digit
from pipelines.home import Home

Fill = Callable[["Form"], None]


class Form:
    """The list of a workbook by machine names of columns and residents' rows.

    Attributes:
        rows: of the residents.
        blank: rows for people who are not on the list.
    """

    def __init__(self, sheet: Worksheet) -> None:
        self.sheet = sheet
        self.columns = {str(cell.value): cell.column for cell in sheet[5] if cell.value}
        last = sheet.max_row
        self.rows = [r for r in range(7, last + 1) if self.get(r, "row_id")]
        self.blank = [
            r
            for r in range(7, last + 1)
            if str(self.get(r, "row_no")).startswith("新")
            and str(self.get(r, "row_no"))[1:].isdigit()
        ]

    def get(self, row: int, name: str) -> str | None:
        return self.sheet.cell(row, self.columns[name]).value

    def put(self, row: int, name: str, value: object) -> None:
        self.sheet.cell(row, self.columns[name]).value = value

    def write(self, row: int, **said: object) -> None:
        for name, value in said.items():
            self.put(row, name, value)

    def having(self, field: str, note: str) -> list[int]:
        """Rows whose cell of `field` is, by its 来源, what `note` begins with."""
        return [r for r in self.rows if (self.get(r, f"{field}:source") or "").startswith(note)]

    def unmerge(self) -> None:
        """Let every cell be written to."""
        for area in list(self.sheet.merged_cells.ranges):
            self.sheet.unmerge_cells(str(area))


def forms(home: Home) -> list[Path]:
    """The workbooks of the form for everybody."""
    return sorted(home.forms.rglob("*_人口信息核查表_*.xlsx"))


def fill(path: Path, target: Path, how: Fill) -> Path:
    """Save a copy as a worker would leave it."""
    book = load_workbook(path)
    how(Form(book["核查表"]))
    target.parent.mkdir(parents=True, exist_ok=True)
    book.save(target)
    return target


def number_of(born: str, order: int = 301) -> str:
    """A valid number of somebody born on that day (eight digits)."""
    begin = f"330199{born}{order:03d}"
    return begin + check_digit(begin)
