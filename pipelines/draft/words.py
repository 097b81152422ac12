"""What a header word may mean: known words, their pinyin initials, words that are nearly known."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from pypinyin import Style, lazy_pinyin
from rapidfuzz import fuzz, process

from pipelines.extract.words import fold
from schemas.fields import FIELDS
from schemas.headers import Headers, header_words
from schemas.source import SourceMap

SELF, LEFT_OUT = "self", ""
_KNOWN, _INITIALS, _FEW_INITIALS, _ENDING, _OF_OTHER = 0.95, 0.85, 0.75, 0.68, 0.92
_NEAR = 72
_CHINESE = re.compile("[\u4e00-\u9fff]")
_PARTS = re.compile(r"[_\s.\-]+")


class Slot(NamedTuple):
    """Whose it is, and what: a field, a column that is no field, or `LEFT_OUT`."""

    role: str
    name: str


class Meaning(NamedTuple):
    """A slot that a word may mean, how sure that is from 0 to 1, the known word, and whether it is
    that word or only near to it."""

    slot: Slot
    score: float
    word: str
    is_known: bool = True


class HeaderWords:
    """Words that are known, the packaged ones and those of confirmed source maps."""

    def __init__(self, maps: Iterable[SourceMap] = (), headers: Headers | None = None) -> None:
        headers = headers or header_words()
        self._exact: dict[str, tuple[Slot, str]] = {}
        self._initials: dict[str, tuple[Slot, str]] = {}
        for source in maps:
            slots = slots_of(source)
            for name, column in source.columns.items():
                if column.group is None and name in slots:
                    self._learn(slots[name], column.aliases)
            self._learn(Slot(SELF, LEFT_OUT), (item.column for item in source.excluded))
        for field in FIELDS:
            self._learn(Slot(SELF, field.name), (field.label, field.name))
        for name, words in (*headers.meanings.items(), *headers.register_.items()):
            self._learn(Slot(SELF, name), (*words, name))
        for name, other in headers.others.items():
            self._learn(Slot(SELF, name), (*other.words, name))
        self._learn(Slot(SELF, LEFT_OUT), headers.left_out)
        self._people: list[tuple[str, str]] = []
        for role, beside in headers.people.items():
            for word in beside.words:
                self._people += [(fold(word), role)]
                if _CHINESE.search(word):
                    self._people.append((_initials(word), role))
        self._people.sort(key=lambda item: -len(item[0]))
        self._chinese = [word for word in self._exact if _CHINESE.search(word)]

    def meanings(self, word: str) -> list[Meaning]:
        """What `word` may mean, best first; at most one entry a slot."""
        found: dict[Slot, Meaning] = {}
        for spelled in dict.fromkeys((fold(word), fold(word, inside=False))):
            for meaning in self._all(spelled, _parts(word)):
                known = found.get(meaning.slot)
                if known is None or known.score < meaning.score:
                    found[meaning.slot] = meaning
        return sorted(found.values(), key=lambda meaning: -meaning.score)

    def known(self) -> list[str]:
        """Every word that is known as it stands, folded."""
        return list(self._exact)

    def is_person(self, word: str) -> bool:
        """The word says whose the columns below it are: 配偶, 监护人."""
        return any(word == start for start, _ in self._people)

    def _learn(self, slot: Slot, words: Iterable[str]) -> None:
        for word in words:
            folded = fold(word)
            self._exact.setdefault(folded, (slot, word))
            if _CHINESE.search(folded):
                self._initials.setdefault(_initials(folded), (slot, word))

    def _all(self, word: str, parts: list[str]) -> list[Meaning]:
        if not word:
            return []
        if plain := self._plain(word):
            return [plain]
        for start, role in self._people:
            rest = word.removeprefix(start)
            own = self._plain(rest) if rest != word else None
            if own and own.slot.name and own.slot.role == SELF:
                score = own.score * _OF_OTHER
                return [Meaning(Slot(role, own.slot.name), score, start + own.word)]
        found = [
            plain._replace(score=plain.score * 0.9, is_known=False)
            for part in parts
            if len(part) > 1 and (plain := self._plain(part))
        ]
        if _CHINESE.search(word):
            found += self._near(word)
        return found

    def _plain(self, word: str) -> Meaning | None:
        if known := self._exact.get(word):
            return Meaning(known[0], _KNOWN, known[1])
        if word.isascii() and (known := self._initials.get(word)):
            return Meaning(known[0], _INITIALS if len(word) > 2 else _FEW_INITIALS, known[1])
        return None

    def _near(self, word: str) -> list[Meaning]:
        found = []
        for known, score, _ in process.extract(
            word, self._chinese, scorer=fuzz.ratio, score_cutoff=_NEAR, limit=5
        ):
            slot, spelled = self._exact[known]
            if self._start(known) == self._start(word):  # 出租人 is as near to 承租人 as can be
                found.append(Meaning(slot, score / 100 * 0.9, spelled, is_known=False))
        endings = (word[at:] for at in range(1, len(word) - 1))
        ending = next((part for part in endings if part in self._exact), None)
        if ending and self._exact[ending][0].name:
            # in front stands something unknown, perhaps another person
            slot, spelled = self._exact[ending]
            found.append(Meaning(slot, _ENDING, spelled, is_known=False))
        return found

    def _start(self, word: str) -> str | None:
        """The role of the person a word begins with."""
        return next((role for start, role in self._people if word.startswith(start)), None)


def slots_of(source: SourceMap) -> dict[str, Slot]:
    """Column of a source map → what it is; columns that serve nothing known are absent."""
    found: dict[str, Slot] = {}
    others = header_words().others
    if source.register_:
        for key, column in source.register_:
            name = "household_no" if key == "household_key" else key
            found.setdefault(column, Slot(SELF, name))
    for person in source.persons:
        for name, column in person.fields.items():
            found.setdefault(column, Slot(person.role, name))
        if person.household_key:
            found.setdefault(person.household_key, Slot(SELF, "household_no"))
        for fact in person.facts:
            for name, column in fact.values.items():
                if name in others:
                    found.setdefault(column, Slot(SELF, name))
    if len(source.key) == 1:
        found.setdefault(source.key[0], Slot(SELF, "key"))
    if source.observed:
        found.setdefault(source.observed, Slot(SELF, "updated_on"))
    return found


def _initials(word: str) -> str:
    return "".join(lazy_pinyin(word, style=Style.FIRST_LETTER)).casefold()


def _parts(word: str) -> list[str]:
    return [fold(part) for part in _PARTS.split(word)] if _PARTS.search(word) else []
