"""Names written in pinyin: told from other Latin names, cut into syllables, family name first."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from pypinyin.constants import PINYIN_DICT

from pipelines.standardise.pinyin import COMPOUND_SURNAMES, surname_reading, syllables

_NO_SYLLABLES = frozenset(("m", "n", "ng", "hm", "hng", "lo", "yo", "o", "cei", "fiao", "eng"))
_TONES = "\u0300\u0301\u0304\u030c"
_MARKED = re.compile(rf"(?:[A-Za-z][{_TONES}]?)+")
_NUMBERED = re.compile(r"(?:[A-Za-z]+[0-5])+[A-Za-z]*(?![A-Za-z0-9])")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])['’‘ʼ`´](?=[^\W\d_])")
_SPELT_V = re.compile(r"(?<=[LNln])([Uu]):")
# a tone may stand between the letter and its dots
_UMLAUT = re.compile(rf"([Uu])([{_TONES}]?)\u0308")
_BETWEEN = re.compile(r"(?<=[^\W\d_])\s*[,·]\s*(?=[A-Za-z])")
_WORD = re.compile(r"[A-Z][A-Z'\-]*")
_PARTS = re.compile(r"[A-Z]+")
_LONGEST = 6
_MOST = 4


def plain_letters(text: str) -> str:
    """`text` without tone marks and tone digits; ü becomes v.

    Each tone is one syllable's, so what the tones tell of where syllables end stays, as an
    apostrophe: ``xīān`` and ``xi1an1`` become ``xi'an``, ``xiān`` becomes ``xian``.
    """
    if text.isascii() and text.isalpha():
        return text
    parts = unicodedata.normalize("NFD", text)
    parts = _UMLAUT.sub(lambda found: _v(found.group(1)) + found.group(2), parts)
    parts = _SPELT_V.sub(lambda found: _v(found.group(1)), parts)
    parts = _MARKED.sub(lambda found: _without_marks(found.group()), parts)
    parts = _NUMBERED.sub(lambda found: _without_digits(found.group()), parts)
    return _APOSTROPHE.sub("'", unicodedata.normalize("NFC", parts))


def one_line(text: str) -> str:
    """`text` without the commas and dots between Latin words."""
    return text if text.isalpha() else _BETWEEN.sub(" ", text)


def syllables_of(text: str) -> list[str] | None:
    """The syllables of a Chinese name in capital letters, family name first.

    ``XIAOMING ZHANG`` has its family name last: it is one syllable, and what is before it is not.
    None: not a Chinese name of two to four syllables.
    """
    words = [spelt(word) for word in _WORD.findall(text)]
    known = [word for word in words if word]
    if len(known) < len(words) or not 2 <= sum(map(len, known)) <= _MOST:
        return None
    first, last = known[0], known[-1]
    if len(known) == 2 and len(last) == 1 and len(first) > 1 and " ".join(first) not in _compound():
        known = [last, first]
    return [syllable for word in known for syllable in word]


def spelt(word: str) -> list[str] | None:
    """The syllables of a word in capital letters; none crosses an apostrophe or a hyphen."""
    parts = [_cut(part.lower()) for part in _PARTS.findall(word)]
    known = [part for part in parts if part]
    if not parts or len(known) < len(parts):
        return None
    return [syllable for part in known for syllable in part]


def _v(letter: str) -> str:
    return "v" if letter == "u" else "V"


def _without_marks(word: str) -> str:
    """`word` without tone marks, cut so that no syllable has two of them."""
    letters: list[str] = []
    marked = []
    for char in word:
        if char in _TONES:
            marked.append(len(letters) - 1)
        else:
            letters.append(char)
    plain = "".join(letters)
    if len(marked) < 2:
        return plain
    usual, right = _cut(plain.lower()), _cut(plain.lower(), frozenset(marked))
    if right is None or usual == right:
        return plain
    return _joined(plain, right)


def _without_digits(word: str) -> str:
    """`word` without tone digits, cut behind them where it would be cut elsewhere."""
    ends = [part for part in re.split("[0-5]", word) if part]
    plain = "".join(ends)
    apart = [_cut(part.lower()) for part in ends]
    told = [syllable for part in apart for syllable in part or ()]
    if None in apart or _cut(plain.lower()) == told:
        return plain
    return _joined(plain, told)


def _joined(plain: str, cut: list[str]) -> str:
    """`plain` with an apostrophe between its syllables."""
    ends = [sum(map(len, cut[: n + 1])) for n in range(len(cut))]
    return "'".join(plain[end - len(part) : end] for end, part in zip(ends, cut, strict=True))


def _cut(word: str, marked: frozenset[int] = frozenset()) -> list[str] | None:
    """`word` in the fewest syllables; the passport's LYU and NYU are lv and nv.

    No syllable holds two of the letters at the places `marked`.
    """
    if not marked:
        word = word.replace("lyu", "lv").replace("nyu", "nv")
    best: list[list[str] | None] = [[]]
    for end in range(1, len(word) + 1):
        found: list[str] | None = None
        for start in range(max(0, end - _LONGEST), end):
            before = best[start]
            if before is None or word[start:end] not in _legal():
                continue
            if sum(start <= place < end for place in marked) > 1:
                continue
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
