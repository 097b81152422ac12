"""Read one workbook into a Parquet file; runs in a child process that may be sacrificed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import python_calamine as calamine

from pipelines.extract import rows as kinds
from pipelines.extract.guard import Unreadable, inspect
from pipelines.extract.header import SEARCHED_ROWS, Header, HeaderFinder, fold
from pipelines.extract.values import cell
from schemas.source import SourceMap

_FLUSH = 50_000
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
    inspect(path)
    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
        titles = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.visible == calamine.SheetVisibleEnum.Visible
            and sheet.typ == calamine.SheetTypeEnum.WorkSheet
            and re.search(source.sheets, sheet.name)
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
    with pq.ParquetWriter(target, schema, compression="lz4") as writer:
        for sheet in sheets:
            for table in sheet.tables:
                count = table.num_rows
                places = {
                    "src_sheet": pa.array([sheet.title] * count, pa.string()),
                    "src_row": table["src_row"],
                    "src_observed": pa.array([sheet.observed or observed] * count, pa.string()),
                }
                own = {name: table[name] for name in source.columns}
                writer.write_table(pa.table({**places, **own}, schema=schema))


def _read_sheet(
    sheet: calamine.CalamineSheet, finder: HeaderFinder, source: SourceMap, today: date
) -> Sheet | None:
    """None: there is no header."""
    numbered = enumerate(sheet.iter_rows(), start=1)
    head = [row for _, row in zip(range(SEARCHED_ROWS + 2), (r for _, r in numbered), strict=False)]
    header = finder.find(head)
    if header is None:
        return None
    reader = _RowReader(sheet, header, finder, source)
    above = [cell(value) for row in head[: header.first] for value in row]
    names = list(source.columns)
    columns: list[list[Any]] = [[] for _ in (*names, "src_row")]
    tables: list[pa.Table] = []
    count = 0

    def flush() -> None:
        arrays = [pa.array(values, pa.string()) for values in columns[:-1]]
        arrays.append(pa.array(columns[-1], pa.int32()))
        tables.append(pa.table(arrays, names=[*names, "src_row"]))
        for values in columns:
            values.clear()

    def remaining() -> Iterator[tuple[int, list[Any]]]:
        yield from enumerate(head[header.last + 1 :], start=header.last + 2)
        yield from numbered

    for number, row in remaining():
        values = reader.take(number, row)
        if values is None:
            continue
        count += 1
        for column, value in zip(columns, (*values, number), strict=True):
            column.append(value)
        if len(columns[-1]) >= _FLUSH:
            flush()
    flush()
    observed = kinds.date_in([*above, *reader.footers], today)
    return Sheet(sheet.name, tables, observed, count, reader.left_out)


class _RowReader:
    """Takes the rows below a header one after the other; remembers what 'as above' means."""

    def __init__(
        self,
        sheet: calamine.CalamineSheet,
        header: Header,
        finder: HeaderFinder,
        source: SourceMap,
    ) -> None:
        self.left_out = 0
        self.footers: list[str | None] = []
        self._finder, self._first = finder, header.last + 2
        self._required = [name for name, c in source.columns.items() if c.required]
        self._names = list(source.columns)
        self._above: dict[str, str | None] = {}
        self._shift = sheet.start[1] if sheet.start else 0
        # last row of the merged range that a column is in; ranges of one row say nothing downwards
        self._merged: dict[tuple[int, int], int] = {}
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
            if bottom > top and left == right:
                self._merged[(top + 1, left - self._shift)] = bottom + 1
        self._until: dict[int, int] = {}
        self._held: dict[int, object] = {}
        self._lay(header)

    def _lay(self, header: Header) -> None:
        self._places = [header.places.get(name) for name in self._names]
        self._firm = {"id_number", *self._required}

    def take(self, number: int, row: list[Any]) -> list[str | None] | None:
        """The row's values in the map's order; None: there is no person in it."""
        if self._merged:
            self._fill_merged(number, row)
        values = [cell(row[p]) if p is not None and p < len(row) else None for p in self._places]
        is_bare = not any(values)
        identified = any(
            value for name, value in zip(self._names, values, strict=True) if name in self._firm
        )
        if is_bare or not identified or number < self._first + 3 or self._looks_odd(row, values):
            every = [cell(value) for value in row]
            if not any(every):
                return None
            if is_bare or self._is_furniture(number, row, every, identified):
                self.left_out += 1
                self.footers += every if kinds.is_footer(every) else []
                return None
        for place, name in enumerate(self._names):
            if kinds.is_ditto(values[place]):
                values[place] = self._above.get(name)
            self._above[name] = values[place]
        return values

    def _looks_odd(self, row: list[Any], values: list[str | None]) -> bool:
        """Not everything that a person's row has: worth a closer look."""
        missing = sum(
            1 for v, n in zip(values, self._names, strict=True) if n in self._firm and not v
        )
        head = next((value for value in row if value != ""), None)
        return (
            missing > 0
            or (isinstance(head, str) and (":" in head or "：" in head or "计" in head))
            or (any(isinstance(v, str) and fold(v) in self._finder.words for v in values[:4]))
        )

    def _is_furniture(
        self, number: int, row: list[Any], every: list[str | None], identified: bool
    ) -> bool:
        """Totals, footers, instructions and repeated headers; the latter may change the order."""
        if kinds.is_total(every) or kinds.is_footer(every):
            return True
        if number < self._first + 3 and kinds.is_instruction(every):
            return True
        if self._finder.names_in(row) >= 2:
            if (again := self._finder.find([row])) is not None:
                self._lay(again)
            return True
        return not identified and sum(1 for value in every if value) <= 1

    def _fill_merged(self, number: int, row: list[Any]) -> None:
        for place in range(len(row)):
            if (end := self._merged.get((number, place))) is not None:
                self._until[place], self._held[place] = end, row[place]
            elif row[place] == "" and number <= self._until.get(place, 0):
                row[place] = self._held[place]
