"""What a rule consists of, and the SQL conditions that several suites share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.codes import code_list
from schemas.fields import FIELDS

Suite = Literal["standardised", "master", "forms"]
Severity = Literal["critical", "warning"]
Grain = Literal["record", "resident"]

SUITE_LABELS: dict[Suite, str] = {
    "standardised": "标准化记录",
    "master": "居民主档",
    "forms": "网格表单",
}


@dataclass(frozen=True)
class Rule:
    """One expectation: which rows it looks at and which of them break it.

    Rules with the same `over` are counted in one scan. In all SQL ``getvariable('today')`` is the
    business date and ``getvariable('night')`` the night; ``{live}`` stands for the live source rows
    (source, source_key) and the table ``rule_form`` holds every form (form, for_everybody).

    Attributes:
        name: identifier.
        suite: the storey it belongs to.
        severity: ``critical`` rules block publication, ``warning`` rules are reported.
        label: what people read (Chinese).
        meaning: one English sentence.
        over: FROM clause; None: `sql` selects the two numbers by itself.
        checked: condition: the rule looks at this row.
        bad: condition: the row breaks the rule; NULL counts as kept.
        by_cell: `bad` is about one cell of a form, and any of a row's cells may break the rule. It
            is filled in for every form and item: ``{f}`` is the field, ``{served}`` the numbers of
            the sources that may fill it, ``{identified}`` whether it is shown whoever knows it.
        beside: with `by_cell`, the same for every field that the form does not have.
        sql: a SELECT of one row (rows checked, rows bad).
        allowed: share of bad rows that is tolerated.
        compares: needs the file published last, attached as ``previous``; without one it passes.
        grain: each row is judged by itself, and its verdict depends on nothing but one record or
            resident: a delta night then looks at the changed ones only. None: the rule is counted
            over all rows every night.
    """

    name: str
    suite: Suite
    severity: Severity
    label: str
    meaning: str
    over: str | None = None
    checked: str = "TRUE"
    bad: str = ""
    by_cell: bool = False
    beside: str = ""
    sql: str = ""
    allowed: float = 0.0
    compares: bool = False
    grain: Grain | None = None

    @property
    def looks_at_the_day(self) -> bool:
        """Whether a row may break the rule tomorrow that keeps it today."""
        return "'today'" in self.checked + self.bad + self.sql


_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def wrong_id(number: str) -> str:
    """SQL: `number` is not 17 digits and the check digit of GB 11643 (modulus 11-2)."""
    # characters are read one by one: dividing a number of 17 digits takes twice as long
    total = " + ".join(
        f"ord({number}[{place}]) * {weight}" for place, weight in enumerate(_WEIGHTS, start=1)
    )
    zeros = ord("0") * sum(_WEIGHTS)
    return (
        f"coalesce(NOT regexp_full_match({number}, '[1-9][0-9]{{16}}[0-9X]') "
        f"OR right({number}, 1) <> substr('10X98765432', ({total} - {zeros}) % 11 + 1, 1), TRUE)"
    )


def birth_disagrees(number: str, birth: str) -> str:
    """SQL: the date in `number` is another than `birth`."""
    return (
        f"TRY_CAST(substr({number}, 7, 8) AS INTEGER) "
        f"<> year({birth}) * 10000 + month({birth}) * 100 + day({birth})"
    )


def sex_disagrees(number: str, sex: str) -> str:
    """SQL: the 17th digit of `number` (odd: male) says another sex than the code `sex`."""
    return (
        f"{sex} IN ('1', '2') "
        f"AND (TRY_CAST(substr({number}, 17, 1) AS INTEGER) % 2 = 1) <> ({sex} = '1')"
    )


def wrong_phone(phone: str) -> str:
    """SQL: `phone` is neither a mobile number of 11 digits nor a landline."""
    return f"NOT regexp_full_match({phone}, '1[3-9][0-9]{{9}}|0[0-9]{{9,11}}|[2-9][0-9]{{6,7}}')"


def unknown_code(alias: str) -> str:
    """SQL: one of the coded fields holds a code that is not in its list."""
    # a list behind SELECT is hashed; one in brackets is compared with code by code
    return " OR ".join(
        f'{alias}."{field.name}" NOT IN (SELECT unnest({list(code_list(field.codes).values)!r}))'
        for field in FIELDS
        if field.codes
    )


def birth_out_of_range(birth: str) -> str:
    """SQL: `birth` lies in the future or before 1890."""
    return f"{birth} > getvariable('today') OR {birth} < DATE '1890-01-01'"
