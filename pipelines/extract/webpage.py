"""Tables of web pages: what systems export under the name of Excel."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from pipelines.extract.decoding import decoded, encoding_of
from pipelines.extract.guard import Unreadable
from pipelines.extract.plain import Grid, PlainSheet

_BLANKS = re.compile(r"[ \t\r\n\f]+")
_SILENT = frozenset({"script", "style", "title", "template"})
_LINES = frozenset({"br", "p", "div", "li", "h1", "h2", "h3", "h4", "caption"})
_WIDEST, _DEEPEST = 1_000, 65_534
_MOST_NESTED = 50


def read_webpage(path: Path) -> PlainSheet:
    """All tables of a page, one below the other, as Excel lays them out; texts between them too.

    Raises:
        Unreadable: there is no table, or more than any register has.
    """
    reader = _TableReader()
    # told the encoding, for what the page claims need not be so
    parser = etree.HTMLParser(target=reader, encoding="utf-8", no_network=True)
    try:
        for piece in decoded(path, encoding_of(path)):
            parser.feed(piece.encode("utf-8", "replace"))
        parser.close()
    except etree.LxmlError as error:
        raise Unreadable("not_a_workbook") from error
    if not reader.tables:
        raise Unreadable("no_table")
    return reader.grid.sheet("")


@dataclass
class _Table:
    """A table that is still open.

    Attributes:
        row: cells of the open row; None: none is open.
        words: parts of the open cell's text; None: none is open.
        spans: how far the open cell reaches down and right.
        below: column → rows for which a cell from above still covers it.
        deep: cells of the open row that reach further down: column, width, height.
    """

    row: list[str] | None = None
    words: list[str] | None = None
    spans: tuple[int, int] = (1, 1)
    below: dict[int, int] = field(default_factory=dict)
    deep: list[tuple[int, int, int]] = field(default_factory=list)


class _TableReader:
    """Takes the events of the parser; forgives what browsers forgive."""

    def __init__(self) -> None:
        self.grid = Grid()
        self.tables = 0
        self._open: list[_Table] = []
        self._silent = 0
        self._between: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "table":
            self._end_between()
            if len(self._open) >= _MOST_NESTED:
                raise Unreadable("too_large")
            self.tables += 1
            self._open.append(_Table())
        elif tag == "tr" and self._open:
            self._end_row()
            self._open[-1].row = []
        elif tag in ("td", "th") and self._open:
            table = self._open[-1]
            self._end_cell(table)
            if table.row is None:
                table.row = []
            table.words = []
            table.spans = (
                min(_number(attributes.get("rowspan")), _DEEPEST),
                min(_number(attributes.get("colspan")), _WIDEST),
            )
        elif tag in _LINES:
            self.data("\v")

    def end(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "table" and self._open:
            self._end_row()
            self._open.pop()
        elif tag == "tr" and self._open:
            self._end_row()
        elif tag in ("td", "th") and self._open:
            self._end_cell(self._open[-1])
        elif tag in _LINES and not self._open:
            self._end_between()

    def data(self, text: str) -> None:
        if self._silent:
            return
        if not self._open:
            self._between.append(text)
        elif (words := self._open[-1].words) is not None:
            words.append(text)

    def close(self) -> None:
        while self._open:
            self._end_row()
            self._open.pop()
        self._end_between()

    def _end_between(self) -> None:
        if text := _text(self._between):
            self.grid.put([text])
        self._between.clear()

    def _end_cell(self, table: _Table) -> None:
        if table.words is None or table.row is None:
            return
        row, (deep, wide) = table.row, table.spans
        while table.below.get(len(row), 0):
            row.append("")
        if deep > 1 or wide > 1:
            table.deep.append((len(row), wide, deep))
        row.append(_text(table.words))
        row += [""] * (wide - 1)
        table.words = None
        if len(row) > 2 * _WIDEST:
            raise Unreadable("sparse")

    def _end_row(self) -> None:
        table = self._open[-1]
        self._end_cell(table)
        if table.row is None:
            return
        top = len(self.grid.rows)
        self.grid.put(table.row)
        table.below = {column: left - 1 for column, left in table.below.items() if left > 1}
        for column, wide, deep in table.deep:
            self.grid.areas.append(((top, column), (top + deep - 1, column + wide - 1)))
            if deep > 1:
                table.below |= dict.fromkeys(range(column, column + wide), deep - 1)
        table.deep.clear()
        table.row = None


def _number(said: str | None) -> int:
    said = (said or "").strip()
    return max(1, int(said)) if said.isdecimal() and len(said) < 9 else 1


def _text(parts: list[str]) -> str:
    """As a browser shows it: blanks run together, lines end where marks say so."""
    return _BLANKS.sub(" ", "".join(parts)).replace("\v", "\n").strip()
