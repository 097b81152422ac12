"""The kinds of mess that a ledger can be in; each can be switched on by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from pipelines.synth.rates import ErrorRates


class Kind(NamedTuple):
    """A kind of mess: its number in docs/ledgers.md (0: none of the thirty) and what is done."""

    number: int
    meaning: str


KINDS: dict[str, Kind] = {
    "title_rows": Kind(1, "a merged title above the table"),
    "header_rows": Kind(2, "a header of three rows with merged groups"),
    "unit_line": Kind(3, "a line with unit and date below the title"),
    "instruction_row": Kind(4, "how to fill it in, and a row of column numbers, below the header"),
    "total_rows": Kind(5, "小计 after every dozen rows, 合计 at the end"),
    "signature": Kind(6, "who made and checked it, in the last rows"),
    "sheet_order": Kind(7, "two sheets, the second with its columns in another order"),
    "hidden": Kind(8, "hidden rows, a hidden column, and rows that a filter hides"),
    "id_as_number": Kind(9, "ID numbers as quantities, their last digits lost"),
    "id_dressed": Kind(10, "ID numbers with apostrophe, blanks, invisible characters"),
    "id_full_width": Kind(11, "ID numbers in full width, with х for X"),
    "id_short": Kind(12, "ID numbers of 15 digits"),
    "id_masked": Kind(13, "ID numbers with asterisks"),
    "date_styles": Kind(14, "dates in eight styles on one sheet"),
    "year_only": Kind(15, "nothing but the year of birth"),
    "name_padded": Kind(16, "张 三"),
    "name_variants": Kind(17, "variant characters, middle dots of all kinds"),
    "name_former": Kind(18, "former names in brackets"),
    "placeholders": Kind(19, "无, 不详, — and the like where nothing is known"),
    "fill_down": Kind(20, "同上, and a household's number and address on its first row only"),
    "phones": Kind(21, "two telephones in a cell"),
    "amounts": Kind(22, "amounts as text, with unit and thousands separator"),
    "person_groups": Kind(23, "spouse and children in the row of the head"),
    "header_synonyms": Kind(24, "other header words, line breaks and brackets in them"),
    "xls": Kind(25, "a workbook of Excel 97"),
    "html_xls": Kind(26, "a web page called .xls"),
    "sheetml_xls": Kind(26, "SpreadsheetML 2003 called .xls"),
    "gbk_csv": Kind(27, "comma-separated text in GB 18030"),
    "password": Kind(27, "a password, see `elsewise.PASSWORD`"),
    "wrong_dimension": Kind(28, "a sheet that says it has one cell"),
    "strike_colour": Kind(29, "rows struck out, rows in red"),
    "double_listed": Kind(30, "people twice, the dead and those who left still listed"),
    "merged_household": Kind(20, "a household's number and address in merged cells"),
    "page_headers": Kind(0, "the header again on every printed page"),
    "stacked_tables": Kind(0, "tables one below another, each with its own order of columns"),
    "side_by_side": Kind(0, "two tables side by side"),
    "village_sheets": Kind(0, "the village's name as the title of the sheet"),
    "household_code": Kind(0, "household numbers of 18 digits"),
    "days_1904": Kind(0, "dates as days since 1904"),
}
_ONE_OF = (
    ("page_headers", "stacked_tables", "side_by_side"),
    ("xls", "html_xls", "sheetml_xls", "gbk_csv", "password", ""),
    ("fill_down", "merged_household"),
    ("year_only", "days_1904", "date_styles"),
    ("id_as_number", "id_masked", "id_short"),
    ("id_dressed", "id_full_width"),
    ("sheet_order", "village_sheets"),
)
"""Kinds of which a ledger can have but one at a time."""
ALL, NONE = "all", "none"


def chosen(words: Iterable[str]) -> frozenset[str] | None:
    """The kinds that are switched on; None: every village has its own habits.

    Raises:
        ValueError: there is no such kind.
    """
    given = list(words)
    if not given:
        return None
    if unknown := [word for word in given if word not in {*KINDS, ALL, NONE}]:
        raise ValueError(f"{unknown[0]!r} is not one of {', '.join(sorted(KINDS))}, all, none")
    return frozenset(KINDS) if ALL in given else frozenset(given) - {NONE}


def of_village(kinds: frozenset[str], number: int) -> frozenset[str]:
    """What of `kinds` the ledger with this number has: of those that exclude each other, one."""
    kept = set(kinds)
    for rivals in _ONE_OF:
        on = [kind for kind in rivals if kind in kinds]
        if len(on) > 1:
            kept -= set(on)
            turn = [*on, ""] if "" in rivals else on
            kept |= {turn[number % len(turn)]} - {""}
    return frozenset(kept)


def rates_with(kinds: frozenset[str] | None, rates: ErrorRates) -> ErrorRates:
    """The offices' rates; `double_listed` is a matter of whom they list."""
    if kinds is None or "double_listed" not in kinds:
        return rates
    return replace(rates, duplicate=0.1, dead_listed=1.0, left_listed=1.0)
