"""Know a column by what stands in it, where its header word is missing or strange.

Eighteen digits alone make no ID number: household codes are as long. The check digit decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from pipelines.check_digit import check_digit

_NUMBER = re.compile(r"[1-9]\d{5}(?:19|20)\d{9}[\dXx]")
_NAME = re.compile("[\u4e00-\u9fff]{2,4}|[\u4e00-\u9fff]+·[\u4e00-\u9fff]+")
_FEWEST, _SHARE, _NAMES_DIFFER = 3, 0.8, 0.8


def guess_missing(
    missing: Iterable[str], known: Mapping[str, int], rows: Sequence[Sequence[object]]
) -> dict[str, int]:
    """Column → place for ``id_number`` and ``name``, where exactly one place can be meant.

    Args:
        missing: columns that are sought.
        known: columns whose places are known.
        rows: the rows below the header, as many as are at hand.
    """
    tests = {"id_number": _are_numbers, "name": _are_names}
    width = max((len(row) for row in rows), default=0)
    free = [place for place in range(width) if place not in set(known.values())]
    found: dict[str, int] = {}
    for name in missing:
        test = tests.get(name)
        places = [place for place in free if test and test(_cells(rows, place))]
        if len(places) == 1:
            found[name] = places[0]
    return found


def _cells(rows: Sequence[Sequence[object]], place: int) -> list[str]:
    cells = (row[place] for row in rows if place < len(row))
    return [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip()]


def _are_numbers(cells: list[str]) -> bool:
    right = sum(1 for c in cells if _NUMBER.fullmatch(c) and check_digit(c[:17]) == c[17].upper())
    return right >= _FEWEST and right >= _SHARE * len(cells)


def _are_names(cells: list[str]) -> bool:
    right = sum(1 for cell in cells if _NAME.fullmatch(cell))
    differ = len(set(cells)) >= _NAMES_DIFFER * len(cells)
    return right >= _FEWEST and right >= _SHARE * len(cells) and differ
