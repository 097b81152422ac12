"""What reading a sheet left out, guessed or cannot tell: each with sheet, row and column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

Severity = Literal["info", "warning"]

SEVERITY: dict[str, Severity] = {
    # rows in which nobody stands
    "title_row": "info",
    "instruction_row": "info",
    "numbering_row": "info",
    "repeated_header": "info",
    "total_row": "info",
    "footer_row": "info",
    "unnamed_row": "warning",
    "other_table": "warning",
    # what was filled or guessed
    "filled_merged": "info",
    "filled_ditto": "info",
    "filled_blank": "warning",
    "column_guessed": "warning",
    "days_of_1904": "warning",
    # what is no longer valid, or meant without words
    "struck_row": "warning",
    "struck_cell": "warning",
    "coloured_row": "warning",
    "hidden_row": "warning",
    "hidden_column": "warning",
    "hidden_sheet": "warning",
    # what was not read
    "column_unknown": "info",
    "sheet_other": "info",
    "sheet_gone": "warning",
    "sheet_old": "warning",
}


class Finding(NamedTuple):
    """One finding, see ``raw.ledger_finding``: `rows` rows from `row_no` to `last_row`."""

    sheet: str
    row_no: int | None
    last_row: int | None
    column_letter: str | None
    kind: str
    rows: int
    detail: str


@dataclass(frozen=True)
class _Place:
    kind: str
    column: int | None
    detail: str


class Findings:
    """Collects the findings of one sheet, and counts every row under what it was taken for."""

    def __init__(self, sheet: str) -> None:
        self._sheet = shown(sheet)
        self._rows: dict[_Place, list[int]] = {}
        self._alone: list[Finding] = []
        self.taken: Counter[str] = Counter()

    def row(self, kind: str, number: int) -> None:
        """A row was taken for `kind`: a person, blank, or one of `SEVERITY`."""
        self.taken[kind] += 1
        if kind in SEVERITY:
            self._rows.setdefault(_Place(kind, None, ""), []).append(number)

    def at(
        self, kind: str, rows: Iterable[int], *, column: int | None = None, detail: str = ""
    ) -> None:
        """Rows, or cells of a column, about which there is something to say."""
        self._rows.setdefault(_Place(kind, column, shown(detail)), []).extend(rows)

    def sheet(self, kind: str, *, column: int | None = None, detail: str = "") -> None:
        """Something to say about the whole sheet or a whole column."""
        self._alone.append(Finding(self._sheet, None, None, letter(column), kind, 0, shown(detail)))

    def listed(self) -> list[Finding]:
        """Warnings one by one for each run of rows; what is only for information once a sheet."""
        found = list(self._alone)
        for place, numbers in self._rows.items():
            ordered = sorted(numbers)
            runs = [ordered] if SEVERITY[place.kind] == "info" else _runs(ordered)
            found += [
                Finding(
                    self._sheet,
                    run[0],
                    run[-1],
                    letter(place.column),
                    place.kind,
                    len(run),
                    place.detail,
                )
                for run in runs
                if run
            ]
        return found


def shown(title: str) -> str:
    """A title or a header word as a terminal can show it: nothing in it is a command."""
    return "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in title)


def letter(column: int | None) -> str | None:
    """Name of a column, counted from 0."""
    if column is None:
        return None
    rest, last = divmod(column, 26)
    return (letter(rest - 1) or "" if rest else "") + chr(65 + last)


def _runs(numbers: list[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number - runs[-1][-1] <= 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs
