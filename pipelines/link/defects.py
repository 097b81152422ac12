"""What linkage found out about numbers, told to the departments that can mend it."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.link.context import OFFICE
from pipelines.link.score import SLIP_WEIGHT
from pipelines.privacy import mask
from pipelines.store import count

_KINDS = ("id_slip", "id_borrowed", "phone_of_many")


def write_defects(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """`std.defect` rows for numbers that slipped, are another resident's, or are everybody's.

    ``id_slip``: joined to a resident whose number differs by one slip of the pen.
    ``id_borrowed``: other records show that the number belongs to somebody else.
    ``phone_of_many``: a telephone under more names than a family has.

    Returns:
        rows by kind.
    """
    con.execute(f"DELETE FROM std.defect WHERE kind IN {_KINDS}")
    _phones_of_many(con)
    rows = con.execute(
        f"""
        WITH slip AS MATERIALIZED (
            SELECT record_l, record_r FROM link.pair
            WHERE tier = 'probable' AND weight = {SLIP_WEIGHT} AND verdict = 'joined'
        ), wrong AS MATERIALIZED (
            SELECT record_id, 'id_borrowed' AS kind, NULL AS meant FROM link.standing
            WHERE is_open AND held_id IS NULL AND holders > 1
            UNION ALL
            SELECT a.record_id, 'id_slip', min(b.record_id)
            FROM (FROM slip UNION ALL SELECT record_r, record_l FROM slip) p (one, other)
            JOIN link.standing a ON a.record_id = p.one
            JOIN link.standing b ON b.record_id = p.other
            JOIN link.cluster ca ON ca.record_id = a.record_id
            JOIN link.cluster cb ON cb.record_id = b.record_id AND cb.resident_id = ca.resident_id
            WHERE a.holders = 1 AND (b.holders > 1 OR a.held_id > b.held_id)
            GROUP BY a.record_id
        ), named AS MATERIALIZED (
            SELECT record_id, source, department, id_number FROM std.record
            WHERE record_id IN (
                SELECT record_id FROM wrong
                UNION ALL SELECT meant FROM wrong WHERE meant IS NOT NULL
            )
        )
        SELECT record_id, n.source, n.department, n.id_number, kind, m.id_number
        FROM wrong JOIN named n USING (record_id) LEFT JOIN named m ON m.record_id = wrong.meant
        ORDER BY record_id, kind
        """
    ).fetchall()
    columns = zip(*rows, strict=True) if rows else [[]] * 6
    record, source, department, number, kind, meant = (list(column) for column in columns)
    found = pa.table(
        {
            "record_id": pa.array(record, pa.int64()),
            "source": pa.array(source, pa.string()),
            "department": pa.array(department, pa.string()),
            "kind": pa.array(kind, pa.string()),
            "old": pa.array([mask(value) for value in number], pa.string()),
            "new": pa.array([mask(value) for value in meant], pa.string()),
        }
    )
    con.register("number_defect", found)
    con.execute(
        """INSERT INTO std.defect
        SELECT record_id, source, department, 'id_number', kind, 'error', old, new
        FROM number_defect"""
    )
    con.unregister("number_defect")
    return {
        kind: count(con, "SELECT count(*) FROM std.defect WHERE kind = ?", kind) for kind in _KINDS
    }


def _phones_of_many(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        INSERT INTO std.defect
        WITH listed AS (
            SELECT record_id, source, department, name_pinyin, unnest(phones) AS phone
            FROM std.record
        ), frequent AS (
            SELECT phone FROM listed GROUP BY phone HAVING count(*) > {OFFICE}
        ), crowded AS (
            SELECT phone FROM listed SEMI JOIN frequent USING (phone)
            GROUP BY phone HAVING count(DISTINCT name_pinyin) > {OFFICE}
        )
        SELECT record_id, source, department, 'phone', 'phone_of_many', 'warning',
            rpad(left(phone, 1), length(phone)::INTEGER, '*'), NULL
        FROM listed SEMI JOIN crowded USING (phone) ORDER BY ALL
        """
    )
