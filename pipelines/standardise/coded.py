"""Codes: whatever an office wrote, as the code of the list that the field uses."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from pipelines.standardise.text import is_junk, tidy
from schemas.codes import code_list

_LONGEST = 200
_BRACKET = re.compile(r"[((].*?[))]")
_LEADING_CODE = re.compile(r"^\d{1,3}[-.、: ]*(?=\D)")


class Code(NamedTuple):
    """A code of the list; `defect` as in `SEVERITY`."""

    value: str | None
    defect: str | None


@cache
def _spellings(name: str) -> tuple[dict[str, str], frozenset[str]]:
    codes = code_list(name)
    folded = {_folded(word): code for word, code in codes.spelling().items()}
    # A code that a list knows is no placeholder, even if other fields write it for "nothing".
    return folded, frozenset(_folded(word) for word in codes.junk) - frozenset(folded)


def clean_code(raw: str, name: str) -> Code:
    """`raw` as a code of list `name`; an unknown spelling becomes None and an error.

    A known spelling is a translation, not a correction, and makes no defect.
    """
    words, junk = _spellings(name)
    if (code := words.get(raw)) is not None:
        return Code(code, None)
    text = _folded(raw)
    if text in words:
        return Code(words[text], "spelling" if raw.upper() != text else None)
    if text in junk or is_junk(text):
        return Code(None, "placeholder")
    if len(text) > _LONGEST:
        return Code(None, "code_unknown")
    for shortened in (_BRACKET.sub("", text), _LEADING_CODE.sub("", text)):
        if shortened in words:
            return Code(words[shortened], "spelling")
    return Code(None, "code_unknown")


def _folded(text: str) -> str:
    return tidy(text).replace(" ", "").removesuffix(".0").upper()
