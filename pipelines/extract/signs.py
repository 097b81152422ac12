"""What a workbook says without words, and the reader of cells does not tell: struck-out cells,
colours, hidden rows and columns, days counted from 1904.

The sheet is only looked through for the style numbers that its list of styles makes suspicious.
"""

from __future__ import annotations

import colorsys
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from xml.etree import ElementTree

from pipelines.extract.guard import FarCells
from pipelines.extract.unzip import unpack

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ROW = re.compile(rb"<(?:\w+:)?row\s[^>]*>")
_NUMBER = re.compile(rb"""\sr=["'](\d+)["']""")
_CELL = re.compile(rb"""\sr=["']([A-Z]{1,3})(\d+)["']""")
_HIDDEN = re.compile(rb"""\shidden=["'](?:1|true)["']""")
_COLUMN = re.compile(rb"<(?:\w+:)?col\s[^>]*>")
_SPAN = re.compile(rb"""\s(min|max)=["'](\d+)["']""")
_MOST = 50_000
_Thing = TypeVar("_Thing")


@dataclass
class Signs:
    """The signs of one sheet; rows from 1, columns from 0.

    Attributes:
        struck: row → columns whose cell is struck out.
        coloured: row → the colours of its cells.
        hidden_rows, hidden_columns: what is not shown.
    """

    struck: dict[int, set[int]] = field(default_factory=dict)
    coloured: dict[int, set[str]] = field(default_factory=dict)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)


class Signboard:
    """The signs of a workbook. Other formats than ``.xlsx`` give none.

    Attributes:
        counts_from_1904: its day numbers begin there.
        sheets: title → name of the part of the file.
    """

    def __init__(self, path: Path) -> None:
        self.counts_from_1904 = False
        self._path = path
        self.sheets: dict[str, str] = {}
        self._struck: list[bytes] = []
        self._coloured: dict[bytes, str] = {}
        if zipfile.is_zipfile(path):
            self._open()

    def of(self, title: str, far: FarCells | None = None) -> Signs:
        """The signs of the sheet called `title`.

        Args:
            title: of the sheet.
            far: looks on, where nobody has searched the whole sheet for far-off cells.

        Raises:
            Unreadable: a cell stands too far off.
        """
        signs = Signs()
        if title in self.sheets:
            for piece in _unpacked(self._path, self.sheets[title]):
                if far is not None:
                    far.look(piece)
                self._look(piece, signs)
            if far is not None:
                far.judge(lambda: _unpacked(self._path, self.sheets[title]))
        return signs

    def _open(self) -> None:
        with zipfile.ZipFile(self._path) as archive:
            names = set(archive.namelist())
            if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
                return
            links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
            targets = {
                link.get("Id"): posixpath.normpath(
                    posixpath.join("/xl", link.get("Target") or "")
                ).lstrip("/")
                for link in links
            }
            book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
            for sheet in book.iter(f"{_MAIN}sheet"):
                target = targets.get(sheet.get(_LINK))
                if target in names:
                    self.sheets[sheet.get("name") or ""] = target
            settings = book.find(f"{_MAIN}workbookPr")
            if settings is not None:
                self.counts_from_1904 = settings.get("date1904") in {"1", "true"}
            if "xl/styles.xml" in names:
                self._read_styles(ElementTree.fromstring(archive.read("xl/styles.xml")))

    def _read_styles(self, styles: ElementTree.Element) -> None:
        fonts = [_font(item) for item in styles.iterfind(f"{_MAIN}fonts/{_MAIN}font")]
        fills = [_fill(item) for item in styles.iterfind(f"{_MAIN}fills/{_MAIN}fill")]
        for number, style in enumerate(styles.iterfind(f"{_MAIN}cellXfs/{_MAIN}xf")):
            is_struck, ink = _item(fonts, style.get("fontId"), (False, ""))
            ground = _item(fills, style.get("fillId"), "")
            sign = b' s="%d"' % number
            if is_struck:
                self._struck.append(sign)
            if colour := ink or ground:
                self._coloured[sign] = colour

    def _look(self, piece: bytes, signs: Signs) -> None:
        if b"hidden=" in piece:
            for tag in _ROW.findall(piece):
                if _HIDDEN.search(tag) and (number := _NUMBER.search(tag)):
                    signs.hidden_rows.append(int(number.group(1)))
            for tag in _COLUMN.findall(piece):
                if _HIDDEN.search(tag):
                    span = {name: int(value) for name, value in _SPAN.findall(tag)}
                    first, last = span.get(b"min", 1), min(span.get(b"max", 1), 1_000)
                    signs.hidden_columns += range(first - 1, last)
        for sign in self._struck:
            for row, column in _cells(piece, sign):
                signs.struck.setdefault(row, set()).add(column)
        for sign, colour in self._coloured.items():
            for row, _ in _cells(piece, sign):
                if len(signs.coloured) >= _MOST:  # as good as everywhere: decoration
                    return
                signs.coloured.setdefault(row, set()).add(colour)


def _cells(piece: bytes, sign: bytes) -> Iterator[tuple[int, int]]:
    """Row and column of the cells with a style; their tags are short and stand alone."""
    at = piece.find(sign)
    while at >= 0:
        tag = piece[piece.rfind(b"<", 0, at) : piece.find(b">", at)]
        if place := _CELL.search(tag):
            yield int(place.group(2)), _column(place.group(1))
        at = piece.find(sign, at + 1)


def _column(letters: bytes) -> int:
    number = 0
    for one in letters:
        number = number * 26 + one - 64
    return number - 1


def _unpacked(path: Path, name: str) -> Iterator[bytes]:
    """A sheet's text in pieces that end where a tag does."""
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        tail = b""
        for piece in unpack(file, archive.getinfo(name)):
            end = piece.rfind(b">") + 1
            yield tail + piece[:end]
            tail = piece[end:]


def _item(items: list[_Thing], number: str | None, default: _Thing) -> _Thing:
    place = int(number or 0)
    return items[place] if place < len(items) else default


def _font(font: ElementTree.Element) -> tuple[bool, str]:
    strike = font.find(f"{_MAIN}strike")
    is_struck = strike is not None and strike.get("val", "1") not in {"0", "false"}
    return is_struck, _colour(font.find(f"{_MAIN}color"))


def _fill(fill: ElementTree.Element) -> str:
    pattern = fill.find(f"{_MAIN}patternFill")
    if pattern is None or pattern.get("patternType") in {None, "none", "gray125"}:
        return ""
    return _colour(pattern.find(f"{_MAIN}fgColor"))


def _colour(colour: ElementTree.Element | None) -> str:
    """What people call it; black, white and the theme's own text colours say nothing."""
    rgb = colour.get("rgb", "") if colour is not None else ""
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})?[0-9A-Fa-f]{6}", rgb):
        return ""
    red, green, blue = (int(rgb[-6:][i : i + 2], 16) / 255 for i in (0, 2, 4))
    hue, light, depth = colorsys.rgb_to_hls(red, green, blue)
    if light > 0.97 or light < 0.06:
        return ""
    if depth < 0.15:
        return "灰色"
    names = ((20, "红色"), (45, "橙色"), (70, "黄色"), (165, "绿色"), (255, "蓝色"), (320, "紫色"))
    return next((name for limit, name in names if hue * 360 < limit), "红色")
