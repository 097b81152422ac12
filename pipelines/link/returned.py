"""An answer on a form belongs to the resident whom the form was about, whatever it says.

Who was not on the form (新增人员) is tied to nobody, and linked as any record.
"""

from __future__ import annotations

import duckdb

from pipelines.night import Night
from pipelines.store import count, quote

TIE_WEIGHT = 999.0
"""Below a person's decision about the same two records, above all evidence."""


def tie_returns(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Join every record of a returned form to the record that stood for the resident.

    Where that record is there no more, to another one that was the same resident's last night;
    with none left the answers stay by themselves until the resident's records come back.
    The pairs are of the tier ``decision``: a person held the form, and knew whom it was about.
    """
    for source in night.config.sources.values():
        returned = f"raw.{quote(source.source)}"
        if source.kind != "returns" or not count(con, f"SELECT count(*) FROM {returned}"):
            continue
        con.execute(
            f"""
            INSERT INTO link.pair
            WITH answer AS (
                SELECT r.record_id, CAST(w.anchor_record AS BIGINT) AS anchor
                FROM std.record r JOIN {returned} w USING (source_key)
                WHERE r.source = '{source.source}' AND w.until_night IS NULL
                    AND w.anchor_record IS NOT NULL
            ), gone AS (
                SELECT a.record_id, min(o.record_id) AS anchor
                FROM answer a JOIN past_cluster c ON c.record_id IN (a.anchor, a.record_id)
                JOIN past_cluster o ON o.resident_id = c.resident_id
                JOIN std.record s ON s.record_id = o.record_id AND s.source <> '{source.source}'
                WHERE a.anchor NOT IN (SELECT record_id FROM std.record)
                GROUP BY a.record_id
            )
            SELECT least(record_id, anchor), greatest(record_id, anchor), 'decision',
                {TIE_WEIGHT}, 1.0, 'answered on the form of this resident', 'joined'
            FROM (
                SELECT * FROM answer WHERE anchor IN (SELECT record_id FROM std.record)
                UNION ALL FROM gone
            ) ANTI JOIN (
                SELECT least(record_l, record_r) AS l, greatest(record_l, record_r) AS r
                FROM link.decision
            ) ON least(record_id, anchor) = l AND greatest(record_id, anchor) = r
            """
        )
