"""What a file is, told by its bytes: suffixes lie more often than not.

A web system's "Excel" is an HTML table, WPS calls what Excel calls `.xls` or `.xlsx` `.et`, and a
`.txt` may hold a table.
"""

from __future__ import annotations

import re
import zipfile
from enum import Enum
from pathlib import Path

import olefile

from pipelines.extract.guard import CONTENT_TYPES, MAX_FILE, Unreadable, part_name

_HEAD = 64 << 10
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BARE_BIFF = (b"\x09\x08", b"\x09\x04", b"\x09\x02", b"\x09\x00\x04")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PACKED = (b"Rar!", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_OTHER = (
    *(b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"{\\rtf"),
    *(b"MIME-Version:", b"From:", b"SQLite format 3", b"\x00\x01\x00\x00Standard"),
)
_TEXT_STREAMS = ("WordDocument", "PowerPoint Document", "__substg1.0")
_BOOK_STREAMS = ("Workbook", "Book")
_HTML = re.compile(
    r"<(?:!doctype\s+html|html|head|body|table|meta|style|div|tr|center|font|script)\b"
)
_SHEETML = "urn:schemas-microsoft-com:office:spreadsheet"
_ODS = b"application/vnd.oasis.opendocument.spreadsheet"


class Format(Enum):
    """Kinds of files that ledgers come in."""

    EXCEL = "zipped XML: .xlsx, .xlsm, new .et"
    EXCEL_BINARY = "zipped records: .xlsb"
    OLE = "records in a compound file: .xls, old .et; or any workbook with a password"
    ODS = "OpenDocument"
    HTML = "a web page with a table"
    SHEETML = "XML Spreadsheet 2003"
    TEXT = "separated values"
    ZIP = "an archive of files"


def format_of(path: Path) -> Format:
    """What `path` holds, as far as its first bytes and a zip's directory tell.

    Raises:
        Unreadable: nothing, too much, or something that is no table.
    """
    size = path.stat().st_size
    if size == 0:
        raise Unreadable("empty")
    if size > MAX_FILE:
        raise Unreadable("too_large")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(_ZIP):
        return _zipped(path)
    if head.startswith(_OLE):
        if any(name.encode("utf-16-le") in head for name in _TEXT_STREAMS) and _is_text(path):
            raise Unreadable("other_kind")
        return Format.OLE
    if head.startswith(_PACKED):
        raise Unreadable("other_archive")
    if head.startswith(_OTHER):
        raise Unreadable("other_kind")
    if head.startswith(_BARE_BIFF):
        return Format.OLE
    return _written(head)


def _is_text(path: Path) -> bool:
    """A compound file is a letter or a talk, and no workbook in which one is embedded."""
    try:
        with olefile.OleFileIO(path) as ole:
            return not any(map(ole.exists, _BOOK_STREAMS))
    except Exception:  # it trusts the file's own figures
        return True


def _zipped(path: Path) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {part_name(name) for name in archive.namelist()}
            mime = b""
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
                mime = archive.read("mimetype")
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError) as error:
        raise Unreadable("not_a_workbook") from error
    except RuntimeError as error:
        raise Unreadable("password") from error
    if CONTENT_TYPES in names:
        if any(name.startswith(("word/", "ppt/")) for name in names):
            raise Unreadable("other_kind")
        return Format.EXCEL_BINARY if "xl/workbook.bin" in names else Format.EXCEL
    if mime.startswith(_ODS):
        return Format.ODS
    if mime or "index/document.iwa" in names:
        raise Unreadable("other_kind")
    return Format.ZIP


def _written(head: bytes) -> Format:
    """A file of text: markup or separated values."""
    start = head.decode("utf-16", "replace") if head[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
    start = (start or head.replace(b"\0", b"").decode("utf-8", "replace")).lower()
    start = start.lstrip("\ufeff \t\r\n")
    if not start.startswith("<"):
        return Format.TEXT
    if _SHEETML in start:
        return Format.SHEETML
    if _HTML.search(start):
        return Format.HTML
    raise Unreadable("other_kind")
