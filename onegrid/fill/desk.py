"""What the routes do: read a grid's forms, say how far they are, take what is sent."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from onegrid.fill import texts
from onegrid.fill.door import Visit
from onegrid.fill.sent import NEW, entries_of
from onegrid.fill.sheet import OPEN, Household, Member, Newcomer, Sheet, read_sheet
from pipelines import store
from pipelines.answers import OUTCOME, Answers
from pipelines.config import Config
from pipelines.deliver.returned import SETTLED_DAYS
from pipelines.errors import NothingPublished
from pipelines.home import Home
from pipelines.intake import Entry, Receipt, take_entries
from pipelines.journal import Journal
from pipelines.tokens import Tokens

AGAIN = "未遇"
"""核实结果 after which somebody is still to be asked."""
GRIDS_KEPT = 50
"""Grids that are kept in memory, the last ones asked for: some 2 MB each."""


@dataclass
class Told:
    """What was answered on the grid's forms since they went out.

    Attributes:
        cells: (resident, field) → ``applied``, or ``review``: it waits for a person.
        outcomes: resident → 核实结果.
    """

    cells: dict[tuple[str, str], str] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far a household is.

    Attributes:
        home: the household.
        ask, verify: cells that are still open.
        told: cells and ways out that came back.
        absent: somebody was not met, and is to be asked again.
        names: of those with open cells.
    """

    home: Household
    ask: int
    verify: int
    told: int
    absent: bool
    names: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether something is still to be asked."""
        return self.ask + self.verify > 0

    @property
    def is_done(self) -> bool:
        """Whether what was to be asked has come back (已交)."""
        return self.told > 0 and not self.is_open


@dataclass(frozen=True)
class HouseholdPage:
    """A household, what was told of it, the next one with something to ask, and whether somebody
    may be added."""

    home: Household
    told: Told
    progress: Progress
    after: str | None
    may_add: bool


@dataclass(frozen=True)
class NewcomerPage:
    """Somebody who is on no form; of a household, `key` and its `place` say of which."""

    newcomer: Newcomer
    key: str | None
    place: str


@dataclass(frozen=True)
class Message:
    """What is wrong with a row (`field` None) or one of its cells."""

    resident_id: str
    field: str | None
    text: str


@dataclass(frozen=True)
class Sent:
    """What became of a household that was sent."""

    said: str
    messages: list[Message]


class Gone(Exception):
    """There is no such household on the grid's forms."""


class Desk:
    """The forms of all grids of a home, one grid at a time for whoever may see it.

    Raises:
        NothingPublished: there is no night yet.
    """

    def __init__(self, home: Home, config: Config) -> None:
        self.config = config
        self.zone = ZoneInfo(config.district.timezone)
        self._home = home
        self._sheets: OrderedDict[str, Sheet] = OrderedDict()
        self._mark: tuple[int, int] | None = None
        self._keeping, self._opening = threading.Lock(), threading.Lock()
        self._now()
        self.journal = Journal(config.journal_url)
        self.tokens = Tokens(self.journal)
        self._answers = Answers(self.journal)

    def close(self) -> None:
        """Let go of the journal."""
        self.journal.close()

    @property
    def today(self) -> date:
        """The day, in the district."""
        return datetime.now(self.zone).date()

    def households(self, visit: Visit) -> tuple[Sheet, list[Progress]]:
        """The grid's forms, and its households in walking order."""
        sheet = self._sheet(visit.grid)
        told = self._told(sheet, [m.resident_id for h in sheet.households.values()
                                  for m in h.members])  # fmt: skip
        self.trace(visit, "list", visit.grid, night=sheet.night)
        return sheet, [_progress(home, told) for home in sheet.households.values()]

    def household(self, visit: Visit, key: str) -> HouseholdPage:
        """One household, opened by `visit` from now on.

        Raises:
            Gone: it is not on the grid's forms.
        """
        sheet = self._sheet(visit.grid)
        home = sheet.households.get(key)
        if home is None:
            raise Gone
        told = self._told(sheet, [member.resident_id for member in home.members])
        rows = [row.row_id for member in home.members for row in member.rows.values()]
        self.trace(visit, "household", key, night=sheet.night, rows=rows)
        after, may_add = self._after(sheet, key), sheet.newcomer is not None
        return HouseholdPage(home, told, _progress(home, told), after, may_add)

    def newcomer(self, visit: Visit, key: str | None) -> NewcomerPage:
        """The page for somebody who is on no form, living with a household or alone.

        Raises:
            Gone: no form has room for them, or the household is not on the grid's forms.
        """
        sheet = self._sheet(visit.grid)
        home = sheet.households.get(key) if key else None
        if sheet.newcomer is None or (key and home is None):
            raise Gone
        self.trace(visit, "newcomer", key or visit.grid, night=sheet.night)
        return NewcomerPage(sheet.newcomer, key, home.place if home else "")

    def new_names(self, visit: Visit) -> list[str]:
        """Who was sent as new in the grid and is not on its forms yet."""
        sheet = self._sheet(visit.grid)
        listed = {member.name for home in sheet.households.values() for member in home.members}
        told = self._answers.new_names(sheet.form_ids)
        return [name for name in told if name not in listed]

    def send(self, visit: Visit, sent: dict[str, Any]) -> Sent:
        """Take what was sent, as far as it can be taken.

        Raises:
            sent.Refused: nothing of it can.
        """
        entries = entries_of(sent, visit, self.config, datetime.now(UTC))
        with self._opening:
            receipts = take_entries(self._home, self.config, self.journal, entries)
        rows = [line.row_id or NEW for entry in entries for line in entry.lines]
        self.trace(visit, "sent", visit.grid, rows=rows,
                   returns=[receipt.return_id for receipt in receipts])  # fmt: skip
        messages = [
            message
            for entry, receipt in zip(entries, receipts, strict=True)
            for message in _messages(entry, receipt)
        ]
        return Sent(_summary(receipts, messages), messages)

    def trace(self, visit: Visit, what: str, subject: str, **more: object) -> None:
        """Keep who saw or sent what, without any value."""
        about = {"what": what, "grid": visit.grid, "token": visit.token.token_id, **more}
        self.journal.append_receipt("fill", subject, visit.author, about)

    def _sheet(self, grid: str) -> Sheet:
        """The grid as last published; what is kept in memory waits for nobody who sends."""
        mark = self._now()
        with self._keeping:
            if mark != self._mark:
                self._sheets.clear()
                self._mark = mark
            if (sheet := self._sheets.get(grid)) is not None:
                self._sheets.move_to_end(grid)
                return sheet
        # DuckDB shares what is open under a path, even if the file is another one by now: so the
        # file is never opened by two at a time.
        with self._opening:
            mark = self._now()
            limits, spill = self.config.district.limits, self._home.work / "spill"
            with store.connect(self._home.published, limits, spill, read_only=True) as con:
                sheet = read_sheet(con, self.config, grid)
        with self._keeping:
            if mark == self._mark:
                self._sheets[grid] = sheet
                while len(self._sheets) > GRIDS_KEPT:
                    self._sheets.popitem(last=False)
        return sheet

    def _now(self) -> tuple[int, int]:
        try:
            found = self._home.published.stat()
        except FileNotFoundError:
            raise NothingPublished(
                f"nothing is published under {self._home.root}: run a night first (`onegrid run`)"
            ) from None
        return found.st_ino, found.st_mtime_ns

    def _told(self, sheet: Sheet, residents: list[str]) -> Told:
        told = Told()
        since = self.today - timedelta(days=SETTLED_DAYS)
        for answer in self._answers.about(residents):
            if answer.form_id not in sheet.form_ids or answer.answered_on <= since:
                continue
            if answer.status not in {"applied", "review"}:
                continue
            if answer.field == OUTCOME:
                told.outcomes[answer.resident_id] = answer.value
            else:
                told.cells[answer.resident_id, answer.field] = answer.status
        return told

    def _after(self, sheet: Sheet, key: str) -> str | None:
        """The next household in the walk with something to ask."""
        keys = list(sheet.households)
        at = keys.index(key)
        order = [sheet.households[k] for k in (*keys[at + 1 :], *keys[:at])]
        told = self._told(sheet, [m.resident_id for home in order for m in home.members])
        return next((home.key for home in order if _progress(home, told).is_open), None)


def is_answered(member: Member, told: Told) -> bool:
    """Whether anything was answered about `member`."""
    return any((member.resident_id, name) in told.cells for name in member.cells)


def still_open(member: Member, told: Told) -> list[str]:
    """The states of a member's cells that are still to be asked or verified."""
    if told.outcomes.get(member.resident_id, AGAIN) != AGAIN:
        return []
    return [c.state for c in member.of(*OPEN) if (member.resident_id, c.field) not in told.cells]


def _progress(home: Household, told: Told) -> Progress:
    states = {member.resident_id: still_open(member, told) for member in home.members}
    flat = [state for found in states.values() for state in found]
    outcomes = [told.outcomes.get(m.resident_id) for m in home.members]
    cells = sum((m.resident_id, name) in told.cells for m in home.members for name in m.cells)
    return Progress(
        home,
        flat.count("ask"),
        flat.count("verify"),
        cells + sum(way is not None for way in outcomes),
        AGAIN in outcomes,
        tuple(member.name for member in home.members if states[member.resident_id]),
    )


def _messages(entry: Entry, receipt: Receipt) -> list[Message]:
    people = {line.row_no: line.resident_id or NEW for line in entry.lines}
    if receipt.refused in {"unknown_form", "other_form"}:
        return [Message(resident, None, texts.STALE_FORM) for resident in people.values()]
    return [
        Message(people.get(mend.sheet_row, ""), mend.field, texts.MESSAGES[mend.reason])
        for mend in receipt.mend
    ]


def _summary(receipts: list[Receipt], messages: list[Message]) -> str:
    counted = ("answer", "correction", "confirmed", "outcome")
    wait = sum(receipt.counts["review"] for receipt in receipts)
    taken = wait + sum(receipt.counts[kind] for receipt in receipts for kind in counted)
    if messages and not taken and not any(receipt.counts["new"] for receipt in receipts):
        return texts.ONLY_MENDS.format(mend=len(messages))
    added = sum(receipt.counts["new"] for receipt in receipts)
    if added:
        said = texts.SENT_NEW
    else:
        said = texts.SENT.format(taken=taken) if taken else texts.NOTHING_NEW
    if wait:
        said += texts.SENT_WAITS.format(wait=wait)
    return said + texts.SENT_MENDS.format(mend=len(messages)) if messages else said
