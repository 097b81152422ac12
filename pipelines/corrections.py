"""The journal's part about defects that departments answered: returned books, their answers.

Nothing is ever changed: a returned book is taken back, or put into force again, by a later word.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from typing import Literal

import sqlalchemy as sa

from pipelines.journal import Journal

_METADATA = sa.MetaData()
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")

RETURN = sa.Table(
    "defect_return",
    _METADATA,
    sa.Column("return_id", sa.String(32), primary_key=True),
    sa.Column("department", sa.String(32), nullable=False),
    sa.Column("month", sa.String(7), nullable=False),
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
)

ANSWER = sa.Table(
    "defect_answer",
    _METADATA,
    sa.Column("answer_id", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("return_id", sa.String(32), nullable=False, index=True),
    sa.Column("record_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("source_key", sa.Text, nullable=False),
    sa.Column("field", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("row_hash", sa.BigInteger, nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("value", sa.Text),
    sa.Column("handler", sa.String(64), nullable=False),
    sa.Column("remark", sa.Text, nullable=False),
    sa.Column("answered_on", sa.Date, nullable=False),
)

WORD = sa.Table(
    "defect_word",
    _METADATA,
    sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("return_id", sa.String(32), nullable=False, index=True),
    sa.Column("verdict", sa.String(16), nullable=False),  # undo, redo
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
)

Verdict = Literal["mended", "right", "unknown"]


@dataclass(frozen=True)
class Answer:
    """What a department said about one defect.

    Attributes:
        record_id, source, source_key: the record, see `std.record`.
        field: canonical field; empty: the whole row.
        kind: kind of defect, see docs/defects.md.
        row_hash: the version of the row that the answer is about; another version: it is over.
        verdict: ``mended``, ``right`` (the data is as it should be) or ``unknown`` (nobody can
            tell).
        value: what the field should say, as it was written; None: nothing was written.
        handler, remark: who dealt with it, and what they add.
        answered_on: day of the answer.
    """

    record_id: int
    source: str
    source_key: str
    field: str
    kind: str
    row_hash: int
    verdict: Verdict
    value: str | None
    handler: str
    remark: str
    answered_on: date


@dataclass(frozen=True)
class Kept(Answer):
    """An answer as the journal has it."""

    answer_id: int
    return_id: str
    is_undone: bool = False


@dataclass(frozen=True)
class Return:
    """A book that came back; `return_id` is the beginning of the hash of the file."""

    return_id: str
    department: str
    month: str
    author: str
    received_at: datetime
    counts: dict[str, int]


_ANSWER = [field.name for field in fields(Answer)]


class Corrections:
    """Departments' answers in a journal; the tables are made on first use."""

    def __init__(self, journal: Journal) -> None:
        self._engine = journal.engine
        _METADATA.create_all(self._engine)

    def take(self, came: Return, answers: Iterable[Answer]) -> bool:
        """Keep a returned book with its answers, both or neither.

        Returns:
            False: this very file was taken before, and nothing is kept a second time.
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

    def knows(self, return_id: str) -> bool:
        """Whether this very file came before."""
        query = sa.select(sa.func.count()).where(RETURN.c.return_id == return_id)
        with self._engine.connect() as con:
            return bool(con.execute(query).scalar_one())

    def returns(self) -> list[Return]:
        """All books that came back, oldest first."""
        query = sa.select(RETURN).order_by(RETURN.c.received_at, RETURN.c.return_id)
        with self._engine.connect() as con:
            rows = [dict(row) for row in con.execute(query).mappings()]
        return [Return(**{**row, "received_at": _aware(row["received_at"])}) for row in rows]

    def say(self, return_id: str, verdict: str, author: str, reason: str) -> None:
        """Keep a word about a returned book: ``undo``, or ``redo`` that takes the undoing back."""
        with self._engine.begin() as con:
            con.execute(
                sa.insert(WORD).values(
                    return_id=return_id,
                    verdict=verdict,
                    author=author,
                    reason=reason,
                    said_at=datetime.now(UTC),
                )
            )

    def undone(self) -> set[str]:
        """Books that were taken back."""
        query = sa.select(WORD.c.return_id, WORD.c.verdict).order_by(WORD.c.seq)
        with self._engine.connect() as con:
            last = dict(con.execute(query).tuples().all())
        return {return_id for return_id, verdict in last.items() if verdict == "undo"}

    def all(self) -> list[Kept]:
        """Every answer, oldest first."""
        undone = self.undone()
        query = sa.select(ANSWER).order_by(ANSWER.c.answer_id)
        with self._engine.connect() as con:
            kept = [Kept(**row) for row in con.execute(query).mappings()]
        return [replace(answer, is_undone=answer.return_id in undone) for answer in kept]

    def in_force(self) -> list[Kept]:
        """The last answer about every defect of every row version, without what was undone."""
        last = {
            (answer.record_id, answer.field, answer.kind, answer.row_hash): answer
            for answer in self.all()
            if not answer.is_undone
        }
        return sorted(last.values(), key=lambda answer: answer.answer_id)

    def values(self) -> list[Kept]:
        """The corrected values in force: for every field of a row version the last one given."""
        last: dict[tuple[int, str, int], Kept] = {}
        for answer in self.in_force():
            if answer.verdict == "mended" and answer.value is not None:
                last[answer.record_id, answer.field, answer.row_hash] = answer
        return sorted(last.values(), key=lambda answer: (answer.record_id, answer.field))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
