"""Find a ledger's header by its words, wherever it stands, in one row or up to three."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pipelines.extract.guess import guess_missing
from pipelines.extract.tables import Columns, Table, part_tables
from pipelines.extract.words import Vocabulary, fold

Row = Sequence[object]
Merge = tuple[int, int, int, int]
"""Top, left, bottom and right of a merged area, from 0."""
SEARCHED_ROWS = 30
DEEPEST = 3
_SHOWN = 12
_LONG_NUMBER = re.compile(r"\d{6}")
_GROUP = re.compile(r"[^\d:：。]{2,8}")


@dataclass(frozen=True)
class Header:
    """Where a header ends and what stands below it.

    Attributes:
        first, last: its rows, counted like the rows that were searched.
        tables: the tables of people side by side, usually one.
        rows: its words, folded, by row: to know it when it is printed again.
        guessed: columns that were known by what stands below, not by their word.
        unknown: place → word that the map does not know.
    """

    first: int
    last: int
    tables: tuple[Table, ...]
    rows: tuple[tuple[str, ...], ...]
    guessed: frozenset[str] = frozenset()
    unknown: tuple[tuple[int, str], ...] = ()

    def moved(self, by: int) -> Header:
        """The same, counted from `by` rows further up."""
        return replace(self, first=self.first + by, last=self.last + by)

    def repeats(self, row: Row) -> bool:
        """The row is one of this header's rows once more."""
        words = [fold(cell) for cell in row]
        filled = sum(1 for word in words if word)
        return any(
            2 * sum(1 for a, b in zip(words, own, strict=False) if a and a == b) > filled
            for own in self.rows
        )


class HeaderFinder:
    """Knows the words of one source map."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def find(
        self,
        rows: Sequence[Row],
        merges: Iterable[Merge] = (),
        *,
        searched: int = SEARCHED_ROWS,
        guess: bool = True,
    ) -> Header | None:
        """The first header among the first rows; None: no row holds all required columns.

        Raises nothing, whatever the cells hold.

        Args:
            rows: the top of the sheet.
            merges: merged areas, in the same count.
            searched: in so many rows it must begin.
            guess: a required column may be known by what stands below it.
        """
        searched = min(len(rows), searched)
        areas = [area for area in merges if area[0] < searched + DEEPEST]
        for lenient in (False, True):
            for index in range(searched):
                near = range(index, min(index + DEEPEST, searched))
                if not self._is_complete_at(rows, index, areas, lenient):
                    continue
                found = [
                    header
                    for start in near
                    for header in self._from(rows, start, areas, lenient)
                    if self._is_complete(header)
                ]
                best = max(found, key=lambda header: self._worth(header, rows, areas))
                return self._with_groups_above(best, rows, areas, lenient)
        return self._guess(rows, areas, searched) if guess else None

    def _is_complete_at(
        self, rows: Sequence[Row], index: int, areas: list[Merge], lenient: bool
    ) -> bool:
        return any(self._is_complete(header) for header in self._from(rows, index, areas, lenient))

    def _is_complete(self, header: Header) -> bool:
        return bool(header.tables) and self.vocabulary.required <= header.tables[0].places.keys()

    def _from(
        self, rows: Sequence[Row], first: int, areas: list[Merge], lenient: bool
    ) -> list[Header]:
        """Headers that begin with a row: of one to three rows, none of which is a person's."""
        below = range(first + 1, min(first + DEEPEST, len(rows)))
        end = next((index for index in below if _holds_data(rows[index])), below.stop)
        return [
            self._read(rows, first, last, areas, lenient=lenient)
            for last in range(first, max(end, first + 1))
        ]

    def _read(
        self, rows: Sequence[Row], first: int, last: int, areas: list[Merge], *, lenient: bool
    ) -> Header:
        paths = stacked(rows, first, last, areas)
        words = self.vocabulary
        claims = [words.meaning(path, lenient=lenient) if path else None for path in paths]
        columns = Columns(claims, [bool(path) for path in paths], rows[last + 1 :])
        unknown = [
            (place, path[-1].strip()[:_SHOWN])
            for place, (path, claim) in enumerate(zip(paths, claims, strict=True))
            if path and claim is None and not self.vocabulary.is_unasked(path[-1])
        ]
        folded = tuple(tuple(fold(cell) for cell in row) for row in rows[first : last + 1])
        tables = part_tables(columns, self.vocabulary.required)
        return Header(first, last, tuple(tables), folded, unknown=tuple(unknown))

    def _with_groups_above(
        self, header: Header, rows: Sequence[Row], areas: list[Merge], lenient: bool
    ) -> Header:
        """With the row above, if it holds names of groups that told nothing about the columns."""
        above, last = header.first - 1, header.last
        if above < 0 or last - above >= DEEPEST or not _are_groups(rows[above]):
            return header
        wider = self._read(rows, above, last, areas, lenient=lenient)
        places = [[table.places for table in one.tables] for one in (wider, header)]
        return wider if places[0] == places[1] else header

    def _worth(self, header: Header, rows: Sequence[Row], areas: list[Merge]) -> tuple[int, int]:
        """More columns first, with those a group keeps from being mistaken; then fewer rows."""
        known = {name for table in header.tables for name in table.places}
        paths = stacked(rows, header.first, header.last, areas)
        refused = sum(1 for path in paths if self.vocabulary.is_refused(path))
        return len(known) + refused, header.first - header.last

    def _guess(self, rows: Sequence[Row], areas: list[Merge], searched: int) -> Header | None:
        """The best header that lacks a required column which its cells give away."""
        best: Header | None = None
        for index in range(searched):
            for header in self._from(rows, index, areas, False)[:2]:
                known = header.tables[0].places if header.tables else {}
                if len(known) < 2 or (best and len(known) <= len(best.tables[0].places)):
                    continue
                missing = self.vocabulary.required - known.keys()
                found = guess_missing(missing, known, rows[header.last + 1 :])
                if found.keys() >= missing:
                    table = Table({**known, **found}, 0, header.tables[0].stop)
                    best = Header(
                        header.first,
                        header.last,
                        (table,),
                        header.rows,
                        frozenset(found),
                        tuple(item for item in header.unknown if item[0] not in found.values()),
                    )
        return best


def _holds_data(row: Row) -> bool:
    """Numbers, or long ones in a text, stand below a header and not in it."""
    return any(
        bool(_LONG_NUMBER.search(cell)) if isinstance(cell, str) else cell is not None
        for cell in row
    )


def _are_groups(row: Row) -> bool:
    """The row holds nothing but short words, as names of groups are."""
    words = [cell for cell in row if cell not in ("", None)]
    return len(words) > 1 and all(
        isinstance(word, str) and _GROUP.fullmatch(word.strip()) for word in words
    )


def stacked(
    rows: Sequence[Row], first: int, last: int, areas: Sequence[Merge]
) -> list[tuple[str, ...]]:
    """For each place its words from the top down; a group's word reaches over its columns."""
    width = max((len(row) for row in rows[first : last + 1]), default=0)
    paths: list[list[str]] = [[] for _ in range(width)]
    for index in range(first, last + 1):
        row = [cell.strip() if isinstance(cell, str) else "" for cell in rows[index]]
        row += [""] * (width - len(row))
        if index < last:
            below = rows[index + 1]
            wide = [a for a in areas if a[0] == index and a[1] < min(a[3], width)]
            if wide:
                for _, left, _, right in wide:
                    row[left : right + 1] = [row[left]] * len(row[left : right + 1])
            else:
                _spread(row, below)
        for place, word in enumerate(row):
            if word and (not paths[place] or paths[place][-1] != word):
                paths[place].append(word)
    return [tuple(path) for path in paths]


def _spread(row: list[str], below: Row) -> None:
    """Without merged cells a group's word reaches over the empty cells right of it, where words
    stand below."""
    word = ""
    for place, cell in enumerate(row):
        under = below[place] if place < len(below) else ""
        word = cell or (word if isinstance(under, str) and under.strip() else "")
        row[place] = word
