"""Names written in pinyin: told from other Latin names, cut into syllables, family name first."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from pypinyin.constants import PINYIN_DICT

from pipelines.standardise.pinyin import COMPOUND_SURNAMES, surname_reading, syllables

_NO_SYLLABLES = frozenset(("m", "n", "ng", "hm", "hng", "lo", "yo", "o", "cei", "fiao", "eng"))
_TONE_MARKS = {0x0300: None, 0x0301: None, 0x0304: None, 0x030C: None}
_TONE_DIGITS = re.compile(r"(?<=[A-Za-z])[1-5](?=[A-Za-z]|\W|$)")
_LETTERS = re.compile(r"[A-Z]+")
_LONGEST = 6
_MOST = 4


def plain_letters(text: str) -> str:
    """`text` without tone marks and tone digits; ü becomes v."""
    if text.isascii() and not any(char.isdigit() for char in text):
        return text
    parts = unicodedata.normalize("NFD", text)
    parts = parts.replace("u\u0308", "v").replace("U\u0308", "V").translate(_TONE_MARKS)
    return _TONE_DIGITS.sub("", unicodedata.normalize("NFC", parts))


def syllables_of(text: str) -> list[str] | None:
    """The syllables of a Chinese name in capital letters, family name first.

    ``XIAOMING ZHANG`` has its family name last: it is one syllable, and what is before it is not.
    None: not a Chinese name of two to four syllables.
    """
    words = [_cut(word.lower()) for word in _LETTERS.findall(text.replace("'", ""))]
    known = [word for word in words if word]
    if len(known) < len(words) or not 2 <= sum(map(len, known)) <= _MOST:
        return None
    first, last = known[0], known[-1]
    if len(known) == 2 and len(last) == 1 and len(first) > 1 and " ".join(first) not in _compound():
        known = [last, first]
    return [syllable for word in known for syllable in word]


def _cut(word: str) -> list[str] | None:
    """`word` in the fewest syllables; the passport's LYU and NYU are lv and nv."""
    word = word.replace("lyu", "lv").replace("nyu", "nv")
    best: list[list[str] | None] = [[]]
    for end in range(1, len(word) + 1):
        found: list[str] | None = None
        for start in range(max(0, end - _LONGEST), end):
            before = best[start]
            if before is not None and word[start:end] in _legal():
                candidate = [*before, word[start:end]]
                if found is None or len(candidate) < len(found):
                    found = candidate
        best.append(found)
    return best[-1]


@cache
def _legal() -> frozenset[str]:
    found = {syllables().get(code, "").rstrip() for code in PINYIN_DICT}
    return frozenset(found) - _NO_SYLLABLES - {""}


@cache
def _compound() -> frozenset[str]:
    read = syllables()
    return frozenset(
        surname_reading(name) or name.translate(read).rstrip() for name in COMPOUND_SURNAMES
    )
