"""What became of a resident id: how it began, what it took in, where it went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from pipelines.explain import texts
from schemas.fields import FIELD


@dataclass(frozen=True)
class Event:
    """Something that happened to the id: night, business date, kind, the other id, in Chinese."""

    night: int
    day: date
    kind: str
    other_id: str | None
    says: str


@dataclass(frozen=True)
class Left:
    """A record that once belonged to the resident, and where it is now (None: it is gone)."""

    record_id: int
    source: str
    since: date
    until: date
    now: str | None


def read_events(con: duckdb.DuckDBPyConnection, resident_id: str) -> tuple[Event, ...]:
    """Events of the id and of others that went into it or came out of it, in their order."""
    rows = con.execute(
        """
        SELECT night, event_date, kind, other_id, field FROM master.event WHERE resident_id = $id
        UNION ALL
        SELECT night, event_date, kind || CASE kind WHEN 'merge' THEN '_in' ELSE '_off' END,
            resident_id, NULL
        FROM master.event WHERE other_id = $id AND kind IN ('merge', 'split')
        ORDER BY ALL
        """,
        {"id": resident_id},
    ).fetchall()
    return tuple(
        Event(
            night,
            day,
            kind,
            other,
            texts.EVENTS[kind].format(other=other, field=FIELD[field].label if field else ""),
        )
        for night, day, kind, other, field in rows
    )


def read_left(con: duckdb.DuckDBPyConnection, resident_id: str) -> tuple[Left, ...]:
    """Records that have left the id, by the day they did."""
    rows = con.execute(
        """
        SELECT x.record_id, coalesce(m.label, x.source), x.since, x.until, c.resident_id
        FROM master.crosswalk x LEFT JOIN meta.source m USING (source)
        LEFT JOIN link.cluster c USING (record_id)
        WHERE x.resident_id = ? AND x.until IS NOT NULL
        ORDER BY x.until, x.record_id
        """,
        [resident_id],
    ).fetchall()
    return tuple(Left(*row) for row in rows)


def follow(con: duckdb.DuckDBPyConnection, resident_id: str) -> str | None:
    """The id in force that `resident_id` leads to, through one merge or several.

    Itself if it is in force; None: it has ended. Of an id that was merged more than once the last
    merge counts.
    """
    rows = con.execute(
        """
        WITH RECURSIVE merged AS (
            SELECT resident_id, arg_max(other_id, night) AS other_id FROM master.event
            WHERE kind = 'merge' GROUP BY resident_id
        ), step AS (
            SELECT $id AS resident_id
            UNION
            SELECT m.other_id FROM step s ANTI JOIN link.identity USING (resident_id)
            JOIN merged m ON m.resident_id = s.resident_id
        )
        SELECT resident_id FROM step SEMI JOIN link.identity USING (resident_id)
        """,
        {"id": resident_id},
    ).fetchall()
    return rows[0][0] if rows else None
