"""What the page asks the published file; every query is about a few records or the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from schemas.fields import FIELDS

Row = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """One review item, without personal values.

    Attributes:
        review_id, record_l, record_r, resident_l, resident_r, reason, probability, explanation:
            as in `link.review`.
        since: business date of the night it came into the queue; None: that night is not known.
        village, village_name: where one of the two lives; empty: not known.
        records_l, records_r: records behind each resident.
        benefits: kinds of benefits that the two receive together.
    """

    review_id: str
    record_l: int
    record_r: int
    resident_l: str
    resident_r: str
    reason: str
    probability: float
    explanation: str
    since: date | None
    village: str
    village_name: str
    records_l: int
    records_r: int
    benefits: tuple[str, ...]

    @property
    def pair(self) -> tuple[int, int]:
        """Both records, the smaller first."""
        return self.record_l, self.record_r


def rows(
    con: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] | Row = ()
) -> list[Row]:
    """The result of `sql` as dictionaries."""
    result = con.execute(sql, parameters if isinstance(parameters, dict) else list(parameters))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def read_items(con: duckdb.DuckDBPyConnection) -> list[Item]:
    """The whole queue in its order."""
    found = rows(
        con,
        """
        WITH asked AS (SELECT DISTINCT unnest([resident_l, resident_r]) AS resident_id
            FROM link.review), size AS (
            SELECT resident_id, count(*) AS records
            FROM link.cluster SEMI JOIN asked USING (resident_id) GROUP BY resident_id
        ), known AS (
            SELECT resident_id, village_code, benefits
            FROM master.resident SEMI JOIN asked USING (resident_id)
        ), village AS (
            SELECT village_code, min(village_name) AS village_name
            FROM master.dwelling GROUP BY village_code
        )
        SELECT v.review_id, v.record_l, v.record_r, v.resident_l, v.resident_r, v.reason,
            v.probability, v.explanation, n.business_date AS since,
            coalesce(l.village_code, r.village_code, '') AS village,
            coalesce(p.village_name, l.village_code, r.village_code, '') AS village_name,
            coalesce(a.records, 1) AS records_l, coalesce(b.records, 1) AS records_r,
            list_sort(list_distinct(list_concat(l.benefits, r.benefits))) AS benefits
        FROM link.review v
        LEFT JOIN known l ON l.resident_id = v.resident_l
        LEFT JOIN known r ON r.resident_id = v.resident_r
        LEFT JOIN size a ON a.resident_id = v.resident_l
        LEFT JOIN size b ON b.resident_id = v.resident_r
        LEFT JOIN village p ON p.village_code = coalesce(l.village_code, r.village_code)
        LEFT JOIN meta.night n ON n.night = v.since_night
        ORDER BY v.value DESC, v.review_id
        """,
    )
    return [Item(**{**row, "benefits": tuple(row["benefits"] or ())}) for row in found]


def read_records(con: duckdb.DuckDBPyConnection, residents: Sequence[str]) -> list[Row]:
    """All records of `residents`, with source labels; newest first.

    Besides the columns of `std.record`: resident_id, source_label, department_label, holds_id
    (its number is taken for its own), and as lists of rows benefits, insurances, defects.
    """
    found = rows(
        con,
        """
        SELECT r.*, c.resident_id, coalesce(s.label, r.source) AS source_label,
            coalesce(s.department_label, r.department) AS department_label,
            t.held_id IS NOT NULL AS holds_id
        FROM std.record r
        JOIN link.cluster c USING (record_id)
        LEFT JOIN link.standing t USING (record_id)
        LEFT JOIN meta.source s ON s.source = r.source
        WHERE c.resident_id IN (SELECT unnest(?))
        ORDER BY r.observed_date DESC NULLS LAST, r.record_id
        """,
        [list(residents)],
    )
    ids = [row["record_id"] for row in found]
    for name, sql in (
        ("benefits", "SELECT * FROM std.benefit WHERE record_id IN (SELECT unnest(?)) ORDER BY ALL"),
        (
            "insurances",
            "SELECT * FROM std.insurance WHERE record_id IN (SELECT unnest(?)) ORDER BY ALL",
        ),
        (
            "defects",
            """SELECT DISTINCT record_id, field, kind, severity FROM std.defect
            WHERE record_id IN (SELECT unnest(?)) ORDER BY ALL""",
        ),
    ):
        parts = rows(con, sql, [ids])
        for row in found:
            row[name] = [part for part in parts if part["record_id"] == row["record_id"]]
    return found


def read_residents(con: duckdb.DuckDBPyConnection, residents: Sequence[str]) -> dict[str, Row]:
    """Each of `residents`: resident_id, born (night), names of columns as in `master.resident`.

    `others` are the other members of the household: name, birth_date, relation.
    """
    known = rows(
        con,
        """
        SELECT i.resident_id, i.born_night, i.anchor_record, a.observed_date AS anchored,
            m.name, m.household_id, m.grid_code, coalesce(m.benefits, []) AS benefits
        FROM link.identity i
        LEFT JOIN std.record a ON a.record_id = i.anchor_record
        LEFT JOIN master.resident m ON m.resident_id = i.resident_id
        WHERE i.resident_id IN (SELECT unnest(?))
        """,
        [list(residents)],
    )
    households = [row["household_id"] for row in known if row["household_id"]]
    members = rows(
        con,
        """
        SELECT resident_id, household_id, name, birth_date, relation, is_head
        FROM master.resident WHERE household_id IN (SELECT unnest(?)) AND death_date IS NULL
        ORDER BY is_head DESC, birth_date, resident_id
        """,
        [households],
    )
    for row in known:
        row["others"] = [
            member
            for member in members
            if member["household_id"] == row["household_id"]
            and member["resident_id"] != row["resident_id"]
        ]
    return {row["resident_id"]: row for row in known}


SHOWN = tuple(field.name for field in FIELDS)
"""Fields of a record that the page compares, in the order of the contracts."""
