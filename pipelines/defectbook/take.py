"""Take the answers of a department: judged cell by cell, kept in the journal, acknowledged."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.corrections import Answer, Corrections, Kept, Return
from pipelines.defectbook import texts
from pipelines.defectbook.read import Row, UnusableBook, read_book
from pipelines.extract.keys import version_sql
from pipelines.journal import Journal
from pipelines.standardise.dictionaries import Context
from pipelines.standardise.intake import record_id_sql
from pipelines.standardise.meaning import meanings
from pipelines.store import quote
from schemas.district import District
from schemas.fields import FIELD
from schemas.source import SourceMap


@dataclass(frozen=True)
class Outcome:
    """What became of one row.

    Attributes:
        row: its number in the sheet.
        kind: value, mended, right or unknown (taken as such), again, settled, blank or refused.
        says: in Chinese.
    """

    row: int
    kind: str
    says: str


@dataclass
class Receipt:
    """What became of one workbook; `refused`: why the whole file was not taken (Chinese)."""

    path: Path
    return_id: str
    department: str = ""
    month: str = ""
    refused: str | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        """Outcomes by kind."""
        return Counter(outcome.kind for outcome in self.outcomes)


@dataclass(frozen=True)
class _Now:
    """A record as it is published."""

    source_key: str
    row_hash: int
    values: dict[str, str | None]


def take_book(
    con: duckdb.DuckDBPyConnection,
    journal: Journal,
    path: Path,
    *,
    district: District,
    sources: Mapping[str, SourceMap],
    author: str,
    today: date,
) -> Receipt:
    """Keep what can be kept of a workbook; the same file, or the same answer, counts once.

    An answer on a row that its source has changed since is not needed, and a corrected value for
    it is refused. Rows are judged one by one: what cannot be taken stops nothing else.

    Args:
        con: a published file, read only.
        journal: where answers go.
        path: the workbook.
        district, sources: of this home.
        author: who hands it in.
        today: day of the answers.
    """
    with path.open("rb") as file:
        receipt = Receipt(path, hashlib.file_digest(file, "sha256").hexdigest()[:32])
    corrections = Corrections(journal)
    if corrections.knows(receipt.return_id):
        receipt.refused = texts.FILE_AGAIN
        return receipt
    try:
        came = read_book(path, district)
    except UnusableBook as unusable:
        receipt.refused = str(unusable)
        return receipt
    receipt.department, receipt.month = came.department, came.month
    own = {name: s for name, s in sources.items() if s.department == came.department}
    asked = [row for row in came.rows if row.problem is None and row.verdict and row.source in own]
    now = _read_now(con, own, asked)
    meant = _read_values(con, asked, today)
    before = {
        (kept.record_id, kept.field, kept.kind, kept.row_hash): kept
        for kept in corrections.in_force()
    }
    answers: list[Answer] = []
    for row in came.rows:
        kind, says = _judge(row, own, now.get(row.record_id), meant, before)
        receipt.outcomes.append(Outcome(row.row, kind, says))
        if kind in texts.TAKEN:
            answers.append(_answer(row, now[row.record_id], author, today))
    taken = Return(
        receipt.return_id,
        came.department,
        came.month,
        author,
        datetime.now(UTC),
        dict(receipt.counts),
    )
    if not corrections.take(taken, answers):
        receipt.refused = texts.FILE_AGAIN
    return receipt


def _judge(
    row: Row,
    own: Mapping[str, SourceMap],
    now: _Now | None,
    meant: Mapping[tuple[str, str], str | None],
    before: Mapping[tuple[int, str, str, int], Kept],
) -> tuple[str, str]:
    """Kind of the outcome, and what the receipt says."""
    if row.problem is not None:
        return "refused", row.problem
    if not row.verdict:
        return "blank", texts.BLANK
    if row.source not in own or (row.field and row.field not in FIELD):
        return "refused", texts.CHANGED
    known = before.get((row.record_id, row.field, row.kind, row.row_hash))
    if known and (known.verdict, known.value) == (row.verdict, row.value or None):
        return "again", texts.AGAIN
    if now is None or now.row_hash != row.row_hash:
        if row.value:
            return "refused", texts.GONE if now is None else texts.LATER
        return "settled", texts.SETTLED
    if not row.value:
        return row.verdict, texts.TAKEN[row.verdict]
    value = meant[row.field, row.value]
    if value is None:
        if row.field == "id_number":
            return "refused", texts.BAD_NUMBER
        return "refused", texts.UNREADABLE_VALUE.format(field=FIELD[row.field].label)
    if value == now.values.get(row.field):
        return "refused", texts.SAME_VALUE
    return "value", texts.TAKEN["value"]


def _answer(row: Row, now: _Now, author: str, today: date) -> Answer:
    return Answer(
        record_id=row.record_id,
        source=row.source,
        source_key=now.source_key,
        field=row.field,
        kind=row.kind,
        row_hash=row.row_hash,
        verdict=row.verdict,  # type: ignore[arg-type]
        value=row.value or None,
        handler=row.handler or author,
        remark=row.remark,
        answered_on=today,
    )


def _read_now(
    con: duckdb.DuckDBPyConnection, own: Mapping[str, SourceMap], rows: list[Row]
) -> dict[int, _Now]:
    """The records that were answered, as they are published: row version and readable fields."""
    con.register(
        "answered_row",
        pa.table(
            {
                "record_id": pa.array([row.record_id for row in rows], pa.int64()),
                "source": pa.array([row.source for row in rows], pa.string()),
            }
        ),
    )
    fields = sorted({row.field for row in rows} & FIELD.keys())
    columns = "".join(f', CAST(s."{name}" AS VARCHAR)' for name in fields)
    found: dict[int, _Now] = {}
    for name in sorted({row.source for row in rows}):
        for role in ("", *(person.role for person in own[name].persons)):
            number = record_id_sql("r.source_key", name, role)
            for record, key, row_hash, *values in con.execute(
                f"""SELECT a.record_id, r.source_key, {version_sql(own[name], "r")} {columns}
                FROM raw.{quote(name)} r
                JOIN (SELECT DISTINCT record_id FROM answered_row WHERE source = '{name}') a
                    ON a.record_id = {number}
                LEFT JOIN std.record s ON s.record_id = a.record_id
                WHERE r.until_night IS NULL"""
            ).fetchall():
                found[record] = _Now(key, row_hash, dict(zip(fields, values, strict=True)))
    con.unregister("answered_row")
    return found


def _read_values(
    con: duckdb.DuckDBPyConnection, rows: list[Row], today: date
) -> dict[tuple[str, str], str | None]:
    """(field, value as written) → what it means; None: it cannot be read."""
    villages = con.execute(
        "SELECT DISTINCT village_name FROM master.dwelling WHERE village_name IS NOT NULL"
    ).fetchall()
    context = Context(today, frozenset(name for (name,) in villages))
    written: dict[str, set[str]] = {}
    for row in rows:
        if row.value and row.field in FIELD:
            written.setdefault(row.field, set()).add(row.value)
    return {
        (name, value): meaning
        for name, values in written.items()
        for ordered in [sorted(values)]
        for value, meaning in zip(ordered, meanings(name, ordered, context), strict=True)
    }
