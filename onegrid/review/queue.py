"""The queue as it stands this minute: what the night left, less what people have said since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from onegrid.review.queries import Item
from pipelines.journal import Journal

SETTLING = ("always", "never")
"""Verdicts that take an item from the queue."""


@dataclass(frozen=True)
class Word:
    """A person's last word on a pair, as the journal keeps it; `decided_at` in local time."""

    decision_id: int
    pair: tuple[int, int]
    verdict: str
    author: str
    reason: str
    decided_at: datetime


Words = Mapping[tuple[int, int], Word]


@dataclass(frozen=True)
class Filter:
    """What the reviewer wants to see; empty: everything."""

    reason: str = ""
    village: str = ""

    def accepts(self, item: Item) -> bool:
        """Whether `item` is wanted."""
        return self.reason in {"", item.reason} and self.village in {"", item.village}

    @property
    def query(self) -> dict[str, str]:
        """As parameters of an address."""
        return {key: value for key, value in (("r", self.reason), ("v", self.village)) if value}


@dataclass(frozen=True)
class Progress:
    """Items of the published queue that are settled and that wait, and what was settled today."""

    settled: int
    waiting: int
    unsure: int
    today: int
    today_mine: int


def read_words(journal: Journal, zone: ZoneInfo) -> dict[tuple[int, int], Word]:
    """The last word on every pair."""
    return {
        (low, high): Word(number, (low, high), verdict, author, reason, moment.astimezone(zone))
        for number, low, high, verdict, author, reason, moment in journal.words()
    }


def waiting(items: Iterable[Item], words: Words, wanted: Filter | None = None) -> list[Item]:
    """Items that are not settled, in their order; those somebody was unsure of come last."""
    left = [
        item
        for item in items
        if (wanted is None or wanted.accepts(item)) and verdict(item, words) not in SETTLING
    ]
    return sorted(left, key=lambda item: verdict(item, words) == "unsure")


def verdict(item: Item, words: Words) -> str | None:
    """The word said on `item` since its night looked; None: there is none.

    A decision that the night knew and that left the item in the queue contradicts another one.
    """
    word = words.get(item.pair)
    if word is None or word.verdict == "withdrawn" or word.decision_id == item.known_word:
        return None
    return word.verdict


def progress(items: Iterable[Item], words: Words, author: str, today: date) -> Progress:
    """How far the queue is."""
    said = [verdict(item, words) for item in items]
    settled = sum(word in SETTLING for word in said)
    lately = [
        word
        for word in words.values()
        if word.verdict in SETTLING and word.decided_at.date() == today
    ]
    return Progress(
        settled=settled,
        waiting=len(said) - settled,
        unsure=sum(word == "unsure" for word in said),
        today=len(lately),
        today_mine=sum(word.author == author for word in lately),
    )


def neighbours(item: Item, order: list[Item]) -> tuple[Item | None, Item | None]:
    """The items before and after `item`; of one that left the queue: None and the first."""
    if item not in order:
        return None, order[0] if order else None
    place = order.index(item)
    before = order[place - 1] if place else None
    return before, order[place + 1] if place + 1 < len(order) else None


def undoable(words: Words, author: str, today: date) -> Word | None:
    """The last word that `author` said today and that stands."""
    return max(
        (
            word
            for word in words.values()
            if word.author == author
            and word.verdict != "withdrawn"
            and word.decided_at.date() == today
        ),
        key=lambda word: word.decision_id,
        default=None,
    )
