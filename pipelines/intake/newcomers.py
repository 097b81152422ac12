"""People who were not on a form and whom its worker wrote into it (新增人员).

Such a row names nobody we know, so it is evidence by itself: a record of its own, which linkage
joins to a resident or not. Its identity is made of what it says, so that the same person written
twice is one.

Cost: set by set over the rows that came; cleaning is Python per distinct value.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.deliver.texts import NO_PLACE
from pipelines.standardise.dictionaries import Context
from pipelines.standardise.meaning import meanings
from schemas.forms import FormContract

MOST_NEW = 200
"""More of them in one return are no new residents: the file has lost its hidden columns."""
TELLING = ("id_number", "birth_date", "phone", "address")
"""Beside the name one of these says who it is."""


def take_newcomers(
    con: duckdb.DuckDBPyConnection, contract: FormContract, context: Context
) -> None:
    """Move the rows without row_id that name somebody from ``came`` into ``said`` and ``refused``.

    In ``said`` they are of the kind ``new``: row_no 0, no anchor, and as resident_id ``N`` with a
    hash of grid, name and number (without one: birth date, telephone or address). A number that
    somebody else holds, or of somebody who lives in another grid, lets the whole row wait.

    Args:
        con: with the tables of `judge`.
        contract: of the form; without the item ``name`` it takes no such rows.
        context: for cleaning.
    """
    if all(item.field != "name" for item in contract.items):
        return
    con.execute(
        """CREATE OR REPLACE TABLE newcomer AS
        SELECT * FROM came WHERE nullif(trim(row_id), '') IS NULL"""
    )
    if not con.execute("SELECT count(*) FROM newcomer").fetchall()[0][0]:
        return
    con.execute("DELETE FROM came WHERE nullif(trim(row_id), '') IS NULL")
    _written(con, contract)
    _read(con, context)
    _identify(con)
    _refuse(con, contract)
    _say(con)


def _written(con: duckdb.DuckDBPyConnection, contract: FormContract) -> None:
    """The table ``new_cell``: what stands in the cells; an address as its grid would write it."""
    present = {name for name, *_ in con.execute("DESCRIBE newcomer").fetchall()}
    fields = [item.field for item in contract.items if f"f_{item.field}" in present]
    cells = [
        f"SELECT returned, sheet_row, '{field}' AS field, nullif(trim(f_{field}), '') AS value "
        "FROM newcomer"
        for field in fields
    ]
    if "address" not in fields:
        cells.append("SELECT returned, sheet_row, 'address' AS field, address FROM new_place")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE new_place AS
        WITH written AS (SELECT returned, sheet_row, grid_code,
                nullif(nullif(trim(place), ''), '{NO_PLACE}') AS place FROM newcomer),
        door AS (SELECT w.returned, w.sheet_row, any_value(d.address) AS address FROM written w
            JOIN now.master.dwelling d ON d.grid_code = w.grid_code
                AND suffix(d.address, w.place)
            GROUP BY ALL HAVING count(DISTINCT d.address) = 1),
        village AS (SELECT grid_code, min(village_name) AS village_name
            FROM now.master.dwelling GROUP BY grid_code)
        SELECT returned, sheet_row, coalesce(door.address, CASE
            WHEN contains(w.place, v.village_name) THEN w.place
            ELSE concat(v.village_name, w.place) END) AS address,
            door.address IS NOT NULL AS is_registered
        FROM written w LEFT JOIN door USING (returned, sheet_row)
        LEFT JOIN village v USING (grid_code) WHERE w.place IS NOT NULL
        """
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE new_cell AS
        SELECT * FROM ({" UNION ALL ".join(cells)}) WHERE value IS NOT NULL"""
    )


def _read(con: duckdb.DuckDBPyConnection, context: Context) -> None:
    """The table ``new_meant``: the same with what each value means, NULL where it is unreadable."""
    columns: dict[str, list[str | None]] = {"field": [], "value": [], "meant": []}
    values: dict[str, list[str]] = {}
    for field, value in con.execute(
        "SELECT DISTINCT field, value FROM new_cell ORDER BY ALL"
    ).fetchall():
        values.setdefault(field, []).append(value)
    for field, written in values.items():
        columns["field"] += [field] * len(written)
        columns["value"] += written
        columns["meant"] += meanings(field, written, context)
    table = pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()})
    con.register("new_values", table)
    con.execute(
        """CREATE OR REPLACE TEMP TABLE new_meant AS
        SELECT * FROM new_cell JOIN new_values USING (field, value)"""
    )
    con.unregister("new_values")


def _identify(con: duckdb.DuckDBPyConnection) -> None:
    """The table ``new_row``: who each row is about, and whether it says so at all."""
    known = ", ".join(f"max(meant) FILTER (field = '{f}') AS {f}" for f in ("name", *TELLING))
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE new_row AS
        SELECT n.returned, n.form_id, n.grid_code, n.issue, n.sheet_row,
            m.* EXCLUDE (returned, sheet_row),
            'N' || upper(left(sha256(concat_ws(chr(31), grid_code, name,
                coalesce(id_number, birth_date, phone, address))), 15)) AS newcomer_id
        FROM newcomer n LEFT JOIN (
            SELECT returned, sheet_row, {known},
                bool_or(field = 'name') AS has_name,
                bool_or(meant IS NULL AND field IN ('name', 'id_number')) AS is_unreadable,
                hash(list((field, meant) ORDER BY field)) AS content
            FROM new_meant GROUP BY ALL
        ) m USING (returned, sheet_row)
        """
    )


def _refuse(con: duckdb.DuckDBPyConnection, contract: FormContract) -> None:
    """Rows and cells that are not taken into ``refused``; the rows leave ``new_row``."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE new_refused AS
        SELECT n.returned, n.sheet_row, CASE
            WHEN count(*) OVER (PARTITION BY n.returned) > {MOST_NEW} THEN 'new_too_many'
            WHEN has_name IS NOT TRUE THEN 'new_without_name'
            WHEN is_unreadable THEN 'new_unreadable'
            WHEN coalesce({", ".join(TELLING)}) IS NULL THEN 'new_without_more'
            WHEN EXISTS ({_listed_sql(contract)}) THEN 'new_on_list'
            WHEN EXISTS (SELECT 1 FROM now.master.resident r WHERE r.id_number = n.id_number
                AND r.name = n.name AND r.death_date IS NOT NULL) THEN 'resident_dead'
            WHEN min(content) OVER same <> max(content) OVER same THEN 'row_twice'
            WHEN row_number() OVER (same ORDER BY n.sheet_row) > 1 THEN 'copy' END AS reason
        FROM new_row n WINDOW same AS (PARTITION BY n.returned, n.newcomer_id)
        """
    )
    con.execute(
        """
        INSERT INTO refused
        SELECT returned, sheet_row, NULL, reason FROM new_refused
        WHERE reason NOT IN ('copy', 'new_unreadable')
        UNION ALL
        SELECT returned, sheet_row, field,
            CASE WHEN reason IS NULL THEN 'unreadable' ELSE reason END
        FROM new_meant JOIN new_refused USING (returned, sheet_row)
        WHERE meant IS NULL AND CASE reason WHEN 'new_unreadable'
            THEN field IN ('name', 'id_number') ELSE reason IS NULL END
        """
    )
    con.execute(
        """DELETE FROM new_row USING new_refused f WHERE f.reason IS NOT NULL
        AND f.returned = new_row.returned AND f.sheet_row = new_row.sheet_row"""
    )


def _listed_sql(contract: FormContract) -> str:
    """SELECT of the row of the list that the row `n` is about, if there is one."""
    shown = {item.field: f"i.b{number}" for number, item in enumerate(contract.items)}
    number = shown.get("id_number", "NULL")
    otherwise = " OR ".join(
        f"{shown[field]} = n.{field}" for field in ("birth_date", "phone") if field in shown
    )
    return f"""SELECT 1 FROM issued i WHERE i.issue = n.issue AND i.grid_code = n.grid_code
        AND {shown["name"]} = n.name AND ({number} = n.id_number
            OR ((n.id_number IS NULL OR {number} IS NULL) AND ({otherwise or "FALSE"})))"""


def _say(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        INSERT INTO said
        WITH holder AS (
            SELECT n.returned, n.sheet_row, CASE
                WHEN bool_or(r.name <> n.name) THEN 'number_held'
                WHEN bool_or(r.grid_code <> n.grid_code) THEN 'lives_elsewhere' END AS reason
            FROM new_row n JOIN now.master.resident r ON r.id_number = n.id_number GROUP BY ALL
        )
        SELECT n.returned, n.sheet_row, n.form_id, 0, n.newcomer_id, 0, m.field, m.value, m.meant,
            'new', CASE WHEN h.reason IS NULL THEN 'applied' ELSE 'review' END,
            coalesce(h.reason, CASE WHEN m.field = 'address' AND p.is_registered IS NOT TRUE
                THEN 'no_such_door' END)
        FROM new_row n JOIN new_meant m USING (returned, sheet_row)
        LEFT JOIN holder h USING (returned, sheet_row)
        LEFT JOIN new_place p USING (returned, sheet_row)
        WHERE m.meant IS NOT NULL
        """
    )
