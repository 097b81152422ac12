"""Citizen identification numbers (GB 11643): check digit, 15 to 18 digits, masks, damage."""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from pipelines.check_digit import CHECK, WEIGHTS, check_digit
from pipelines.standardise.text import is_junk, tidy

_WHOLE = re.compile(r"[1-9]\d{16}[\dX]")
_OLD = re.compile(r"[1-9]\d{14}")
_FLOAT = re.compile(r"([1-9])(?:\.(\d+))?[eE]\+?(1[47])")
_SEPARATORS = re.compile(r"[\s'\"`‘’“”,;.\-_()\[\]:]+")
_MASKED = re.compile(r"[\d*]{2,17}[\dX*]|[\d*]{15}")
# Ones, nines, zeros, counting up: what people type where a number must stand.
_PLACEHOLDER = re.compile(
    r"(\d)\1{9,}[\dX]*|[1-9]\d{5}0{6,}[\dX]*|0?123456789\d*X?|987654321\d*X?|\d{6}(\d)\2{7}\d{3}[\dX]"
)
_LETTERS = str.maketrans("OILZ", "0112")
_OTHER_DOCUMENT = re.compile(r"[A-Z]{1,3}\d{6,10}|CHN\d{12}|\d{8}")


class IdCard(NamedTuple):
    """A cleaned number.

    Attributes:
        value: 18 characters for status valid and upgraded.
        status: valid, upgraded, invalid, masked, damaged or missing.
        partial: what is left of an invalid, masked or damaged number, ``*`` for what is lost.
        birth, sex: what a valid number says; sex is a code of GB/T 2261.1.
        defect: kind, see `defect.SEVERITY`.
    """

    value: str | None
    status: str
    partial: str | None
    birth: date | None
    sex: str | None
    defect: str | None


def clean_id(raw: str, today: date) -> IdCard:
    """The number in `raw`; a birth after `today` makes it invalid."""
    if len(raw) == 18 and raw.isascii() and _WHOLE.fullmatch(raw):
        return _judge(raw, today, None)
    text = tidy(raw).removesuffix(".0")
    if is_junk(text):
        return IdCard(None, "missing", None, None, None, "placeholder")
    if match := _FLOAT.fullmatch(text):
        return _damaged(match, today)
    compact = _SEPARATORS.sub("", text).upper().replace("Х", "X").replace("×", "X")
    if _PLACEHOLDER.fullmatch(compact):
        return IdCard(None, "missing", None, None, None, "placeholder")
    if len(compact) == 18 and _WHOLE.fullmatch(digits := compact.translate(_LETTERS)):
        compact = digits
    if _WHOLE.fullmatch(compact):
        return _judge(compact, today, "spelling")
    if _OLD.fullmatch(compact):
        return _upgrade(compact, today)
    hidden = re.sub(r"[*#?•●_]|X(?=.)", "*", compact)
    if "*" in hidden and _MASKED.fullmatch(hidden):
        return IdCard(None, "masked", _stretch(hidden), None, None, "id_masked")
    kind = "id_other_document" if _OTHER_DOCUMENT.fullmatch(compact) else "id_length"
    return IdCard(None, "invalid", compact or None, None, None, kind)


def _judge(number: str, today: date, spelling: str | None) -> IdCard:
    birth = _birth(number[6:14])
    total = 0
    for weight, digit in zip(WEIGHTS, map(int, number[:17]), strict=False):
        total += weight * digit
    is_wrong = CHECK[total % 11] != number[17]
    if (is_wrong or birth is None) and _PLACEHOLDER.fullmatch(number):
        return IdCard(None, "missing", None, None, None, "placeholder")
    if is_wrong:
        if number.endswith("000"):  # a spreadsheet keeps fifteen digits and fills with zeros
            known = (
                number[:10] if number[10:14] == "0000" else number[:15]
            )  # only the year was known
            return IdCard(None, "damaged", known.ljust(18, "*"), None, None, "id_damaged")
        return IdCard(None, "invalid", number, None, None, "id_check_digit")
    if birth is None or birth > today:
        return IdCard(None, "invalid", number, None, None, "id_birth")
    return IdCard(number, "valid", None, birth, "1" if int(number[16]) % 2 else "2", spelling)


def _upgrade(old: str, today: date) -> IdCard:
    # 996 to 999 were kept for those who were a hundred years old when numbers were given out.
    century = "18" if old[12:] in ("996", "997", "998", "999") else "19"
    body = old[:6] + century + old[6:]
    number = body + check_digit(body)
    birth = _birth(number[6:14])
    if birth is None or birth > today:
        return IdCard(None, "invalid", old, None, None, "id_birth")
    sex = "1" if int(number[16]) % 2 else "2"
    return IdCard(number, "upgraded", None, birth, sex, "id_upgraded")


def _damaged(match: re.Match[str], today: date) -> IdCard:
    digits = match.group(1) + (match.group(2) or "")
    length = int(match.group(3)) + 1
    # A cell shown in full has lost nothing but zeros at its end; a rounded one has lost digits.
    is_full = len(digits) >= 12
    known = digits[:15].ljust(15, "0") if is_full else digits
    if length == 15 and is_full:
        return _upgrade(known, today)
    partial = known.ljust(length, "*")
    if length == 15:
        partial = _lengthen(partial)
    return IdCard(None, "damaged", partial, None, None, "id_damaged")


def _lengthen(old: str) -> str:
    """What is left of 15 digits, as it stands in the 18 that they became."""
    century = "**" if old[12:14] == "99" else "19"
    return f"{old[:6]}{century}{old[6:]}*"


def _stretch(hidden: str) -> str:
    """Masks of any length become as long as what they hide, where that can be told."""
    if len(hidden) == 18:
        return hidden
    runs = re.findall(r"\*+", hidden)
    head, tail = hidden.split(runs[0]) if len(runs) == 1 else (hidden, "")
    # Of 18 digits the last four are shown as a rule, of 15 the last three.
    if len(hidden) == 15 and len(tail) <= 3:
        return _lengthen(hidden)
    if len(runs) != 1:
        return hidden
    return head + "*" * (18 - len(head) - len(tail)) + tail


_BIRTHS: dict[str, date | None] = {}


def _birth(digits: str) -> date | None:
    try:
        return _BIRTHS[digits]
    except KeyError:
        pass
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        born = None
    if born is not None and born.year < 1890:
        born = None
    _BIRTHS[digits] = born
    return born
