"""Look at a workbook before any parser does: bombs, far-off cells, passwords, junk."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from pipelines.extract.unzip import unpack

MAX_FILE = 200 << 20
MAX_ENTRY = 400 << 20
MAX_TOTAL = 800 << 20
MAX_RATIO = 150
MAX_CELLS = 30_000_000
CONTENT_TYPES = "[content_types].xml"
"""What every zipped workbook has, as of `part_name`."""
_OVERLAP, _LONGEST_TAG = 64, 4096
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_NARROW = 26
"""Sheets of at most as many columns, one letter each, are too large by their rows alone."""
_FAR = re.compile(rb"""r\s*=\s*["'](?:[A-Za-z]{2}|[A-Za-z]?\d{7})""")
_COLUMN = re.compile(rb"""r\s*=\s*["']([A-Za-z]{2,})\d""")
_FILLED = re.compile(rb"""r\s*=\s*["']([A-Za-z]{2,})\d+["'](?:[^<>]*[^/<>])?>\s*<(?!/)""")
"""A cell with something in it: office programs also list empty cells and rows, for their looks."""
_BARE = re.compile(rb"<(?:\w+:)?c(?![^<>]*\sr\s*=)")
"""A cell that does not say where it stands: it is the next one of its row."""


class Unreadable(Exception):
    """A file that must not or cannot be parsed.

    Attributes:
        code: a key of `texts.REASONS`.
        detail: where it is wrong, without anything of what the file holds.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        self.code, self.detail = code, detail
        super().__init__(code)


class FarCells:
    """Whether a sheet has cells so far off that the room between them would fill the memory."""

    def __init__(self) -> None:
        self._widest, self._is_far, self._tail, self._size = _NARROW, False, b"", 0

    def look(self, piece: bytes) -> None:
        """Go on with the next `piece` of the sheet's text.

        Raises:
            Unreadable: it unfolds beyond all bounds.
        """
        self._size += len(piece)
        if self._size > MAX_ENTRY:
            raise Unreadable("too_large")
        for window in (self._tail + piece[:_OVERLAP], piece):
            if _FAR.search(window):
                self._is_far = True
                columns = {b"A", *_COLUMN.findall(window)}
                self._widest = max(self._widest, *map(_column, columns))
        self._tail = (self._tail + piece[-_OVERLAP:])[-_OVERLAP:]

    def judge(self, pieces: Callable[[], Iterable[bytes]]) -> None:
        """Look through the sheet's `pieces` again, where it is as wide as its rows are few.

        Raises:
            Unreadable: something stands too far off.
        """
        if not self._is_far or not (deep := _deepest(pieces(), MAX_CELLS // self._widest)):
            return
        if deep * _widest(pieces()) > MAX_CELLS:
            raise Unreadable("sparse")


def inspect(path: Path, looked_at: int | None = None) -> frozenset[str]:
    """Read the packing of an Excel workbook, not its content, in bounded memory.

    Args:
        path: the file.
        looked_at: bytes of each sheet that are unpacked and searched for far-off cells; None: all
            of them.

    Returns:
        The sheets of which more is left.

    Raises:
        Unreadable: it is no workbook, has a password, or would unfold beyond all bounds.
    """
    if path.stat().st_size > MAX_FILE:
        raise Unreadable("too_large")
    with path.open("rb") as file:
        head = file.read(8)
    if head == _OLE:
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise Unreadable("password")
        return frozenset()
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            if CONTENT_TYPES not in map(part_name, archive.namelist()):
                raise Unreadable("not_a_workbook")
            return inspect_entries(file, archive.infolist(), looked_at)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError) as error:
        raise Unreadable("not_a_workbook") from error
    except RuntimeError as error:  # an entry of the archive itself is encrypted
        raise Unreadable("password") from error


def inspect_entries(
    file: IO[bytes], entries: list[zipfile.ZipInfo], looked_at: int | None = None
) -> frozenset[str]:
    """Unpack the parts of a zipped workbook and throw them away: what they declare may be a lie.

    Returns:
        See `inspect`.

    Raises:
        Unreadable: it would unfold beyond all bounds.
        zipfile.BadZipFile, RuntimeError, NotImplementedError: see `unpack`.
    """
    if sum(entry.file_size for entry in entries) > MAX_TOTAL:
        raise Unreadable("too_large")
    for entry in entries:
        is_huge = entry.file_size > (20 << 20)
        if entry.file_size > MAX_ENTRY or (
            is_huge and entry.file_size > MAX_RATIO * max(entry.compress_size, 1)
        ):
            raise Unreadable("too_large")
    total = 0
    left: set[str] = set()
    most = MAX_TOTAL if looked_at is None else looked_at
    for entry in entries:
        if part_name(entry.filename).endswith((".xml", ".rels", ".bin", ".vml")):
            size, is_sheet = _scan(file, entry, most)
            if is_sheet and size > most:
                left.add(entry.filename)
            total += size
            if total > MAX_TOTAL:
                raise Unreadable("too_large")
    return frozenset(left)


def _scan(file: IO[bytes], entry: zipfile.ZipInfo, looked_at: int) -> tuple[int, bool]:
    """How much of an entry was looked at, all of it unless it is a sheet; and whether it is."""
    size, far = 0, FarCells()
    is_sheet = "sheets/" in part_name(entry.filename)
    for piece in unpack(file, entry):
        size += len(piece)
        if size > MAX_ENTRY:
            raise Unreadable("too_large")
        if is_sheet:
            far.look(piece)
            if size > looked_at:  # the rest is looked at while it is read
                break
    far.judge(lambda: unpack(file, entry))
    return size, is_sheet


def _deepest(pieces: Iterable[bytes], most: int) -> int:
    """The last row of a sheet in which something stands, if it is below row `most`; else 0."""
    long_number = re.compile(rb"""r\s*=\s*["']([A-Za-z]*)(\d{%d,})["']""" % len(str(most)))
    deepest, tail = 0, b""
    for piece in pieces:
        window = tail + piece
        for found in long_number.finditer(window):
            row = int(found.group(2)[:_OVERLAP])
            if row > max(most, deepest) and _is_filled(window, found.end(), found.group(1)):
                deepest = row
        tail = window[-_LONGEST_TAG:]
    return deepest


def _is_filled(window: bytes, at: int, letters: bytes) -> bool:
    """Whether a cell, or a row of cells that do not say where they stand, has something in it.

    Args:
        window: some text of a sheet.
        at: inside of its tag.
        letters: of its column; a row has none.
    """
    end = window.find(b">", at)
    if end < 0 or window[end - 1 : end] == b"/":
        return False
    inside = window[end + 1 : end + _LONGEST_TAG].lstrip()
    if letters:
        return len(inside) > 1 and not inside.startswith(b"</")
    return _BARE.match(inside) is not None


def _widest(pieces: Iterable[bytes]) -> int:
    """In how many columns of a sheet something stands."""
    wide, tail = _NARROW, b""
    for piece in pieces:
        window = tail + piece
        wide = max(wide, *map(_column, set(_FILLED.findall(window))), 0)
        tail = window[-_LONGEST_TAG:]
    return wide


def part_name(name: str) -> str:
    """The name of a part of a workbook as it should be; some programs take the wrong stroke."""
    return name.replace("\\", "/").lower()


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters[:_OVERLAP].upper():
        number = number * 26 + letter - 64
    return number
