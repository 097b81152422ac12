"""The child process that takes a sample of a workbook, see `pipelines.extract.reader`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import python_calamine as calamine

from pipelines.extract import rows as kinds
from pipelines.extract.book import opened
from pipelines.extract.guard import Unreadable
from pipelines.extract.header import DEEPEST, SEARCHED_ROWS, stacked
from pipelines.extract.plain import PlainSheet
from pipelines.extract.reader import serve
from pipelines.extract.values import cell
from pipelines.extract.words import fold
from schemas.source import SourceColumn, SourceMap

ROWS = 2_000
_FEW = 2
_DITTO = frozenset(("同上", "〃", "″", '"'))
Cells = Sequence[Sequence[object]]
Path_ = tuple[str, ...]


def main() -> None:
    """Sample workbooks. The first line on stdin is the words that are known, and the sheet."""
    asked: dict[str, Any] = {}

    def read(path: Path, target: Path, *_: object) -> dict[str, Any]:
        return sample_workbook(path, target, frozenset(asked["words"]), asked["sheet"])

    serve(read, lambda hello: asked.update(json.loads(hello)))


def sample_workbook(
    path: Path, target: Path, words: frozenset[str], wanted: str | None
) -> dict[str, Any]:
    """Write the first people of the widest sheet (or the one called `wanted`) to `target`.

    Returns:
        paths: header words from the top down, by column; sheets: titles with the same header;
        seen: titles of all sheets.

    Raises:
        Unreadable: the file cannot be used; `code` says why.
    """
    try:
        with opened(path, _anything(words), target.with_suffix(".open")) as book:
            sheets = [s for s in book.sheets_metadata if s.typ == calamine.SheetTypeEnum.WorkSheet]
            seen = [sheet.name for sheet in sheets]
            if wanted is not None and wanted not in seen:
                return {"failed": "no_sheet", "seen": seen}
            titles = seen if wanted is None else [wanted]
            found = {title: _sample(book.get_sheet_by_name(title), words) for title in titles}
    except calamine.PasswordError as error:
        raise Unreadable("password") from error
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise Unreadable("not_a_workbook") from error
    tables = {title: table for title, table in found.items() if table is not None}
    if not tables:
        raise Unreadable("no_header")
    best = max(tables, key=lambda title: (tables[title][2], len(tables[title][1])))
    paths, rows, _ = tables[best]
    columns = [[row[place] for row in rows] for place in range(len(paths))]
    pq.write_table(
        pa.table({str(place): pa.array(own, pa.string()) for place, own in enumerate(columns)}),
        target,
    )
    alike = [title for title, table in tables.items() if _folded(table[0]) == _folded(paths)]
    return {"paths": paths, "sheets": alike, "seen": seen}


def _anything(words: frozenset[str]) -> SourceMap:
    """A map by which any file is opened."""
    return SourceMap(
        source="draft",
        label="",
        department="community",
        kind="workbook",
        files="*",
        purposes=(),
        columns={"any": SourceColumn(aliases=tuple(sorted(words)))},
    )


def _folded(paths: Sequence[Path_]) -> list[list[str]]:
    return [[fold(word) for word in path] for path in paths]


def _sample(
    sheet: calamine.CalamineSheet | PlainSheet, words: frozenset[str]
) -> tuple[list[Path_], list[list[str | None]], int] | None:
    """Header words, rows below them, and how many of the words are known; None: no table."""
    rows = list(islice(sheet.iter_rows(), ROWS + SEARCHED_ROWS))
    shift = sheet.start[1] if sheet.start else 0
    areas = [
        (top, left - shift, bottom, right - shift)
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or ()
    ]
    spans = [
        (first, last)
        for first in range(min(SEARCHED_ROWS, len(rows)))
        for last in range(first, min(first + DEEPEST, len(rows) - 1))
    ]
    read = {span: stacked(rows, *span, areas) for span in spans}
    known = {span: _known(paths, words) for span, paths in read.items()}
    if not spans:
        return None
    best = max(spans, key=lambda span: (known[span], span[0] - span[1], -span[0]))
    if known[best] < _FEW:
        worded = [s for s in spans if s[0] == s[1] and _could_be_header(rows, s[0])]
        if not worded:
            return None
        best = worded[0]
    kept = [place for place, path in enumerate(read[best]) if path]
    people = _people(rows[best[1] + 1 :], kept)
    return [read[best][place] for place in kept], people, known[best]


def _known(paths: Sequence[Path_], words: frozenset[str]) -> int:
    ends = [path[-1] for path in paths if path]
    return sum(1 for e in ends if fold(e) in words or fold(e, inside=False) in words)


def _could_be_header(rows: Cells, index: int) -> bool:
    """Different words without digits over most columns of the rows that follow."""
    words = [c.strip() for c in rows[index] if isinstance(c, str) and c.strip()]
    below = [sum(1 for c in row if c != "") for row in rows[index + 1 : index + 6]]
    wide = max(below, default=0)
    has_digits = any(sum(char.isdigit() for char in word) > 4 for word in words)
    return (
        len(words) >= max(_FEW, 0.7 * wide)
        and wide >= _FEW
        and len(set(words)) == len(words)
        and not has_digits
    )


def _people(rows: Cells, kept: Sequence[int]) -> list[list[str | None]]:
    people: list[list[str | None]] = []
    for number, row in enumerate(rows):
        cells = [cell(value) for value in row]
        filled = sum(1 for value in cells if value)
        if filled < _FEW or kinds.is_total(cells) or kinds.is_footer(cells):
            continue
        if number < 3 and kinds.is_instruction(cells):
            continue
        own = [cells[place] if place < len(cells) else None for place in kept]
        above = people[-1] if people else [None] * len(own)
        people.append([a if v in _DITTO else v for v, a in zip(own, above, strict=True)])
        if len(people) == ROWS:
            break
    return people


if __name__ == "__main__":
    main()
