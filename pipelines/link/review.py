"""The queue of pairs that a person must look at, ordered by what a decision would settle."""

from __future__ import annotations

import duckdb

from pipelines.link.past import past
from pipelines.link.texts import EXPLANATIONS, WORDS
from pipelines.night import Night
from pipelines.store import count


def queue_reviews(night: Night) -> dict[str, object]:
    """Fill `link.review`: for any two residents the strongest pair that is not decided.

    Two residents of whom two records are `never` one person are settled, whatever else speaks.

    Returns:
        counts: items by reason.
    """
    with night.stage("queue_reviews") as counts, night.open() as con, past(con, night):
        con.execute("BEGIN")
        _words(con)
        con.execute("DELETE FROM link.review")
        con.execute(
            """
            INSERT INTO link.review
            WITH apart AS (
                SELECT DISTINCT least(l.resident_id, r.resident_id) AS one,
                    greatest(l.resident_id, r.resident_id) AS other
                FROM link.decision d
                JOIN link.cluster l ON l.record_id = d.record_l
                JOIN link.cluster r ON r.record_id = d.record_r
                WHERE d.verdict = 'never'
            ), waiting AS (
                SELECT p.record_l, p.record_r, l.resident_id AS resident_l,
                    r.resident_id AS resident_r, p.reasons, p.probability,
                    CASE
                        WHEN p.tier = 'certain' AND p.verdict = 'review' THEN 'contested_id'
                        WHEN sl.held_id <> sr.held_id THEN 'two_ids'
                        WHEN p.verdict = 'refused' THEN 'cut'
                        ELSE 'doubtful'
                    END AS reason
                FROM link.pair p
                JOIN link.cluster l ON l.record_id = p.record_l
                JOIN link.cluster r ON r.record_id = p.record_r
                JOIN link.standing sl ON sl.record_id = p.record_l
                JOIN link.standing sr ON sr.record_id = p.record_r
                WHERE p.verdict IN ('review', 'refused') AND l.resident_id <> r.resident_id
                    AND p.weight > -1000
                    AND NOT EXISTS (
                        SELECT 1 FROM link.decision d
                        WHERE d.record_l = p.record_l AND d.record_r = p.record_r
                    )
                    AND NOT EXISTS (
                        SELECT 1 FROM apart a
                        WHERE a.one = least(l.resident_id, r.resident_id)
                            AND a.other = greatest(l.resident_id, r.resident_id)
                    )
            ), one AS (
                SELECT * FROM waiting QUALIFY row_number() OVER (
                    PARTITION BY least(resident_l, resident_r), greatest(resident_l, resident_r)
                    ORDER BY probability DESC, record_l, record_r
                ) = 1
            ), size AS (
                SELECT c.resident_id, count(*) AS records, count(b.record_id) AS benefits
                FROM link.cluster c LEFT JOIN (SELECT DISTINCT record_id FROM std.benefit) b
                    USING (record_id)
                WHERE c.resident_id IN (
                    SELECT unnest([resident_l, resident_r]) FROM one
                ) GROUP BY c.resident_id
            )
            SELECT 'V' || left(md5(o.record_l || '-' || o.record_r), 15) AS review_id,
                o.record_l, o.record_r, o.resident_l, o.resident_r, o.reason, o.probability,
                round((least(a.records, b.records) + 2 * (a.benefits + b.benefits))
                    * (0.1 + 1 - abs(2 * o.probability - 1)), 4) AS value,
                e.text || coalesce('。' || w.words, '') AS explanation,
                coalesce(old.since_night, $1) AS since_night
            FROM one o
            JOIN size a ON a.resident_id = o.resident_l JOIN size b ON b.resident_id = o.resident_r
            JOIN explanation e ON e.reason = o.reason
            LEFT JOIN words w ON w.reasons = o.reasons
            LEFT JOIN past_review old
                ON old.review_id = 'V' || left(md5(o.record_l || '-' || o.record_r), 15)
            ORDER BY value DESC, review_id
            """,
            [night.number],
        )
        con.execute("COMMIT")
        for reason, n in con.execute(
            "SELECT reason, count(*) FROM link.review GROUP BY reason ORDER BY reason"
        ).fetchall():
            counts[reason] = n
        counts["items"] = count(con, "SELECT count(*) FROM link.review")
    return counts


def _words(con: duckdb.DuckDBPyConnection) -> None:
    """Temporary tables ``explanation`` and ``words``: reasons as a person reads them."""
    con.execute("CREATE OR REPLACE TEMP TABLE explanation (reason VARCHAR, text VARCHAR)")
    con.executemany("INSERT INTO explanation VALUES (?, ?)", list(EXPLANATIONS.items()))
    found = con.execute(
        "SELECT DISTINCT reasons FROM link.pair WHERE verdict IN ('review', 'refused')"
    ).fetchall()
    con.execute("CREATE OR REPLACE TEMP TABLE words (reasons VARCHAR, words VARCHAR)")
    rows = [
        (reasons, "，".join(WORDS[part] for part in reasons.split("; ") if part in WORDS))
        for (reasons,) in found
    ]
    if rows:
        con.executemany("INSERT INTO words VALUES (?, nullif(?, ''))", rows)
