"""Part a header row into the tables of people that stand side by side below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipelines.extract.words import Claim

_LOOKED_AT = 20


@dataclass(frozen=True)
class Table:
    """One table: which place holds which column of the map, and the places it spans."""

    places: dict[str, int]
    start: int
    stop: int


@dataclass(frozen=True)
class Columns:
    """The places of a header row: what each means, whether it has a word, and the rows below."""

    claims: Sequence[Claim | None]
    worded: Sequence[bool]
    below: Sequence[Sequence[object]]


def part_tables(columns: Columns, required: frozenset[str]) -> list[Table]:
    """The tables of people, from the left; one if nothing speaks for more.

    A table begins anew where a column comes back and all required ones do. A table of something
    else beside it, behind an empty column, is left aside if it repeats a column.
    """
    starts = _starts(columns.claims, required)
    stops = [*starts[1:], len(columns.claims)]
    tables = []
    for start, stop in zip(starts, stops, strict=True):
        ignored = _strangers(columns, start, stop, required)
        places = _places(columns.claims, start, stop, ignored)
        if places:
            tables.append(Table(places, start, min(stop, min(ignored, default=stop))))
    return tables


def _starts(claims: Sequence[Claim | None], required: frozenset[str]) -> list[int]:
    if not required:
        return [0]
    starts, seen = [0], set[str]()
    for place, claim in enumerate(claims):
        if claim is None or len(claim.columns) > 1:
            continue
        name = claim.columns[0]
        if name in seen and required <= seen and required <= _named(claims[place:]):
            starts.append(place)
            seen = set()
        seen.add(name)
    # an index number or a word unknown to the map in front of a table belongs to it
    for number in range(1, len(starts)):
        while starts[number] > 1 and claims[starts[number] - 1] is None:
            if starts[number] - 1 <= starts[number - 1] + 1:
                break
            starts[number] -= 1
    return starts


def _named(claims: Sequence[Claim | None]) -> set[str]:
    return {claim.columns[0] for claim in claims if claim and len(claim.columns) == 1}


def _strangers(columns: Columns, start: int, stop: int, required: frozenset[str]) -> frozenset[int]:
    """Places behind an empty column that repeat what the table has, and have not all required."""
    sample = columns.below[:_LOOKED_AT]
    gaps = [
        place
        for place in range(start, stop)
        if not columns.worded[place] and all(_is_empty(row, place) for row in sample)
    ]
    ignored: set[int] = set()
    known: set[str] = set()
    edges = [start - 1, *gaps, stop]
    for left, right in pairwise(edges):
        inside = range(left + 1, right)
        named = _named([columns.claims[place] for place in inside])
        if known >= required and named & known:
            ignored.update(inside)
        else:
            known |= named
    return frozenset(ignored)


def _is_empty(row: Sequence[object], place: int) -> bool:
    return place >= len(row) or row[place] in ("", None)


def _places(
    claims: Sequence[Claim | None], start: int, stop: int, ignored: frozenset[int]
) -> dict[str, int]:
    """The best word of each column; words of several columns name them in order."""
    chosen: dict[str, tuple[int, int]] = {}
    for place in range(start, stop):
        claim = claims[place]
        if claim is None or place in ignored:
            continue
        free = [name for name in claim.columns if name not in chosen]
        name = free[0] if free and len(claim.columns) > 1 else claim.columns[0]
        if name not in chosen or (len(claim.columns) == 1 and claim.rank < chosen[name][0]):
            chosen[name] = (claim.rank, place)
    return {name: place for name, (_, place) in chosen.items()}
