"""Find a ledger's header by its words, wherever it stands and in whatever order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from schemas.source import SourceMap

Row = Sequence[object]
SEARCHED_ROWS = 30
_BRACKETED = re.compile(r"[(\[{【〔<《].*?[)\]}】〕>》]")
_NOISE = re.compile(r"[\s()\[\]{}【】〔〕<>《》*:,、。·_\-—\u200b\ufeff]")


@dataclass(frozen=True)
class Header:
    """Where the header ends and which cell of a row holds which column of the map."""

    first: int
    last: int
    places: dict[str, int]


@lru_cache(20_000)
def fold(word: object, *, inside: bool = True) -> str:
    """A header word as it is compared: width and case folded, without blanks, breaks, brackets.

    Args:
        word: the cell.
        inside: keep what stands inside of brackets.
    """
    if not isinstance(word, str):
        return ""
    plain = unicodedata.normalize("NFKC", word).casefold()
    if not inside:
        plain = _BRACKETED.sub("", plain)
    return _NOISE.sub("", plain)


class HeaderFinder:
    """Knows the words of one source map."""

    def __init__(self, source: SourceMap) -> None:
        self._source = source
        self._rank: dict[str, tuple[int, str]] = {}
        for name, column in source.columns.items():
            for rank, alias in enumerate(column.aliases):
                self._rank.setdefault(fold(alias), (rank, name))
        self._required = {name for name, c in source.columns.items() if c.required}
        self._starts = frozenset(word[0] for word in self._rank if word)
        self._may_start: dict[str, bool] = {}

    def find(self, rows: Sequence[Row]) -> Header | None:
        """The best header among the first rows; None: no row holds all required columns."""
        best: Header | None = None
        for index in range(min(len(rows), SEARCHED_ROWS)):
            one = self._places([[cell] for cell in rows[index]])
            candidates = [Header(index, index, one)]
            if index + 1 < len(rows):
                two = self._places(_stacked(rows[index], rows[index + 1]))
                candidates.append(Header(index, index + 1, two))
            for candidate in candidates:
                is_complete = self._required <= set(candidate.places)
                if is_complete and (best is None or _worth(candidate) > _worth(best)):
                    best = candidate
        return best

    def names_in(self, row: Row) -> int:
        """How many cells of a row are header words."""
        return sum(1 for cell in row if isinstance(cell, str) and cell and self.is_word(cell))

    def is_word(self, cell: str) -> bool:
        """The cell is a header word. Most are not, by their first character; folding is dear."""
        first = cell[0]
        may = self._may_start.get(first)
        if may is None:
            folded = fold(first)
            may = self._may_start[first] = not folded or folded[0] in self._starts
        return may and fold(cell) in self._rank

    def _places(self, cells: Sequence[Sequence[object]]) -> dict[str, int]:
        chosen: dict[str, tuple[int, int]] = {}
        for place, spellings in enumerate(cells):
            match = self._match(spellings)
            if match is None:
                continue
            rank, name = match
            if name not in chosen or rank < chosen[name][0]:
                chosen[name] = (rank, place)
        return {name: place for name, (_, place) in chosen.items()}

    def _match(self, spellings: Sequence[object]) -> tuple[int, str] | None:
        for spelling in spellings:
            for inside in (True, False):
                if match := self._rank.get(fold(spelling, inside=inside)):
                    return match
        return None


def _worth(header: Header) -> tuple[int, int]:
    """More columns first; among equals one row, so that a title above is not taken for a group."""
    return len(header.places), header.first - header.last


def _stacked(upper: Row, lower: Row) -> list[list[object]]:
    """Two header rows as one: group and part together, else the part, else the group alone."""
    stacked: list[list[object]] = []
    group: object = ""
    for place in range(max(len(upper), len(lower))):
        over = upper[place] if place < len(upper) else ""
        under = lower[place] if place < len(lower) else ""
        group = over or group
        if under and isinstance(group, str) and isinstance(under, str):
            # a group's word reaches over its parts only; a column of its own has none below
            stacked.append([group + under, under, over])
        else:
            stacked.append([under, over])
    return stacked
