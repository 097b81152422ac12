"""Read one workbook into a Parquet file; runs in a child process that may be sacrificed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import python_calamine as calamine

from pipelines.extract import rows as kinds
from pipelines.extract.block import BLOCK, BlockReader
from pipelines.extract.book import opened
from pipelines.extract.guard import Unreadable
from pipelines.extract.header import SEARCHED_ROWS, HeaderFinder
from pipelines.extract.plain import PlainSheet
from pipelines.extract.values import cell
from schemas.source import SourceMap

_PLACES = (("src_sheet", pa.string()), ("src_row", pa.int32()), ("src_observed", pa.string()))


@dataclass
class Sheet:
    """What one sheet gave: its rows as tables of text, the date it states, rows left out."""

    title: str
    tables: list[pa.Table]
    observed: str | None
    rows: int
    left_out: int


def read_workbook(path: Path, target: Path, source: SourceMap, today: date) -> dict[str, Any]:
    """Write the rows of all sheets that match to `target`.

    Returns:
        rows, left_out (totals, footers, instructions), observed, sheets_without_header.

    Raises:
        Unreadable: the file cannot be used; `code` says why.
    """
    try:
        with opened(path, source, target.with_suffix(".open")) as book:
            titles = [
                sheet.name
                for sheet in book.sheets_metadata
                if sheet.visible == calamine.SheetVisibleEnum.Visible
                and sheet.typ == calamine.SheetTypeEnum.WorkSheet
                and (book.is_untitled or re.search(source.sheets, sheet.name))
            ]
            if not titles:
                raise Unreadable("no_sheet")
            finder = HeaderFinder(source)
            read = [_read_sheet(book.get_sheet_by_name(t), finder, source, today) for t in titles]
    except calamine.PasswordError as error:
        raise Unreadable("password") from error
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise Unreadable("not_a_workbook") from error
    except MemoryError as error:
        raise Unreadable("too_large") from error
    sheets = [sheet for sheet in read if sheet is not None]
    if not sheets:
        raise Unreadable("no_header")
    stated = [sheet.observed for sheet in sheets if sheet.observed]
    observed = max(stated) if stated else kinds.date_in([path.stem], today)
    if not sum(sheet.rows for sheet in sheets):
        raise Unreadable("no_rows")
    _write(target, source, sheets, observed)
    return {
        "rows": sum(sheet.rows for sheet in sheets),
        "left_out": sum(sheet.left_out for sheet in sheets),
        "observed": observed,
        "sheets_without_header": len(read) - len(sheets),
    }


def _write(target: Path, source: SourceMap, sheets: list[Sheet], observed: str | None) -> None:
    schema = pa.schema([*_PLACES, *((name, pa.string()) for name in source.columns)])
    # read once and thrown away: dictionaries and statistics would not pay
    plain = {"compression": "lz4", "use_dictionary": False, "write_statistics": False}
    with pq.ParquetWriter(target, schema, **plain) as writer:
        for sheet in sheets:
            for table in sheet.tables:
                count = table.num_rows
                places = {
                    "src_sheet": pa.repeat(pa.scalar(sheet.title, pa.string()), count),
                    "src_row": table["src_row"],
                    "src_observed": pa.repeat(
                        pa.scalar(sheet.observed or observed, pa.string()), count
                    ),
                }
                own = {name: table[name] for name in source.columns}
                writer.write_table(pa.table({**places, **own}, schema=schema))


def _read_sheet(
    sheet: calamine.CalamineSheet | PlainSheet,
    finder: HeaderFinder,
    source: SourceMap,
    today: date,
) -> Sheet | None:
    """None: there is no header."""
    rows = sheet.iter_rows()
    head = list(islice(rows, SEARCHED_ROWS + 2))
    header = finder.find(head)
    if header is None:
        return None
    reader = BlockReader(sheet, header, finder, source)
    above = [cell(value) for row in head[: header.first] for value in row]
    start, block = header.last + 2, head[header.last + 1 :]
    tables: list[pa.Table] = []
    while block:
        tables += reader.take(start, block)
        start += len(block)
        block = list(islice(rows, BLOCK))
    observed = kinds.date_in([*above, *reader.footers], today)
    count = sum(table.num_rows for table in tables)
    return Sheet(sheet.name, tables, observed, count, reader.left_out)
