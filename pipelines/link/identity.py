"""Identities through time: which resident id each component keeps, and what happened to the rest.

A component keeps the id whose anchor record is in it; of several the oldest, then the smallest. An
id whose anchor left or vanished goes on with what remains of its records, or with the row that was
written in their place. An id that was merged
away, or ended, is in force again as soon as its anchor stands by itself: what was printed under it
is about that resident.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.journal import open_journal
from pipelines.link.rewritten import carry_on_rewritten
from pipelines.night import Night

_KINDS = "('birth', 'merge', 'split', 'end', 'anchor')"


def assign(con: duckdb.DuckDBPyConnection, night: Night, *, everything: bool) -> dict[str, object]:
    """Give every component of the temporary table ``member`` its resident id.

    Writes `link.cluster`, `link.identity`, this night's identity events and `delta.resident`.

    Returns:
        events of the night by kind.
    """
    _history(con, night)
    _before(con, night, everything=everything)
    _keep(con)
    _carry_on(con)
    carry_on_rewritten(con)
    _bear(con, night)
    _end(con)
    _write(con, night, everything=everything)
    _tell(con, night)
    kinds = con.execute(
        f"""SELECT kind, count(*) FROM master.event
        WHERE night = ? AND kind IN {_KINDS} GROUP BY kind ORDER BY kind""",
        [night.number],
    ).fetchall()
    for table in ("old_member", "old_identity", "kept", "carried", "born", "lost", "resident_of"):
        con.execute(f"DROP TABLE {table}")
    return {"events": dict(kinds)}


def _history(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """`master.event` as it was before this night; a full night reads it from the journal."""
    con.execute(f"DELETE FROM master.event WHERE night = ? AND kind IN {_KINDS}", [night.number])
    if not night.is_full:
        return
    con.execute("DELETE FROM master.event WHERE night < ?", [night.number])
    names = ("night", "event_date", "kind", "resident_id", "other_id", "field", "record_id")
    with open_journal(night.config.journal_url) as journal:
        for batch in journal.identities(until_night=night.number - 1):
            columns = zip(names, zip(*batch, strict=True), strict=True)
            con.register("journal_batch", pa.table({n: pa.array(v) for n, v in columns}))
            con.execute(f"INSERT INTO master.event SELECT {', '.join(names)} FROM journal_batch")
            con.unregister("journal_batch")


def _before(con: duckdb.DuckDBPyConnection, night: Night, *, everything: bool) -> None:
    """``old_identity`` and ``old_member``: ids and records as they were, as far as reached."""
    if night.is_full:
        con.execute(
            """
            CREATE OR REPLACE TEMP TABLE old_identity AS
            SELECT resident_id,
                arg_max(record_id, night) FILTER (kind IN ('birth', 'split', 'anchor'))
                    AS anchor_record,
                min(night) FILTER (kind IN ('birth', 'split')) AS born_night
            FROM master.event WHERE night < ?
            GROUP BY resident_id
            HAVING arg_max(kind, night) FILTER (kind <> 'changed') NOT IN ('merge', 'end')
            """,
            [night.number],
        )
    else:
        con.execute(
            """
            CREATE OR REPLACE TEMP TABLE old_identity AS
            SELECT * FROM past_identity WHERE resident_id IN (
                SELECT resident_id FROM past_cluster
                WHERE $1 OR record_id IN (
                    SELECT record_id FROM member UNION ALL SELECT record_id FROM touched
                )
            )
            """,
            [everything],
        )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE old_member AS
        SELECT record_id, resident_id FROM past_cluster SEMI JOIN old_identity USING (resident_id)
        UNION SELECT anchor_record, resident_id FROM old_identity
        WHERE anchor_record NOT IN (
            SELECT record_id FROM past_cluster
            WHERE record_id IN (SELECT anchor_record FROM old_identity)
        )
        """
    )


def _keep(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE kept AS
        SELECT m.component, i.resident_id, i.anchor_record, i.born_night
        FROM old_identity i JOIN member m ON m.record_id = i.anchor_record
        QUALIFY row_number() OVER (
            PARTITION BY m.component ORDER BY i.born_night, i.resident_id
        ) = 1
        """
    )


def _carry_on(con: duckdb.DuckDBPyConnection) -> None:
    """``carried``: ids that lost their anchor and go on with other records of theirs."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE carried AS
        WITH claim AS (
            SELECT i.resident_id, i.born_night, m.component, m.record_id,
                coalesce(s.held_id IS NOT NULL AND NOT s.is_open, false) AS holds_id
            FROM old_identity i ANTI JOIN kept USING (resident_id)
            JOIN old_member o USING (resident_id)
            JOIN member m ON m.record_id = o.record_id
            ANTI JOIN kept k ON k.component = m.component
            LEFT JOIN link.standing s ON s.record_id = m.record_id
        ), preferred AS (
            SELECT * FROM claim QUALIFY row_number() OVER (
                PARTITION BY resident_id ORDER BY holds_id DESC, record_id
            ) = 1
        )
        SELECT component, resident_id, record_id AS anchor_record, born_night FROM preferred
        QUALIFY row_number() OVER (PARTITION BY component ORDER BY born_night, resident_id) = 1
        """
    )


def _bear(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """``born``: ids that come back, and new ones.

    A new id is derived from its anchor and, should that have founded before, a count.
    """
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE born AS
        WITH open AS (
            SELECT m.component, m.record_id,
                coalesce(s.held_id IS NOT NULL AND NOT s.is_open, false) AS holds_id
            FROM member m
            ANTI JOIN kept k ON k.component = m.component
            ANTI JOIN carried c ON c.component = m.component
            LEFT JOIN link.standing s ON s.record_id = m.record_id
        ), dormant AS (
            SELECT resident_id, arg_max(record_id, night) AS anchor_record,
                min(night) FILTER (kind IN ('birth', 'split')) AS born_night
            FROM master.event WHERE night < $1 AND kind <> 'changed' AND resident_id IN (
                SELECT resident_id FROM master.event
                WHERE kind IN ('merge', 'end') AND record_id IN (SELECT record_id FROM open)
            )
            GROUP BY resident_id HAVING arg_max(kind, night) IN ('merge', 'end')
        ), restored AS (
            SELECT o.component, d.anchor_record, d.resident_id, d.born_night
            FROM dormant d JOIN open o ON o.record_id = d.anchor_record
            QUALIFY row_number() OVER (
                PARTITION BY o.component ORDER BY d.born_night, d.resident_id
            ) = 1
        ), founder AS (
            SELECT component, coalesce(min(record_id) FILTER (holds_id), min(record_id))
                AS anchor_record
            FROM open ANTI JOIN restored USING (component) GROUP BY component
        ), origin AS (
            SELECT component, resident_id AS came_from
            FROM (
                SELECT o.component, b.resident_id, count(*) AS records
                FROM open o JOIN old_member b ON b.record_id = o.record_id GROUP BY ALL
            ) QUALIFY row_number() OVER (
                PARTITION BY component ORDER BY records DESC, resident_id
            ) = 1
        ), earlier AS (
            SELECT record_id, count(*) AS times FROM master.event
            WHERE kind IN ('birth', 'split') AND night < $1
                AND record_id IN (SELECT anchor_record FROM founder)
            GROUP BY record_id
        )
        SELECT f.component, f.anchor_record, $1::INTEGER AS born_night, o.came_from,
            'R' || left(md5(f.anchor_record || coalesce('#' || e.times, '')), 15) AS resident_id
        FROM founder f LEFT JOIN origin o ON o.component = f.component
        LEFT JOIN earlier e ON e.record_id = f.anchor_record
        UNION ALL
        SELECT r.component, r.anchor_record, r.born_night, o.came_from, r.resident_id
        FROM restored r LEFT JOIN origin o ON o.component = r.component
        """,
        [night.number],
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE resident_of AS
        SELECT component, resident_id, anchor_record, born_night FROM kept
        UNION ALL SELECT component, resident_id, anchor_record, born_night FROM carried
        UNION ALL SELECT component, resident_id, anchor_record, born_night FROM born
        """
    )


def _end(con: duckdb.DuckDBPyConnection) -> None:
    """``lost``: ids out of force, and the id that most of what they had went into."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE lost AS
        WITH gone AS (
            SELECT * FROM old_identity ANTI JOIN resident_of USING (resident_id)
        ), heir AS (
            SELECT g.resident_id, n.resident_id AS went_into,
                bool_or(o.record_id = g.anchor_record) AS has_anchor, count(*) AS records
            FROM gone g JOIN old_member o USING (resident_id)
            JOIN member m ON m.record_id = o.record_id
            JOIN resident_of n ON n.component = m.component
            GROUP BY ALL
        )
        SELECT g.resident_id, g.anchor_record, h.went_into
        FROM gone g LEFT JOIN heir h USING (resident_id)
        QUALIFY row_number() OVER (
            PARTITION BY g.resident_id ORDER BY h.has_anchor DESC, h.records DESC, h.went_into
        ) = 1
        """
    )


def _write(con: duckdb.DuckDBPyConnection, night: Night, *, everything: bool) -> None:
    if everything:
        con.execute("DELETE FROM link.cluster")
        con.execute("DELETE FROM link.identity")
    else:
        con.execute(
            """DELETE FROM link.cluster WHERE record_id IN (
                SELECT record_id FROM member UNION ALL SELECT record_id FROM touched
                UNION ALL SELECT record_id FROM old_member
            )"""
        )
        con.execute(
            """DELETE FROM link.identity
            WHERE resident_id IN (SELECT resident_id FROM old_identity)"""
        )
    con.execute(
        """INSERT INTO link.cluster
        SELECT m.record_id, r.resident_id FROM member m JOIN resident_of r USING (component)"""
    )
    con.execute(
        "INSERT INTO link.identity SELECT resident_id, anchor_record, born_night FROM resident_of"
    )
    con.execute(
        """
        INSERT INTO master.event
        SELECT $1, $2, kind, resident_id, other_id, NULL, record_id FROM (
            SELECT CASE WHEN came_from IS NULL THEN 'birth' ELSE 'split' END AS kind, resident_id,
                came_from AS other_id, anchor_record AS record_id FROM born
            UNION ALL SELECT 'anchor', resident_id, NULL, anchor_record FROM carried
            UNION ALL SELECT CASE WHEN went_into IS NULL THEN 'end' ELSE 'merge' END, resident_id,
                went_into, anchor_record FROM lost
        )
        """,
        [night.number, night.business_date],
    )


def _tell(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """`delta.resident`: who must be recomputed."""
    con.execute("DELETE FROM delta.resident")
    if night.is_full or night.base == 0:
        con.execute(
            """INSERT INTO delta.resident
            SELECT resident_id, 'new' FROM resident_of
            UNION ALL SELECT resident_id, 'gone' FROM lost"""
        )
        return
    con.execute(
        """
        INSERT INTO delta.resident
        WITH fresh AS (
            SELECT m.record_id, r.resident_id FROM member m JOIN resident_of r USING (component)
        ), differing AS (
            (FROM fresh EXCEPT FROM old_member) UNION ALL (FROM old_member EXCEPT FROM fresh)
        ), concerned AS (
            SELECT resident_id FROM differing
            UNION SELECT resident_id FROM fresh SEMI JOIN delta.record USING (record_id)
            UNION SELECT resident_id FROM carried
        )
        SELECT resident_id, CASE
            WHEN resident_id IN (SELECT resident_id FROM born) THEN 'new'
            WHEN resident_id IN (SELECT resident_id FROM lost) THEN 'gone'
            ELSE 'changed' END
        FROM concerned
        """
    )
