"""Amounts of money and counts."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from pipelines.standardise.text import is_junk, tidy

# thousands, and blanks beside a number: what else parts digits makes several numbers of them
_BETWEEN = re.compile(r"(?<=\d),(?=\d{3}(?!\d))|(?<!\d) | (?!\d)")
_AMOUNT = re.compile(r"(?:人民币|¥|￥)?(-?\d{1,9}(?:\.\d+)?)(?:元|块|人|个|名)?(?:整|/月|每月)?")


class Number(NamedTuple):
    """A number with two decimals; `defect` as in `SEVERITY`."""

    value: Decimal | None
    defect: str | None


def clean_number(raw: str) -> Number:
    """The amount or count in `raw`: ``600元``, ``1,200.00``, ``2个``. A zero is a number."""
    text = _BETWEEN.sub("", tidy(raw)).rstrip(".,")
    if text not in ("0", "00") and is_junk(text):
        return Number(None, "placeholder")
    match = _AMOUNT.fullmatch(text)
    if not match:
        return Number(None, "unreadable")
    value = Decimal(match.group(1)).quantize(Decimal("0.01"))
    return Number(value, "spelling" if match.group(1) != raw else None)
