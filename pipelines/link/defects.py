"""What linkage found out about ID numbers, told to the departments that can mend it."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.link.score import SLIP_WEIGHT
from pipelines.privacy import mask
from pipelines.store import count


def write_defects(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """`std.defect` rows for numbers that slipped or are another resident's.

    ``id_slip``: joined to a resident whose number differs by one slip of the pen.
    ``id_borrowed``: other records show that the number belongs to somebody else.

    Returns:
        rows by kind.
    """
    con.execute("DELETE FROM std.defect WHERE kind IN ('id_slip', 'id_borrowed')")
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
        kind: count(con, "SELECT count(*) FROM std.defect WHERE kind = ?", kind)
        for kind in ("id_slip", "id_borrowed")
    }
