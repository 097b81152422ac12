"""The journal: everything that cannot be recomputed, append-only, stamped with its night or author.

Many processes may write it at once while a night runs (SQLite in WAL mode, or PostgreSQL by URL).
Rows of a night count only while that night is published; rows of a person always count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import sqlalchemy as sa

_METADATA = sa.MetaData()
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")

NIGHT = sa.Table(
    "night",
    _METADATA,
    sa.Column("night", sa.Integer, primary_key=True),
    # running, publishing, published, failed, voiding, voided
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("business_date", sa.Date, nullable=False),
    sa.Column("base_night", sa.Integer, nullable=False),
    sa.Column("is_full", sa.Boolean, nullable=False),
    sa.Column("run_id", sa.String(64)),
    sa.Column("fingerprint", sa.String(32), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
)

IDENTITY = sa.Table(
    "identity",
    _METADATA,
    sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("night", sa.Integer, nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("resident_id", sa.String(32), nullable=False),
    sa.Column("other_id", sa.String(32)),
    sa.Column("field", sa.String(32)),
    sa.Column("record_id", sa.BigInteger),
)

DECISION = sa.Table(
    "decision",
    _METADATA,
    sa.Column("decision_id", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("record_l", sa.BigInteger, nullable=False),
    sa.Column("record_r", sa.BigInteger, nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),  # always, never, unsure, withdrawn
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
)

ISSUE = sa.Table(
    "issue",
    _METADATA,
    sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("night", sa.Integer, nullable=False, index=True),
    sa.Column("form_id", sa.String(96), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("file_sha256", sa.String(64), nullable=False),
    sa.Column("issued_on", sa.Date, nullable=False),
    sa.Column("due_on", sa.Date, nullable=False),
)

RECEIPT = sa.Table(
    "receipt",
    _METADATA,
    sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(16), nullable=False),  # return, department_answer, write_back, view
    sa.Column("subject", sa.String(128), nullable=False),
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
)

_IDENTITY_ROW = {column.name: None for column in IDENTITY.columns if column.name != "seq"}


@dataclass(frozen=True)
class NightRow:
    """One night as the journal knows it; `status` as commented on `NIGHT`."""

    night: int
    status: str
    business_date: date
    base_night: int
    is_full: bool
    run_id: str | None
    fingerprint: str
    reason: str | None


class Journal:
    """The journal behind a SQLAlchemy URL; its tables are made on first use."""

    def __init__(self, url: str) -> None:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
            file = Path(parsed.database)
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.touch(mode=0o600)
        # what people say is a parameter: it must not stand in the message of an error
        self.engine = sa.create_engine(parsed, hide_parameters=True)
        if parsed.get_backend_name() == "sqlite":
            sa.event.listen(self.engine, "connect", _sqlite_for_many_writers)
        try:
            _METADATA.create_all(self.engine)
        except (sa.exc.OperationalError, sa.exc.ProgrammingError, sa.exc.IntegrityError):
            # Somebody else made the same tables at the same moment: now they are there.
            _METADATA.create_all(self.engine)

    def close(self) -> None:
        """Release the database connections."""
        self.engine.dispose()

    # Nights

    def begin_night(
        self,
        business_date: date,
        base_night: int,
        *,
        is_full: bool,
        fingerprint: str,
        run_id: str | None,
    ) -> NightRow:
        """Open the next night; numbers are never used twice."""
        with self.engine.begin() as con:
            last = con.execute(sa.select(sa.func.max(NIGHT.c.night))).scalar_one_or_none() or 0
            row = NightRow(
                last + 1, "running", business_date, base_night, is_full, run_id, fingerprint, None
            )
            con.execute(sa.insert(NIGHT).values(**vars(row), changed_at=_now()))
        return row

    def set_night(self, night: int, status: str, reason: str | None = None) -> None:
        """Move a night to another status."""
        with self.engine.begin() as con:
            con.execute(
                sa.update(NIGHT)
                .where(NIGHT.c.night == night)
                .values(status=status, reason=reason, changed_at=_now())
            )

    def begin_voiding(self, night: int) -> None:
        """Take `night` and every later published one out of force, all at once."""
        with self.engine.begin() as con:
            con.execute(
                sa.update(NIGHT)
                .where(NIGHT.c.night >= night, NIGHT.c.status == "published")
                .values(status="voiding", reason="rolled back", changed_at=_now())
            )

    def nights(self, *statuses: str) -> list[NightRow]:
        """Nights in these statuses (none given: all), oldest first."""
        columns = [NIGHT.c[name] for name in NightRow.__dataclass_fields__]
        query = sa.select(*columns).order_by(NIGHT.c.night)
        if statuses:
            query = query.where(NIGHT.c.status.in_(statuses))
        with self.engine.connect() as con:
            return [NightRow(*row) for row in con.execute(query)]

    # Identities

    def append_identities(
        self, night: int, rows: Iterable[tuple[str, str, str | None, str | None, int | None]]
    ) -> None:
        """Append (kind, resident_id, other_id, field, record_id) rows of a night, in order.

        What an interrupted attempt at the same night left behind is replaced.
        """
        with self.engine.begin() as con:
            con.execute(sa.delete(IDENTITY).where(IDENTITY.c.night == night))
            stamped = ((night, *row) for row in rows)
            if self.engine.dialect.driver == "psycopg":
                _copy(con, stamped)
                return
            statement = str(sa.insert(IDENTITY).values(_IDENTITY_ROW).compile(self.engine))
            for batch in _batches(stamped, 50_000):
                con.exec_driver_sql(statement, batch)

    def identities(
        self, *, until_night: int | None = None
    ) -> Iterator[list[tuple[int, date, str, str, str | None, str | None, int | None]]]:
        """Batches of (night, date, kind, resident_id, other_id, field, record_id) in order.

        Only rows of published nights count, at most up to `until_night`.
        """
        query = (
            sa.select(
                IDENTITY.c.night,
                NIGHT.c.business_date,
                IDENTITY.c.kind,
                IDENTITY.c.resident_id,
                IDENTITY.c.other_id,
                IDENTITY.c.field,
                IDENTITY.c.record_id,
            )
            .join(NIGHT, NIGHT.c.night == IDENTITY.c.night)
            .where(NIGHT.c.status == "published")
            .order_by(IDENTITY.c.night, IDENTITY.c.seq)
        )
        if until_night is not None:
            query = query.where(IDENTITY.c.night <= until_night)
        with self.engine.connect().execution_options(
            stream_results=True, max_row_buffer=50_000
        ) as con:
            for batch in con.execute(query).partitions(50_000):
                yield [tuple(row) for row in batch]

    # What people say

    def decide(self, record_l: int, record_r: int, verdict: str, author: str, reason: str) -> int:
        """Keep a person's word on two records: ``always``, ``never``, ``unsure`` or ``withdrawn``.

        The last word counts. ``unsure`` and ``withdrawn`` leave the pair to the evidence;
        ``unsure`` says besides that somebody looked and could not tell.
        """
        low, high = sorted((record_l, record_r))
        with self.engine.begin() as con:
            result = con.execute(
                sa.insert(DECISION).values(
                    record_l=low,
                    record_r=high,
                    verdict=verdict,
                    author=author,
                    reason=reason,
                    decided_at=_now(),
                )
            )
            return int(result.inserted_primary_key[0])  # type: ignore[index]

    def decisions(self) -> list[tuple[int, int, int, str, str, str, datetime]]:
        """The last word on every pair that is ``always`` or ``never``, as in `link.decision`."""
        return [word for word in self.words() if word[3] in {"always", "never"}]

    def words(self) -> list[tuple[int, int, int, str, str, str, datetime]]:
        """The last word on every pair, whatever it is, oldest first.

        Returns:
            decision_id, record_l, record_r, verdict, author, reason, decided_at (UTC).
        """
        latest = sa.select(sa.func.max(DECISION.c.decision_id)).group_by(
            DECISION.c.record_l, DECISION.c.record_r
        )
        query = (
            sa.select(DECISION)
            .where(DECISION.c.decision_id.in_(latest))
            .order_by(DECISION.c.decision_id)
        )
        with self.engine.connect() as con:
            return [(*row[:6], _aware(row[6])) for row in con.execute(query)]

    # Forms that went out

    def append_issues(self, night: int, rows: Iterable[dict[str, object]]) -> None:
        """Append the night's form issues (columns of `ISSUE` without seq and night).

        What an interrupted attempt at the same night left behind is replaced.
        """
        with self.engine.begin() as con:
            con.execute(sa.delete(ISSUE).where(ISSUE.c.night == night))
            for batch in _batches(rows, 10_000):
                con.execute(sa.insert(ISSUE), [{"night": night, **row} for row in batch])

    def issues(self) -> list[dict[str, object]]:
        """The latest issue of every form, of published nights only."""
        query = (
            sa.select(ISSUE)
            .join(NIGHT, NIGHT.c.night == ISSUE.c.night)
            .where(NIGHT.c.status == "published")
            .order_by(ISSUE.c.seq)
        )
        with self.engine.connect() as con:
            latest = {row["form_id"]: dict(row) for row in con.execute(query).mappings()}
        return list(latest.values())

    def append_receipt(
        self, kind: str, subject: str, author: str, payload: dict[str, object]
    ) -> None:
        """Keep that something came in or was seen."""
        with self.engine.begin() as con:
            con.execute(
                sa.insert(RECEIPT).values(
                    kind=kind, subject=subject, author=author, payload=payload, received_at=_now()
                )
            )


def _copy(con: sa.Connection, rows: Iterable[tuple]) -> None:
    """Append identity rows through PostgreSQL's COPY, ten times as fast as INSERT."""
    columns = ", ".join(_IDENTITY_ROW)
    with (
        closing(con.connection.cursor()) as cursor,
        cursor.copy(f"COPY {IDENTITY.name} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _now() -> datetime:
    return datetime.now(UTC)


def _aware(moment: datetime) -> datetime:
    """`moment` with its zone, which SQLite does not keep."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _batches(rows: Iterable, size: int) -> Iterator[list]:
    batch: list = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def open_journal(url: str) -> Iterator[Journal]:
    """The journal at `url`, closed on leaving."""
    journal = Journal(url)
    try:
        yield journal
    finally:
        journal.close()


def _sqlite_for_many_writers(connection, _record) -> None:  # type: ignore[no-untyped-def]
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
