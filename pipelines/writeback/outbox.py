"""The journal's part about write-back: every row that was sent to a target, and its receipt.

A row is kept before it is sent and acknowledged after the target has committed it. What lies
between is in doubt and sent again: a target may be told the same twice, and never misses anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa

from pipelines.journal import Journal

_METADATA = sa.MetaData()
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ROWS_A_PUSH = 10**10
"""The number of a row is the number of its push times this, plus its place in it: it only grows."""

PUSH = sa.Table(
    "push",
    _METADATA,
    sa.Column("push_id", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("target", sa.String(64), nullable=False),
    sa.Column("night", sa.Integer, nullable=False),
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # running, done, stopped
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
)

OUTBOX = sa.Table(
    "outbox",
    _METADATA,
    sa.Column("outbox_id", _SEQUENCE, primary_key=True, autoincrement=False),
    sa.Column("target", sa.String(64), nullable=False),
    sa.Column("resident_id", sa.String(32), nullable=False),
    sa.Column("action", sa.String(8), nullable=False),  # upsert, mark
    sa.Column("reason", sa.String(8)),  # of a mark: dead, moved, merged, ended
    sa.Column("digest", sa.String(32), nullable=False),
    sa.Column("tags", sa.Text, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),  # sent, done, aside
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("receipt", sa.Text),
)


class Sent(NamedTuple):
    """A row of the outbox.

    Attributes:
        outbox_id, resident_id: its number, and whom it is about.
        action: ``upsert`` or ``mark``.
        reason: why it is marked; None for an upsert.
        digest: md5 of all that the target is told.
        tags: a few digits a column, by which a changed column is known.
    """

    outbox_id: int
    resident_id: str
    action: str
    reason: str | None
    digest: str
    tags: str


class Push(NamedTuple):
    """A push that a night has begun: its target, ``done`` or ``stopped`` (and why), its counts."""

    target: str
    state: str
    counts: dict[str, int]
    reason: str | None


def pushes_of(journal: Journal, night: int, author: str) -> list[Push]:
    """The last push of each target that `author` began from what `night` published."""
    _METADATA.create_all(journal.engine)
    names = [PUSH.c[name] for name in Push._fields]
    query = (
        sa.select(*names)
        .where(PUSH.c.night == night, PUSH.c.author == author)
        .order_by(PUSH.c.push_id)
    )
    with journal.engine.connect() as con:
        found = [Push(*row) for row in con.execute(query)]
    return list({push.target: push for push in found}.values())


class Outbox:
    """What one target was told, in a journal; the tables are made on first use."""

    def __init__(self, journal: Journal, target: str) -> None:
        self._engine = journal.engine
        self._target = target
        _METADATA.create_all(self._engine)

    def begin(self, night: int, author: str) -> int:
        """Open a push of `night`; returns its number."""
        with self._engine.begin() as con:
            result = con.execute(
                sa.insert(PUSH).values(
                    target=self._target,
                    night=night,
                    author=author,
                    state="running",
                    counts={},
                    begun_at=datetime.now(UTC),
                )
            )
            return int(result.inserted_primary_key[0])  # type: ignore[index]

    def end(self, push_id: int, counts: Mapping[str, int], reason: str | None = None) -> None:
        """Close a push: ``done``, or ``stopped`` where there is a `reason`."""
        with self._engine.begin() as con:
            con.execute(
                sa.update(PUSH)
                .where(PUSH.c.push_id == push_id)
                .values(
                    state="stopped" if reason else "done",
                    counts=dict(counts),
                    reason=reason,
                    ended_at=datetime.now(UTC),
                )
            )

    def keep(self, rows: Sequence[Sent]) -> None:
        """Keep rows that are about to be sent."""
        with self._engine.begin() as con:
            fixed = {"target": self._target, "state": "sent", "attempts": 1}
            con.execute(sa.insert(OUTBOX), [{**row._asdict(), **fixed} for row in rows])

    def try_again(self, first: int, last: int) -> None:
        """Count another attempt at the rows from number `first` to `last`."""
        with self._engine.begin() as con:
            attempts = OUTBOX.c.attempts + 1
            con.execute(sa.update(OUTBOX).where(_within(first, last)).values(attempts=attempts))

    def acknowledge(self, first: int, last: int, refused: Mapping[int, str]) -> None:
        """The target has committed the rows from `first` to `last`, but the `refused` (→ why)."""
        receipt = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        with self._engine.begin() as con:
            if refused:
                con.execute(
                    sa.update(OUTBOX)
                    .where(OUTBOX.c.outbox_id == sa.bindparam("number"))
                    .values(state="aside", receipt=sa.bindparam("why")),
                    [{"number": number, "why": why} for number, why in refused.items()],
                )
            con.execute(
                sa.update(OUTBOX)
                .where(_within(first, last), OUTBOX.c.state == "sent")
                .values(state="done", receipt=receipt)
            )

    def told(self) -> Iterator[list[tuple[int, str, str, str, str, bool]]]:
        """Batches of the last that was sent of each resident, whether acknowledged or in doubt.

        Yields:
            outbox_id, resident_id, action, digest, tags, is_sure. What is not sure was never
            acknowledged: the target has it, or what was sent before.
        """
        names = [
            OUTBOX.c[name] for name in ("outbox_id", "resident_id", "action", "digest", "tags")
        ]
        query = sa.select(*names, OUTBOX.c.state == "done").where(
            OUTBOX.c.outbox_id.in_(self._latest(OUTBOX.c.state != "aside"))
        )
        with self._engine.connect().execution_options(
            stream_results=True, max_row_buffer=50_000
        ) as con:
            for batch in con.execute(query).partitions(50_000):
                yield [tuple(row) for row in batch]

    def aside(self) -> list[tuple[int, str, str]]:
        """(outbox_id, resident_id, digest) of the last row of each resident that was set aside."""
        names = (OUTBOX.c.outbox_id, OUTBOX.c.resident_id, OUTBOX.c.digest)
        query = sa.select(*names).where(
            OUTBOX.c.outbox_id.in_(self._latest(OUTBOX.c.state == "aside"))
        )
        with self._engine.connect() as con:
            return [tuple(row) for row in con.execute(query)]

    def _latest(self, condition: sa.ColumnElement[bool]) -> sa.Select:
        return (
            sa.select(sa.func.max(OUTBOX.c.outbox_id))
            .where(OUTBOX.c.target == self._target, condition)
            .group_by(OUTBOX.c.resident_id)
        )


def _within(first: int, last: int) -> sa.ColumnElement[bool]:
    return OUTBOX.c.outbox_id.between(first, last)
