"""The desk at which all that comes back is judged and kept, whatever way it came."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import sqlalchemy as sa

from pipelines import store
from pipelines.answers import OUTCOME, WHOLE, Answer, Answers, Return, to_settle
from pipelines.config import Config
from pipelines.home import Home
from pipelines.intake.judge import judge, load_issued
from pipelines.journal import ISSUE, Journal
from pipelines.standardise.dictionaries import Context

COUNTED = (
    "rows",
    "answer",
    "correction",
    "confirmed",
    "outcome",
    "new",
    "review",
    "mend",
    "erased",
)
_VILLAGES = "SELECT DISTINCT village_name FROM now.master.dwelling WHERE village_name IS NOT NULL"


@dataclass(frozen=True)
class Mend:
    """A row or a cell that was not taken: what the worker sees of it, and a key of `texts`."""

    sheet_row: int
    field: str | None
    reason: str


@dataclass
class Receipt:
    """What became of one return.

    Attributes:
        path: the file, or what stands for it.
        return_id: beginning of the hash of its content.
        refused: why the whole file was not taken, a key of `texts.FILES`; None: it was.
        form_id, version: the issue it came from.
        counts: see `COUNTED`; for the rows that went out, ``issued``.
        mend: what is to be mended.
        wait: answers that a person must settle.
        added: rows of people who were not on the form and wait for nobody → whether the
            address that was written is a dwelling of the grid.
        submissions: of an export of ODK, whose rows are then the file's; None: it is a workbook.
        known: how many of them came before.
    """

    path: Path
    return_id: str
    refused: str | None = None
    form_id: str = ""
    version: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    mend: list[Mend] = field(default_factory=list)
    wait: list[Mend] = field(default_factory=list)
    added: dict[int, bool] = field(default_factory=dict)
    submissions: int | None = None
    known: int = 0


@dataclass(frozen=True)
class Came:
    """A return that was read: its rows in a Parquet file, as `rows.rows_table` has them.

    `author` is who answers; None: the form's grid.
    """

    receipt: Receipt
    parsed: Path
    form: str
    grid: str
    issue: str
    answered_on: date
    author: str | None = None


IssueNights = dict[tuple[str, int], tuple[int, date]]
"""(form_id, version) → the night that issued it, and the day."""


@dataclass(frozen=True)
class Desk:
    """Home, configuration and journal of a district."""

    home: Home
    config: Config
    journal: Journal

    @cached_property
    def answers(self) -> Answers:
        """The journal's part about returns."""
        return Answers(self.journal)

    @property
    def zone(self) -> ZoneInfo:
        """The district's time zone."""
        return ZoneInfo(self.config.district.timezone)

    @property
    def today(self) -> date:
        """The day, in the district."""
        return datetime.now(self.zone).date()

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A place for what is only needed now."""
        with tempfile.TemporaryDirectory(prefix="returns-", dir=self.home.work) as folder:
            yield Path(folder)

    def issue_nights(self, form_ids: set[str]) -> IssueNights:
        """When each version of some forms went out."""
        found: IssueNights = {}
        wanted = sorted(form_ids)
        with self.journal.engine.connect() as con:
            for at in range(0, len(wanted), 500):
                query = (
                    sa.select(ISSUE.c.form_id, ISSUE.c.version, ISSUE.c.night, ISSUE.c.issued_on)
                    .where(ISSUE.c.form_id.in_(wanted[at : at + 500]))
                    .order_by(ISSUE.c.seq)
                )
                for form_id, version, night, day in con.execute(query):
                    found[form_id, version] = night, day
        return found

    def place(
        self,
        receipt: Receipt,
        form_id: str,
        version: int,
        nights: IssueNights,
        written: date,
    ) -> tuple[str, str, str, date] | None:
        """Form, grid, issue and day of a return; None, and a refusal, where it is no form of ours.

        The issue is the number of its night, or ``0`` where that is kept no more: then rows are
        compared with what is published now.
        """
        receipt.form_id, receipt.version = form_id, version
        form = form_id.split("-", 1)[0]
        if (issued := nights.get((form_id, version))) is None:
            receipt.refused = "unknown_form"
            return None
        if form not in self.config.forms:
            receipt.refused = "other_form"
            return None
        night, issued_on = issued
        issue = str(night if self.home.night_file(night).exists() else 0)
        grid = form_id.rsplit("-", 1)[-1]
        return form, grid, issue, min(max(written, issued_on), self.today)

    def take(self, came: list[Came], folder: Path, channel: str) -> None:
        """Judge what came, form by form, and keep what it says; fills the receipts."""
        for form in sorted({item.form for item in came}):
            self._judge([item for item in came if item.form == form], folder, channel)

    def _judge(self, came: list[Came], folder: Path, channel: str) -> None:
        contract = self.config.forms[came[0].form]
        limits = self.config.district.limits
        spill = folder / "spill"
        with store.connect(":memory:", limits, spill) as con:
            con.execute(f"ATTACH '{store.escape(self.home.published)}' AS now (READ_ONLY)")
            _load(con, came)
            for issue in sorted({item.issue for item in came}):
                file = self._file(issue)
                grids = sorted({item.grid for item in came if item.issue == issue})
                with store.connect(file, limits, spill, read_only=True) as night:
                    load_issued(con, night, contract, grids, issue)
            villages = frozenset(name for (name,) in con.execute(_VILLAGES).fetchall())
            today = max(item.answered_on for item in came)
            judge(con, contract, Context(today, villages), today)
            self._keep(con, came, channel)

    def _file(self, issue: str) -> Path:
        """The night of an issue; else the newest, by a name other than that which is attached."""
        if issue != "0":
            return self.home.night_file(int(issue))
        return max(self.home.nights.glob("*.duckdb"))

    def _keep(self, con: duckdb.DuckDBPyConnection, came: list[Came], channel: str) -> None:
        """Put what was said into the journal, a transaction a return, and into the receipts."""
        said = _by_return(con, "SELECT * FROM said ORDER BY returned, row_no, field")
        refused = _by_return(con, "SELECT * FROM refused ORDER BY returned, sheet_row, field")
        rows = dict(
            con.execute("SELECT returned, count(*) FROM matched GROUP BY returned").fetchall()
        )
        issued = {
            (issue, grid): n
            for issue, grid, n in con.execute(
                "SELECT issue, grid_code, count(*) FROM issued GROUP BY ALL"
            ).fetchall()
        }
        residents = {row[4] for rows in said.values() for row in rows}
        before = {
            (kept.resident_id, kept.field): (kept.form_id, kept.value, kept.author)
            for kept in self.answers.about(residents)
            if kept.status in {"applied", "review"}
        }
        for item in came:
            receipt = item.receipt
            author = item.author or f"网格 {item.grid}"
            kept: list[Answer] = []
            sheet_rows: dict[int, int] = {}
            for row in said[receipt.return_id]:
                answer = _answer(row, item.answered_on, before, author)
                if row[9] == "new" and row[11] not in WHOLE:
                    has_place = receipt.added.get(row[1], False)
                    receipt.added[row[1]] = has_place or (row[6] == "address" and row[11] is None)
                if answer is not None:
                    kept.append(answer)
                    sheet_rows[id(answer)] = row[1]
            receipt.wait += [
                Mend(sheet_rows[id(a)], a.field, a.reason or "") for a in to_settle(kept)
            ]
            for _, *rest in refused[receipt.return_id]:
                mend = Mend(*rest)
                if mend.reason == "erased":
                    receipt.counts["erased"] += 1
                else:
                    receipt.mend.append(mend)
            counts = Counter(answer.kind for answer in kept if answer.status == "applied")
            receipt.counts |= {
                "rows": rows.get(receipt.return_id, 0),
                **{kind: counts[kind] for kind in ("answer", "correction", "confirmed", "outcome")},
                "new": len(receipt.added),
                "review": len(receipt.wait),
                "mend": len(receipt.mend),
                "issued": issued.get((item.issue, item.grid), 0),
            }
            taken = Return(
                receipt.return_id,
                receipt.form_id,
                receipt.version,
                channel,
                author,
                datetime.now(UTC),
                receipt.counts,
            )
            if not self.answers.take(taken, kept):
                receipt.refused = "again"
                continue
            for answer in kept:
                cell = answer.resident_id, answer.field
                before[cell] = answer.form_id, answer.value, author


def _load(con: duckdb.DuckDBPyConnection, came: list[Came]) -> None:
    """The table ``came``: the rows of all returns, with the columns that any of them has."""
    about = [
        (item.receipt.return_id, item.receipt.form_id, item.grid, item.issue, item.issue != "0",
         str(item.parsed))
        for item in came
    ]  # fmt: skip
    con.execute(
        """CREATE TABLE about (returned VARCHAR, form_id VARCHAR, grid_code VARCHAR,
        issue VARCHAR, is_exact BOOLEAN, filename VARCHAR)"""
    )
    con.executemany("INSERT INTO about VALUES (?, ?, ?, ?, ?, ?)", about)
    con.execute(
        """CREATE TABLE came AS SELECT a.* EXCLUDE (filename), r.* EXCLUDE (filename)
        FROM read_parquet(?, union_by_name = true, filename = true) r JOIN about a USING (filename)
        """,
        [[str(item.parsed) for item in came]],
    )


def _by_return(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in con.execute(sql).fetchall():
        found[row[0]].append(row)
    return found


def _answer(
    row: tuple[Any, ...],
    answered_on: date,
    before: dict[tuple[str, str], tuple[str, str, str]],
    author: str,
) -> Answer | None:
    """None: the very same was said of this cell of this form before.

    `before` has form, value and author of the last answer about a resident's field.
    """
    _, _, form_id, row_no, resident, anchor, name, value, _, kind, status, reason = row
    earlier = before.get((resident, name))
    if earlier is not None and earlier[0] == form_id:
        if earlier[1] == value:
            return None
        if status == "applied" and name != OUTCOME and earlier[2] != author:
            status, reason = "review", "two_answers"
    return Answer(form_id, row_no, resident, anchor, name, value, kind, status, reason, answered_on)
