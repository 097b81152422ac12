"""The words of a ledger's header: which column of the map a word means, and of whom it speaks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from schemas.source import SourceMap

_BRACKETED = re.compile(r"[(\[{【〔<《](.*?)[)\]}】〕>》]")
_NOISE = re.compile(r"[\s()\[\]{}【】〔〕<>《》*|:,、。·_\-—\u200b\ufeff]")
_IN_GROUPS = re.compile(r"基本|情况|信息|资料|登记|栏$|^其")
_OTHERS = re.compile(
    r"(配偶|丈夫|妻子|爱人|男方|女方|子女|孩子|小孩|儿子|女儿|[长次三]子|[长次三]女|第?[一二三四1234][孩胎]"
    r"|父亲?|母亲?|父母|监护人|房东|房主|出租人|联系人|紧急联系人|代领人|代办人|帮扶人|责任人|网格员|亲属)"
    r"第?[一二三四五1-5]?"
)
_HEADS = re.compile(r"户主|业主|产权人|家长")
_LONGEST = 500
"""Characters of a header word, explanations and all; what is longer is none."""
_NUMERALS = str.maketrans("12345", "一二三四五")


class Claim(NamedTuple):
    """What a header word means.

    Attributes:
        rank: how good the word is; 0 is the best of its column.
        columns: columns of the map; of several, each further place of the word means the next.
    """

    rank: int
    columns: tuple[str, ...]


@lru_cache(20_000)
def fold(word: object, *, inside: bool = True) -> str:
    """A header word as it is compared: width and case folded, without blanks, breaks, brackets.

    Args:
        word: the cell.
        inside: keep what stands inside of brackets.
    """
    if not isinstance(word, str) or len(word) > _LONGEST:
        return ""
    plain = unicodedata.normalize("NFKC", word).casefold()
    if not inside:
        plain = _BRACKETED.sub("", plain)
    return _NOISE.sub("", plain)


@lru_cache(5_000)
def fold_group(word: str) -> str:
    """The word of a group of columns, without what only says that it is one: 配偶情况 is 配偶."""
    folded = fold(word)
    return _IN_GROUPS.sub("", folded) or folded


class Vocabulary:
    """The words of one source map."""

    def __init__(self, source: SourceMap) -> None:
        self._claims: dict[str, Claim] = {}
        for name, column in source.columns.items():
            groups = source.groups.get(column.group or "", ())
            for rank, alias in enumerate(column.aliases):
                for word in _spelled(groups, fold(alias)):
                    self._claim(word, rank, name, is_repeated=bool(groups))
        self.required = frozenset(name for name, c in source.columns.items() if c.required)
        self._groups = frozenset(fold_group(w) for words in source.groups.values() for w in words)
        self._excluded = frozenset(fold(item.column) for item in source.excluded)
        self._starts = frozenset(word[0] for word in self._claims if word)
        self._may_start: dict[str, bool] = {}

    def _claim(self, word: str, rank: int, name: str, *, is_repeated: bool) -> None:
        known = self._claims.get(word)
        if known is None:
            self._claims[word] = Claim(rank, (name,))
        elif is_repeated and name not in known.columns:
            self._claims[word] = Claim(known.rank, (*known.columns, name))

    def meaning(self, path: Sequence[str], *, lenient: bool = False) -> Claim | None:
        """What the column means whose header words, from the top down, are `path`.

        A word under a group that speaks of somebody else (配偶, 监护人) is never taken for the
        resident's own.

        Args:
            path: words, none of them empty.
            lenient: the head of household counts as the resident.
        """
        *groups, word = path
        above = [fold_group(group) for group in groups]
        other = max(
            (i for i, g in enumerate(above) if self.is_other(g, lenient=lenient)), default=-1
        )
        for spelled, of_whom in _readings(word):
            is_of_other = of_whom and self.is_other(fold_group(of_whom), lenient=lenient)
            if is_of_other and (claim := self._claims.get(fold_group(of_whom) + spelled)):
                return claim
            if is_of_other:
                continue
            for start in range(len(above) + 1 if other < 0 else other + 1):
                if claim := self._claims.get("".join(above[start:]) + spelled):
                    return claim
            if len(above) == 2 and other < 1 and (claim := self._claims.get(above[0] + spelled)):
                return claim
        for group in reversed(groups) if other < 0 else ():
            for spelled, _ in _readings(group):
                if claim := self._claims.get(spelled):
                    return claim
        return None

    def is_refused(self, path: Sequence[str]) -> bool:
        """Only because of whom the group speaks, the column does not mean what its word says."""
        return len(path) > 1 and self.meaning(path[-1:]) is not None and self.meaning(path) is None

    def is_other(self, group: str, *, lenient: bool) -> bool:
        """A folded group word speaks of somebody else than the resident."""
        return bool(
            group in self._groups
            or _OTHERS.fullmatch(group)
            or (not lenient and _HEADS.fullmatch(group))
        )

    def is_unasked(self, word: str) -> bool:
        """The map says that the column is not to be taken."""
        return fold(word) in self._excluded or fold(word, inside=False) in self._excluded

    def count(self, row: Sequence[object]) -> int:
        """How many cells of a row are header words."""
        return sum(1 for cell in row if isinstance(cell, str) and cell and self.is_word(cell))

    def is_word(self, cell: str) -> bool:
        """The cell is a header word."""
        if not self.may_start_with(cell[:1]):
            return False
        return fold(cell) in self._claims or fold(cell, inside=False) in self._claims

    def may_start_with(self, first: str) -> bool:
        """Some header word begins with this character. Most cells do not; folding is dear."""
        may = self._may_start.get(first)
        if may is None:
            folded = fold(first)
            may = self._may_start[first] = not folded or folded[0] in self._starts
        return may


def _spelled(groups: Sequence[str], alias: str) -> list[str]:
    """The words that mean a column: its alias, or behind each word of its group."""
    if not groups:
        return [alias]
    words = [fold_group(group) for group in groups]
    words += [word.translate(_NUMERALS) for word in words if word.translate(_NUMERALS) != word]
    return [word + alias for word in words]


def _readings(word: str) -> list[tuple[str, str]]:
    """A word as it is compared, and of whom its bracket speaks: 姓名（配偶）."""
    plain = unicodedata.normalize("NFKC", word[:_LONGEST])
    bracket = _BRACKETED.search(plain)
    whole = (fold(word), "")
    return [whole, (fold(word, inside=False), bracket.group(1))] if bracket else [whole]
