"""The journal's part about forms that came back: returns, their answers, and words about them.

Nothing is ever changed: an answer is taken back, accepted or rejected by a later word about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Literal, TypeVar

import sqlalchemy as sa

from pipelines.journal import Journal

_METADATA = sa.MetaData()
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")

RETURN = sa.Table(
    "form_return",
    _METADATA,
    sa.Column("return_id", sa.String(32), primary_key=True),
    sa.Column("form_id", sa.String(96), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("channel", sa.String(16), nullable=False),  # workbook, odk, web
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
)

ANSWER = sa.Table(
    "form_answer",
    _METADATA,
    sa.Column("answer_id", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("return_id", sa.String(32), nullable=False, index=True),
    sa.Column("form_id", sa.String(96), nullable=False),
    sa.Column("row_no", sa.Integer, nullable=False),
    sa.Column("resident_id", sa.String(32), nullable=False, index=True),
    sa.Column("anchor_record", sa.BigInteger, nullable=False),
    sa.Column("field", sa.String(32), nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(32)),
    sa.Column("answered_on", sa.Date, nullable=False),
)

WORD = sa.Table(
    "form_word",
    _METADATA,
    sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("subject", sa.String(48), nullable=False, index=True),
    sa.Column("verdict", sa.String(16), nullable=False),  # undo, redo, accept, reject
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
)

_Any = TypeVar("_Any", bound="Answer")
OUTCOME = "outcome"
"""The field under which 核实结果 is kept."""
Kind = Literal["answer", "correction", "confirmed", "outcome", "new"]
WHOLE = ("number_held", "lives_elsewhere")
"""Reasons for which a new resident waits with all that was said of them: one word settles it."""
Status = Literal["applied", "review", "rejected", "superseded", "undone"]


@dataclass(frozen=True)
class Answer:
    """One cell of one row that somebody filled in, changed or confirmed.

    Attributes:
        form_id, row_no: the row on the form.
        resident_id: whom the row was about, as the form had it.
        anchor_record: a record of that resident, by which the answer stays with the right person
            through merges and splits.
        field: canonical field, or `OUTCOME`.
        value: what was written, as it was written.
        kind: ``answer`` to what was asked, ``correction`` of what was shown, ``confirmed``,
            ``outcome``, or ``new``: about somebody who was not on the form (row_no 0), whose
            resident_id is `newcomer_id` and who has no anchor_record (0).
        status: ``applied``, or ``review`` where a person must settle it first.
        reason: why it waits, a key of `pipelines.intake.texts.REASONS`; ``no_such_door`` of an
            applied address: it is none of the grid's dwellings.
        answered_on: day of the answer.
    """

    form_id: str
    row_no: int
    resident_id: str
    anchor_record: int
    field: str
    value: str
    kind: Kind
    status: Status
    reason: str | None
    answered_on: date


@dataclass(frozen=True)
class Return:
    """A form that came back; `return_id` is the beginning of the hash of what came."""

    return_id: str
    form_id: str
    version: int
    channel: str
    author: str
    received_at: datetime
    counts: dict[str, int]


@dataclass(frozen=True)
class Kept(Answer):
    """An answer as the journal has it; `status` counts in what was said about it since."""

    answer_id: int
    return_id: str
    author: str


def to_settle(answers: Iterable[_Any]) -> list[_Any]:
    """Those that a person must settle; of a new resident's, who waits as a whole, the number."""
    waiting = [answer for answer in answers if answer.status == "review"]
    numbers = {_new_row(a) for a in waiting if a.reason in WHOLE and a.field == "id_number"}
    return [
        answer
        for answer in waiting
        if answer.field == "id_number"
        or answer.reason not in WHOLE
        or _new_row(answer) not in numbers
    ]


def _new_row(answer: Answer) -> tuple[str, str] | None:
    if answer.kind != "new":
        return None
    return answer.return_id if isinstance(answer, Kept) else "", answer.resident_id


_ANSWER = [field.name for field in fields(Answer)]
_ALL = (
    sa.select(ANSWER, RETURN.c.author)
    .join(RETURN, RETURN.c.return_id == ANSWER.c.return_id)
    .order_by(ANSWER.c.answer_id)
)


class Answers:
    """Returns and answers in a journal; the tables are made on first use."""

    def __init__(self, journal: Journal) -> None:
        self._engine = journal.engine
        _METADATA.create_all(self._engine)

    def take(self, came: Return, answers: Iterable[Answer]) -> bool:
        """Keep a return with its answers, both or neither.

        Returns:
            False: it was there already, and nothing is kept a second time.
        """
        rows = [
            {"return_id": came.return_id, **{name: getattr(answer, name) for name in _ANSWER}}
            for answer in answers
        ]
        try:
            with self._engine.begin() as con:
                con.execute(sa.insert(RETURN).values(**vars(came)))
                if rows:
                    con.execute(sa.insert(ANSWER), rows)
        except sa.exc.IntegrityError:
            return False
        return True

    def returns(self) -> list[Return]:
        """All returns, oldest first."""
        query = sa.select(RETURN).order_by(RETURN.c.received_at, RETURN.c.return_id)
        with self._engine.connect() as con:
            return [
                Return(**{**row, "received_at": _aware(row["received_at"])})
                for row in con.execute(query).mappings()
            ]

    def knows(self, return_id: str) -> bool:
        """Whether this very content came before."""
        query = sa.select(sa.func.count()).where(RETURN.c.return_id == return_id)
        with self._engine.connect() as con:
            return bool(con.execute(query).scalar_one())

    def say(self, subject: str, verdict: str, author: str, reason: str) -> None:
        """Keep a word about ``return:<id>`` (undo, redo) or ``answer:<id>`` (accept, reject)."""
        with self._engine.begin() as con:
            con.execute(
                sa.insert(WORD).values(
                    subject=subject,
                    verdict=verdict,
                    author=author,
                    reason=reason,
                    said_at=datetime.now(UTC),
                )
            )

    def undone(self) -> set[str]:
        """Returns that were taken back."""
        return {
            subject.removeprefix("return:")
            for subject, verdict in self._last_words().items()
            if subject.startswith("return:") and verdict == "undo"
        }

    def all(self) -> list[Kept]:
        """Every answer with its status as of now, oldest first."""
        return self._kept([_ALL])

    def about(self, residents: Iterable[str]) -> list[Kept]:
        """The answers about some residents, as they were called on the form; oldest first."""
        wanted = sorted(residents)
        return self._kept(
            _ALL.where(ANSWER.c.resident_id.in_(wanted[at : at + 500]))
            for at in range(0, len(wanted), 500)
        )

    def new_names(self, form_ids: Iterable[str]) -> list[str]:
        """Names, as written, of the new residents of some forms that count or wait."""
        query = _ALL.where(ANSWER.c.form_id.in_(sorted(form_ids)), ANSWER.c.kind == "new")
        kept = [a for a in self._kept([query]) if a.status in {"applied", "review"}]
        return list(dict.fromkeys(answer.value for answer in kept if answer.field == "name"))

    def _kept(self, queries: Iterable[sa.Select]) -> list[Kept]:
        words, undone = self._last_words(), self.undone()
        with self._engine.connect() as con:
            rows = [dict(row) for query in queries for row in con.execute(query).mappings()]
        settled = {"accept": "applied", "reject": "rejected"}
        newcomers: dict[tuple[str, str], str] = {}
        for row in rows:
            word = words.get(f"answer:{row['answer_id']}")
            if word is not None and row["kind"] == "new" and row["reason"] in WHOLE:
                newcomers[row["return_id"], row["resident_id"]] = word
            row["status"] = settled.get(word or "", row["status"])
        for row in rows:
            if row["kind"] == "new" and row["reason"] in WHOLE:
                word = newcomers.get((row["return_id"], row["resident_id"]))
                row["status"] = settled.get(word or "", row["status"])
            if row["return_id"] in undone:
                row["status"] = "undone"
        return _supersede([Kept(**row) for row in rows])

    def _last_words(self) -> dict[str, str]:
        query = sa.select(WORD.c.subject, WORD.c.verdict).order_by(WORD.c.seq)
        with self._engine.connect() as con:
            return dict(con.execute(query).tuples().all())


def _supersede(answers: list[Kept]) -> list[Kept]:
    """Of several applied answers about one cell the latest counts."""
    latest: dict[tuple[str, str], Kept] = {}
    for answer in answers:
        if answer.status != "applied":
            continue
        key = answer.resident_id, answer.field
        known = latest.get(key)
        if known is None or answer.answered_on >= known.answered_on:
            latest[key] = answer
    return [
        answer
        if answer.status != "applied" or latest[answer.resident_id, answer.field] is answer
        else Kept(**{**vars(answer), "status": "superseded"})
        for answer in answers
    ]


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
