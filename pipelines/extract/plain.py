"""Sheets of files that calamine does not read, in the shape in which it gives its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import python_calamine as calamine

from pipelines.extract.guard import MAX_CELLS, Unreadable

MOST_COLUMNS = 1_024
MOST_ROWS = 1_048_576
MOST_HELD = 6_000_000
"""Cells that a reader may hold at once."""
Area = tuple[tuple[int, int], tuple[int, int]]


@dataclass
class PlainSheet:
    """A sheet; the attributes are those of `calamine.CalamineSheet`.

    Attributes:
        name: title; empty where the format has none.
        source: gives the rows anew, from the first one on; they may differ in length.
        width: of the longest row.
        merged_cell_ranges: corners of merged cells, counted from 0.
        is_visible: whether the sheet is shown.
    """

    name: str
    source: Callable[[], Iterable[list[Any]]]
    width: int
    merged_cell_ranges: list[Area] = field(default_factory=list)
    is_visible: bool = True
    start: tuple[int, int] = (0, 0)

    def iter_rows(self) -> Iterator[list[Any]]:
        """All rows, of equal length; an empty cell is an empty text."""
        width = max(1, min(self.width, MOST_COLUMNS))
        for row in self.source():
            short = width - len(row)
            yield row + [""] * short if short > 0 else row[:width] if short < 0 else row

    @property
    def typ(self) -> calamine.SheetTypeEnum:
        """What kind of sheet it is."""
        return calamine.SheetTypeEnum.WorkSheet

    @property
    def visible(self) -> calamine.SheetVisibleEnum:
        """Whether it is shown."""
        states = calamine.SheetVisibleEnum
        return states.Visible if self.is_visible else states.Hidden


class Grid:
    """The rows of a sheet under construction, within bounds."""

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []
        self.areas: list[Area] = []
        self.width = 0
        self._held = 0

    def put(self, row: list[Any]) -> None:
        """Add a row.

        Raises:
            Unreadable: there are more rows or cells than any register has.
        """
        self._held += len(row)
        self.width = max(self.width, len(row))
        if self.width > MOST_COLUMNS or len(self.rows) >= MOST_ROWS:
            raise Unreadable("sparse")
        if self._held > MOST_HELD or self.width * len(self.rows) > MAX_CELLS:
            raise Unreadable("too_large")
        self.rows.append(row)

    def sheet(self, name: str, *, is_visible: bool = True) -> PlainSheet:
        """The finished sheet."""
        return PlainSheet(name, lambda: self.rows, self.width, self.areas, is_visible)
