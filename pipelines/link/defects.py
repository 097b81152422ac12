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
        SELECT record_id, source, department, id_number, kind, meant FROM (
            SELECT s.record_id, 'id_borrowed' AS kind, NULL AS meant
            FROM link.standing s JOIN std.record r USING (record_id)
            WHERE s.is_open AND s.held_id IS NULL AND r.id17 IS NOT NULL
                AND r.id_status IN ('valid', 'upgraded', 'conflict') AND s.holders > 1
            UNION
            SELECT a.record_id, 'id_slip', first(o.id_number ORDER BY o.record_id)
            FROM (
                SELECT record_l AS one, record_r AS other, tier, weight, verdict FROM link.pair
                UNION ALL SELECT record_r, record_l, tier, weight, verdict FROM link.pair
            ) p
            JOIN link.standing a ON a.record_id = p.one
            JOIN link.standing b ON b.record_id = p.other
            JOIN std.record o ON o.record_id = b.record_id
            JOIN link.cluster ca ON ca.record_id = a.record_id
            JOIN link.cluster cb ON cb.record_id = b.record_id AND cb.resident_id = ca.resident_id
            WHERE p.tier = 'probable' AND p.weight = {SLIP_WEIGHT} AND p.verdict = 'joined'
                AND a.holders = 1 AND (b.holders > 1 OR a.held_id > b.held_id)
            GROUP BY a.record_id
        ) JOIN std.record USING (record_id) ORDER BY record_id, kind
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
