"""Send a target what changed: kept in the outbox, written, acknowledged; a bad row goes aside.

Every row is in the outbox before it is sent. A push that dies leaves rows in doubt, which the next
one sends again; writing a row twice changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import sqlalchemy as sa

from pipelines.config import from_environment
from pipelines.deliver.content import read_sources
from pipelines.errors import OnegridError, TargetHeld
from pipelines.journal import Journal
from pipelines.privacy import scrub
from pipelines.writeback import texts
from pipelines.writeback.changes import Changes, Row, find_changes, rows_to_send
from pipelines.writeback.content import items
from pipelines.writeback.examples import Example, read_examples
from pipelines.writeback.outbox import ROWS_A_PUSH, Outbox, Sent
from pipelines.writeback.table import TargetTable
from schemas.targets import TargetContract

ATTEMPTS = 4
WAIT_SECONDS = 0.5
"""Before the second attempt; twice as long before each further one."""
_REASON_LENGTH = 200
_REFUSED = (sa.exc.DataError, sa.exc.IntegrityError)


@dataclass(frozen=True)
class Outcome:
    """What a push did.

    Attributes:
        changes: what it set out to send.
        sent: rows that the target has committed.
        aside: rows it refused: reason → number.
    """

    changes: Changes
    sent: int = 0
    aside: Mapping[str, int] = field(default_factory=dict)


def compare(
    con: duckdb.DuckDBPyConnection, journal: Journal, contract: TargetContract, *, examples: int = 0
) -> tuple[Changes, list[Example]]:
    """What a push would send now, and up to `examples` rows of each kind; nothing is written.

    Raises:
        TargetHeld: the target cannot be written: the reason says why.
        ConfigError: the contract cannot be used.
    """
    with _opened(contract) as engine:
        columns = items(contract, read_sources(con))
        table = TargetTable(engine, contract, columns)
        changes = find_changes(con, contract, Outbox(journal, contract.target), table.problems())
        return changes, read_examples(con, engine, table, contract, columns, most=examples)


def push(
    con: duckdb.DuckDBPyConnection,
    journal: Journal,
    contract: TargetContract,
    *,
    author: str,
    again: bool = False,
    done: Callable[[int, int], None] = lambda _sent, _total: None,
) -> Outcome:
    """Send the target what changed since it was told last.

    Args:
        con: the published file, read only.
        journal: holds the outbox.
        contract: the target.
        author: who pushes.
        again: rows that were refused before are tried once more.
        done: told how many rows of how many are through.

    Raises:
        TargetHeld: the target cannot be written, or no longer; what was sent is acknowledged.
        ConfigError: the contract cannot be used.
    """
    outbox = Outbox(journal, contract.target)
    night = con.execute("SELECT max(night) FROM meta.night").fetchall()[0][0]
    number = outbox.begin(night, author)
    courier = None
    try:
        with _opened(contract) as engine:
            table = TargetTable(engine, contract, items(contract, read_sources(con)))
            courier = _Courier(engine, table, outbox, contract)
            changes = find_changes(con, contract, outbox, table.problems(), again=again)
            position = number * ROWS_A_PUSH
            for batch in rows_to_send(con, contract, contract.batch_rows):
                for rows in _same_action(batch):
                    courier.deliver(rows, position)
                    position += len(rows)
                    done(position - number * ROWS_A_PUSH, changes.total)
    except BaseException as error:
        reason = str(error) if isinstance(error, OnegridError) else type(error).__name__
        if isinstance(error, TargetHeld):
            reason = error.reason_zh
        outbox.end(number, courier.counts() if courier else {}, reason)
        raise
    outbox.end(number, courier.counts())
    return Outcome(changes, courier.sent, dict(courier.aside))


class _Courier:
    """Brings batches to the target, as often as it takes."""

    def __init__(
        self, engine: sa.Engine, table: TargetTable, outbox: Outbox, contract: TargetContract
    ) -> None:
        self._engine, self._table, self._outbox = engine, table, outbox
        self._contract = contract
        self.sent = 0
        self.aside: dict[str, int] = {}

    def counts(self) -> dict[str, int]:
        return {"sent": self.sent, "aside": sum(self.aside.values())}

    def deliver(self, rows: list[Row], first: int) -> None:
        """Keep, write and acknowledge rows of one action, numbered from `first` on."""
        last = first + len(rows) - 1
        self._outbox.keep(
            [
                Sent(first + place, r.resident_id, r.action, r.reason, r.digest, r.tags)
                for place, r in enumerate(rows)
            ]
        )
        refused: dict[int, str] = {}
        self._write(rows, first, refused)
        self._outbox.acknowledge(first, last, refused)
        self.sent += len(rows) - len(refused)
        for why in refused.values():
            self.aside[why] = self.aside.get(why, 0) + 1
        if sum(self.aside.values()) > self._contract.most_set_aside:
            reason = texts.too_many_aside(self._contract.most_set_aside)
            raise TargetHeld(self._contract.target, reason)

    def _write(self, rows: list[Row], first: int, refused: dict[int, str]) -> None:
        """Write all of them, or halves of them, until those stand alone that are refused."""
        try:
            self._patiently(rows, first)
        except _REFUSED as error:
            if len(rows) == 1:
                refused[first] = _why(error)
                return
            half = len(rows) // 2
            self._write(rows[:half], first, refused)
            self._write(rows[half:], first + half, refused)

    def _patiently(self, rows: list[Row], first: int) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._engine.begin() as con:
                    self._table.write(con, rows, first)
                return
            except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError) as error:
                if _is_about_data(error):
                    raise sa.exc.DataError(error.statement, None, error.orig or error) from error
                if attempt == ATTEMPTS:
                    detail = type(error.orig or error).__name__
                    reason = texts.unreachable(detail)
                    raise TargetHeld(self._contract.target, reason, transient=True) from error
                time.sleep(WAIT_SECONDS * 2 ** (attempt - 1))
                self._outbox.try_again(first, first + len(rows) - 1)
            except _REFUSED:
                raise
            except sa.exc.StatementError as error:
                reason = texts.not_accepted(_why(error))
                raise TargetHeld(self._contract.target, reason) from error


def _is_about_data(error: sa.exc.DBAPIError) -> bool:
    """Whether a server calls "operational" or "internal" what it will never take, as a trigger."""
    original = error.orig
    if (state := getattr(original, "sqlstate", None)) is not None:
        return str(state).startswith(_STATES_ABOUT_DATA)
    number = original.args[0] if original is not None and original.args else None
    return number in _NUMBERS_ABOUT_DATA


_STATES_ABOUT_DATA = ("22", "23", "44", "P0")
"""Data exception, integrity, view check, raised by a function (PostgreSQL, appendix A)."""
_NUMBERS_ABOUT_DATA = {1264, 1265, 1292, 1366, 1406, 1644, 3819, 4025}
"""Out of range, truncated, wrong date or characters, too long, SIGNAL, CHECK (also MariaDB's).
Source: the error code references of MySQL and MariaDB."""


def _why(error: sa.exc.StatementError) -> str:
    """A refusal in few words, without what it quotes."""
    text = str(error.orig or error).strip().splitlines() or [""]
    return f"{type(error.orig or error).__name__}: {scrub(text[0])}"[:_REASON_LENGTH]


def _same_action(rows: list[Row]) -> Iterator[list[Row]]:
    for action in ("mark", "upsert"):
        if same := [row for row in rows if row.action == action]:
            yield same


@contextmanager
def _opened(contract: TargetContract) -> Iterator[sa.Engine]:
    """The target's database.

    Raises:
        TargetHeld: it does not answer.
        ConfigError: its address needs an environment variable that is not set.
    """
    url = from_environment(contract.url, f"target {contract.target}")
    engine = sa.create_engine(url, hide_parameters=True)
    try:
        with engine.connect():
            pass
        yield engine
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        detail = type(error.orig or error).__name__
        reason = texts.unreachable(detail)
        raise TargetHeld(contract.target, reason, transient=True) from error
    finally:
        engine.dispose()


def lock_name(target: str) -> str:
    """Name of the lock that keeps two pushes to one target apart."""
    return f"push-{target}"
