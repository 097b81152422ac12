"""Read a returned workbook into a Parquet file; runs in a child process that may be sacrificed."""

from __future__ import annotations

import os
import re
import zipfile
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import python_calamine as calamine

from pipelines.extract.guard import Unreadable, inspect
from pipelines.extract.values import cell
from pipelines.intake.rows import IDENTIFIERS, rows_table
from schemas.fields import FIELD

MOST_ROWS = 20_000
"""A form has at most some 1,500 rows; more is somebody else's file."""
_SEARCHED_ROWS = 30
_GRID = re.compile(r"\d{9,20}")
_MOST_GRIDS = 3
_NEEDED = {"row_id", "resident_id", "digest"}
_ASKED = {*IDENTIFIERS, *FIELD}


def read_form(path: Path, target: Path) -> dict[str, Any]:
    """Write the rows of a returned form to `target`, as `rows_table` has them, all cells as text.

    Returns:
        meta: what the hidden sheet says of the issue; rows; fields: those that have a column.

    Raises:
        Unreadable: the file cannot be used; `code` says why.
    """
    try:
        inspect(path)
    except Unreadable as error:
        if error.code != "password":
            raise
        plain = target.with_suffix(".unlocked")
        try:
            _unlock(path, plain)
            return read_form(plain, target)
        finally:
            plain.unlink(missing_ok=True)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("vbaProject.bin") for name in archive.namelist()):
                raise Unreadable("macros")
    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
        meta: dict[str, str] = {}
        found: tuple[calamine.CalamineSheet, dict[str, int], int] | None = None
        for name in reversed(book.sheet_names):  # the tasks stand first and tell nothing new
            if meta and found:
                break
            sheet = book.get_sheet_by_name(name)
            head = list(islice(sheet.iter_rows(), _SEARCHED_ROWS))
            meta = meta or _meta(head)
            found = found or _columns(sheet, head)
    except calamine.PasswordError as error:
        raise Unreadable("password") from error
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise Unreadable("not_a_workbook") from error
    if not meta:
        raise Unreadable("no_issue")
    if found is None:
        raise Unreadable("no_codes")
    sheet, places, first = found
    names = [name for name in places if name not in IDENTIFIERS]
    rows, count = _rows(sheet, places, first)
    pq.write_table(rows, target, compression="lz4")
    return {"meta": meta, "rows": count, "fields": names}


def _unlock(path: Path, plain: Path) -> None:
    """Open a grid's workbook with the grid's password; the file's name says which grid."""
    from pipelines.config import FORM_SECRET  # noqa: PLC0415 - rarely needed, and takes time

    if FORM_SECRET not in os.environ:
        raise Unreadable("password")
    from pipelines.deliver.locks import grid_password  # noqa: PLC0415
    from pipelines.extract.locked import opens  # noqa: PLC0415

    grids = dict.fromkeys(_GRID.findall(path.name))
    if not any(opens(path, plain, grid_password(grid)) for grid in list(grids)[:_MOST_GRIDS]):
        raise Unreadable("locked_form")


def _meta(head: list[list[Any]]) -> dict[str, str]:
    """The pairs of the hidden sheet, if this is it."""
    pairs = {
        str(row[0]).strip(): text
        for row in head
        if len(row) > 1 and (text := cell(row[1])) is not None
    }
    return pairs if {"form_id", "version"} <= pairs.keys() else {}


def _columns(
    sheet: calamine.CalamineSheet, head: list[list[Any]]
) -> tuple[calamine.CalamineSheet, dict[str, int], int] | None:
    """Which column holds what, by the machine names, wherever the row with them has gone."""
    for number, row in enumerate(head):
        names = {str(value).strip(): place for place, value in enumerate(row) if value}
        if names.keys() >= _NEEDED:
            # another name would be nobody's question, and stand in SQL
            places = {name: place for name, place in names.items() if name in _ASKED}
            return sheet, places, number + 1
    return None


def _rows(
    sheet: calamine.CalamineSheet, places: dict[str, int], first: int
) -> tuple[pa.Table, int]:
    """The rows below the machine names that hold anything; the header words are none."""
    rows = list(islice(sheet.iter_rows(), first, None))
    columns = dict.fromkeys(places, [None] * len(rows)) | {
        name: [(value.strip() or None) if type(value) is str else cell(value) for value in column]
        for name, place in places.items()
        if name != "place"
        for column in [[row[place] for row in rows]]
    }
    row_ids = columns["row_id"]
    if "place" in places:  # of who was on the form it is known
        columns["place"] = [
            None if row_id else cell(row[places["place"]])
            for row_id, row in zip(row_ids, rows, strict=True)
        ]
    kept = [
        at
        for at, row_id in enumerate(row_ids)
        if (row_id and (at or "#" in row_id))
        or (at and any(column[at] for column in columns.values()))
    ]
    if len(kept) > MOST_ROWS:
        raise Unreadable("too_many_rows")
    numbers = [first + at + 1 for at in kept]
    return rows_table(numbers, {n: [c[at] for at in kept] for n, c in columns.items()}), len(kept)
