"""Rows of XML strung together from numbered pieces: Arrow gathers them at the speed of memory.

Most of what rows say is said many times over: styles, labels, origins, row numbers. So a row is a
list of numbers of pieces; only what is a resident's own is a text of the row itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Numbers = np.ndarray
EMPTY = 0
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


def xml_text(text: str) -> str:
    """A text as XML holds it."""
    for plain, escaped in _ESCAPES:
        text = text.replace(plain, escaped)
    return _ILLEGAL.sub("", text)


def xml_column(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column of clean texts as XML holds them, empty where there is none; bytes."""
    texts = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    for plain, escaped in _ESCAPES:
        _, _, body = texts.buffers()
        if body is not None and (np.frombuffer(body, np.uint8) == ord(plain)).any():
            texts = pc.replace_substring(texts, plain, escaped)
    if texts.null_count:
        texts = texts.fill_null("")
    return texts.cast(pa.binary())


def dictionary(column: pa.Array) -> tuple[list[Any], Numbers]:
    """The distinct values of a column, None among them, and which of them each row has."""
    coded = pc.dictionary_encode(column, null_encoding="encode")
    return coded.dictionary.to_pylist(), coded.indices.to_numpy()


@dataclass(frozen=True)
class Ordered:
    """A table's rows by grid and row_no, though the table itself stays as it is.

    Attributes:
        order: numbers of the table's rows.
        grid_no: the number of each row's grid, in that order.
    """

    table: pa.Table
    order: Numbers
    grid_no: Numbers

    @classmethod
    def by_grid(cls, table: pa.Table, places: dict[str, int]) -> Ordered:
        """Put the rows in order; `places` has the number of each grid_code."""
        table = table.combine_chunks()
        codes, coded = dictionary(table["grid_code"].combine_chunks())
        grid_no = np.array([places[code] for code in codes])[coded]
        order = np.argsort((grid_no << 32) + table["row_no"].to_numpy())
        return cls(table, order, grid_no[order])

    @cached_property
    def is_first(self) -> Numbers:
        """Whether each row is the first of its household in the grid."""
        households, coded = self.dictionary("household")
        _, first = np.unique(self.grid_no * len(households) + coded, return_index=True)
        is_first = np.zeros(len(coded), np.int32)
        is_first[first] = 1
        return is_first

    def texts(self, name: str) -> pa.Array:
        """A column."""
        return self.table[name].combine_chunks().take(pa.array(self.order))

    def numbers(self, name: str, missing: int = 0) -> Numbers:
        """A column of numbers, days or truths, with `missing` where there is none."""
        column = self.table[name].combine_chunks().cast(pa.int32())
        if column.null_count:
            column = column.fill_null(missing)
        return column.to_numpy()[self.order]

    def dictionary(self, name: str) -> tuple[list[Any], Numbers]:
        """The distinct values of a column, None among them, and which of them each row has."""
        values, coded = dictionary(self.table[name].combine_chunks())
        return values, coded[self.order]


class Pieces:
    """Texts by number. `EMPTY` is the number of no text, and every row number that of its own."""

    def __init__(self, most_rows: int) -> None:
        """Begin with the row numbers up to `most_rows`."""
        self._numbers = {str(number) if number else "": number for number in range(most_rows + 1)}

    def number(self, text: str) -> int:
        """The number of a piece, a new one for a new text."""
        return self._numbers.setdefault(text, len(self._numbers))

    def numbers(self, texts: Iterable[str]) -> Numbers:
        """The numbers of several."""
        return np.array([self.number(text) for text in texts], np.int32)

    def texts(self) -> pa.Array:
        """The pieces in the order of their numbers."""
        return pa.array(list(self._numbers), pa.string()).cast(pa.binary())


@dataclass(frozen=True)
class Own:
    """A piece of a row that is the row's own text, where `shown` says so; None: everywhere."""

    texts: pa.Array
    shown: Numbers | None = None


Part = int | Numbers | Own
"""A piece of every row: the same, one by number, or a text of its own."""


@dataclass(frozen=True)
class Strung:
    """Rows of text, one behind the other.

    Attributes:
        body: all of them.
        ends: where each row begins, and where the last one ends.
    """

    body: memoryview
    ends: Numbers

    def between(self, first: int, last: int) -> memoryview:
        """The rows from `first` to before `last`."""
        return self.body[self.ends[first] : self.ends[last]]


def string(pieces: pa.Array, parts: Sequence[Part], rows: slice | Numbers) -> Strung:
    """String the given rows together.

    Args:
        pieces: `Pieces.texts`.
        parts: what a row consists of.
        rows: those that stand together, or numbers of rows, among those the parts are for.
    """
    count = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
    index = np.empty((count, len(parts)), np.int32)
    given, begin = [pieces], len(pieces)
    for place, part in enumerate(parts):
        if isinstance(part, Own):
            given.append(
                part.texts[rows] if isinstance(rows, slice) else part.texts.take(pa.array(rows))
            )
            numbers = np.arange(begin, begin + count, dtype=np.int32)
            begin += count
            if part.shown is not None:
                numbers = np.where(part.shown[rows], numbers, EMPTY)
            index[:, place] = numbers
        else:
            index[:, place] = part if isinstance(part, int) else part[rows]
    strung = pc.take(pa.concat_arrays(given), pa.array(index.reshape(-1)), boundscheck=False)
    _, offsets, body = strung.buffers()
    ends = np.frombuffer(offsets, np.int32)[: strung.offset + len(strung) + 1 : len(parts)]
    return Strung(memoryview(body) if body is not None else memoryview(b""), ends)
