"""Go down a sheet section by section: each has one header, and one table or several side by side.

A section ends where another header stands; rows of a table of something else are passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.extract.cells import Cells
from pipelines.extract.fill import MergedCells
from pipelines.extract.header import DEEPEST, Header, HeaderFinder, Merge
from pipelines.extract.people import Frame, TableReader
from pipelines.extract.values import cell

BLOCK = 20_000
_FIRST_SECTION = 250
_LOOKED_AT = 25
_FEW = 0.2
Rows = list[list[Any]]


class BlockReader:
    """Takes the rows below a header, in order."""

    def __init__(
        self, header: Header, finder: HeaderFinder, frame: Frame, areas: Sequence[Merge] = ()
    ) -> None:
        """`areas` are merged cells by row and place, counted from 0."""
        self.footers: list[str | None] = []
        self._finder, self._words, self._frame = finder, finder.vocabulary, frame
        self._findings, self._areas = frame.findings, areas
        self._people: list[np.ndarray] = []
        self._section = _FIRST_SECTION
        self._filled: dict[int, list[int]] = {}
        self._lay(header, header.last + 2)

    def take(self, start: int, rows: Rows, *, is_last: bool) -> tuple[int, list[pa.Table]]:
        """The people among `rows`, in the map's columns, with their row numbers and marks.

        Args:
            start: number of the first row.
            rows: may be filled in.
            is_last: nothing comes after them.

        Returns:
            How many rows were used (the rest is to come again, with more), and the people.
        """
        lengths = set(map(len, rows))
        if len(lengths) > 1:
            width = max(lengths)
            rows = [[*row, *[""] * (width - len(row))] for row in rows]
        tables: list[pa.Table] = []
        at, end = 0, len(rows) if is_last else len(rows) - DEEPEST
        merged: MergedCells | None = None
        while at < end:
            if merged is not self._merged:  # another table began
                merged = self._merged
                self._filled = merged.fill(start + at, rows[at:]) if merged else {}
            used, found = self._take_section(start + at, rows[at:], end - at)
            self._note_filled(start + at, start + at + used)
            tables += found
            at += used
        return at, tables

    def finish(self) -> int:
        """Say what only the whole sheet tells: colours, hidden rows; how many people it has."""
        people = np.concatenate(self._people) if self._people else np.zeros(0, np.int64)
        signs = self._frame.signs
        if signs.coloured:
            colours: dict[str, list[int]] = {}
            for number in people.tolist():
                for colour in signs.coloured.get(number, ()):
                    colours.setdefault(colour, []).append(number)
            for colour, numbers in colours.items():
                if len(numbers) <= _FEW * len(people):
                    self._findings.at("coloured_row", numbers, detail=colour)
        if signs.hidden_rows:
            hidden = np.intersect1d(people, signs.hidden_rows)
            self._findings.at("hidden_row", hidden.tolist())
        return len(people)

    def _lay(self, header: Header, first: int) -> None:
        """`header` holds from row number `first` on."""
        frame = self._frame
        self._header = header
        self._readers = [TableReader(table, frame, first) for table in header.tables]
        firm = {t.places[n] for t in header.tables for n in frame.firm if n in t.places}
        self._merged = MergedCells(
            [
                (top + 1, bottom + 1, left)
                for top, left, bottom, right in self._areas
                if bottom > top and left == right and top + 1 >= first
            ],
            frozenset(firm),
        )
        used = {place for table in header.tables for place in table.places.values()}
        for column in sorted(set(frame.signs.hidden_columns)):
            if column - frame.shift in used:
                self._findings.sheet("hidden_column", column=column)
        for place, word in header.unknown:
            self._findings.sheet("column_unknown", column=place + frame.shift, detail=word)
        for name in sorted(header.guessed):
            place = header.tables[0].places[name]
            self._findings.sheet("column_guessed", column=place + frame.shift)

    def _take_section(self, start: int, rows: Rows, end: int) -> tuple[int, list[pa.Table]]:
        """Rows up to a header that changes the layout: how many, and the people in them."""
        count = min(end, self._section)
        if all(row.count("") == len(row) for row in rows[:count]):
            # a cell at the far end makes a million of these
            self._findings.taken["blank"] += count * max(1, len(self._readers))
            self._section = min(2 * self._section, BLOCK)
            return count, []
        cells = Cells(rows[:count])
        texts = [reader.texts(cells) for reader in self._readers]
        odd = set(range(0 if self._readers else count))
        for reader, own in zip(self._readers, texts, strict=True):
            odd |= reader.odd(start, rows, cells, own)
        repeated: set[int] = set()
        new: tuple[int, Header | None] | None = None
        for index in sorted(odd):
            if (new := self._new_header(start, rows, index, repeated)) is not None:
                break
        first = new[0] if new else count
        inside = sorted(index for index in odd if index < first)
        tables = []
        for reader, own in zip(self._readers, texts, strict=True):
            cut = {name: column.slice(0, first) for name, column in own.items()}
            tables.append(
                reader.people(
                    start, rows[:first], cut, inside, repeated=repeated, filled=self._filled
                )
            )
            self._people.append(tables[-1]["src_row"].to_numpy())
            self.footers += reader.footers
            reader.footers.clear()
        if not self._readers:
            self._pass_over(start, rows[:first])
        self._section = min(2 * self._section, BLOCK) if new is None else _FIRST_SECTION
        return (first if new is None else self._change(start, *new)), tables

    def _change(self, start: int, first: int, header: Header | None) -> int:
        """Go over to another header, or to a table of something else; the rows used so far."""
        last = first if header is None else header.last
        for index in range(first, last + 1):
            self._findings.row("other_table" if header is None else "header_row", start + index)
        if header is None:
            self._readers, self._merged = [], MergedCells([], frozenset())
        else:
            self._lay(header, start + last + 1)
        return last + 1

    def _pass_over(self, start: int, rows: Rows) -> None:
        for index, row in enumerate(rows):
            is_blank = not any(cell(value) for value in row)
            self._findings.row("blank" if is_blank else "other_table", start + index)

    def _new_header(
        self, start: int, rows: Rows, index: int, repeated: set[int]
    ) -> tuple[int, Header | None] | None:
        """Where another header begins at or just above a row; with None: of something else."""
        row = rows[index]
        words = self._words.count(row)
        if self._readers and self._header.repeats(row):
            if words >= 2 or self._lacks_number(row):
                repeated.add(index)
            return None
        if words < 2:
            return None
        top = max(0, index - DEEPEST + 1)
        above = start + top - 1
        areas = [
            (first - above, left, last - above, right)
            for first, left, last, right in self._areas
            if above <= first <= above + DEEPEST
        ]
        window = rows[top : index + _LOOKED_AT]
        found = self._finder.find(window, areas, searched=index - top + 1, guess=False)
        if found is not None and top + found.last >= index:
            return top + found.first, found.moved(top)
        filled = sum(1 for value in row if value not in ("", None))
        if self._readers and 2 * words >= filled:
            if self._is_elsewhere(row):
                return index, None
            repeated.add(index)
        return None

    def _lacks_number(self, row: Sequence[Any]) -> bool:
        place = self._header.tables[0].places.get("id_number")
        return place is None or not any(character.isdigit() for character in str(row[place]))

    def _is_elsewhere(self, row: Sequence[Any]) -> bool:
        """Most header words of a row stand where the present table has something else."""
        places = {name: p for table in self._header.tables for name, p in table.places.items()}
        moved = same = 0
        for place, value in enumerate(row):
            if isinstance(value, str) and value and (claim := self._words.meaning((value,))):
                is_there = any(places.get(name) == place for name in claim.columns)
                same, moved = same + is_there, moved + (not is_there)
        return moved >= 2 and moved > same

    def _note_filled(self, start: int, end: int) -> None:
        used = {p for reader in self._readers for p in reader.table.places.values()}
        for place, numbers in self._filled.items():
            inside = [number for number in numbers if start <= number < end]
            if place in used and inside:
                column = place + self._frame.shift
                self._findings.at("filled_merged", inside, column=column)
