"""What the routes do: look into the published night and the journal, and keep what is said."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import duckdb

from onegrid.review import texts
from onegrid.review.compare import Table, compare
from onegrid.review.effects import Effects, effects
from onegrid.review.published import Published, Snapshot
from onegrid.review.queries import (
    Item,
    Record,
    Row,
    read_decisions,
    read_records,
    read_residents,
)
from onegrid.review.queue import (
    SETTLING,
    Filter,
    Progress,
    Word,
    Words,
    neighbours,
    progress,
    read_words,
    undoable,
    verdict,
    waiting,
)
from onegrid.review.waterfall import Waterfall, draw
from pipelines.config import Config
from pipelines.errors import OnegridError
from pipelines.explain import Explanation, UnknownResident, explain_resident
from pipelines.home import Home
from pipelines.journal import Journal
from pipelines.link.explain import pair_evidence
from pipelines.link.texts import WORDS

LONGEST_REASON = 200
_NUMBER = re.compile(r"\d{7,}")


class Refused(Exception):
    """A change that was not kept; the message goes to the reviewer (Chinese)."""


class Gone(Exception):
    """What was asked for is not in the published night."""


@dataclass(frozen=True)
class QueuePage:
    """The queue: what waits under the filter, and the figures of the whole."""

    items: list[Item]
    words: Words
    progress: Progress
    reasons: dict[str, int]
    villages: dict[str, tuple[str, int]]
    night: int


@dataclass(frozen=True)
class ItemPage:
    """One item with all that helps to decide it."""

    item: Item
    word: Word | None
    table: Table
    residents: dict[str, Row]
    effects: Effects
    waterfall: Waterfall | None
    reasons: list[str]
    before: Item | None
    after: Item | None
    place: int | None
    waiting: int
    progress: Progress


@dataclass(frozen=True)
class ResidentPage:
    """One resident explained.

    Attributes:
        found: the explanation; numbers in it are not masked.
        numbers: record → its place on the page, from 1.
        waterfalls: the waterfall of every pair on the page whose weight counts.
        unmasked: show ID numbers and phones as they are.
    """

    found: Explanation
    numbers: dict[int, int]
    waterfalls: dict[tuple[int, int], Waterfall]
    unmasked: bool


class Desk:
    """One reviewer at one home.

    Raises:
        NothingPublished: there is no night to review.
    """

    def __init__(self, home: Home, config: Config, author: str) -> None:
        self.config = config
        self.author = author
        self.zone = ZoneInfo(config.district.timezone)
        self._home = home
        self._published = Published(home, config.district.limits)
        with self._published.reading():
            pass  # the first look takes longest, and says whether there is a night at all
        self._journal = Journal(config.journal_url)
        self._saying = threading.Lock()

    def close(self) -> None:
        """Let go of file and journal."""
        self._published.close()
        self._journal.close()

    @property
    def today(self) -> date:
        """The day at the reviewer's place."""
        return datetime.now(self.zone).date()

    def queue(self, wanted: Filter) -> QueuePage:
        """The queue under `wanted`."""
        words = self._words()
        with self._published.reading() as snapshot:
            items = list(snapshot.items.values())
            night = snapshot.night
        left = waiting(items, words)
        reasons: dict[str, int] = {}
        villages: dict[str, tuple[str, int]] = {}
        for item in left:
            if wanted.village in {"", item.village}:
                reasons[item.reason] = reasons.get(item.reason, 0) + 1
            if wanted.reason in {"", item.reason}:
                _, n = villages.get(item.village, ("", 0))
                villages[item.village] = (item.village_name, n + 1)
        return QueuePage(
            [item for item in left if wanted.accepts(item)],
            words,
            progress(items, words, self.author, self.today),
            reasons,
            dict(sorted(villages.items())),
            night,
        )

    def item(self, review_id: str, wanted: Filter) -> ItemPage:
        """One item, seen by the reviewer from now on.

        Raises:
            Gone: it is not in the published queue.
        """
        words = self._words()
        with self._published.reading() as snapshot:
            item = _find(snapshot, review_id)
            left, right, residents = _both(snapshot, item)
            decided = read_decisions(snapshot.near, item)
            waterfall, reasons = self._waterfall(snapshot, item)
            items = list(snapshot.items.values())
        self._saw(review_id, "review", snapshot.night, revealed=False)
        order = waiting(items, words, wanted)
        before, after = neighbours(item, order)
        return ItemPage(
            item=item,
            word=words.get(item.pair),
            table=compare(left, right, item.pair, self.today),
            residents=residents,
            effects=effects(item, residents, left, right, decided),
            waterfall=waterfall,
            reasons=reasons,
            before=before,
            after=after,
            place=order.index(item) + 1 if item in order else None,
            waiting=len(order),
            progress=progress(items, words, self.author, self.today),
        )

    def numbers(self, review_id: str) -> Table:
        """The item's table with ID numbers and phones as they are.

        Raises:
            Gone: the item is not in the published queue.
        """
        with self._published.reading() as snapshot:
            item = _find(snapshot, review_id)
            left, right, _ = _both(snapshot, item)
        self._saw(review_id, "review", snapshot.night, revealed=True)
        return compare(left, right, item.pair, self.today, unmasked=True)

    def resident(self, resident_id: str, *, unmasked: bool = False) -> ResidentPage:
        """One resident, seen by the reviewer from now on.

        Raises:
            Gone: there is and was no such resident.
        """
        with self._published.reading() as snapshot:
            try:
                found = explain_resident(snapshot.whole, self._home, resident_id)
            except UnknownResident:
                raise Gone from None
        self._saw(resident_id, "explain", found.night, revealed=unmasked)
        accept = self.config.district.linkage.accept
        pairs = [*found.links, *(apart.evidence for apart in found.apart)]
        return ResidentPage(
            found,
            {card.record_id: place for place, card in enumerate(found.records, start=1)},
            {
                (evidence.record_l, evidence.record_r): draw(evidence, accept)
                for evidence in pairs
                if evidence.decision is None
                and (evidence.tier == "probable" or evidence.verdict != "joined")
            },
            unmasked,
        )

    def decide(
        self, review_id: str, said: str, reason: str, seen: int | None, wanted: Filter
    ) -> Item | None:
        """Keep a word on an item; `seen` is the word the reviewer saw on it. Returns the next item.

        Raises:
            Gone: the item is not in the published queue.
            Refused: somebody else was faster, or the reason cannot be kept.
        """
        reason = reason.strip() or texts.DEFAULT_REASON
        if len(reason) > LONGEST_REASON:
            raise Refused(texts.LONG_REASON)
        if _NUMBER.search(reason):
            raise Refused(texts.NUMBER_IN_REASON)
        with self._published.reading() as snapshot:
            item = _find(snapshot, review_id)
            items = list(snapshot.items.values())
        with self._saying:
            words = self._words()
            word = words.get(item.pair)
            if word is not None and word.decision_id != seen and verdict(item, words) in SETTLING:
                raise Refused(
                    texts.ALREADY.format(author=word.author, verdict=texts.VERDICTS[word.verdict])
                )
            _, after = neighbours(item, waiting(items, words, wanted))
            self._journal.decide(*item.pair, said, self.author, reason)
        return after

    def undo(self, number: int | None) -> tuple[Word, Item | None]:
        """Withdraw the reviewer's last word of today, or the word `number`; also the item it is on.

        Raises:
            Refused: there is no such word in force.
        """
        with self._saying:
            words = self._words()
            if number is None:
                word = undoable(words, self.author, self.today)
            else:
                word = next((w for w in words.values() if w.decision_id == number), None)
            if word is None or word.verdict == "withdrawn":
                raise Refused(texts.NOTHING_TO_UNDO)
            self._journal.decide(
                *word.pair, "withdrawn", self.author, f"撤销第 {word.decision_id} 号核定"
            )
        with self._published.reading() as snapshot:
            item = next((i for i in snapshot.items.values() if i.pair == word.pair), None)
        return word, item

    def decided(self, most: int) -> list[tuple[Word, Item | None]]:
        """The last words in force, newest first, with their item while it is in the queue."""
        words = [word for word in self._words().values() if word.verdict != "withdrawn"]
        words.sort(key=lambda word: -word.decision_id)
        with self._published.reading() as snapshot:
            by_pair = {item.pair: item for item in snapshot.items.values()}
        return [(word, by_pair.get(word.pair)) for word in words[:most]]

    def _words(self) -> Words:
        return read_words(self._journal, self.zone)

    def _saw(self, subject: str, what: str, night: int, *, revealed: bool) -> None:
        seen = {"what": what, "night": night, "revealed": revealed}
        self._journal.append_receipt("view", subject, self.author, seen)

    def _waterfall(self, snapshot: Snapshot, item: Item) -> tuple[Waterfall | None, list[str]]:
        """The waterfall, and what the night said of the pair; without its model only the latter."""
        found = snapshot.near.execute(
            "SELECT reasons FROM link.pair WHERE record_l = ? AND record_r = ?", list(item.pair)
        ).fetchall()
        said = [WORDS[part] for (text,) in found for part in text.split("; ") if part in WORDS]
        try:
            (evidence,) = pair_evidence(snapshot.near, self._home, [item.pair])
        except (OnegridError, duckdb.Error):
            return None, said
        return draw(evidence, self.config.district.linkage.accept), said


def _find(snapshot: Snapshot, review_id: str) -> Item:
    item = snapshot.items.get(review_id)
    if item is None:
        raise Gone
    return item


def _both(snapshot: Snapshot, item: Item) -> tuple[list[Record], list[Record], dict[str, Row]]:
    """Records of the left resident, of the right one, and the residents."""
    names = [item.resident_l, item.resident_r]
    records = read_records(snapshot.near, names)
    left, right = ([r for r in records if r.card.resident_id == name] for name in names)
    return left, right, read_residents(snapshot.near, names)
