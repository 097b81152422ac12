"""Domain facts of records: benefits, insurances, family planning."""

from __future__ import annotations

import duckdb


def write_facts(con: duckdb.DuckDBPyConnection) -> None:
    """Append the facts in ``fact_intake`` whose record was written."""
    known = "JOIN fresh_record USING (record_id)"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE fresh_record AS "
        "SELECT record_id FROM std.record SEMI JOIN intake USING (record_id)"
    )
    con.execute(
        f"""
        INSERT INTO std.benefit
        SELECT record_id, f.kind, f.level, CAST(a.value AS DECIMAL(12, 2)), s.value, u.value
        FROM fact_intake f {known}
        LEFT JOIN dict_number a ON a.raw = f.amount
        LEFT JOIN dict_date s ON s.raw = f.since LEFT JOIN dict_date u ON u.raw = f.until
        WHERE f.fact = 'benefit' AND a.value > 0
        """
    )
    con.execute(
        f"""
        INSERT INTO std.insurance
        SELECT record_id, coalesce(m.value || '_medical', f.kind), t.value, e.value, s.value,
            u.value
        FROM fact_intake f {known}
        LEFT JOIN dict_code_medical_insurance m ON m.raw = f.kind
        LEFT JOIN dict_code_insurance_status t ON t.raw = f.status
        LEFT JOIN dict_text e ON e.raw = f.employer
        LEFT JOIN dict_date s ON s.raw = f.since LEFT JOIN dict_date u ON u.raw = f.until
        WHERE f.fact = 'insurance'
        """
    )
    con.execute(
        f"""
        INSERT INTO std.family
        SELECT f.record_id, f.kind, TRY_CAST(f.birth_order AS INTEGER), w.value,
            o.record_id
        FROM fact_intake f {known}
        LEFT JOIN dict_date w ON w.raw = f.marriage_date
        LEFT JOIN fresh_record o ON o.record_id = f.other_record_id
        WHERE f.fact = 'family'
        """
    )
    con.execute("DROP TABLE fresh_record")
