"""Grid workers of the synthetic district: they fill the workbooks in from the truth, with slips."""

from __future__ import annotations

import re
import zipfile
from html import escape
from pathlib import Path

import duckdb

from pipelines.config import load_config
from pipelines.deliver.layout import HEADER_ROW, end_columns, value_column
from pipelines.deliver.template import LIST_PART
from pipelines.home import Home
from pipelines.synth.trace import trace
from schemas.codes import code_list
from schemas.fields import FIELD
from schemas.forms import FormContract

MET, WRONG, SEED = 900, 10, 20261101
"""Of 1,000 residents with something to do, so many are met; of 1,000 answers, so many are wrong."""

# What the truth does not hold: any lawful answer, for the rightness of these cells is not judged.
_INVENTED = {
    "self_care": "自理",
    "health": "健康或良好",
    "assistance": "不享受",
    "arrival_date": "2024-05-01",
    "stay_reason": "务工",
    "landlord": "房东 0571-88000000",
    "guardian": "母亲",
    "school": "镇中心小学",
}
_CELL = re.compile(r'<c r="([A-Z]+\d+)" s="(\d+)"(?:/>|[^>/]*>.*?</c>)')


def fill_in(home: Home, target: Path) -> tuple[int, int]:
    """Fill every workbook in force as its worker would, below `target`.

    Nine residents in ten with something to do are met. Cells asked get the truth, cells to verify
    are corrected where the truth is otherwise; one answer in a hundred is somebody else's. What the
    truth does not hold is made up.

    Returns:
        workbooks and cells written.
    """
    config = load_config(home)
    books = cells = 0
    with duckdb.connect() as con:
        trace(con, home)
        con.execute("USE home")
        con.execute(
            """CREATE TEMP TABLE owner AS
            SELECT resident_id, mode(person_id) AS person_id FROM traced
            JOIN link.cluster USING (record_id) GROUP BY resident_id"""
        )
        _name_codes(con)
        for contract in config.forms.values():
            written: dict[str, dict[str, str]] = {}
            for grid, place, text in _answers(con, contract):
                written.setdefault(grid, {})[place] = text
            for grid, file in con.execute(
                "SELECT grid_code, file FROM deliver.form WHERE form = ? ORDER BY 1",
                [contract.form],
            ).fetchall():
                if said := written.get(grid):
                    write_cells(home.forms / file, target / Path(file).name, said)
                    books, cells = books + 1, cells + len(said)
    return books, cells


def _name_codes(con: duckdb.DuckDBPyConnection) -> None:
    """The table ``word``: every spelling of a code, and the word a form shows for it."""
    con.execute("CREATE TEMP TABLE word (field VARCHAR, spelling VARCHAR, label VARCHAR)")
    for field in FIELD.values():
        if field.codes:
            codes = code_list(field.codes)
            con.executemany(
                "INSERT INTO word VALUES (?, ?, ?)",
                [(field.name, word, codes.values[code]) for word, code in codes.spelling().items()],
            )


def _answers(con: duckdb.DuckDBPyConnection, contract: FormContract) -> list[tuple[str, str, str]]:
    """(grid, cell, text) of all that the workers of one form write."""
    result = end_columns(contract)[0]
    known = {
        name
        for (name,) in con.execute(
            """SELECT column_name FROM duckdb_columns()
            WHERE database_name = 'truth' AND table_name = 'person'"""
        ).fetchall()
    }
    parts = []
    for number, item in enumerate(contract.items):
        name = item.field
        real = f'p."{name}"::VARCHAR' if name in known else f"'{_INVENTED.get(name, '')}'"
        if name == "old_age_allowance":
            real = "CASE WHEN p.age >= 100 THEN '100' WHEN p.age >= 90 THEN '90' ELSE '80' END"
        if FIELD[name].codes:
            real = f"""coalesce((SELECT any_value(label) FROM word
                WHERE word.field = '{name}' AND spelling = {real}), {real})"""
        parts.append(
            f"""SELECT w.grid_code, '{value_column(number)}' || (w.row_no + {HEADER_ROW}) AS place,
                w.resident_id, '{name}' AS field, {real} AS said
            FROM deliver.form_row w JOIN owner USING (resident_id)
            JOIN truth.person p USING (person_id)
            WHERE w.form = '{contract.form}' AND w."{name}_state" IN ('ask', 'verify')
                AND hash(w.resident_id, {SEED}) % 1000 < {MET}"""
        )
    rows = con.execute(
        f"""SELECT grid_code, place, CASE WHEN hash(resident_id, field, {SEED}) % 1000 < {WRONG}
            THEN coalesce(lead(said) OVER (PARTITION BY field ORDER BY resident_id), said)
            ELSE said END
        FROM ({" UNION ALL ".join(parts)}) WHERE said <> '' ORDER BY ALL"""
    ).fetchall()
    looked_at = con.execute(
        f"""SELECT grid_code, '{result}' || (row_no + {HEADER_ROW}), '已修改'
        FROM deliver.form_row WHERE form = '{contract.form}'
            AND hash(resident_id, {SEED}) % 1000 < {MET}
            AND list_has_any(['ask', 'verify'], [COLUMNS('.*_state')]) ORDER BY ALL"""
    ).fetchall()
    return rows + looked_at


def write_cells(source: Path, target: Path, said: dict[str, str]) -> None:
    """Copy a workbook with some cells of its list replaced by texts."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            body = old.read(name)
            if name == LIST_PART:
                body = _replaced(body.decode(), said).encode()
            new.writestr(name, body)


def _replaced(xml: str, said: dict[str, str]) -> str:
    """The sheet with new texts in the cells that `said` names."""

    def put(match: re.Match[str]) -> str:
        place = match.group(1)
        if place not in said:
            return match.group(0)
        return (
            f'<c r="{place}" s="{match.group(2)}" t="inlineStr"><is><t>'
            f"{escape(said[place], quote=False)}</t></is></c>"
        )

    return _CELL.sub(put, xml)
