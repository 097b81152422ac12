"""What came back, as tables of the night: returns, answers, and those who could not be asked."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import duckdb
import pyarrow as pa

from pipelines.answers import OUTCOME, Answers, Kept
from pipelines.journal import Journal
from pipelines.night import Night

SETTLED_DAYS = 180
"""An answer about a cell settles for so long that it is not asked for again, old or contested."""
STAYS_OFF = ("查无此人", "已迁出")
"""Said of somebody, and the grid is not asked about them again."""
STAYS_OFF_DAYS = 180
"""For so long; then a department that still lists them there is worth another look."""
REFUSED = "拒答"
_NAMES = ("answer_id", "return_id", "form_id", "anchor_record", "field", "kind", "status", "reason",
          "answered_on", "value", "resident_id")  # fmt: skip


def register_returns(con: duckdb.DuckDBPyConnection, night: Night, journal: Journal) -> None:
    """Fill `deliver.return`, `deliver.answer` and `deliver.way_out` as the journal stands.

    Leaves the temporary table ``told_lately`` (resident_id, fields): cells that a grid worker has
    filled, changed or confirmed, and that need no second look.
    """
    answers = Answers(journal)
    undone = answers.undone()
    con.execute('DELETE FROM deliver."return"')
    rows = [
        (r.return_id, r.form_id, r.version, r.channel, r.author, r.received_at,
         "undone" if r.return_id in undone else "taken")
        for r in answers.returns()
    ]  # fmt: skip
    if rows:
        con.executemany('INSERT INTO deliver."return" VALUES (?, ?, ?, ?, ?, ?, ?)', rows)
    _register(con, night, answers.all())
    con.execute("DELETE FROM deliver.answer")
    con.execute(
        """INSERT INTO deliver.answer
        SELECT answer_id, return_id, form_id, resident_id, field, kind, status, reason, answered_on
        FROM answered LEFT JOIN link.cluster ON record_id = anchor_record ORDER BY answer_id"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE told_lately AS SELECT resident_id, list(field) AS fields
        FROM ({told_sql(night.business_date)}) GROUP BY resident_id"""
    )
    con.execute("DELETE FROM deliver.way_out")
    con.execute(
        f"""
        INSERT INTO deliver.way_out
        SELECT resident_id, grid_code, form, period, value, answered_on,
            value IN {STAYS_OFF!r} AND answered_on > DATE '{night.business_date}' - {STAYS_OFF_DAYS}
        FROM (
            SELECT c.resident_id, a.value, a.answered_on, a.answer_id,
                split_part(a.form_id, '-', 1) AS form, split_part(a.form_id, '-', -1) AS grid_code,
                substr(a.form_id, length(form) + 2,
                    length(a.form_id) - length(form) - length(grid_code) - 2) AS period
            FROM answered a JOIN link.cluster c ON c.record_id = a.anchor_record
            WHERE a.field = '{OUTCOME}' AND a.status = 'applied'
        ) QUALIFY row_number() OVER (
            PARTITION BY resident_id, grid_code, form ORDER BY answered_on DESC, answer_id DESC) = 1
        ORDER BY ALL
        """
    )
    con.execute("DROP TABLE answered")


def told_sql(day: date, database: str = "") -> str:
    """SELECT DISTINCT of resident_id and field: cells that a grid worker has settled by `day`.

    Args:
        day: the day of the night.
        database: prefix of an attached file, with its dot.
    """
    return f"""SELECT DISTINCT resident_id, field FROM {database}deliver.answer
        WHERE status = 'applied' AND field <> '{OUTCOME}'
            AND answered_on > DATE '{day}' - {SETTLED_DAYS}"""


def _register(con: duckdb.DuckDBPyConnection, night: Night, answers: list[Kept]) -> None:
    """The temporary table ``answered``; who was new on a form is found by their own record."""
    kinds = {field.name: pa.string() for field in fields(Kept)} | {
        "answer_id": pa.int64(),
        "anchor_record": pa.int64(),
        "answered_on": pa.date32(),
    }
    table = pa.table(
        {name: pa.array([getattr(a, name) for a in answers], kinds[name]) for name in _NAMES}
    )
    con.register("journal_answer", table)
    returned = [s.source for s in night.config.sources.values() if s.kind == "returns"]
    con.execute(
        """CREATE OR REPLACE TEMP TABLE answered AS
        SELECT a.* EXCLUDE (resident_id) REPLACE (coalesce(r.record_id, a.anchor_record)
            AS anchor_record)
        FROM journal_answer a LEFT JOIN std.record r ON a.kind = 'new'
            AND r.source_key = a.resident_id AND list_contains(?, r.source)""",
        [returned],
    )
    con.unregister("journal_answer")
