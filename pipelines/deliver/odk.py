"""A form for ODK or Kobo: the need plan of a grid as an XLSForm with its list of residents.

A folder a grid: `form.xlsx` (the XLSForm), `households.csv` and `people.csv` (what it reads; both
may also be uploaded as entity lists). Only residents with something to ask or to verify are on it,
and of their values only those to be verified and those that tell a worker whom to ask. Where the
contract has rows for new people, others may be told of, under names that begin with ``new_``.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from openpyxl import Workbook

from pipelines.deliver import texts
from pipelines.deliver.archive import dated
from pipelines.deliver.content import content_sql, literal, read_sources
from pipelines.deliver.manifest import register_file_names, register_grids
from schemas.codes import code_list
from schemas.fields import FIELD
from schemas.forms import FormContract, FormItem

WHOM = ("name", "sex", "birth_date", "relation", "phone")
"""Fields that tell a worker whom to ask."""
MET = "met"
"""核实结果 of a resident who was asked; the others are the ways out."""
NEW = "new"
"""Answer to 填谁 of somebody who is on no form."""
_ONE = "instance('people')/root/item[name=${{person}}]/{}"
_HIDDEN = ("row_id", "resident_id", "digest", "form_id", "base_version")
_PATTERNS = {
    "id_number": (r"regex(., '^[0-9]{17}[0-9Xx]$')", texts.ID_HINT),
    "phone": (r"regex(., '^[0-9-]{7,14}$')", texts.PHONE_HINT),
}
_SURVEY = ("type", "name", "label", "hint", "relevant", "calculation", "constraint",
           "constraint_message", "appearance", "choice_filter", "required")  # fmt: skip
Row = dict[str, str]


@dataclass(frozen=True)
class Package:
    """What was written for one grid."""

    folder: Path
    form_id: str
    people: int


def write_packages(
    con: duckdb.DuckDBPyConnection,
    contract: FormContract,
    folder: Path,
    *,
    grids: tuple[str, ...] = (),
) -> list[Package]:
    """Write a package for each grid of a published form that has something to ask.

    Args:
        con: the published file.
        contract: the form.
        folder: where the grids' folders go.
        grids: only these; none: all.

    Raises:
        PyXFormError: the contract makes no valid XForm.
    """
    forms = con.execute(
        """SELECT grid_code, form_id, f.version, period, issued_on
        FROM deliver.form f JOIN deliver.issue USING (form_id) WHERE form = ? ORDER BY 1""",
        [contract.form],
    ).fetchall()
    written: list[Package] = []
    if not forms:
        return []
    register_grids(con)
    register_file_names(con, contract, forms[0][3])
    names = dict(con.execute("SELECT grid_code, file FROM file_name").fetchall())
    labels = dict(con.execute("SELECT grid_code, village || grid_name FROM file_name").fetchall())
    for grid, form_id, version, _, issued_on in forms:
        if grids and grid not in grids:
            continue
        people = _people(con, contract, grid)
        if not people:
            continue
        target = folder / Path(names[grid]).with_suffix("")
        target.mkdir(parents=True, exist_ok=True)
        title = f"{labels[grid]} {contract.title}"
        book = xlsform(contract, form_id=form_id, version=version, title=title, day=issued_on)
        if not written:  # they differ in title, id and version only
            _check(book)
        (target / "form.xlsx").write_bytes(book)
        _write_csv(target / "people.csv", people)
        homes = {row["household"]: row for row in reversed(people)}
        _write_csv(
            target / "households.csv",
            [
                {"name": row["household"], "label": row["place"]}
                for row in sorted(homes.values(), key=lambda row: int(row["household"][1:]))
            ],
        )
        written.append(Package(target, form_id, len(people)))
    return written


def _people(con: duckdb.DuckDBPyConnection, contract: FormContract, grid: str) -> list[Row]:
    """One row a resident with an open cell, in walking order; texts only."""
    known, cells, is_open = [], [], []
    for number, item in enumerate(contract.items):
        label = FIELD[item.field].label
        state, shown = f"s{number}", f"v{number}"
        if item.field in WHOM:
            known.append(f"CASE WHEN {state} = 'known' THEN concat('{label}：', {shown}) END")
        cells += [
            f"coalesce({state}, '') AS {item.field}_state",
            f"CASE WHEN {state} = 'verify' THEN {shown} ELSE '' END AS {item.field}_shown",
        ]
        is_open.append(f"coalesce({state} IN ('ask', 'verify'), FALSE)")
    asked, doubted = (
        " + ".join(f"coalesce(s{n} = '{state}', FALSE)::INT" for n in range(len(contract.items)))
        for state in ("ask", "verify")
    )
    name = next((n for n, i in enumerate(contract.items) if i.field == "name"), None)
    called = "''" if name is None else f"coalesce(v{name}, '{texts.NO_NAME}')"
    content = content_sql(contract, read_sources(con), grids=f"w.grid_code = {literal(grid)}")
    result = con.execute(
        f"""
        WITH housed AS (SELECT *, max(CASE WHEN is_first THEN row_no END) OVER (
            ORDER BY row_no ROWS UNBOUNDED PRECEDING) AS home FROM ({content}))
        SELECT 'r' || row_no AS name,
            concat({called}, '　{texts.ASK} ', {asked}, ' 项',
                '　{texts.VERIFY} ', {doubted}, ' 项') AS label,
            'h' || home AS household, place,
            concat(f.form_id, '#', row_no) AS row_id, resident_id, digest, f.form_id AS form_id,
            f.version::VARCHAR AS base_version,
            concat_ws('；', {", ".join(known) or "NULL"}) AS known,
            {", ".join(cells)}
        FROM housed JOIN deliver.form f ON f.form = {literal(contract.form)}
            AND f.grid_code = housed.grid_code
        WHERE {" OR ".join(is_open)} ORDER BY row_no
        """
    )
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _write_csv(path: Path, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def xlsform(contract: FormContract, *, form_id: str, version: int, title: str, day: date) -> bytes:
    """The XLSForm of a contract, as a workbook dated `day`."""
    book = Workbook()
    book.remove(book.worksheets[0])
    sheets: tuple[tuple[str, list[dict[str, Any]]], ...] = (
        ("survey", _survey(contract, form_id, version)),
        ("choices", _choices(contract)),
        ("settings", [{"form_title": title, "form_id": form_id, "version": str(version),
                       "default_language": "中文 (zh)"}]),
    )  # fmt: skip
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        heads = [head for head in _SURVEY if name == "survey"] or list(rows[0])
        sheet.append(heads)
        for row in rows:
            sheet.append([row.get(head) for head in heads])
    buffer = io.BytesIO()
    book.save(buffer)
    return dated(buffer.getvalue(), day)


def _survey(contract: FormContract, form_id: str, version: int) -> list[dict[str, str]]:
    is_chosen = "${person} != ''"
    listed, new, is_told = {}, [], {"relevant": is_chosen}
    if contract.new_rows:
        listed = {"relevant": "${whom} = 'listed'"}
        new = _newcomer(contract, form_id, version)
        is_told = {"relevant": f"{is_chosen} or ${{whom}} = '{NEW}'"}
    is_met = f"${{result}} = '{MET}'"
    rows: list[dict[str, str]] = [
        {"type": "today", "name": "today"},
        *new[:1],
        {"type": "select_one_from_file households.csv", "name": "household",
         "label": "选择户（住址）", "appearance": "minimal autocomplete", "required": "yes",
         **listed},
        {"type": "select_one_from_file people.csv", "name": "person", "label": "选择居民",
         "choice_filter": "household=${household}", "required": "yes", **listed},
        *(
            {"type": "calculate", "name": name, "calculation": _ONE.format(name)}
            for name in (*_HIDDEN, "known")
        ),
        {"type": "note", "name": "known_note", "label": "部门已有，不用再问：${known}",
         "relevant": f"{is_chosen} and ${{known}} != ''"},
        {"type": "select_one result", "name": "result", "label": "核实结果",
         "hint": "问不到也是结果，照实选就好", "relevant": is_chosen, "required": "yes"},
        {"type": "date", "name": "died_on", "label": "死亡日期",
         "relevant": "${result} = '已死亡'", "required": "yes",
         "constraint": ". <= today()", "constraint_message": "日期不能晚于今天"},
    ]  # fmt: skip
    for item in contract.items:
        rows += _questions(item, is_met)
    rows += new[1:]
    rows.append({"type": "text", "name": "remark", "label": texts.REMARK,
                 "appearance": "multiline", **is_told})  # fmt: skip
    return rows


def _newcomer(contract: FormContract, form_id: str, version: int) -> list[dict[str, str]]:
    """Whom the submission is about, and what is asked of somebody who is on no form."""
    is_new = {"relevant": f"${{whom}} = '{NEW}'"}
    place = {"type": "text", "name": "new_address", "label": texts.PLACE_TITLE,
             "hint": texts.PLACE_HINT, **is_new}  # fmt: skip
    asked = [{**_question(item, f"new_{item.field}"), **is_new} for item in contract.items
             if item.field != "address"]  # fmt: skip
    for question in asked:
        if question["name"] == "new_name":
            question["required"] = "yes"
    return [
        {"type": "select_one whom", "name": "whom", "label": "填谁", "required": "yes"},
        {"type": "calculate", "name": "new_form_id", "calculation": f"'{form_id}'"},
        {"type": "calculate", "name": "new_base_version", "calculation": f"'{version}'"},
        {"type": "note", "name": "new_note", "label": texts.NEW_MORE, **is_new},
        *asked,
        place,
    ]


def _question(item: FormItem, name: str) -> dict[str, str]:
    field = FIELD[item.field]
    kind = f"select_one {field.codes}" if field.codes else "text"
    question = {"type": kind, "name": name, "label": field.label}
    if field.type == "DATE":
        question["type"] = "date"
    elif field.type == "INTEGER":
        question["type"] = "integer"
    elif item.field in _PATTERNS:
        question["constraint"], question["constraint_message"] = _PATTERNS[item.field]
        question["hint"] = _PATTERNS[item.field][1]
    return question


def _questions(item: FormItem, is_met: str) -> list[dict[str, str]]:
    name, field = item.field, FIELD[item.field]
    state, right = f"${{{name}_state}}", f"${{{name}_right}}"
    is_open = f"({state} = 'ask' or {state} = 'none' or {right} = 'no')"
    question = {**_question(item, name), "relevant": f"{is_met} and {is_open}"}
    if not item.required:
        question["hint"] = texts.OPTIONAL
    return [
        *(
            {"type": "calculate", "name": told, "calculation": _ONE.format(told)}
            for told in (f"{name}_state", f"{name}_shown")
        ),
        {"type": "select_one yes_no", "name": f"{name}_right",
         "label": f"{field.label}：${{{name}_shown}}　对吗？",
         "relevant": f"{is_met} and {state} = 'verify'"},
        question,
    ]  # fmt: skip


def _choices(contract: FormContract) -> list[dict[str, str]]:
    lists: dict[str, list[tuple[str, str]]] = {
        "whom": [("listed", "表上的人"), (NEW, "新增人员（表上没有的人）")],
        "yes_no": [("yes", "对"), ("no", "不对")],
        "result": [
            (MET, "见到了，已核实"),
            *((way, way) for way in texts.RESULTS if way not in {"正确", "已修改"}),
        ],
    }
    for item in contract.items:
        if (name := FIELD[item.field].codes) is not None:
            codes = code_list(name)
            lists[name] = [(code, codes.values[code]) for code in codes.offered or codes.values]
    return [
        {"list_name": name, "name": value, "label": label}
        for name, choices in lists.items()
        for value, label in choices
    ]


def _check(book: bytes) -> None:
    """Convert the form as a server would: what it would refuse is an error here."""
    from pyxform.xls2xform import convert  # noqa: PLC0415 - an extra, and slow to load

    convert(book, file_type=".xlsx")
