"""The least that makes an Excel 97 workbook: texts and numbers in BIFF8 records, in one stream of
an OLE compound file (MS-XLS, MS-CFB)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

_SECTOR = 512
_LEAST = 4096
_MOST_TABLES = 109
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_BOF, _EOF, _SHEET, _NUMBER, _LABEL = 0x0809, 0x000A, 0x0085, 0x0203, 0x0204
_CODEPAGE, _FONT, _STYLE, _DIMENSIONS, _WINDOW = 0x0042, 0x0031, 0x00E0, 0x0200, 0x023E


def workbook(sheets: dict[str, list[list[object]]]) -> bytes:
    """A workbook with these sheets: title → rows of texts and numbers.

    Raises:
        ValueError: it would be larger than seven megabytes.
    """
    bodies = [_body(rows) for rows in sheets.values()]
    font = struct.pack("<HHHHHBBBBBB", 220, 0, 0x7FFF, 400, 0, 0, 0, 134, 0, 5, 0) + b"Arial"
    head = _record(_BOF, struct.pack("<HHHHII", 0x0600, 5, 0x0DBB, 1997, 0, 6))
    head += _record(_CODEPAGE, struct.pack("<H", 1200)) + _record(_FONT, font) * 5
    head += (
        _record(_STYLE, struct.pack("<HHHBBBBIIH", 0, 0, 0xFFF5, 32, 0, 0, 0, 0, 0, 0x20C0)) * 15
    )
    head += _record(_STYLE, struct.pack("<HHHBBBBIIH", 0, 0, 1, 32, 0, 0, 0, 0, 0, 0x20C0))
    titles = [struct.pack("<BB", len(title), 1) + title.encode("utf-16-le") for title in sheets]
    at = len(head) + sum(4 + 6 + len(title) for title in titles) + 4
    for title, body in zip(titles, bodies, strict=True):
        head += _record(_SHEET, struct.pack("<IH", at, 0) + title)
        at += len(body)
    return _compound(head + _record(_EOF, b"") + b"".join(bodies))


def _body(rows: list[list[object]]) -> bytes:
    width = max(map(len, rows), default=0)
    parts = [_record(_BOF, struct.pack("<HHHHII", 0x0600, 0x10, 0x0DBB, 1997, 0, 6))]
    parts.append(_record(_DIMENSIONS, struct.pack("<IIHHH", 0, len(rows), 0, width, 0)))
    parts += [
        _cell(row, column, value)
        for row, values in enumerate(rows)
        for column, value in enumerate(values)
        if value not in ("", None)
    ]
    parts.append(_record(_WINDOW, struct.pack("<HHHIHHI", 0x06B6, 0, 0, 64, 0, 0, 0)))
    return b"".join([*parts, _record(_EOF, b"")])


def _cell(row: int, column: int, value: object) -> bytes:
    place = struct.pack("<HHH", row, column, 15)
    if isinstance(value, float | int):
        return _record(_NUMBER, place + struct.pack("<d", value))
    text = str(value)
    return _record(_LABEL, place + struct.pack("<HB", len(text), 1) + text.encode("utf-16-le"))


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _compound(stream: bytes) -> bytes:
    """The stream ``Workbook`` alone in a compound file: header, stream, directory, table."""
    stream = stream.ljust(_LEAST, b"\0")
    stream += bytes(-len(stream) % _SECTOR)
    length = len(stream) // _SECTOR
    tables = 1
    while tables * (_SECTOR // 4) < length + 1 + tables:
        tables += 1
    chain = [*range(1, length), _END, _END, *[_FAT] * tables]
    chain += [_FREE] * (tables * (_SECTOR // 4) - len(chain))
    if tables > _MOST_TABLES:
        raise ValueError("too much for one small workbook")
    listed = [*range(length + 1, length + 1 + tables)]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, tables, length, 0, _LEAST, _END, 0, _END, 0)
    header += _longs([*listed, *[_FREE] * (109 - tables)])
    directory = _entry("Root Entry", 5, child=1, start=_END, size=0)
    directory += _entry("Workbook", 2, child=_FREE, start=0, size=len(stream))
    directory += _entry("", 0, child=_FREE, start=0, size=0) * 2
    return header + stream + directory + _longs(chain)


def _entry(name: str, kind: int, *, child: int, start: int, size: int) -> bytes:
    text = (name + "\0").encode("utf-16-le") if name else b""
    return (
        text.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(text), kind, 1, _FREE, _FREE, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )


def _longs(numbers: Iterable[int]) -> bytes:
    return b"".join(struct.pack("<I", number) for number in numbers)
