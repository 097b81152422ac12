"""Separated values: the separator is the one under which the header's words fall apart."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from pipelines.extract.decoding import decoded, encoding_of
from pipelines.extract.guard import Unreadable
from pipelines.extract.plain import MOST_COLUMNS, PlainSheet

SEPARATORS = ",\t;、|，；"
_SEARCHED_LINES = 40
_LONGEST_CELL = 100_000
_MOST_LINES_A_ROW = 100
_PREFIXES = frozenset("='")
_NOISE = re.compile(r"[\s()*:\[\]{}【】_\-]")
_TEXT_OF_NUMBER = re.compile(r"'(?=\d)")


def read_delimited(path: Path, words: Collection[str]) -> PlainSheet:
    """The table in a file of text.

    Args:
        path: the file.
        words: names under which columns are known.

    Raises:
        Unreadable: it is no text, has no columns, or a quotation mark is open.
    """
    csv.field_size_limit(_LONGEST_CELL)
    encoding = encoding_of(path)
    separator = _separator(list(islice(_lines(path, encoding), _SEARCHED_LINES)), words)
    width = 0
    for row in _rows(path, encoding, separator):
        width = max(width, len(row))

    def cells() -> Iterator[list[Any]]:
        for row in _rows(path, encoding, separator):
            yield [_bare(cell) if cell[:1] in _PREFIXES else cell for cell in row[:MOST_COLUMNS]]

    return PlainSheet("", cells, width)


def _bare(cell: str) -> str:
    """Without what only tells Excel not to take digits for a number: ``="330…"``, ``'330…``."""
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2:
        return cell[2:-1]
    return _TEXT_OF_NUMBER.sub("", cell, count=1) if cell.startswith("'") else cell


def _lines(path: Path, encoding: str) -> Iterator[str]:
    """Lines with their ends, whatever the ends are."""
    ends = io.IncrementalNewlineDecoder(None, translate=True)
    rest = ""
    for piece in decoded(path, encoding):
        *lines, rest = (rest + ends.decode(piece)).split("\n")
        for line in lines:
            yield f"{line}\n"
    if rest:
        yield rest


def _rows(path: Path, encoding: str, separator: str) -> Iterator[list[str]]:
    # strict, for a mark that is not closed makes one row of two without a word
    reader = csv.reader(_lines(path, encoding), delimiter=separator, strict=True)
    before = 0
    try:
        for row in reader:
            if reader.line_num - before > _MOST_LINES_A_ROW:
                raise Unreadable("quotes", str(before + 1))
            before = reader.line_num
            yield row
    except csv.Error as error:
        raise Unreadable("quotes", str(before + 1)) from error


def _separator(lines: list[str], words: Collection[str]) -> str:
    """Most header words in one row; without any, the same number of columns in most rows."""
    known = {_squeezed(word) for word in words}
    lines = [line[:_LONGEST_CELL] for line in lines]
    best, best_worth = "", (0, 0.0, 0)
    for separator in SEPARATORS:
        try:
            rows = [row for row in csv.reader(lines, delimiter=separator) if row]
        except csv.Error:
            continue
        found = max((sum(_squeezed(cell) in known for cell in row) for row in rows), default=0)
        widths = Counter(map(len, rows)).most_common(1)
        width, count = widths[0] if widths else (0, 0)
        worth = (found, count / len(rows), width) if width > 1 else (found, 0.0, 0)
        if worth > best_worth:
            best, best_worth = separator, worth
    if not best:
        raise Unreadable("not_a_workbook")
    return best


def _squeezed(word: str) -> str:
    return _NOISE.sub("", unicodedata.normalize("NFKC", word)).casefold()
