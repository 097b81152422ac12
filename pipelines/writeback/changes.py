"""What a target must be told: the published master against what it was told before.

Cost: one row a resident for the master, one for what was told, one hash join of the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import duckdb
import pyarrow as pa

from pipelines.deliver.content import SEPARATOR, literal, read_sources
from pipelines.deliver.states import check_condition
from pipelines.writeback.content import Item, items, lives_sql, rows_sql, wanted_sql
from pipelines.writeback.outbox import Outbox
from schemas.targets import TargetContract

_SHAPE, _TAG = 8, 4
_TOLD = ("outbox_id", "resident_id", "action", "digest", "tags", "is_sure")


@dataclass(frozen=True)
class Changes:
    """What a push would do.

    Attributes:
        new, changed, unchanged: residents.
        marked: reason → residents who no longer count.
        by_field: label of a field → residents for whom it changed.
        unfit: why the target can take no such row → residents.
        aside: residents whose row was refused before and has not changed since.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    marked: Mapping[str, int] = field(default_factory=dict)
    by_field: Mapping[str, int] = field(default_factory=dict)
    unfit: Mapping[str, int] = field(default_factory=dict)
    aside: int = 0

    @property
    def total(self) -> int:
        """Rows that would be sent."""
        return self.new + self.changed + sum(self.marked.values())


@dataclass(frozen=True)
class Row:
    """One row to send: whom it is about, and its values in the order of the contract's columns.

    `reason` and `merged_into` are those of a mark.
    """

    resident_id: str
    action: str
    reason: str | None
    merged_into: str | None
    digest: str
    tags: str
    values: tuple[object, ...]


def find_changes(
    con: duckdb.DuckDBPyConnection,
    contract: TargetContract,
    outbox: Outbox,
    problems: Mapping[str, tuple[str, str]],
    *,
    again: bool = False,
) -> Changes:
    """Fill the temporary table ``change`` and count it.

    Args:
        con: the published file, read only.
        contract: the target.
        outbox: what the target was told.
        problems: field → SQL condition over ``{value}`` under which the target cannot take the
            value, and what is then said.
        again: rows that were refused are tried once more.

    Raises:
        ConfigError: the contract's condition is none.
    """
    check_condition(con, contract.residents, f"target {contract.target}: 'residents'")
    day = business_date(con)
    columns = items(contract, read_sources(con))
    cases = [
        f"WHEN {problems[item.field][0].format(value=f'v{number}')} "
        f"THEN {literal(problems[item.field][1])}"
        for number, item in enumerate(columns)
        if item.field in problems
    ]
    problem = f"CASE {' '.join(cases)} END" if cases else "NULL"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE wanted AS " + wanted_sql(contract, columns, day, problem)
    )
    _load_told(con, outbox, again=again)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE change AS
        SELECT w.resident_id, 'upsert' AS action, NULL::VARCHAR AS reason,
            NULL::VARCHAR AS merged_into, w.digest, w.tags,
            coalesce(t.action = 'upsert', FALSE) AS was_there, t.tags AS before
        FROM wanted w LEFT JOIN told t USING (resident_id)
        LEFT JOIN refused x ON x.resident_id = w.resident_id AND x.digest = w.digest
        WHERE w.problem IS NULL AND x.resident_id IS NULL
            AND (t.resident_id IS NULL OR t.action <> 'upsert' OR NOT t.is_sure
                OR t.digest <> w.digest)
        UNION ALL
        SELECT m.resident_id, 'mark', m.reason, m.merged_into, m.digest, '', TRUE, NULL
        FROM ({_marks_sql(contract)}) m JOIN told t USING (resident_id)
        LEFT JOIN refused x ON x.resident_id = m.resident_id AND x.digest = m.digest
        WHERE x.resident_id IS NULL
            AND (t.action <> 'mark' OR NOT t.is_sure OR t.digest <> m.digest)
        """
    )
    return _count(con, columns)


def business_date(con: duckdb.DuckDBPyConnection) -> date:
    """Of the published night."""
    day: date = con.execute("SELECT max(business_date) FROM meta.night").fetchall()[0][0]
    return day


def rows_to_send(
    con: duckdb.DuckDBPyConnection,
    contract: TargetContract,
    at_a_time: int,
    *,
    most: int | None = None,
) -> Iterator[list[Row]]:
    """Batches of the rows in ``change``: marks first, so that what they give up is free.

    Args:
        con, contract: as of `find_changes`.
        at_a_time: rows of a batch.
        most: of what is new, changed and marked, only so many rows each, picked by hash.
    """
    columns = items(contract, read_sources(con))
    values = ", ".join(f"v{number}" for number in range(len(columns)))
    change = "FROM change"
    if most is not None:
        change += f""" QUALIFY row_number() OVER (
            PARTITION BY action, was_there ORDER BY hash(resident_id)) <= {int(most)}"""
    result = con.execute(
        f"""SELECT c.resident_id, action, reason, merged_into, digest, c.tags, {values}
        FROM ({change}) c LEFT JOIN ({rows_sql(contract, columns, business_date(con))}) r
            ON r.resident_id = c.resident_id AND c.action = 'upsert'
        ORDER BY action, c.resident_id"""
    )
    while batch := result.fetchmany(at_a_time):
        yield [
            Row(who, action, reason, into, digest, tags, tuple(told))
            for who, action, reason, into, digest, tags, *told in batch
        ]


def _load_told(con: duckdb.DuckDBPyConnection, outbox: Outbox, *, again: bool) -> None:
    con.execute(
        """CREATE OR REPLACE TEMP TABLE told (outbox_id BIGINT, resident_id VARCHAR,
        action VARCHAR, digest VARCHAR, tags VARCHAR, is_sure BOOLEAN)"""
    )
    for batch in outbox.told():
        columns = [list(column) for column in zip(*batch, strict=True)]
        con.register("told_batch", pa.table(dict(zip(_TOLD, columns, strict=True))))
        con.execute("INSERT INTO told FROM told_batch")
        con.unregister("told_batch")
    con.execute("CREATE OR REPLACE TEMP TABLE refused (resident_id VARCHAR, digest VARCHAR)")
    if not again and (refused := outbox.aside()):
        con.executemany(
            "INSERT INTO refused VALUES (?, ?)", [(who, digest) for _, who, digest in refused]
        )


def _marks_sql(contract: TargetContract) -> str:
    """SELECT of resident_id, reason, merged_into, digest: whom the target knows and should not."""
    return f"""
        WITH RECURSIVE merged AS (
            SELECT resident_id, arg_max(other_id, night) AS other_id FROM master.event
            WHERE kind = 'merge' GROUP BY resident_id
        ), way(was, is_now, steps) AS (
            SELECT resident_id, resident_id, 0 FROM told ANTI JOIN master.resident
                USING (resident_id)
            UNION ALL
            SELECT w.was, m.other_id, w.steps + 1 FROM way w
            JOIN merged m ON m.resident_id = w.is_now
            WHERE w.steps < 50 AND w.is_now NOT IN (SELECT resident_id FROM master.resident)
        ), into_whom AS (
            SELECT was AS resident_id, arg_max(is_now, steps) AS other_id FROM way
            GROUP BY was HAVING max(steps) > 0
        ), gone AS (
            SELECT t.resident_id, CASE WHEN i.other_id IS NOT NULL THEN 'merged'
                WHEN r.resident_id IS NULL THEN 'ended'
                WHEN r.death_date IS NOT NULL THEN 'dead'
                WHEN NOT {lives_sql(contract)} THEN 'moved' ELSE 'ended' END AS reason,
                i.other_id AS merged_into
            FROM told t LEFT JOIN master.resident r USING (resident_id)
            LEFT JOIN into_whom i USING (resident_id)
            WHERE t.resident_id NOT IN (SELECT resident_id FROM wanted)
        )
        SELECT *, md5(concat('mark', {SEPARATOR}, reason, {SEPARATOR}, merged_into)) AS digest
        FROM gone"""


def _count(con: duckdb.DuckDBPyConnection, columns: list[Item]) -> Changes:
    new, changed = con.execute(
        """SELECT count(*) FILTER (NOT was_there), count(*) FILTER (was_there)
        FROM change WHERE action = 'upsert'"""
    ).fetchall()[0]
    marked = con.execute(
        "SELECT reason, count(*) FROM change WHERE action = 'mark' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    unfit = con.execute(
        """SELECT problem, count(*) FROM wanted WHERE problem IS NOT NULL
        GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    aside, fit = con.execute(
        """SELECT count(*) FILTER (x.resident_id IS NOT NULL), count(*)
        FROM wanted w LEFT JOIN refused x USING (resident_id, digest) WHERE w.problem IS NULL"""
    ).fetchall()[0]
    by_field = {}
    for number, item in enumerate(columns):
        at = _SHAPE + 1 + number * _TAG
        found = con.execute(
            f"""SELECT count(*) FROM change WHERE was_there AND action = 'upsert'
            AND left(tags, {_SHAPE}) = left(before, {_SHAPE})
            AND substr(tags, {at}, {_TAG}) <> substr(before, {at}, {_TAG})"""
        ).fetchall()[0][0]
        if found:
            by_field[item.label] = found
    return Changes(
        new=new,
        changed=changed,
        unchanged=fit - new - changed - aside,
        marked=dict(marked),
        by_field=by_field,
        unfit=dict(unfit),
        aside=aside,
    )
