"""Look at a workbook before any parser does: bombs, far-off cells, passwords, junk."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

MAX_FILE = 200 << 20
MAX_ENTRY = 400 << 20
MAX_TOTAL = 800 << 20
MAX_RATIO = 150
MAX_CELLS = 30_000_000
_CHUNK = 4 << 20
_OVERLAP = 64
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WIDE = re.compile(rb"""r\s*=\s*["'][A-Za-z]{2}""")
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,7})(\d{1,9})["']""")


class Unreadable(Exception):
    """A file that must not or cannot be parsed; `code` is a key of `texts.REASONS`."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def inspect(path: Path) -> None:
    """Read the file's packing, not its content, in bounded memory.

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
        return
    try:
        with zipfile.ZipFile(path) as archive:
            _inspect_archive(archive)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError) as error:
        raise Unreadable("not_a_workbook") from error
    except RuntimeError as error:  # an entry of the archive itself is encrypted
        raise Unreadable("password") from error


def _inspect_archive(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if "[Content_Types].xml" not in names:
        raise Unreadable("not_a_workbook")
    if sum(entry.file_size for entry in entries) > MAX_TOTAL:
        raise Unreadable("too_large")
    for entry in entries:
        is_huge = entry.file_size > (20 << 20)
        if entry.file_size > MAX_ENTRY or (
            is_huge and entry.file_size > MAX_RATIO * max(entry.compress_size, 1)
        ):
            raise Unreadable("too_large")
    total = 0
    for entry in entries:
        if entry.filename.endswith((".xml", ".rels", ".bin", ".vml")):
            total += _scan(archive, entry)
            if total > MAX_TOTAL:
                raise Unreadable("too_large")


def _scan(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Unpack an entry in pieces: what it declares may be a lie. Returns its true size."""
    size, rows, columns, tail = 0, 1, 1, b""
    is_sheet = "sheets/" in entry.filename.lower()
    with archive.open(entry) as stream:
        while piece := stream.read(_CHUNK):
            size += len(piece)
            if size > MAX_ENTRY:
                raise Unreadable("too_large")
            window = tail + piece
            # up to 26 columns no sheet is too large; only wider ones are worth a look at each cell
            if is_sheet and _WIDE.search(window):
                for letters, digits in _REFERENCE.findall(window):
                    rows = max(rows, int(digits))
                    columns = max(columns, _column(letters))
                if rows * columns > MAX_CELLS:
                    raise Unreadable("sparse")
            tail = window[-_OVERLAP:]
    return size


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
