"""Open a file that may be a ledger, whatever it is, with the reader for what it holds."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import python_calamine as calamine

from pipelines.extract.delimited import read_delimited
from pipelines.extract.formats import Format, format_of
from pipelines.extract.guard import Unreadable, inspect, inspect_entries
from pipelines.extract.locked import unlock
from pipelines.extract.plain import PlainSheet
from pipelines.extract.sheetml import read_sheetml
from pipelines.extract.webpage import read_webpage
from schemas.source import SourceMap

_SUFFIXES = {
    Format.EXCEL: ".xlsx",
    Format.EXCEL_BINARY: ".xlsb",
    Format.OLE: ".xls",
    Format.ODS: ".ods",
}


@dataclass(frozen=True)
class Book:
    """An open workbook; the attributes are those of `calamine.CalamineWorkbook`, and:

    Attributes:
        path: the file that is read: the workbook itself, or what was behind its password.
        is_untitled: the format knows no titles of sheets; the only sheet is the ledger.
        left: parts of the file that nobody has searched to their end for far-off cells.
    """

    path: Path
    sheets_metadata: Sequence[calamine.SheetMetadata | PlainSheet]
    is_untitled: bool = False
    excel: calamine.CalamineWorkbook | None = None
    left: frozenset[str] = frozenset()

    def get_sheet_by_name(self, name: str) -> calamine.CalamineSheet | PlainSheet:
        """The sheet with this title."""
        if self.excel is not None:
            return self.excel.get_sheet_by_name(name)
        return next(s for s in self.sheets_metadata if isinstance(s, PlainSheet) and s.name == name)


@contextmanager
def opened(
    path: Path, source: SourceMap, beside: Path, looked_at: int | None = None
) -> Iterator[Book]:
    """The workbook in `path`.

    Args:
        path: the file.
        source: says how columns are called, and where passwords are found.
        beside: a name that is free, for what is needed meanwhile.
        looked_at: bytes of each sheet that are searched for far-off cells; None: all of them.

    Raises:
        Unreadable: it cannot be used; `code` says why.
        calamine.CalamineError, OSError, ValueError: it is damaged.
    """
    with ExitStack() as stack:
        try:
            book = _open(path, source, beside, stack, looked_at)
        except (Unreadable, calamine.PasswordError) as error:
            if isinstance(error, Unreadable) and error.code != "password":
                raise
            plain = beside.with_suffix(".unlocked")
            stack.callback(plain.unlink, missing_ok=True)
            unlock(path, plain, source.passwords)
            book = _open(plain, source, beside, stack, looked_at)
        yield book


def _open(
    path: Path, source: SourceMap, beside: Path, stack: ExitStack, looked_at: int | None
) -> Book:
    kind = format_of(path)
    if kind is Format.TEXT:
        words = {word for column in source.columns.values() for word in column.aliases}
        return Book(path, [read_delimited(path, words)], is_untitled=True)
    if kind is Format.HTML:
        return Book(path, [read_webpage(path)], is_untitled=True)
    if kind is Format.SHEETML:
        return Book(path, read_sheetml(path))
    if kind is Format.ZIP:
        raise Unreadable("nested_archive")
    left = _inspect(path, kind, looked_at)
    excel = calamine.CalamineWorkbook.from_path(str(_named(path, kind, beside, stack)))
    return Book(path, excel.sheets_metadata, excel=excel, left=left)


def _inspect(path: Path, kind: Format, looked_at: int | None) -> frozenset[str]:
    if kind is not Format.ODS:
        return inspect(path, looked_at)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            return inspect_entries(file, archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise Unreadable("not_a_workbook") from error


def _named(path: Path, kind: Format, beside: Path, stack: ExitStack) -> Path:
    """The file under a suffix that is true: calamine goes by it."""
    suffix = _SUFFIXES[kind]
    if path.suffix == suffix:
        return path
    link = beside.with_suffix(suffix)
    link.unlink(missing_ok=True)
    link.symlink_to(path.absolute())
    stack.callback(link.unlink, missing_ok=True)
    return link
