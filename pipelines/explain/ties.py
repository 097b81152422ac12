"""What holds the records of a resident together, and what keeps others apart from them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from pipelines.link.review import REASON_SQL
from pipelines.link.texts import CONTRADICTION

MOST_APART = 20
"""Residents kept apart that are told of one by one."""


@dataclass(frozen=True)
class Rival:
    """Another resident that is kept apart by the pair `record_l`, `record_r`.

    Attributes:
        resident_id: the other resident.
        record_l, record_r: the pair that comes nearest to joining them, or was decided.
        reason: ``never``, ``contradiction`` (decided `always`, which another decision forbids), or
            a reason of `link.review`.
        review_id: the item of the queue that asks about the two; None: nobody is asked.
    """

    resident_id: str
    record_l: int
    record_r: int
    reason: str
    review_id: str | None


@dataclass(frozen=True)
class Contest:
    """An ID number that records of several residents carry.

    Attributes:
        record_id: a record of this resident that carries it.
        holder: the resident it belongs to; None: nobody knows.
        claimants: all residents with records that carry it → number of these records.
    """

    record_id: int
    holder: str | None
    claimants: dict[str, int]


def strongest_links(
    con: duckdb.DuckDBPyConnection, records: Collection[int]
) -> list[tuple[int, int]]:
    """The pairs that hold `records` together: of all that join them, the strongest that suffice."""
    rows = con.execute(
        """
        SELECT record_l, record_r FROM link.pair
        WHERE verdict = 'joined' AND record_l IN (SELECT unnest($records::BIGINT[]))
            AND record_r IN (SELECT unnest($records::BIGINT[]))
        ORDER BY tier = 'decision' DESC, weight DESC, record_l, record_r
        """,
        {"records": list(records)},
    ).fetchall()
    group = {record: record for record in records}

    def top(record: int) -> int:
        while group[record] != record:
            record = group[record]
        return record

    tree = []
    for left, right in rows:
        one, other = top(left), top(right)
        if one != other:
            group[other] = one
            tree.append((left, right))
    return tree


def read_rivals(con: duckdb.DuckDBPyConnection, resident_id: str) -> list[Rival]:
    """Residents that evidence would join with this one, each with its strongest pair.

    Decided ones first, then by probability. Where decisions contradict each other, both are told.
    """
    rows = con.execute(
        f"""
        WITH near AS (
            SELECT p.*, l.resident_id AS resident_l, r.resident_id AS resident_r,
                CASE WHEN p.tier <> 'decision' THEN {REASON_SQL}
                    WHEN p.weight < 0 THEN 'never' ELSE '{CONTRADICTION}' END AS reason
            FROM link.pair p
            JOIN link.cluster l ON l.record_id = p.record_l
            JOIN link.cluster r ON r.record_id = p.record_r
            JOIN link.standing sl ON sl.record_id = p.record_l
            JOIN link.standing sr ON sr.record_id = p.record_r
            WHERE p.verdict IN ('review', 'refused') AND l.resident_id <> r.resident_id
                AND $id IN (l.resident_id, r.resident_id)
        ), other AS (
            SELECT *, CASE resident_l WHEN $id THEN resident_r ELSE resident_l END AS resident_id
            FROM near
        )
        SELECT o.resident_id, o.record_l, o.record_r, o.reason, v.review_id
        FROM other o LEFT JOIN link.review v
            ON least(v.resident_l, v.resident_r) = least(o.resident_l, o.resident_r)
            AND greatest(v.resident_l, v.resident_r) = greatest(o.resident_l, o.resident_r)
        QUALIFY row_number() OVER (
            PARTITION BY o.resident_id, o.reason = '{CONTRADICTION}'
            ORDER BY o.reason = 'never' DESC, o.probability DESC, o.record_l, o.record_r
        ) = 1
        ORDER BY o.reason = 'never' DESC, o.probability DESC, o.resident_id
        """,
        {"id": resident_id},
    ).fetchall()
    return [Rival(*row) for row in rows]


def read_contests(
    con: duckdb.DuckDBPyConnection, resident_id: str, records: Collection[int]
) -> tuple[Contest, ...]:
    """The ID numbers on `records`, all those of the resident, that others carry too."""
    rows = con.execute(
        """
        WITH mine AS (
            SELECT id17, min(record_id) AS record_id FROM std.record
            WHERE record_id IN (SELECT unnest($records::BIGINT[]))
                AND id_status IN ('valid', 'upgraded', 'conflict')
            GROUP BY id17
        )
        SELECT m.id17, m.record_id, c.resident_id, count(*),
            bool_or(s.held_id IS NOT NULL AND NOT s.is_open)
        FROM mine m
        JOIN std.record r ON r.id17 = m.id17 AND r.id_status IN ('valid', 'upgraded', 'conflict')
        JOIN link.cluster c ON c.record_id = r.record_id
        JOIN link.standing s ON s.record_id = r.record_id
        GROUP BY ALL ORDER BY m.id17, c.resident_id
        """,
        {"records": list(records)},
    ).fetchall()
    found: dict[str, Contest] = {}
    for number, record, claimant, times, holds in rows:
        contest = found.setdefault(number, Contest(record, None, {}))
        contest.claimants[claimant] = times
        if holds:
            found[number] = Contest(record, claimant, contest.claimants)
    return tuple(c for c in found.values() if set(c.claimants) - {resident_id})
