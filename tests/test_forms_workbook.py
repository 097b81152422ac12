"""Workbooks: what a grid worker holds, opened again with two readers."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils import range_boundaries
from python_calamine import CalamineWorkbook

from pipelines import store
from pipelines.deliver import plan_forms, render_all, render_forms, template, texts
from pipelines.deliver.content import content_sql, read_sources
from pipelines.deliver.layout import CODE_ROW, HEADER_ROW
from pipelines.deliver.manifest import safe_name
from pipelines.deliver.template import build_template
from pipelines.deliver.workbook import Sheet, build_workbook
from pipelines.journal import open_journal
from pipelines.night import Night
from schemas.codes import code_list
from schemas.fields import FIELD
from schemas.forms import FormContract
from tests.forms_fixture import deliver, first_night, next_night

INJECTIONS = ('=HYPERLINK("http://x","y")', "+cmd|' /C calc'!A0", "@SUM(1)", "-1+2", "<b>&amp;</b>")


def _render(night: Night) -> dict[str, Path]:
    plan_forms(night)
    render_forms(night)
    with night.open() as con:
        rows = con.execute("SELECT grid_code, file FROM deliver.form ORDER BY 1").fetchall()
    return {grid: night.folder / "forms" / file for grid, file in rows}


def _first(night: Night) -> openpyxl.Workbook:
    return openpyxl.load_workbook(next(iter(_render(night).values())))


def _columns(book: openpyxl.Workbook) -> dict[str, int]:
    row = next(book[texts.LIST].iter_rows(CODE_ROW, CODE_ROW))
    return {cell.value: cell.column for cell in row if cell.value}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return first_night(tmp_path_factory.mktemp("forms"))


@pytest.fixture(scope="module")
def files(night: Night) -> dict[str, Path]:
    return _render(night)


@pytest.fixture(scope="module")
def book(files: dict[str, Path]) -> openpyxl.Workbook:
    return openpyxl.load_workbook(next(iter(files.values())))


def test_states_lock_cells_and_stand_in_words(night: Night, book: openpyxl.Workbook) -> None:
    sheet, columns = book[texts.LIST], _columns(book)
    with night.open() as con:
        rows = con.execute(
            """SELECT row_no, field, state FROM deliver.form_cell
            JOIN (SELECT row_no, resident_id FROM deliver.form_row) USING (resident_id)
            WHERE grid_code = '330199101001001'"""
        ).fetchall()
    assert {state for _, _, state in rows} == {"known", "verify", "ask", "none"}
    for row_no, field, state in rows:
        cell = sheet.cell(row_no + HEADER_ROW, columns[field])
        source = sheet.cell(row_no + HEADER_ROW, columns[f"{field}:source"])
        assert source.protection.locked
        assert cell.protection.locked == (state == "known")
        assert (cell.value is None) == (state in ("ask", "none"))
        if state == "known":
            department, month = source.value.split(" ")
            assert department in ("人社", "村社台账") and len(month) == 7
        else:
            words = {"verify": texts.VERIFY, "ask": texts.ASK, "none": texts.OPTIONAL}
            assert source.value.startswith(words[state])
    assert sheet.protection.sheet and not sheet.protection.autoFilter
    assert not sheet.protection.formatColumns


def test_both_readers_see_the_same_texts(files: dict[str, Path]) -> None:
    path = next(iter(files.values()))
    fast = CalamineWorkbook.from_path(str(path))
    slow = openpyxl.load_workbook(path)
    assert fast.sheet_names == slow.sheetnames
    for name in (texts.TASKS, texts.LIST):
        ours = [["" if v is None else v for v in row] for row in slow[name].values]
        assert fast.get_sheet_by_name(name).to_python(skip_empty_area=False) == ours


def test_codes_are_shown_as_labels_and_numbers_as_text(book: openpyxl.Workbook) -> None:
    sheet, columns = book[texts.LIST], _columns(book)
    row = HEADER_ROW + 1
    assert sheet.cell(row, columns["sex"]).value in ("男", "女")
    assert sheet.cell(row, columns["relation"]).value == "户主"
    id_number = sheet.cell(row, columns["id_number"])
    assert isinstance(id_number.value, str) and id_number.number_format == "@"
    phone = sheet.cell(row, columns["phone"])
    assert phone.number_format == "@"


def test_dropdowns_take_lists_of_any_length_from_the_dictionary(book: openpyxl.Workbook) -> None:
    sheet, columns = book[texts.LIST], _columns(book)
    assert book[texts.CODES].sheet_state == "hidden"
    rules = {}
    for rule in sheet.data_validations.dataValidation:
        for area in rule.sqref.ranges:
            rules[area.min_col] = (rule, area)
    rule, area = rules[columns["ethnic_group"]]
    assert (area.min_row, area.max_row) == (HEADER_ROW + 1, HEADER_ROW + 60 + 2 + 20)
    name = book.defined_names[rule.formula1]
    sheet_name, cells = next(name.destinations)
    offered = [cell[0].value for cell in book[sheet_name][cells]]
    assert len("".join(offered)) + len(offered) > 150 and "汉族" in offered
    result, _ = rules[columns["result"]]
    _, cells = next(book.defined_names[result.formula1].destinations)
    assert [cell[0].value for cell in book[texts.CODES][cells]] == list(texts.RESULTS)


def test_a_dropdown_of_more_than_255_characters_reaches_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = tuple(f"很长很长的选项第{number}号" for number in range(80))
    monkeypatch.setattr(texts, "RESULTS", labels)
    monkeypatch.setattr(template, "_built", {})
    book = _first(first_night(tmp_path))
    _, cells = next(book.defined_names["list_result"].destinations)
    assert [cell[0].value for cell in book[texts.CODES][cells]] == list(labels)
    for rule in book[texts.LIST].data_validations.dataValidation:
        assert len(rule.formula1 or "") < 255


def test_ranges_end_with_the_last_row(book: openpyxl.Workbook) -> None:
    sheet, last = book[texts.LIST], HEADER_ROW + 60
    assert sheet.max_row == last + 2 + 20
    assert range_boundaries(sheet.auto_filter.ref)[3] == last
    assert range_boundaries(sheet.print_area.split("!")[1])[3] == sheet.max_row
    tasks = book[texts.TASKS]
    assert range_boundaries(tasks.auto_filter.ref)[3] == tasks.max_row
    assert sheet.freeze_panes == f"D{HEADER_ROW + 1}"
    assert sheet.print_title_rows == f"${HEADER_ROW}:${HEADER_ROW}"
    assert sheet.page_setup.orientation == "landscape" and sheet.page_setup.paperSize == 9


def test_below_the_list_is_room_for_people_who_are_not_on_it(book: openpyxl.Workbook) -> None:
    sheet, columns = book[texts.LIST], _columns(book)
    head = HEADER_ROW + 60 + 2
    assert (sheet.cell(head, 1).value, sheet.cell(head, 4).value) == (
        *(texts.NEW_TITLE, texts.NEW_HEAD),
    )
    assert {f"A{head}:C{head}", f"D{head}:L{head}"} <= {str(a) for a in sheet.merged_cells.ranges}
    assert not any(cell.value for cell in sheet[head - 1])
    for number in range(1, 21):
        cells = {name: sheet.cell(head + number, column) for name, column in columns.items()}
        assert cells["row_no"].value == f"新{number}"
        assert not any(cell.value for name, cell in cells.items() if name != "row_no")
        open_ones = {name for name, cell in cells.items() if not cell.protection.locked}
        items = {name for name in columns if f"{name}:source" in columns}
        assert open_ones == items | {"place", "remark"}
        assert cells["id_number"].number_format == cells["phone"].number_format == "@"
        assert cells["birth_date"].number_format == "yyyy-mm-dd"


def test_no_sentinel_or_token_is_left(files: dict[str, Path]) -> None:
    for path in files.values():
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            whole = b"".join(archive.read(name) for name in archive.namelist())
        assert b"99999" not in whole and b"{{" not in whole


def test_the_task_list_names_exactly_those_with_something_to_ask(
    night: Night, book: openpyxl.Workbook
) -> None:
    sheet, listed = book[texts.TASKS], book[texts.LIST]
    with night.open() as con:
        expected = con.execute(
            """SELECT DISTINCT row_no FROM deliver.form_cell
            JOIN (SELECT row_no, resident_id FROM deliver.form_row) USING (resident_id)
            WHERE grid_code = '330199101001001' AND state IN ('ask', 'verify') ORDER BY 1"""
        ).fetchall()
    rows = list(sheet.iter_rows(HEADER_ROW + 1))
    assert [row[7].value - HEADER_ROW for row in rows] == [number for (number,) in expected]
    for row in rows:
        assert row[2].hyperlink.location == f"'{texts.LIST}'!C{row[7].value}"
        name = listed.cell(row[7].value, 3).value
        assert row[2].value == (name or texts.NO_NAME)
        assert row[3].value or row[4].value


def test_the_head_and_the_hidden_cells_name_the_issue(
    night: Night, book: openpyxl.Workbook
) -> None:
    meta = {row[0].value: row[1].value for row in book[texts.ISSUE].iter_rows()}
    assert book[texts.ISSUE].sheet_state == "veryHidden"
    assert meta["form_id"].endswith("330199101001001") and meta["version"] == "1"
    assert meta["night"] == str(night.number)
    assert date.fromisoformat(meta["due_on"]) > date.fromisoformat(meta["issued_on"])
    sheet, columns = book[texts.LIST], _columns(book)
    row = HEADER_ROW + 1
    assert sheet.cell(row, columns["row_id"]).value == meta["form_id"] + "#1"
    assert sheet.cell(row, columns["resident_id"]).value.startswith("R")
    assert sheet.cell(row, columns["base_version"]).value == 1
    for name in ("row_id", "resident_id", "base_version", "digest"):
        letter = sheet.cell(row, columns[name]).column_letter
        assert sheet.column_dimensions[letter].hidden
    assert not sheet.cell(row, columns["result"]).protection.locked
    assert not sheet.cell(row, columns["remark"]).protection.locked


def test_a_rows_digest_can_be_computed_from_what_the_row_shows(
    night: Night, book: openpyxl.Workbook
) -> None:
    sheet, columns = book[texts.LIST], _columns(book)
    fields = [item.field for item in night.config.forms["population"].items]
    with night.open() as con:
        states = {
            row_no: dict(zip(fields, row, strict=True))
            for row_no, *row in con.execute(
                f"""SELECT row_no, {", ".join(f'"{field}_state"' for field in fields)}
                FROM deliver.form_row WHERE grid_code = '330199101001001'"""
            ).fetchall()
        }
    for row in range(HEADER_ROW + 1, HEADER_ROW + 11):
        form_id, row_no = sheet.cell(row, columns["row_id"]).value.split("#")
        told = [form_id, row_no, sheet.cell(row, columns["resident_id"]).value]
        told += [sheet.cell(row, 2).value]
        for field in fields:
            text = sheet.cell(row, columns[field]).value or ""
            if codes := FIELD[field].codes:
                labels = code_list(codes).values
                text = {label: code for code, label in labels.items()}.get(text, text)
            told += [states[int(row_no)][field] or "", text]
        digest = hashlib.md5("".join(f"{text}\x1f" for text in told).encode()).hexdigest()
        assert sheet.cell(row, columns["digest"]).value == digest


def test_both_doors_name_origins_in_the_same_words(night: Night, files: dict[str, Path]) -> None:
    contract = night.config.forms["population"]
    with night.open() as con:
        content = content_sql(contract, read_sources(con))
        names = [f"n{number}" for number in range(len(contract.items))]
        rows = con.execute(
            f"SELECT grid_code, row_no, {', '.join(names)} FROM ({content}) ORDER BY 1, 2"
        ).fetchall()
    books = {grid: openpyxl.load_workbook(path)[texts.LIST] for grid, path in files.items()}
    for grid, row_no, *notes in rows:
        row = next(
            books[grid].iter_rows(HEADER_ROW + row_no, HEADER_ROW + row_no, 4, values_only=True)
        )
        assert list(row[: 2 * len(notes) : 2]) == notes


def test_texts_that_look_like_formulas_stay_texts(tmp_path: Path) -> None:
    cases = "".join(
        f"UPDATE master.resident SET name = '{text.replace(chr(39), chr(39) * 2)}', "
        f"employer = chr(9) || '=1+1' || chr(11) || '0' WHERE resident_id = 'R{number:015d}';"
        for number, text in enumerate(INJECTIONS)
    )
    change = cases + "UPDATE master.resident SET birth_date = DATE '1980-01-01'"
    path = next(iter(_render(first_night(tmp_path, change=change)).values()))
    book = openpyxl.load_workbook(path)
    sheet, columns = book[texts.LIST], _columns(book)
    names = [sheet.cell(HEADER_ROW + 1 + n, columns["name"]) for n in range(len(INJECTIONS))]
    assert [cell.value for cell in names] == list(INJECTIONS)
    employers = [sheet.cell(HEADER_ROW + 1 + n, columns["employer"]) for n in range(5)]
    assert {cell.value for cell in employers} == {"=1+1 0"}
    with zipfile.ZipFile(path) as archive:
        parts = [archive.read(f"xl/worksheets/sheet{number}.xml") for number in (1, 2)]
    assert all(b"<f>" not in part for part in parts)


def test_no_resident_of_another_grid_is_in_a_file(night: Night, files: dict[str, Path]) -> None:
    with night.open() as con:
        rows = con.execute(
            "SELECT grid_code, resident_id, id_number FROM master.resident WHERE id_number <> ''"
        ).fetchall()
    for grid, path in files.items():
        with zipfile.ZipFile(path) as archive:
            whole = b"".join(archive.read(name) for name in archive.namelist()).decode()
        for other, resident_id, id_number in rows:
            assert (resident_id in whole) == (other == grid)
            assert (id_number in whole) == (other == grid)


def test_a_withheld_value_is_not_in_the_file(tmp_path: Path) -> None:
    change = """UPDATE meta.source SET purposes = ['elderly'] WHERE source LIKE 'social%';
        UPDATE master.resident SET phone = '19912345678', birth_date = DATE '1980-01-01'
        WHERE resident_id = 'R000000000000002'"""
    path = next(iter(_render(first_night(tmp_path, change=change)).values()))
    book = openpyxl.load_workbook(path)
    sheet, columns = book[texts.LIST], _columns(book)
    cell = sheet.cell(HEADER_ROW + 3, columns["phone"])
    assert cell.value == texts.WITHHELD and cell.protection.locked
    assert sheet.cell(HEADER_ROW + 3, columns["phone:source"]).value == texts.WITHHELD_WHY
    with zipfile.ZipFile(path) as archive:
        assert all(b"19912345678" not in archive.read(name) for name in archive.namelist())


def test_the_manifest_names_every_form_in_force_with_its_hash(tmp_path: Path) -> None:
    night = first_night(tmp_path)
    deliver(night)
    change = (
        "UPDATE master.resident SET medical_insurance = NULL WHERE resident_id = 'R000000000000000'"
    )
    counts = deliver(next_night(night.home, change))
    assert (counts["forms_written"], counts["forms_issued"], counts["forms_unchanged"]) == (1, 1, 1)
    listed = (night.home.forms / "manifest.sha256").read_text("utf-8").splitlines()
    assert len(listed) == 2
    for line in listed:
        digest, name = line.split("  ", 1)
        assert hashlib.sha256((night.home.forms / name).read_bytes()).hexdigest() == digest
    with open_journal(night.config.journal_url) as journal:
        issued = {row["form_id"]: (row["version"], row["night"]) for row in journal.issues()}
    assert sorted(issued.values()) == [(1, 1), (2, 2)]
    table = (night.home.forms / "manifest.csv").read_text("utf-8-sig").splitlines()
    assert table[0].split(",") == list(texts.MANIFEST_COLUMNS) and len(table) == 3


def test_an_unchanged_form_is_neither_drawn_nor_issued_again(tmp_path: Path) -> None:
    night = first_night(tmp_path)
    deliver(night)
    before = {path: path.stat().st_mtime_ns for path in night.home.forms.rglob("*.xlsx")}
    counts = deliver(next_night(night.home))
    assert (counts["forms_written"], counts["forms_issued"]) == (0, 0)
    assert {p: p.stat().st_mtime_ns for p in night.home.forms.rglob("*.xlsx")} == before


def test_a_lost_workbook_comes_back_as_it_was(tmp_path: Path) -> None:
    night = first_night(tmp_path)
    deliver(night)
    lost = sorted(night.home.forms.rglob("*.xlsx"))[0]
    body = lost.read_bytes()
    lost.unlink()
    counts = deliver(next_night(night.home))
    assert (counts["forms_written"], counts["forms_issued"]) == (1, 0)
    assert lost.read_bytes() == body


def test_a_published_file_yields_the_same_bytes_again(tmp_path: Path) -> None:
    night = first_night(tmp_path / "home")
    deliver(night)
    deliver(next_night(night.home, "UPDATE master.resident SET employer = '新' WHERE is_head"))
    with store.connect(
        night.home.published, night.config.district.limits, tmp_path / "spill", read_only=True
    ) as con:
        counts = render_all(con, tmp_path / "again", night.config)
    assert counts == {"forms_written": 2, "forms_differing": 0}
    for path in night.home.forms.rglob("*.*"):
        assert (tmp_path / "again" / path.relative_to(night.home.forms)).read_bytes() == (
            path.read_bytes()
        )


def test_two_homes_with_the_same_master_hand_out_the_same_bytes(tmp_path: Path) -> None:
    bodies = [
        [path.read_bytes() for path in _render(first_night(tmp_path / str(n))).values()]
        for n in range(2)
    ]
    assert bodies[0] == bodies[1]


def test_hostile_grid_and_village_names_stay_inside_the_forms_folder(tmp_path: Path) -> None:
    change = """UPDATE master.resident SET grid_code = '../../../etc/x' WHERE grid_code LIKE '%1';
        UPDATE master.dwelling SET grid_code = '../../../etc/x', village_name = '..'
        WHERE grid_code LIKE '%1'"""
    night = first_night(tmp_path, change=change)
    paths = _render(night)
    root = (night.folder / "forms").resolve()
    for path in paths.values():
        assert path.resolve().is_relative_to(root) and path.exists()
        assert path.resolve() == path and ".." not in path.relative_to(root).parts
    assert len(set(paths.values())) == 2


@given(st.text(max_size=300))
def test_a_safe_name_is_one_plain_step_of_a_path(text: str) -> None:
    name = safe_name(text)
    assert name and len(name.encode()) <= 140
    assert "/" not in name and "\\" not in name and not name.startswith(".")
    assert Path(name).name == name and name.upper() not in ("CON", "NUL", "AUX", "PRN")


def test_a_grid_without_questions_says_so(tmp_path: Path) -> None:
    contract = FormContract.model_validate(
        {"form": "names", "title": "姓名表", "purpose": "population", "legal_basis": "测试",
         "items": [{"field": "sex"}]}
    )  # fmt: skip
    change = """UPDATE master.provenance SET sex_contested = FALSE"""
    book = _first(first_night(tmp_path, forms={"names": contract}, change=change))
    assert book[texts.TASKS].cell(HEADER_ROW + 1, 5).value == texts.NOTHING_TO_DO


def test_an_empty_sheet_still_opens() -> None:
    contract = FormContract.model_validate(
        {"form": "names", "title": "姓名表", "purpose": "population", "legal_basis": "测试",
         "items": [{"field": "name"}]}
    )  # fmt: skip
    names = (*(name for name, _ in texts.META_LABELS), "list_title", "task_title", "facts")
    words = dict.fromkeys((*names, "summary", "confidential"), "{{x}} & <y>")
    words["issued_on"] = "2026-11-23"
    body = build_workbook(build_template(contract), Sheet(words, b"", 0, b"", 0, b""))
    book = openpyxl.load_workbook(io.BytesIO(body))
    assert book[texts.LIST]["A1"].value == "{{x}} & <y>"
