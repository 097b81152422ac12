"""One table of a sheet: which of its rows are people, and their values column by column.

Only rows that look odd are looked at one by one: totals, footers, instructions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.extract import rows as kinds
from pipelines.extract.cells import Cells
from pipelines.extract.fill import hand_down, is_written_once, say_again
from pipelines.extract.findings import Findings
from pipelines.extract.signs import Signs
from pipelines.extract.tables import Table
from pipelines.extract.values import cell
from pipelines.extract.words import Vocabulary
from schemas.fields import FIELD
from schemas.source import SourceMap

STRUCK = "struck_out"
INSTRUCTION_ROWS = 3
_FIRST_CELLS = 4
_DAYS_1900_TO_1904 = 1462


class Frame:
    """What all tables of a sheet share: the map, its words, the signs, and where findings go."""

    def __init__(
        self,
        source: SourceMap,
        words: Vocabulary,
        findings: Findings,
        signs: Signs,
        *,
        shift: int,
        counts_from_1904: bool,
    ) -> None:
        """`shift` is the column of place 0."""
        self.words, self.findings, self.signs, self.shift = words, findings, signs, shift
        self.names = list(source.columns)
        self.firm = [n for n, c in source.columns.items() if n == "id_number" or c.required]
        own = source.persons[0] if source.persons else None
        self.household = own.household_key if own else None
        self.relation = own.fields.get("relation") if own else None
        self.address = own.fields.get("address") if own else None
        dated = {c for p in source.persons for f, c in p.fields.items() if FIELD[f].type == "DATE"}
        self.dated = dated if counts_from_1904 else set()


class TableReader:
    """Takes the people of one table; remembers what 'as above' means."""

    def __init__(self, table: Table, frame: Frame, first: int) -> None:
        """The table's first row has number `first`."""
        self.table, self.footers = table, list[str | None]()
        self._frame, self._first = frame, first
        self._above: dict[str, str | None] = {}
        self._is_once: bool | None = None

    def texts(self, cells: Cells) -> dict[str, pa.Array]:
        """The cells by column of the map, as `values.cell` spells them."""
        return {name: cells.column(place) for name, place in self.table.places.items()}

    def odd(
        self, start: int, rows: Sequence[Sequence[Any]], cells: Cells, texts: dict[str, pa.Array]
    ) -> set[int]:
        """Rows that lack what a person's row has, or have what it has not: worth a closer look."""
        count = cells.count
        odd = set(range(max(0, min(count, self._first + INSTRUCTION_ROWS - start))))
        firm = [texts[name] for name in self._frame.firm if name in texts]
        if not firm:
            return set(range(count))
        for column in firm:
            if column.null_count:
                odd.update(_where(pc.is_null(column)))
        if "id_number" in texts:
            odd.update(_where(pc.match_substring_regex(texts["id_number"], r"^\D*$")))
        for name in [name for name in self._frame.names if name in texts][:_FIRST_CELLS]:
            odd.update(_where(self._are_words(texts[name])))
        # only texts can say that a row is no person's; most sheets begin with a number
        heads = cells.texts(self.table.start)
        odd.update(_where(pc.match_substring_regex(heads, "[:：计]")))
        for index in _where(pc.is_null(heads)):
            row = rows[index][self.table.start : self.table.stop]
            head = next((value for value in row if value != ""), None)
            if head.__class__ is str and (":" in head or "：" in head or "计" in head):
                odd.add(index)
        return odd

    def people(
        self,
        start: int,
        rows: Sequence[Sequence[Any]],
        texts: dict[str, pa.Array],
        odd: Sequence[int],
        *,
        repeated: set[int],
        filled: dict[int, list[int]],
    ) -> pa.Table:
        """The people among `rows`: the map's columns, src_row and src_mark.

        Args:
            start: number of the first row.
            rows: the rows.
            texts: their cells, as of `texts`.
            odd: indexes of rows to be looked at.
            repeated: indexes of rows that repeat the header.
            filled: place → numbers of the rows whose cell was filled from a merged one.
        """
        kept = np.ones(len(rows), dtype=bool)
        for index in odd:
            kind = self._kind(start + index, rows[index], index in repeated, filled)
            if kind is not None:
                kept[index] = False
                self._frame.findings.row(kind, start + index)
        numbers = np.flatnonzero(kept) + start
        self._frame.findings.taken["person"] += len(numbers)
        columns = {name: _only(column, kept) for name, column in texts.items()}
        marks = self._strike(numbers, columns)
        if len(numbers):
            self._fill(numbers, columns)
        nothing = pa.nulls(len(numbers), pa.string())
        return pa.table(
            {
                **{name: columns.get(name, nothing) for name in self._frame.names},
                "src_row": pa.array(numbers, pa.int32()),
                "src_mark": marks,
            }
        )

    def _are_words(self, column: pa.Array) -> pa.Array:
        """Where a column holds a header word; only values that begin like one are looked at."""
        words = self._frame.words
        first = pc.utf8_slice_codeunits(column, 0, 1)
        may = [c for c in pc.unique(first).to_pylist() if c and words.may_start_with(c)]
        near = pc.unique(column.filter(pc.is_in(first, pa.array(may, pa.string())))).to_pylist()
        found = [value for value in near if value and words.is_word(value)]
        return pc.is_in(column, pa.array(found, pa.string()))

    def _kind(
        self, number: int, row: Sequence[Any], is_repeated: bool, merged: dict[int, list[int]]
    ) -> str | None:
        """What an odd row is, if it is nobody."""
        left = self.table.start
        every = [cell(value) for value in row[left : self.table.stop]]
        filled = [place + left for place, value in enumerate(every) if value]
        if not filled:
            return "blank"
        if is_repeated:
            return "repeated_header"
        if kinds.is_total(every):
            return "total_row"
        if kinds.is_footer(every):
            self.footers += every
            return "footer_row"
        if number < self._first + INSTRUCTION_ROWS:
            if kinds.is_instruction(every):
                return "instruction_row"
            if kinds.is_numbering(every):
                return "numbering_row"
        values = {
            name: every[place - left] if place - left < len(every) else None
            for name, place in self.table.places.items()
        }
        if any(values.get(name) for name in self._frame.firm):
            return None
        own = [place for place in filled if number not in merged.get(place, ())]
        if not own:
            return "blank"
        if len(own) == 1:
            return "title_row"
        return None if any(values.values()) else "unnamed_row"

    def _strike(self, numbers: np.ndarray, columns: dict[str, pa.Array]) -> pa.Array:
        """Rows whose name is struck out get a mark; another struck-out value is taken away."""
        frame, places = self._frame, self.table.places
        if not frame.signs.struck:
            return pa.nulls(len(numbers), pa.string())
        marks: list[str | None] = [None] * len(numbers)
        decisive = next((n for n in ("name", *frame.firm) if n in places), None)
        gone: dict[str, list[int]] = {}
        for index, number in enumerate(numbers.tolist()):
            struck = frame.signs.struck.get(number)
            if not struck:
                continue
            names = [name for name, place in places.items() if place + frame.shift in struck]
            if decisive in names:
                marks[index] = STRUCK
                frame.findings.at("struck_row", [number])
                continue
            for name in names:
                if columns[name][index].is_valid:
                    gone.setdefault(name, []).append(index)
        for name, indexes in gone.items():
            where = np.zeros(len(numbers), dtype=bool)
            where[indexes] = True
            columns[name] = pc.if_else(pa.array(where), None, columns[name])
            self._note("struck_cell", numbers, where, name)
        return pa.array(marks, pa.string())

    def _fill(self, numbers: np.ndarray, columns: dict[str, pa.Array]) -> None:
        """Replace 'as above', and hand a household's number and address down to its members."""
        frame, gaps = self._frame, self._gaps(columns)
        for name in list(columns):
            above = self._above.get(name)
            if name not in frame.firm:
                columns[name], where = say_again(columns[name], above)
                self._note("filled_ditto", numbers, where, name)
            if gaps is not None and name in (frame.household, frame.address):
                columns[name], where = hand_down(columns[name], gaps, above)
                self._note("filled_blank", numbers, where, name)
            if name in frame.dated:
                columns[name], where = _since_1900(columns[name])
                self._note("days_of_1904", numbers, where, name)
            self._above[name] = columns[name][-1].as_py()

    def _gaps(self, columns: dict[str, pa.Array]) -> pa.Array | None:
        """Where the household's number is left out because it stands on its head's row."""
        number = columns.get(self._frame.household or "")
        relation = columns.get(self._frame.relation or "")
        if number is None or relation is None or not number.null_count:
            return None
        if self._is_once is None:
            self._is_once = is_written_once(number, relation)
        return pc.is_null(number) if self._is_once else None

    def _note(self, kind: str, numbers: np.ndarray, where: np.ndarray | None, name: str) -> None:
        if where is not None and where.any():
            column = self.table.places[name] + self._frame.shift
            self._frame.findings.at(kind, numbers[where].tolist(), column=column)


def _only(column: pa.Array, kept: np.ndarray) -> pa.Array:
    return column if kept.all() else column.filter(pa.array(kept))


def _where(mask: pa.Array) -> list[int]:
    return np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False)).tolist()


def _since_1900(column: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Day numbers of a workbook that counts from 1904, as other workbooks count them."""
    is_days = pc.fill_null(pc.match_substring_regex(column, r"^[1-5]\d{4}$"), False)
    days = pc.cast(pc.if_else(is_days, column, None), pa.int32())
    moved = pc.cast(pc.add(days, _DAYS_1900_TO_1904), pa.string())
    return pc.if_else(is_days, moved, column), is_days.to_numpy(zero_copy_only=False)
