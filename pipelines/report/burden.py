"""The measure: what forms required, what was spared, and whether that was right."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import duckdb

from pipelines.config import Config
from pipelines.deliver.states import STATES
from schemas.fields import FIELD, FIELDS

By = Literal["form", "field", "grid", "department"]
Row = dict[str, Any]

MEASURES = (
    "required",
    "known",
    "verify",
    "ask",
    "waits",
    "withheld",
    "answered",
    "confirmed",
    "corrected",
    "spared",
    "seconds_spared",
)
"""Cells that a form requires; of them, those that need nobody (known), that are to be verified or
asked, that wait for another form's answer, or are withheld; those that came back filled in,
confirmed, or otherwise than shown; and spared: known, and neither asked nor found wrong in the
form's period."""

_GROUP = {
    "form": "form",
    "field": "field",
    "grid": "grid_code",
    "department": "coalesce(department, '')",
}


def read_burden(
    con: duckdb.DuckDBPyConnection, config: Config, by: By, *also: By
) -> tuple[list[Row], ...]:
    """The measures of the published night, by form, field, grid, or the department that knew.

    Cost: a scan of `deliver.form_row` for each form; where a department is among what is asked, and
    of `master.provenance`, for each required item.

    Returns:
        for each that is asked for,
        rows of ``group`` and `MEASURES`, largest first. A cell that was shown and turned out wrong
        counts as corrected and takes one away from what was spared. By department, what nobody
        knows stands under an empty group.
    """
    asked = (by, *also)
    _list_cells(con, config, asked)
    found = tuple(_measure(con, config, each) for each in asked)
    con.execute("DROP TABLE burden_cell")
    return found


def _measure(con: duckdb.DuckDBPyConnection, config: Config, by: By) -> list[Row]:
    """Rows of `read_burden` from ``burden_cell``."""
    seconds = " ".join(
        f"WHEN '{contract.form}' THEN {contract.seconds_per_cell}"
        for contract in config.forms.values()
    )
    group = _GROUP[by]
    result = con.execute(
        f"""
        WITH counted AS (
            SELECT {group} AS "group", form, sum(n) AS required,
                sum(n) FILTER (state = 'known' AND kind IS NULL) AS known,
                sum(n) FILTER (state = 'verify') AS verify, sum(n) FILTER (state = 'ask') AS ask,
                sum(n) FILTER (state = 'waits') AS waits,
                sum(n) FILTER (state = 'withheld') AS withheld,
                sum(n) FILTER (kind = 'answer') AS answered,
                sum(n) FILTER (kind = 'confirmed') AS confirmed,
                sum(n) FILTER (kind = 'correction') AS corrected
            FROM burden_cell LEFT JOIN meta.source USING (source_no) GROUP BY ALL
        )
        SELECT "group", {", ".join(f"coalesce(sum({m}), 0)::BIGINT AS {m}" for m in MEASURES[:9])},
            greatest(sum(coalesce(known, 0) - coalesce(corrected, 0)), 0)::BIGINT AS spared,
            sum(greatest(coalesce(known, 0) - coalesce(corrected, 0), 0)
                * CASE form {seconds} ELSE 0 END)::DOUBLE AS seconds_spared
        FROM counted GROUP BY "group" ORDER BY required DESC, "group"
        """
    )
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


_SAID = """CREATE OR REPLACE TEMP TABLE said AS
    SELECT split_part(form_id, '-', 1) AS form,
        substr(form_id, length(form) + 2, length(form_id) - length(form) - 2
            - length(split_part(form_id, '-', -1))) AS period,
        resident_id, field,
        arg_max(CASE kind WHEN 'new' THEN 'answer' ELSE kind END, answer_id) AS kind
    FROM deliver.answer WHERE status = 'applied' GROUP BY ALL"""


def _list_cells(con: duckdb.DuckDBPyConnection, config: Config, asked: Collection[By]) -> None:
    """The temporary table ``burden_cell``: required cells, counted by all that is asked for.

    Who holds a cell is looked up only where that is asked: it costs a join for every item.
    """
    con.execute(_SAID)
    con.execute("""CREATE OR REPLACE TEMP TABLE burden_cell (form VARCHAR, field VARCHAR,
        grid_code VARCHAR, state VARCHAR, kind VARCHAR, source_no USMALLINT, n BIGINT)""")
    for contract in config.forms.values():
        fields = [item.field for item in contract.items if item.required]
        if "department" in asked:
            for field in fields:
                con.execute(_by_holder(contract.form, field))
        elif fields:
            con.execute(_by_state(contract.form, fields, by_grid="grid" in asked))
            con.execute(_answered(contract.form, fields))
    con.execute("DROP TABLE said")


def _by_holder(form: str, field: str) -> str:
    return f"""INSERT INTO burden_cell SELECT '{form}', '{field}', f.grid_code, "{field}_state",
            a.kind, p."{field}_source", count(*)
        FROM deliver.form_row f LEFT JOIN master.provenance p USING (resident_id)
        LEFT JOIN said a ON a.form = f.form AND a.period = f.period
            AND a.resident_id = f.resident_id AND a.field = '{field}'
        WHERE f.form = '{form}' AND "{field}_state" IN {STATES!r} GROUP BY ALL"""


def _by_state(form: str, fields: list[str], *, by_grid: bool) -> str:
    """INSERT of a form's cells by field and state, as if nobody had answered: one scan."""
    grid = "grid_code" if by_grid else "NULL::VARCHAR AS grid_code"
    states = [f'"{field}_state"' for field in fields]
    sets = ", ".join(f"(grid_code, {state})" if by_grid else f"({state})" for state in states)
    whose = " ".join(
        f"WHEN grouping({state}) = 0 THEN '{field}'"
        for field, state in zip(fields, states, strict=True)
    )
    return f"""INSERT INTO burden_cell SELECT '{form}', field, grid_code, state, NULL, NULL, n
        FROM (SELECT CASE {whose} END AS field, {grid}, coalesce({", ".join(states)}) AS state,
                count(*) AS n
            FROM deliver.form_row WHERE form = '{form}' GROUP BY GROUPING SETS ({sets}))
        WHERE state IN {STATES!r}"""


def _answered(form: str, fields: list[str]) -> str:
    """INSERT that counts the cells which somebody answered as such, and not as the others."""
    state = " ".join(f"""WHEN '{field}' THEN f."{field}_state" """ for field in fields)
    return f"""INSERT INTO burden_cell
        WITH cell AS (SELECT a.field, f.grid_code, a.kind, CASE a.field {state} END AS state
            FROM said a JOIN deliver.form_row f ON f.form = a.form AND f.period = a.period
                AND f.resident_id = a.resident_id WHERE a.form = '{form}')
        SELECT '{form}', field, grid_code, state, kind, NULL, n
        FROM (SELECT *, 1 AS n FROM cell
            UNION ALL SELECT * REPLACE (NULL::VARCHAR AS kind), -1 AS n FROM cell)
        WHERE state IN {STATES!r}"""


def read_repeated(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Facts that several departments have collected from the same resident, by field.

    Returns:
        rows of field, held (residents of whom anybody states it) and repeated (collections beyond
        the first), most repeated first.
    """
    counted = ", ".join(
        f'count(DISTINCT department) FILTER (r."{f.name}" IS NOT NULL) AS "{f.name}"'
        for f in FIELDS
    )
    summed = ", ".join(
        f'count(*) FILTER ("{f.name}" > 0), coalesce(sum(greatest("{f.name}" - 1, 0)), 0)::BIGINT'
        for f in FIELDS
    )
    values = con.execute(
        f"""SELECT {summed} FROM (SELECT {counted} FROM std.record r
        JOIN link.cluster USING (record_id) GROUP BY resident_id)"""
    ).fetchall()[0]
    rows = [
        {"field": field.name, "held": values[2 * n], "repeated": values[2 * n + 1]}
        for n, field in enumerate(FIELDS)
    ]
    return sorted(rows, key=lambda row: (-row["repeated"], row["field"]))


def label(by: By, group: str, config: Config) -> str:
    """How a group is called in a table that people read."""
    if by == "form" and group in config.forms:
        return config.forms[group].title
    if by == "field" and group in FIELD:
        return FIELD[group].label
    return group
