"""Residents whose only rows were written anew: the id goes on with the new row.

A ledger's row is known by name and number, so a name that was mended, a number without its wrong
digit or a move to another village's workbook makes one record vanish and another appear.
"""

from __future__ import annotations

import duckdb

from pipelines.link.agreement import one_slip
from pipelines.store import count

_READ = """record_id, source, role, name_pinyin, id17, phones, address_key, birth_date,
    coalesce(birth_precision IN ('day', 'lunar'), false) AS is_day"""
_SAME_NUMBER = """g.id17 = f.id17
    AND (g.name_pinyin = f.name_pinyin OR (g.source = f.source AND g.role = f.role))"""
_SAME_ROW = f"""g.source = f.source AND g.role = f.role AND g.name_pinyin = f.name_pinyin
    AND (g.id17 IS NULL OR f.id17 IS NULL OR {one_slip("g.id17", "f.id17")})
    AND (g.birth_date = f.birth_date OR NOT (g.is_day AND f.is_day)) IS NOT FALSE
    AND ((g.birth_date = f.birth_date AND g.is_day AND f.is_day)
        OR list_has_any(g.phones, f.phones) OR g.address_key = f.address_key)"""


def carry_on_rewritten(con: duckdb.DuckDBPyConnection) -> None:
    """Append to ``carried`` the ids all of whose records vanished, where a new row is theirs.

    Only where one new component answers to one such id, and no other does on either side.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE gone AS
        SELECT i.resident_id, i.born_night, r.*
        FROM old_identity i ANTI JOIN kept USING (resident_id) ANTI JOIN carried USING (resident_id)
        JOIN old_member USING (resident_id)
        JOIN (SELECT {_READ} FROM past_record) r USING (record_id)
        WHERE resident_id NOT IN (
            SELECT resident_id FROM old_member SEMI JOIN member USING (record_id))
        """
    )
    if count(con, "SELECT count(*) FROM gone"):
        con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE fresh AS
            SELECT m.component, r.*
            FROM member m ANTI JOIN kept USING (component) ANTI JOIN carried USING (component)
            JOIN (SELECT {_READ} FROM std.record) r USING (record_id)
            WHERE component NOT IN (
                SELECT component FROM member SEMI JOIN past_cluster USING (record_id))
            """
        )
        con.execute(
            f"""
            INSERT INTO carried
            SELECT component, resident_id, min(record_id), born_night FROM (
                SELECT f.component, f.record_id, g.resident_id, g.born_night
                FROM gone g JOIN fresh f ON {_SAME_NUMBER}
                UNION ALL
                SELECT f.component, f.record_id, g.resident_id, g.born_night
                FROM gone g JOIN fresh f ON {_SAME_ROW}
            ) GROUP BY component, resident_id, born_night
            QUALIFY count(*) OVER (PARTITION BY resident_id) = 1
                AND count(*) OVER (PARTITION BY component) = 1
            """
        )
        con.execute("DROP TABLE fresh")
    con.execute("DROP TABLE gone")
