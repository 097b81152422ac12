"""Take the people out of a sheet, block by block and column by column.

Only rows that look odd are looked at one by one: totals, footers, instructions, repeated headers.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import python_calamine as calamine

from pipelines.extract import rows as kinds
from pipelines.extract.header import Header, HeaderFinder
from pipelines.extract.plain import PlainSheet
from pipelines.extract.values import cell
from schemas.source import SourceMap

BLOCK = 20_000
_INSTRUCTION_ROWS = 3
_FIRST_CELLS = 4
Values = list[str | None]


class BlockReader:
    """Takes the rows below a header, in order; remembers what 'as above' means."""

    def __init__(
        self,
        sheet: calamine.CalamineSheet | PlainSheet,
        header: Header,
        finder: HeaderFinder,
        source: SourceMap,
    ) -> None:
        self.left_out = 0
        self.footers: Values = []
        self._finder, self._first = finder, header.last + 2
        self._names = list(source.columns)
        required = {name for name, c in source.columns.items() if c.required}
        self._firm = [i for i, n in enumerate(self._names) if n == "id_number" or n in required]
        self._above: Values = [None] * len(self._names)
        shift = sheet.start[1] if sheet.start else 0
        # ranges of one row say nothing downwards; top and bottom as row numbers from 1
        self._merged = [
            (top + 1, bottom + 1, left - shift)
            for (top, left), (bottom, right) in sheet.merged_cell_ranges or ()
            if bottom > top and left == right and top + 1 >= self._first
        ]
        self._held: dict[tuple[int, int], object] = {}
        self._lay(header)

    def _lay(self, header: Header) -> None:
        self._places = [header.places.get(name) for name in self._names]

    def take(self, start: int, rows: list[list[Any]]) -> list[pa.Table]:
        """The people among `rows`, of which the first has number `start`, in the map's columns."""
        if self._merged:
            self._fill_merged(start, rows)
        tables: list[pa.Table] = []
        while rows:
            used, table = self._take(start, rows)
            tables.append(table)
            start, rows = start + used, rows[used:]
        return tables

    def _take(self, start: int, rows: list[list[Any]]) -> tuple[int, pa.Table]:
        """Rows up to a header that changes the layout: how many, and the people in them."""
        width = min(map(len, rows))
        columns: list[Values] = [
            [
                (v.strip() or None) if v.__class__ is str else cell(v)
                for v in [row[place] for row in rows]
            ]
            if place is not None and place < width
            else [None] * len(rows)
            for place in self._places
        ]
        dropped: set[int] = set()
        blank = [""] * len(rows[0])
        used = len(rows)
        for index in sorted(self._odd(start, rows, columns)):
            if rows[index] == blank or not any(every := [cell(v) for v in rows[index]]):
                dropped.add(index)
                continue
            values = [column[index] for column in columns]
            again = self._finder.names_in(rows[index]) >= 2
            if again or self._is_furniture(start + index, every, values):
                dropped.add(index)
                self.left_out += 1
                self.footers += every if kinds.is_footer(every) else []
            if again and (header := self._finder.find([rows[index]])) is not None:
                self._lay(header)
                used = index + 1
                break
        kept = [index for index in range(used) if index not in dropped]
        if len(kept) < len(rows):
            columns = [[column[index] for index in kept] for column in columns]
        for place, column in enumerate(columns):
            self._say_again(place, column)
        arrays = [pa.array(column, pa.string()) for column in columns]
        arrays.append(pa.array([start + index for index in kept], pa.int32()))
        return used, pa.table(arrays, names=[*self._names, "src_row"])

    def _say_again(self, place: int, column: Values) -> None:
        """Replace 'as above' by what stands above."""
        if not column:
            return
        if not kinds.DITTO.isdisjoint(column):
            above = self._above[place]
            for index, value in enumerate(column):
                above = column[index] = above if kinds.is_ditto(value) else value
        self._above[place] = column[-1]

    def _odd(self, start: int, rows: list[list[Any]], columns: list[Values]) -> set[int]:
        """Rows that lack what a person's row has, or have what it has not: worth a closer look."""
        odd = set(range(max(0, min(len(rows), self._first + _INSTRUCTION_ROWS - start))))
        if not self._firm:
            return set(range(len(rows)))
        for place in self._firm:
            if None in columns[place]:
                odd.update(i for i, value in enumerate(columns[place]) if value is None)
        for column in columns[:_FIRST_CELLS]:
            odd.update(i for i, v in enumerate(column) if v and self._finder.is_word(v))
        for index, row in enumerate(rows):
            head = row[0] if row[0] != "" else next((v for v in row if v != ""), None)
            if head.__class__ is str and (":" in head or "：" in head or "计" in head):
                odd.add(index)
        return odd

    def _is_furniture(self, number: int, every: Values, values: Values) -> bool:
        if not any(values) or kinds.is_total(every) or kinds.is_footer(every):
            return True
        if number < self._first + _INSTRUCTION_ROWS and kinds.is_instruction(every):
            return True
        identified = any(values[place] for place in self._firm)
        return not identified and sum(1 for value in every if value) <= 1

    def _fill_merged(self, start: int, rows: list[list[Any]]) -> None:
        end = start + len(rows) - 1
        for top, bottom, place in self._merged:
            if top > end or bottom < start:
                continue
            if top >= start:
                self._held[top, place] = rows[top - start][place]
            for number in range(max(top + 1, start), min(bottom, end) + 1):
                if rows[number - start][place] == "":
                    rows[number - start][place] = self._held.get((top, place), "")
