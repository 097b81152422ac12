"""What the page asks the published file; every query is about a few records or the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from pipelines.explain.records import Card, read_cards

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
        known_word: number of the decision that its night knew and could not carry out, if any.
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
    known_word: int | None

    @property
    def pair(self) -> tuple[int, int]:
        """Both records, the smaller first."""
        return self.record_l, self.record_r


def rows(con: duckdb.DuckDBPyConnection, sql: str, parameters: Row | None = None) -> list[Row]:
    """The result of `sql` as dictionaries."""
    result = con.execute(sql, parameters or {})
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
            list_sort(list_distinct(list_concat(l.benefits, r.benefits))) AS benefits,
            d.decision_id AS known_word
        FROM link.review v
        LEFT JOIN known l ON l.resident_id = v.resident_l
        LEFT JOIN known r ON r.resident_id = v.resident_r
        LEFT JOIN size a ON a.resident_id = v.resident_l
        LEFT JOIN size b ON b.resident_id = v.resident_r
        LEFT JOIN village p ON p.village_code = coalesce(l.village_code, r.village_code)
        LEFT JOIN meta.night n ON n.night = v.since_night
        LEFT JOIN link.decision d ON d.record_l = v.record_l AND d.record_r = v.record_r
        ORDER BY v.value DESC, v.review_id
        """,
    )
    return [Item(**{**row, "benefits": tuple(row["benefits"] or ())}) for row in found]


@dataclass(frozen=True)
class Record:
    """One record behind a resident.

    Attributes:
        card: what it says, see `pipelines.explain.records`.
        department: Chinese name of its owner.
        pinyin: how its name sounds.
        id17, holds_id: 17 digits of its ID number, and whether they bind it to its resident.
        row: source and key of the row it stands in.
        benefits, insurances, defects: rows of `std` about it.
    """

    card: Card
    department: str
    pinyin: str
    id17: str | None
    holds_id: bool
    row: tuple[str, str]
    benefits: tuple[Row, ...]
    insurances: tuple[Row, ...]
    defects: tuple[Row, ...]


def read_records(con: duckdb.DuckDBPyConnection, residents: Sequence[str]) -> list[Record]:
    """All records of `residents`, newest first."""
    found = rows(
        con,
        """
        SELECT r.record_id, r.source, r.source_key, r.id17, coalesce(r.name_pinyin, '') AS pinyin,
            coalesce(s.department_label, r.department) AS department,
            coalesce(t.held_id IS NOT NULL AND NOT t.is_open, false) AS holds_id
        FROM std.record r
        JOIN link.cluster c USING (record_id)
        LEFT JOIN link.standing t USING (record_id)
        LEFT JOIN meta.source s ON s.source = r.source
        WHERE c.resident_id IN (SELECT unnest($residents::VARCHAR[]))
        ORDER BY r.observed_date DESC NULLS LAST, r.record_id
        """,
        {"residents": list(residents)},
    )
    ids = [row["record_id"] for row in found]
    cards = read_cards(con, ids)
    benefits, insurances, defects = (
        _by_record(con, f"SELECT * FROM {table} WHERE {{here}} ORDER BY ALL", ids)
        for table in (
            "std.benefit",
            "std.insurance",
            "(SELECT DISTINCT record_id, kind, severity FROM std.defect)",
        )
    )
    return [
        Record(
            card=cards[row["record_id"]],
            department=row["department"],
            pinyin=row["pinyin"],
            id17=row["id17"],
            holds_id=row["holds_id"],
            row=(row["source"], row["source_key"]),
            benefits=tuple(benefits.get(row["record_id"], ())),
            insurances=tuple(insurances.get(row["record_id"], ())),
            defects=tuple(defects.get(row["record_id"], ())),
        )
        for row in found
    ]


def _by_record(con: duckdb.DuckDBPyConnection, sql: str, ids: list[int]) -> dict[int, list[Row]]:
    here = "record_id IN (SELECT unnest($records::BIGINT[]))"
    found: dict[int, list[Row]] = {}
    for row in rows(con, sql.format(here=here), {"records": ids}):
        found.setdefault(row["record_id"], []).append(row)
    return found


def read_decisions(con: duckdb.DuckDBPyConnection, item: Item) -> list[Row]:
    """What people said of other records of the item's two residents, newest first.

    Keys: verdict, author, reason, decided_at, and for ``l`` and ``r`` the side of the item that the
    record is on now (``side_``) and its source (``source_``).
    """
    return rows(
        con,
        """
        SELECT d.verdict, d.author, d.reason, d.decided_at,
            CASE l.resident_id WHEN $left THEN 'l' ELSE 'r' END AS side_l,
            CASE r.resident_id WHEN $left THEN 'l' ELSE 'r' END AS side_r,
            ls.label AS source_l, rs.label AS source_r
        FROM link.decision d
        JOIN link.cluster l ON l.record_id = d.record_l
        JOIN link.cluster r ON r.record_id = d.record_r
        JOIN std.record a ON a.record_id = d.record_l
        JOIN std.record b ON b.record_id = d.record_r
        LEFT JOIN meta.source ls ON ls.source = a.source
        LEFT JOIN meta.source rs ON rs.source = b.source
        WHERE l.resident_id IN ($left, $right) AND r.resident_id IN ($left, $right)
            AND (d.record_l, d.record_r) <> ($record_l, $record_r)
            AND d.verdict IN ('always', 'never')
        ORDER BY d.decision_id DESC
        """,
        {
            "left": item.resident_l,
            "right": item.resident_r,
            "record_l": item.record_l,
            "record_r": item.record_r,
        },
    )


def read_residents(con: duckdb.DuckDBPyConnection, residents: Sequence[str]) -> dict[str, Row]:
    """Each of `residents` in force: resident_id, born_night, household_id, grid_code, benefits.

    `others` are the other living members of the household: resident_id, name, birth_date, relation;
    those of them that are among `residents` come first.
    """
    known = rows(
        con,
        """
        SELECT i.resident_id, i.born_night, m.household_id, m.grid_code,
            coalesce(m.benefits, []) AS benefits
        FROM link.identity i LEFT JOIN master.resident m ON m.resident_id = i.resident_id
        WHERE i.resident_id IN (SELECT unnest($residents::VARCHAR[]))
        """,
        {"residents": list(residents)},
    )
    households = [row["household_id"] for row in known if row["household_id"]]
    members = rows(
        con,
        """
        SELECT resident_id, household_id, name, birth_date, relation
        FROM master.resident
        WHERE household_id IN (SELECT unnest($households::VARCHAR[])) AND death_date IS NULL
        ORDER BY is_head DESC, birth_date, resident_id
        """,
        {"households": households},
    )
    for row in known:
        others = [
            member
            for member in members
            if member["household_id"] == row["household_id"]
            and member["resident_id"] != row["resident_id"]
        ]
        row["others"] = sorted(others, key=lambda member: member["resident_id"] not in residents)
    return {row["resident_id"]: row for row in known}
