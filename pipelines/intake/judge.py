"""Compare returned rows with what went out and with what the master knows by now, set by set.

Cost: a row of a returned form is joined once with its row as issued and once with its resident;
cleaning is Python per distinct value that was written.
"""

from __future__ import annotations

import re
from datetime import date

import duckdb
import pyarrow as pa

from pipelines.deliver.content import content_sql, read_sources
from pipelines.intake import texts
from pipelines.intake.newcomers import take_newcomers
from pipelines.standardise.dictionaries import Context, clean_values
from pipelines.standardise.meaning import meanings
from schemas.forms import MASKED, FormContract

HARD = ("name", "sex", "birth_date", "id_number")
"""Fields that say who somebody is: a change of them is settled by a person."""
_DAY = re.compile(r"\d{4}\s*[-./年]\s*\d{1,2}\s*[-./月]\s*\d{1,2}\s*日?|\d{8}")
_CONTENT = ("result", "remark", "died_on", "answered", "confirmed")
_SAID = """(returned VARCHAR, sheet_row INTEGER, form_id VARCHAR, row_no INTEGER,
    resident_id VARCHAR, anchor_record BIGINT, field VARCHAR, value VARCHAR, canonical VARCHAR,
    kind VARCHAR, status VARCHAR, reason VARCHAR)"""


def load_issued(
    con: duckdb.DuckDBPyConnection,
    night: duckdb.DuckDBPyConnection,
    contract: FormContract,
    grids: list[str],
    key: str,
) -> None:
    """Append the rows of some grids as the night `night` issued them to the table ``issued``.

    Columns: issue (`key`), grid_code, row_no, resident_id, digest, for item number i: s<i>, v<i>
    as in `content_sql`, and b<i>: the master's value behind it, where it was shown.
    """
    listed = ", ".join("'" + grid.replace("'", "''") + "'" for grid in grids)
    shown = ", ".join(
        f"c.s{i}, c.v{i}, CASE WHEN c.s{i} IN ('known', 'verify', 'waits') "
        f'THEN CAST(r."{item.field}" AS VARCHAR) END AS b{i}'
        for i, item in enumerate(contract.items)
    )
    content = content_sql(contract, read_sources(night), grids=f"w.grid_code IN ({listed})")
    rows = night.sql(
        f"""SELECT ? AS issue, c.grid_code, c.row_no, c.resident_id, c.digest, {shown}
        FROM ({content}) c JOIN master.resident r USING (resident_id)""",
        params=[key],
    ).to_arrow_table()
    con.register("rows_issued", rows)
    con.execute("CREATE TABLE IF NOT EXISTS issued AS FROM rows_issued LIMIT 0")
    con.execute("INSERT INTO issued FROM rows_issued")
    con.unregister("rows_issued")


def judge(
    con: duckdb.DuckDBPyConnection, contract: FormContract, context: Context, answered_on: date
) -> None:
    """Fill ``said`` (one row an answer) and ``refused`` (row or cell, with a reason).

    Reads ``came`` (returned, form_id, grid_code, issue, is_exact: the issue's own night is kept,
    and the columns of `rows.rows_table`), ``issued``, and the published night attached as ``now``.
    """
    con.execute(f"CREATE OR REPLACE TABLE said {_SAID}")
    con.execute(
        """CREATE OR REPLACE TABLE refused
        (returned VARCHAR, sheet_row INTEGER, field VARCHAR, reason VARCHAR)"""
    )
    take_newcomers(con, contract, context)
    _match_rows(con)
    _residents(con)
    _cells(con, contract, context)
    _outcomes(con, context, answered_on)
    _wait(con)


def _match_rows(con: duckdb.DuckDBPyConnection) -> None:
    """The table ``matched``: rows that are what went out, once each.

    Where the night of the issue is kept no more, a row is known by its resident alone.
    """
    con.execute(
        """
        CREATE OR REPLACE TABLE placed AS
        WITH numbered AS (
            SELECT *, TRY_CAST(split_part(row_id, '#', 2) AS INTEGER) AS row_no,
                CASE WHEN is_exact THEN concat(grid_code, '#', row_no) ELSE resident_id END AS slot
            FROM came
        ), went AS (
            SELECT *, CASE WHEN issue = '0' THEN resident_id
                ELSE concat(grid_code, '#', row_no) END AS slot
            FROM issued
        )
        SELECT c.* EXCLUDE (slot), CASE WHEN c.row_id IS NULL THEN 'no_row_id'
            WHEN split_part(c.row_id, '#', 1) <> c.form_id THEN 'other_form_row'
            WHEN c.row_no IS NULL OR i.row_no IS NULL
                OR i.resident_id IS DISTINCT FROM c.resident_id
                OR (c.is_exact AND i.digest IS DISTINCT FROM c.digest) THEN 'not_on_form'
            END AS refusal
        FROM numbered c LEFT JOIN went i ON i.issue = c.issue AND i.slot = c.slot
        """
    )
    con.execute(
        """INSERT INTO refused
        SELECT returned, sheet_row, NULL, refusal FROM placed WHERE refusal IS NOT NULL"""
    )
    _only_once(con)


def _only_once(con: duckdb.DuckDBPyConnection) -> None:
    """Copies of a row count once; rows of one person that differ are refused."""
    names = [
        name
        for name, *_ in con.execute("DESCRIBE placed").fetchall()
        if name.startswith("f_") or name in _CONTENT
    ]
    content = "hash(" + ", ".join(f'"{name}"' for name in names) + ")"
    con.execute(
        f"""
        CREATE OR REPLACE TABLE matched AS
        SELECT * EXCLUDE (refusal),
            min({content}) OVER same <> max({content}) OVER same AS differs,
            row_number() OVER (same ORDER BY sheet_row) AS copy
        FROM placed WHERE refusal IS NULL WINDOW same AS (PARTITION BY returned, row_id)
        """
    )
    con.execute(
        """INSERT INTO refused
        SELECT returned, sheet_row, NULL, 'row_twice' FROM matched WHERE differs"""
    )
    con.execute("DELETE FROM matched WHERE differs OR copy > 1")


def _residents(con: duckdb.DuckDBPyConnection) -> None:
    """The table ``person``: whom each row is about now; the dead and the gone are refused."""
    con.execute(
        """
        CREATE OR REPLACE TABLE person AS
        WITH RECURSIVE merged AS (
            SELECT resident_id, arg_max(other_id, night) AS other_id FROM now.master.event
            WHERE kind = 'merge' GROUP BY resident_id
        ), way(was, is_now, steps) AS (
            SELECT DISTINCT resident_id, resident_id, 0 FROM matched
            UNION ALL
            SELECT w.was, m.other_id, w.steps + 1 FROM way w
            JOIN merged m ON m.resident_id = w.is_now
            WHERE w.steps < 50 AND w.is_now NOT IN (SELECT resident_id FROM now.link.identity)
        )
        SELECT w.was, r.resident_id, i.anchor_record, r.death_date IS NOT NULL AS is_dead
        FROM (SELECT was, arg_max(is_now, steps) AS is_now FROM way GROUP BY was) w
        JOIN now.master.resident r ON r.resident_id = w.is_now
        JOIN now.link.identity i ON i.resident_id = w.is_now
        """
    )
    con.execute(
        """
        INSERT INTO refused
        SELECT m.returned, m.sheet_row, NULL,
            CASE WHEN p.was IS NULL THEN 'resident_gone' ELSE 'resident_dead' END
        FROM matched m LEFT JOIN person p ON p.was = m.resident_id
        WHERE p.was IS NULL OR p.is_dead
        """
    )
    con.execute("DELETE FROM person WHERE is_dead")


def _cells(con: duckdb.DuckDBPyConnection, contract: FormContract, context: Context) -> None:
    """Cells that were filled, changed, called right or, in a sheet's row that was looked at, left.

    Where a row names the cells that were answered, no other cell of it says anything.
    """
    con.execute(
        """
        CREATE OR REPLACE TABLE paired AS
        SELECT m.*, i.* EXCLUDE (issue, grid_code, row_no, resident_id, digest),
            p.anchor_record, p.resident_id AS now_id
        FROM matched m JOIN person p ON p.was = m.resident_id
        JOIN issued i ON i.issue = m.issue AND i.resident_id = m.resident_id
        """
    )
    present = {name for name, *_ in con.execute("DESCRIBE paired").fetchall()}
    looked_at = f"result IN ('{texts.RIGHT}', '{texts.CHANGED}')"
    for number, item in enumerate(contract.items):
        if f"f_{item.field}" not in present:
            continue
        cell = f"nullif(trim(\"f_{item.field}\"), '')"
        is_right = f"coalesce(list_contains(confirmed, '{item.field}'), FALSE)"
        is_answered = f"list_contains(answered, '{item.field}')"
        written = f"CASE WHEN {is_right} THEN v{number} ELSE {cell} END"
        face = f"v{number}"
        if contract.mask != "none" and item.field in MASKED:  # the master's value stands for it
            written = f"CASE WHEN {written} = {face} THEN b{number} ELSE {written} END"
            face = f"CASE WHEN {face} IS NOT NULL THEN b{number} END"
        con.execute(
            f"""
            CREATE OR REPLACE TABLE written AS
            SELECT returned, sheet_row, form_id, row_no, resident_id, anchor_record, now_id,
                s{number} AS state, b{number} AS shown, {face} AS face, {written} AS value
            FROM paired
            WHERE ({is_right} AND s{number} = 'verify')
                OR (coalesce({is_answered}, TRUE) AND ({cell} IS DISTINCT FROM v{number}
                    OR (s{number} = 'verify' AND coalesce({is_answered}, {looked_at}))))
            """
        )
        _clean(con, item.field, context)
        con.execute(
            f"""
            INSERT INTO refused
            SELECT returned, sheet_row, '{item.field}', CASE
                WHEN value IS NULL THEN 'erased'
                WHEN state = 'withheld' THEN 'withheld'
                WHEN state IS NULL THEN 'not_asked' ELSE 'unreadable' END
            FROM written LEFT JOIN canonical USING (value)
            WHERE value IS DISTINCT FROM face
                AND (value IS NULL OR state IS NULL OR state = 'withheld' OR meant IS NULL)
                AND NOT (state IS NULL AND value IS NULL)
            """
        )
        hard = "TRUE" if item.field in HARD else "FALSE"
        con.execute(
            f"""
            INSERT INTO said
            SELECT w.returned, w.sheet_row, w.form_id, w.row_no, w.now_id, w.anchor_record,
                '{item.field}', w.value, c.meant,
                CASE WHEN c.meant IS NOT DISTINCT FROM w.shown OR w.value IS NOT DISTINCT FROM face
                    THEN 'confirmed' WHEN w.shown IS NULL THEN 'answer' ELSE 'correction' END
                    AS kind,
                CASE WHEN kind = 'confirmed' THEN 'applied'
                    WHEN {hard} AND kind = 'correction' THEN 'review'
                    WHEN {hard} AND r.value IS NOT NULL AND r.value <> c.meant THEN 'review'
                    ELSE 'applied' END AS status,
                CASE WHEN status <> 'review' THEN NULL
                    WHEN kind = 'correction' THEN 'identity' ELSE 'changed_meanwhile' END
            FROM written w JOIN canonical c USING (value)
            LEFT JOIN (SELECT resident_id, CAST("{item.field}" AS VARCHAR) AS value
                FROM now.master.resident) r ON r.resident_id = w.now_id
            WHERE c.meant IS NOT NULL AND w.state IS NOT NULL AND w.state <> 'withheld'
            """
        )


def _clean(con: duckdb.DuckDBPyConnection, field: str, context: Context) -> None:
    """The table ``canonical``: what each distinct value means; NULL where it cannot be read."""
    values = [
        value
        for (value,) in con.execute(
            "SELECT DISTINCT value FROM written WHERE value IS NOT NULL ORDER BY value"
        ).fetchall()
    ]
    meant = meanings(field, values, context)
    con.register(
        "canonical_values",
        pa.table({"value": pa.array(values, pa.string()), "meant": pa.array(meant, pa.string())}),
    )
    con.execute("CREATE OR REPLACE TABLE canonical AS FROM canonical_values")
    con.unregister("canonical_values")


def _outcomes(con: duckdb.DuckDBPyConnection, context: Context, answered_on: date) -> None:
    """核实结果 that says that nobody could be asked; a death needs its date, if only in 备注."""
    ways = ", ".join(f"'{way}'" for way in texts.WAYS_OUT)
    known = f"{ways}, '{texts.RIGHT}', '{texts.CHANGED}'"
    con.execute(
        f"""
        INSERT INTO refused
        SELECT returned, sheet_row, 'result', 'unknown_result' FROM matched
        WHERE nullif(trim(result), '') IS NOT NULL AND trim(result) NOT IN ({known})
        """
    )
    con.execute(
        f"""
        INSERT INTO said
        SELECT m.returned, m.sheet_row, m.form_id, m.row_no, p.resident_id, p.anchor_record,
            'outcome', trim(m.result), trim(m.result), 'outcome', 'applied', NULL
        FROM matched m JOIN person p ON p.was = m.resident_id WHERE trim(m.result) IN ({ways})
        """
    )
    dead = con.execute(
        """SELECT m.returned, m.sheet_row, m.form_id, m.row_no, p.resident_id, p.anchor_record,
            concat_ws(' ', m.died_on, m.remark)
        FROM matched m JOIN person p ON p.was = m.resident_id
        WHERE trim(m.result) = '已死亡' ORDER BY ALL"""
    ).fetchall()
    for returned, sheet_row, form_id, row_no, resident, anchor, remark in dead:
        day = _day_in(remark, context)
        if day is None or day > answered_on:
            con.execute(
                "INSERT INTO refused VALUES (?, ?, 'result', 'no_death_date')",
                [returned, sheet_row],
            )
            con.execute(
                "DELETE FROM said WHERE returned = ? AND row_no = ? AND field = 'outcome'",
                [returned, row_no],
            )
            continue
        text = day.isoformat()
        con.execute(
            "INSERT INTO said VALUES (?, ?, ?, ?, ?, ?, 'death_date', ?, ?, 'answer', 'applied', "
            "NULL)",
            [returned, sheet_row, form_id, row_no, resident, anchor, text, text],
        )


def _day_in(remark: str, context: Context) -> date | None:
    """The first day that a remark names."""
    found = _DAY.search(remark)
    if found is None:
        return None
    table = clean_values("date", [found.group(0)], context)
    value, precision = (table.column(name).to_pylist()[0] for name in ("value", "precision"))
    return value if precision == "day" else None


def _wait(con: duckdb.DuckDBPyConnection) -> None:
    """A number that another resident holds joins nobody by itself: a person must look at it."""
    con.execute(
        """
        UPDATE said SET status = 'review', reason = 'number_held'
        WHERE field = 'id_number' AND status = 'applied' AND kind NOT IN ('confirmed', 'new')
            AND EXISTS (SELECT 1 FROM now.master.resident r
                WHERE r.id_number = said.canonical AND r.resident_id <> said.resident_id)
        """
    )
