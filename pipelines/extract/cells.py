"""The cells of a sheet as columns of text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.extract.values import cell


class Cells:
    """Some rows of a sheet, by column.

    They are spelled and encoded row by row, as they lie in memory, and parted afterwards: to go
    through a million small texts by columns takes twice as long.
    """

    def __init__(self, rows: Sequence[Sequence[Any]]) -> None:
        """`rows` are of equal length, an empty cell is an empty text."""
        self._rows, self.count = rows, len(rows)
        self.width = len(rows[0]) if rows else 0
        self._are_texts = True

    def column(self, place: int) -> pa.Array:
        """What stands at `place`, as `values.cell` spells it; NULL where nothing does."""
        if place >= self.width:
            return pa.nulls(self.count, pa.string())
        every = self._spelled
        column = every.take(pa.array(np.arange(place, len(every), self.width)))
        column = pc.utf8_trim_whitespace(column)
        empty = pc.equal(column, "")
        return pc.if_else(empty, None, column) if pc.any(empty).as_py() else column

    def texts(self, place: int) -> pa.Array:
        """The same with ``0`` for a number or a date: only what was written as text counts."""
        column = self.column(place)
        if self._are_texts or place >= self.width:
            return column
        is_text = pa.array([row[place].__class__ is str for row in self._rows])
        return pc.if_else(is_text, column, "0")

    @cached_property
    def _spelled(self) -> pa.Array:
        rows = self._rows
        try:
            joined = "\0".join(["\0".join(row) for row in rows])
        except TypeError:
            self._are_texts = False
            rows = [[v if v.__class__ is str else cell(v) or "" for v in row] for row in rows]
            joined = "\0".join(["\0".join(row) for row in rows])
        data = np.frombuffer(joined.encode("utf-8", "replace"), np.uint8)
        ends, count = np.flatnonzero(data == 0), self.count * self.width
        if len(ends) != count - 1:  # no sheet holds NUL, but a text file may
            return pa.array(list(chain.from_iterable(rows)), pa.string())
        offsets = np.empty(count + 1, np.int32)
        offsets[0], offsets[-1] = 0, len(data) - len(ends)
        offsets[1:-1] = ends - np.arange(len(ends))
        return pa.StringArray.from_buffers(
            count, pa.py_buffer(offsets), pa.py_buffer(data[data != 0])
        )
