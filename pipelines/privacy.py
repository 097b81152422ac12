"""How a personal value may appear outside the master and the forms: masked, or not at all."""

from __future__ import annotations

import re

_DIGIT_RUN = re.compile(r"\d{5,}[\dXx]?")
_QUOTED = re.compile(r"""['"].*['"]""")
_SPACED_DIGITS = re.compile(r"\d(?:[ -]?\d){4,}[Xx]?|(?:19|20)\d\d[./年]\d{1,2}(?:[./月]\d{1,2})?")
_CJK_RUN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]+")


def mask(value: str | None) -> str | None:
    """Keep the first character, and the last two of a long number: ``张**``, ``3****24``.

    The same rule serves every field, so that a value in the wrong column is masked as well.
    """
    if not value:
        return value
    keep_tail = 2 if len(value) > 8 and value[-2:].isascii() else 0
    return value[0] + "*" * (len(value) - 1 - keep_tail) + (value[-keep_tail:] if keep_tail else "")


def scrub(message: str) -> str:
    """A message of somebody else's code without what may be personal: long numbers and quoted text.

    Used where exceptions of databases and libraries cross into logs and Dagster events. Quoted is
    whatever stands between the first and the last quotation mark of a line: what is quoted may hold
    marks itself, and DuckDB takes double ones for dates and keys.
    """
    return _QUOTED.sub(
        lambda match: _CJK_RUN.sub("*", _SPACED_DIGITS.sub("#####", match.group(0))),
        _DIGIT_RUN.sub("#####", message),
    )
