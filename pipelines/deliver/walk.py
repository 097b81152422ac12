"""The order in which a grid worker walks from door to door."""

from __future__ import annotations

import duckdb

from schemas.codes import code_list


def register_walk(con: duckdb.DuckDBPyConnection) -> None:
    """The temporary table ``walk``: every living resident of a grid, by their place in the round.

    Columns: resident_id, grid_code, place (from 1 in every grid: building, unit, room, then the
    head of the household first). A form numbers those whom it means in the same order.

    Cost: a sort of the dwellings, and one of the residents.
    """
    con.execute(f"""CREATE OR REPLACE TEMP TABLE walk AS
    WITH door AS (SELECT dwelling_id, row_number() OVER (ORDER BY walk_key, dwelling_id) AS step
        FROM master.dwelling)
    SELECT r.resident_id, r.grid_code, CAST(row_number() OVER (PARTITION BY r.grid_code
        ORDER BY door.step NULLS LAST, r.household_id NULLS LAST,
            coalesce(r.is_head, FALSE) DESC, {_kin_order()}, r.birth_date NULLS LAST,
            r.resident_id) AS INTEGER) AS place
    FROM master.resident r LEFT JOIN door USING (dwelling_id)
    WHERE r.grid_code IS NOT NULL AND r.death_date IS NULL""")


def _kin_order() -> str:
    """SQL of the order within a household, as the code list of kinship orders it."""
    codes = list(code_list("relation").values)
    return f"coalesce(list_position({codes!r}, r.relation), {len(codes) + 1})"
