"""The queue of pairs that a person must look at, ordered by what a decision settles."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.link.cluster import DECISION_WEIGHT
from pipelines.link.levels import COMPARISONS
from pipelines.link.past import past
from pipelines.link.texts import CONTRADICTION, EXPLANATIONS, WORDS
from pipelines.merge.survivorship import compared
from pipelines.night import Night
from pipelines.store import count
from schemas.fields import FIELDS

RESIDENT, PAIR, BENEFIT = 5, 5, 10
"""What a resident, a pair of records and a benefit count beside a cell, in `link.review.value`."""
SELDOM = 0.05
"""How likely two are one person who have different names, or numbers of their own, or whom another
constraint keeps apart, or who have a number in common and nothing else that makes a pair wait."""
_NAMED_APART = ", ".join(
    f"'{level.says}'"
    for comparison in COMPARISONS
    if comparison.name == "name"
    for level in comparison.levels
    if level.name in {"one_character", "near_sound", "else"}
)
CHANCE_SQL = f"""CASE
    WHEN w.tier = 'decision' THEN 1
    WHEN w.reason IN ('contested_id', 'cut') THEN {SELDOM}
    WHEN split_part(w.reasons, '; ', 1) IN ({_NAMED_APART}) THEN {SELDOM}
    WHEN NOT list_has_any(a.numbers, b.numbers) THEN {SELDOM}
    ELSE w.probability
END"""
"""SQL of how likely the answer to a waiting pair (w) of two residents (a, b) changes anything.

A score sees two records. Relatives share all of it but the name, and residents may know numbers
that the two records lack. What a person said and the night could not obey comes first.
"""

REASON_SQL = """CASE
    WHEN p.tier = 'decision' THEN 'cut'
    WHEN p.tier = 'certain' AND p.verdict = 'review' THEN 'contested_id'
    WHEN sl.held_id <> sr.held_id THEN 'two_ids'
    WHEN p.verdict = 'refused' THEN 'cut'
    ELSE 'doubtful'
END"""
"""SQL of why a pair (p) waits, from the standing of its records (sl, sr)."""


def _said(value: str) -> str:
    """SQL of the values that a side's records state; NULL: none."""
    return f"list(hash({value})) FILTER (({value}) IS NOT NULL)"


_SAID = {
    # A number that is contested is no cell of the resident's until somebody says whose it is.
    "id_number": _said("CASE WHEN s.held_id IS NOT NULL AND NOT s.is_open THEN r.id17 END"),
    "phone": "nullif(flatten(list(r.phones) FILTER (r.phones IS NOT NULL)), [])",
}


def queue_reviews(night: Night) -> dict[str, object]:
    """Fill `link.review`: for any two residents the strongest pair that is not decided.

    The most valuable `linkage.review_budget` of them; the others stay as pairs.

    Returns:
        counts: items by reason, and those over the budget.
    """
    linkage = night.config.district.linkage
    with night.stage("queue_reviews") as counts, night.open_for_linking() as con, past(con, night):
        con.execute("BEGIN")
        _wait(con)
        _weigh(con, night)
        _words(con)
        con.execute("DELETE FROM link.review")
        con.execute(
            """
            INSERT INTO link.review
            WITH named AS (
                SELECT *, 'V' || left(md5(record_l || '-' || record_r), 15) AS review_id
                FROM weighed
            )
            SELECT n.review_id, n.record_l, n.record_r, n.resident_l, n.resident_r, n.reason,
                n.probability, n.value, e.text || coalesce('。' || w.words, '') AS explanation,
                coalesce(old.since_night, $night) AS since_night
            FROM named n JOIN explanation e USING (asks) LEFT JOIN words w USING (reasons)
            LEFT JOIN past_review old USING (review_id)
            ORDER BY value DESC, review_id LIMIT $budget
            """,
            {"night": night.number, "budget": linkage.review_budget},
        )
        con.execute("COMMIT")
        for reason, n in con.execute(
            "SELECT reason, count(*) FROM link.review GROUP BY reason ORDER BY reason"
        ).fetchall():
            counts[reason] = n
        items = count(con, "SELECT count(*) FROM link.review")
        counts["items"] = items
        counts["over_budget"] = count(con, "SELECT count(*) FROM weighed") - items
    return counts


def _wait(con: duckdb.DuckDBPyConnection) -> None:
    """The temporary table ``waiting``: one pair for any two residents.

    A decided pair waits no more, unless it was decided `always` and another decision forbids it;
    nor do two residents of whom a person has said that they are not one, unless a cut had to
    choose which of them a record goes with.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE waiting AS
        WITH apart AS (
            SELECT least(l.resident_id, r.resident_id) AS one,
                greatest(l.resident_id, r.resident_id) AS other
            FROM link.decision d JOIN link.cluster l ON l.record_id = d.record_l
            JOIN link.cluster r ON r.record_id = d.record_r
            WHERE d.verdict = 'never'
        ), doubt AS MATERIALIZED (
            FROM link.pair WHERE verdict IN ('review', 'refused') AND weight > -{DECISION_WEIGHT}
        ), seen AS MATERIALIZED (
            SELECT record_id, resident_id, held_id FROM link.cluster
            JOIN link.standing USING (record_id) WHERE record_id IN (
                SELECT record_l FROM doubt UNION ALL SELECT record_r FROM doubt
            )
        )
        SELECT p.record_l, p.record_r, sl.resident_id AS resident_l, sr.resident_id AS resident_r,
            p.tier, p.reasons, p.probability,
            {REASON_SQL} AS reason,
            CASE WHEN p.tier = 'decision' THEN '{CONTRADICTION}' ELSE reason END AS asks
        FROM doubt p
        JOIN seen sl ON sl.record_id = p.record_l JOIN seen sr ON sr.record_id = p.record_r
        WHERE sl.resident_id <> sr.resident_id
            AND (p.tier = 'decision' OR NOT EXISTS (
                SELECT 1 FROM link.decision d
                WHERE d.record_l = p.record_l AND d.record_r = p.record_r
            ))
            AND (p.verdict = 'refused' OR (least(sl.resident_id, sr.resident_id),
                greatest(sl.resident_id, sr.resident_id)) NOT IN (SELECT (one, other) FROM apart))
        QUALIFY row_number() OVER (
            PARTITION BY least(sl.resident_id, sr.resident_id),
                greatest(sl.resident_id, sr.resident_id)
            ORDER BY p.tier = 'decision' DESC, p.probability DESC, p.record_l, p.record_r
        ) = 1
        """
    )


def _weigh(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """The temporary table ``weighed``: ``waiting`` with `value`, what a decision settles.

    Pairs: of records that would come together. Residents: the two, and who waits with one of them.
    Cells: asked fields that only one side knows, and would be known of both, or that the sides
    state differently, and would be asked again; a contested number is one more. Benefits: those in
    force on either side. All of it times the chance that the answer changes anything.
    """
    form = night.config.forms.get("population")
    asked = [item.field for item in form.items] if form else [field.name for field in FIELDS]
    said = ", ".join(f'{_SAID.get(name) or _said(compared(name))} AS "{name}"' for name in asked)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE side AS
        WITH pending AS (
            SELECT resident_l AS resident_id, resident_r AS other FROM waiting
            UNION ALL SELECT resident_r, resident_l FROM waiting
        ), concerned AS (
            SELECT resident_id, count(*) AS items FROM pending GROUP BY resident_id
        ), member AS (
            SELECT record_id, resident_id FROM link.cluster SEMI JOIN concerned USING (resident_id)
        ), known AS (
            SELECT m.resident_id, count(*) AS records,
                list(s.held_id) FILTER (s.held_id IS NOT NULL AND NOT s.is_open) AS numbers,
                {said}
            FROM member m JOIN std.record r USING (record_id)
            JOIN link.standing s USING (record_id) GROUP BY m.resident_id
        ), granted AS (
            SELECT m.resident_id, count(DISTINCT b.kind) AS benefits
            FROM std.benefit b JOIN member m USING (record_id)
            WHERE (b.until IS NULL OR b.until >= $day) AND (b.since IS NULL OR b.since <= $day)
            GROUP BY m.resident_id
        )
        SELECT * FROM concerned JOIN known USING (resident_id) LEFT JOIN granted USING (resident_id)
        """,
        {"day": night.business_date},
    )
    unsettled = " + ".join(
        f"""CASE WHEN a."{name}" IS NULL AND b."{name}" IS NULL
            OR list_has_any(a."{name}", b."{name}") THEN 0 ELSE 1 END"""
        for name in asked
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE weighed AS
        SELECT w.*, round({CHANCE_SQL} * ({PAIR} * a.records * b.records
            + {RESIDENT} * (a.items + b.items)
            + {unsettled} + CASE w.reason WHEN 'contested_id' THEN 1 ELSE 0 END
            + {BENEFIT} * (coalesce(a.benefits, 0) + coalesce(b.benefits, 0))), 2) AS value
        FROM waiting w JOIN side a ON a.resident_id = w.resident_l
        JOIN side b ON b.resident_id = w.resident_r
        """
    )


def _words(con: duckdb.DuckDBPyConnection) -> None:
    """Temporary tables ``explanation`` and ``words``: reasons as a person reads them."""
    con.execute("CREATE OR REPLACE TEMP TABLE explanation (asks VARCHAR, text VARCHAR)")
    con.executemany("INSERT INTO explanation VALUES (?, ?)", list(EXPLANATIONS.items()))
    found = [row[0] for row in con.execute("SELECT DISTINCT reasons FROM waiting").fetchall()]
    words = [
        "，".join(WORDS[part] for part in reasons.split("; ") if part in WORDS) or None
        for reasons in found
    ]
    con.register(
        "worded",
        pa.table({"reasons": pa.array(found, pa.string()), "words": pa.array(words, pa.string())}),
    )
    con.execute("CREATE OR REPLACE TEMP TABLE words AS FROM worded")
    con.unregister("worded")
