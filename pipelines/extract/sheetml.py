"""XML Spreadsheet 2003: what older systems export, and Excel 2003 saves as XML.

Elements after Microsoft's "XML Spreadsheet Reference" (2003). No entity is ever expanded: a
document type has no business in such a file.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from xml.parsers import expat

from pipelines.extract.decoding import decoded, encoding_of
from pipelines.extract.guard import Unreadable
from pipelines.extract.plain import MOST_COLUMNS, MOST_ROWS, Grid, PlainSheet

_S = "urn:schemas-microsoft-com:office:spreadsheet "
_X = "urn:schemas-microsoft-com:office:excel "


def read_sheetml(path: Path) -> list[PlainSheet]:
    """The sheets of the workbook.

    Raises:
        Unreadable: it is cut off, malformed, defines entities, or unfolds beyond all bounds.
    """
    reader = _SheetReader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.StartDoctypeDeclHandler = _refuse
    try:
        for piece in decoded(path, encoding_of(path)):
            parser.Parse(piece.lstrip("\ufeff") if not reader.has_begun else piece)
        parser.Parse("", True)
    except expat.ExpatError as error:
        raise Unreadable("not_a_workbook") from error
    return reader.sheets


def _refuse(*_: object) -> None:
    raise Unreadable("not_a_workbook")


class _SheetReader:
    """Takes the events of the parser."""

    def __init__(self) -> None:
        self.sheets: list[PlainSheet] = []
        self.has_begun = False
        self._grid = Grid()
        self._name = ""
        self._names: list[str] = []
        self._is_visible = True
        self._row: list[Any] | None = None
        self._after = 0
        self._across = 0
        self._type = ""
        self._words: list[str] | None = None
        self._in_comment = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.has_begun = True
        if tag == f"{_S}Worksheet":
            self._grid, self._name = Grid(), attributes.get(f"{_S}Name", "")
            self._is_visible, self._after = True, 0
        elif tag == f"{_S}Row":
            self._start_row(attributes)
        elif tag == f"{_S}Cell" and self._row is not None:
            self._start_cell(self._row, attributes)
        elif tag == f"{_S}Comment":
            self._in_comment = True
        elif tag == f"{_S}Data" and not self._in_comment:
            self._type, self._words = attributes.get(f"{_S}Type", "String"), []
        elif tag == f"{_X}Visible":
            self._type, self._words = "Visible", []

    def end(self, tag: str) -> None:
        if tag == f"{_S}Worksheet":
            known = self._names.count(self._name)
            self._names.append(self._name)
            name = f"{self._name} ({known + 1})" if known else self._name
            self.sheets.append(self._grid.sheet(name, is_visible=self._is_visible))
        elif tag == f"{_S}Row" and self._row is not None:
            self._grid.put(self._row)
            self._row = None
        elif tag == f"{_S}Cell" and self._row is not None:
            self._row += [""] * self._across
        elif tag == f"{_S}Comment":
            self._in_comment = False
        elif tag == f"{_S}Data" and self._words is not None:
            if self._row:
                self._row[-1] = _value(self._type, "".join(self._words))
            self._words = None
        elif tag == f"{_X}Visible" and self._words is not None:
            self._is_visible = not "".join(self._words).startswith("SheetHidden")
            self._words = None

    def data(self, text: str) -> None:
        if self._words is not None:
            self._words.append(text)

    def _start_row(self, attributes: dict[str, str]) -> None:
        rows = self._grid.rows
        first = _number(attributes.get(f"{_S}Index"), len(rows) + 1 + self._after)
        if first > MOST_ROWS:
            raise Unreadable("sparse")
        for _ in range(first - 1 - len(rows)):
            self._grid.put([])
        self._after = _number(attributes.get(f"{_S}Span"), 0)
        self._row = []

    def _start_cell(self, row: list[Any], attributes: dict[str, str]) -> None:
        column = _number(attributes.get(f"{_S}Index"), len(row) + 1)
        self._across = _number(attributes.get(f"{_S}MergeAcross"), 0)
        down = _number(attributes.get(f"{_S}MergeDown"), 0)
        if column + self._across > MOST_COLUMNS or down > MOST_ROWS:
            raise Unreadable("sparse")
        row += [""] * (column - 1 - len(row))
        if self._across or down:
            top = len(self._grid.rows)
            area = ((top, len(row)), (top + down, len(row) + self._across))
            self._grid.areas.append(area)
        row.append("")


def _number(said: str | None, otherwise: int) -> int:
    said = (said or "").strip()
    return int(said[:10]) if said.isdecimal() else otherwise


def _value(kind: str, text: str) -> Any:
    """A cell's value; whole numbers keep the digits they were written with."""
    if kind == "Number":
        try:
            return text if text.strip().lstrip("-").isdecimal() else float(text)
        except ValueError:
            return text
    if kind == "DateTime":
        try:
            return datetime.fromisoformat(text.strip())
        except ValueError:
            return text
    if kind == "Boolean":
        return text.strip() == "1"
    return "" if kind == "Error" else text
