"""What is wrong in departments' data: handed out, answered, and obeyed by the next night."""

from __future__ import annotations

import re
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.config import Config, load_config
from pipelines.corrections import Corrections
from pipelines.defectbook import Receipt, find_defects, make_book, receipt_text, take_book
from pipelines.defectbook.find import Found, may_see
from pipelines.defectbook.write import COLUMN, COLUMNS, HEADER_ROW
from pipelines.home import Home
from pipelines.journal import Journal, open_journal
from tests.district_fixture import Districts, ask, copy, journal_url, onegrid

FIRST = HEADER_ROW + 1
MONTH, DAY, LATER = date(2026, 11, 1), date(2026, 11, 20), date(2027, 6, 1)
Fill = Callable[["Sheet"], None]


class Sheet:
    """The list of a workbook by names of columns."""

    def __init__(self, sheet: Worksheet) -> None:
        self.sheet = sheet
        self.rows = range(FIRST, sheet.max_row + 1)

    def get(self, row: int, name: str) -> str:
        return str(self.sheet.cell(row, COLUMN[name]).value or "")

    def put(self, row: int, name: str, value: object) -> None:
        self.sheet.cell(row, COLUMN[name]).value = value

    def about(self, kind: str, field: str = "") -> int:
        """The first row of a kind that is not answered yet."""
        return next(
            row
            for row in self.rows
            if self.get(row, "kind") == kind
            and (not field or self.get(row, "field_name") == field)
            and not self.get(row, "verdict")
            and not self.get(row, "value")
        )


@dataclass(frozen=True)
class Desk:
    """A published night, a journal of one's own, and the books of all departments."""

    con: duckdb.DuckDBPyConnection
    config: Config
    journal: Journal
    folder: Path

    def find(self, department: str, month: date = MONTH, most: int = 5_000) -> Found:
        answers = Corrections(self.journal).in_force()
        return find_defects(self.con, self.config.sources, department, answers, month, most=most)

    def book(self, department: str, found: Found | None = None) -> bytes:
        found = found or self.find(department)
        return make_book(
            found, self.config.district, self.config.sources, department,
            month=MONTH, night=2, day=DAY,
        ).content  # fmt: skip

    def sheet(self, department: str) -> Sheet:
        path = self.folder / f"{department}.xlsx"
        path.write_bytes(self.book(department))
        return Sheet(openpyxl.load_workbook(path)["问题数据"])

    def answer(self, department: str, fill: Fill, name: str = "filled.xlsx") -> Receipt:
        """Fill the workbook in and give it back."""
        path = fill_in(self.folder / f"{department}.xlsx", self.folder / name, fill)
        return self.take(path)

    def take(self, path: Path) -> Receipt:
        return take_book(
            self.con, self.journal, path, district=self.config.district,
            sources=self.config.sources, author="王干部", today=DAY,
        )  # fmt: skip


def fill_in(path: Path, target: Path, fill: Fill) -> Path:
    book = openpyxl.load_workbook(path)
    fill(Sheet(book["问题数据"]))
    book.save(target)
    return target


@pytest.fixture
def desk(districts: Districts, tmp_path: Path) -> Iterator[Desk]:
    home = districts.after
    config = load_config(home)
    url = f"sqlite:///{tmp_path}/journal.sqlite"
    with duckdb.connect(str(home.published), read_only=True) as con, open_journal(url) as journal:
        yield Desk(con, config, journal, tmp_path)


# What goes out


def test_each_department_gets_its_own_defects_gravest_first_and_no_whole_id_number(
    desk: Desk,
) -> None:
    labels = {source.label: source for source in desk.config.sources.values()}
    told = 0
    for department in ("civil_affairs", "social_security", "community"):
        sheet = desk.sheet(department)
        severities = [sheet.get(row, "severity") for row in sheet.rows]
        assert severities == sorted(severities, key=["须更正", "请核实"].index)
        for row in sheet.rows:
            cells = {name: sheet.get(row, name) for name in COLUMNS}
            assert labels[cells["source"]].department == department
            assert cells["wrong"] and cells["sheet"] + cells["key"]
            shown = " ".join(cells[name] for name in ("own", "evidence", "proposed"))
            assert not re.search(r"\d{15}", shown), cells["kind"]
            said = re.search(r"·([^·（：]+)[（：]", cells["evidence"])
            if said:
                told += 1
                assert may_see(labels[cells["source"]], labels[said.group(1)])
            if "不予提供" in cells["evidence"]:
                assert not cells["proposed"]
        kinds = {sheet.get(row, "kind") for row in sheet.rows}
        if department == "social_security":
            assert kinds >= {"id_check_digit", "id_borrowed", "contested"}
            assert any("不予提供" in sheet.get(row, "evidence") for row in sheet.rows)
    assert told > 20


def test_the_same_defects_make_the_same_bytes_and_what_is_too_much_is_counted(desk: Desk) -> None:
    some = desk.find("grid", most=3)
    (desk.folder / "some.xlsx").write_bytes(desk.book("grid", some))
    assert desk.book("grid", some) == (desk.folder / "some.xlsx").read_bytes()
    book = openpyxl.load_workbook(desk.folder / "some.xlsx")
    rest = sum(some.counts.values()) - 3
    assert f"另有 {rest} 项没有列入" in str(book["问题数据"].cell(2, 1).value)
    sheet = book["问题数据"]
    listed = [v.formula1 for v in sheet.data_validations.dataValidation if v.type == "list"]
    assert listed == ['"已更正,数据无误,无法核实"']
    locked = {name: sheet.cell(FIRST, place).protection.locked for name, place in COLUMN.items()}
    answers = [name for name, is_locked in locked.items() if not is_locked]
    assert answers == ["verdict", "value", "handler", "remark"]


def test_what_looks_like_a_formula_stays_a_text(desk: Desk) -> None:
    hostile = ("=HYPERLINK(1)", "+cmd|' /C calc'!A0", "-1+2", "@SUM(1)")
    found = desk.find("grid", most=len(hostile))
    defects = [
        replace(defect, name=text, own=text, evidence=text, sheet=text, evidence_source=text)
        for defect, text in zip(found.defects, hostile, strict=True)
    ]
    path = desk.folder / "hostile.xlsx"
    path.write_bytes(desk.book("grid", replace(found, defects=defects)))
    with zipfile.ZipFile(path) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        assert all(b"<f>" not in archive.read(name) for name in sheets)
    sheet = openpyxl.load_workbook(path)["问题数据"]
    written = [cell for row in sheet.iter_rows(FIRST) for cell in row if cell.value]
    assert {cell.data_type for cell in written} == {"s"}
    assert {cell.value for cell in written} >= set(hostile)


def test_the_dead_who_are_still_listed_and_rows_set_aside_are_told(
    desk: Desk, districts: Districts
) -> None:
    file = desk.folder / "changed.duckdb"
    shutil.copyfile(districts.after.published, file)
    with duckdb.connect(str(file)) as con:
        ((resident, record),) = con.execute(
            """SELECT resident_id, min(record_id) FILTER (source LIKE 'social%')
            FROM link.cluster JOIN std.record USING (record_id)
            GROUP BY resident_id HAVING bool_or(source = 'social_security_medical')
                AND bool_or(source = 'ledger_population') ORDER BY 1 LIMIT 1"""
        ).fetchall()
        con.execute(
            f"""UPDATE master.resident SET death_date = DATE '2020-02-02'
            WHERE resident_id = '{resident}'"""
        )
        con.execute(
            f"""UPDATE master.provenance SET death_date_record = 1,
            death_date_observed = '2026-10-01',
            death_date_source = (SELECT source_no FROM meta.source WHERE source = 'grid_return')
            WHERE resident_id = '{resident}'"""
        )
        con.execute(
            """INSERT INTO std.quarantine SELECT source, source_key, 'self', NULL, NULL, NULL,
            'no_identity', 'x', 2 FROM std.record WHERE record_id = ?""",
            [record],
        )
        found = replace(desk, con=con).find("social_security").defects
    aside = [defect for defect in found if defect.kind == "no_identity"]
    (dead,) = [d for d in found if d.kind == "dead_listed" and d.source.endswith("medical")]
    assert (dead.severity, dead.evidence, dead.field) == ("error", "2020-02-02", "death_date")
    assert [(defect.record_id, defect.field) for defect in aside] == [(record, "")]


# What comes back


def test_answers_are_taken_row_by_row_once_and_wrong_ones_say_why(desk: Desk) -> None:
    rows: dict[str, int] = {}

    def work(sheet: Sheet) -> None:
        def say(name: str, row: int, **cells: str) -> None:
            rows[name] = row
            for column, value in cells.items():
                sheet.put(row, column, value)

        phone = sheet.about("contested", "phone")
        say("value", phone, value="139 5555 6666", handler="李四", remark="电话核实")
        say("right", sheet.about("id_contradicts_birth"), verdict="数据无误")
        say("mended", sheet.about("contested", "address"), verdict="已更正")
        say("unknown", sheet.about("id_borrowed"), verdict="无法核实")
        say("bad number", sheet.about("id_check_digit"), value="110105194912310021")
        say("unreadable", sheet.about("contested", "phone"), verdict="已更正", value="12")
        same = sheet.about("contested", "phone")
        say("same", same, verdict="已更正", value=sheet.get(same, "own"))
        say("against", sheet.about("id_check_digit"), verdict="数据无误", value="x")
        say("other word", sheet.about("id_check_digit"), verdict="好的")
        say("number", sheet.about("id_check_digit"), verdict="数据无误", remark="见13955556666")
        say("changed", sheet.about("id_check_digit"), verdict="数据无误", own="改了")
        say("whole", sheet.about("listed_twice"), verdict="已更正", value="删")

    desk.sheet("social_security")
    receipt = desk.answer("social_security", work)
    said = {outcome.row: outcome for outcome in receipt.outcomes}
    kinds = {name: said[row].kind for name, row in rows.items()}
    taken = ("value", "right", "mended", "unknown")
    assert {name: kinds.pop(name) for name in taken} == {name: name for name in taken}
    assert set(kinds.values()) == {"refused"}
    assert len({said[rows[name]].says for name in kinds}) == len(kinds)
    text = receipt_text(receipt)
    assert "收下 4 项：更正值 1" in text and f"第 {rows['whole']} 行" in text
    assert "139" not in text and "改了" not in text

    assert desk.take(desk.folder / "filled.xlsx").refused is not None

    def once_more(sheet: Sheet) -> None:
        work(sheet)
        sheet.put(rows["whole"], "value", None)
        sheet.put(rows["whole"], "verdict", None)

    again = desk.answer("social_security", once_more, "again.xlsx")
    assert again.counts["again"] == 4 and not {"value", "right"} & again.counts.keys()

    def open_ones(month: date) -> dict[int, date | None]:
        numbers = {(s.record_id, s.field, s.kind): s.promised_on
                   for s in desk.find("social_security", month).defects}  # fmt: skip
        return {
            answer.answer_id: numbers[answer.record_id, answer.field, answer.kind]
            for answer in Corrections(desk.journal).in_force()
            if (answer.record_id, answer.field, answer.kind) in numbers
        }

    ids = {answer.verdict + str(answer.value is not None): answer.answer_id
           for answer in Corrections(desk.journal).in_force()}  # fmt: skip
    assert open_ones(MONTH) == {}
    assert open_ones(date(2026, 12, 1)) == {ids["mendedFalse"]: DAY}
    assert open_ones(LATER).keys() == {ids["mendedFalse"], ids["unknownFalse"]}

    corrections = Corrections(desk.journal)
    corrections.say(receipt.return_id, "undo", "王干部", "试填")
    assert corrections.in_force() == [] and corrections.values() == []
    assert len(open_ones(MONTH)) == 0 and len(desk.find("social_security").defects) > 4


def test_a_file_that_is_no_defect_book_of_this_district_is_refused_as_a_whole(desk: Desk) -> None:
    sheet = desk.sheet("grid")
    sheet.sheet.insert_cols(3)
    (desk.folder / "junk.xlsx").write_bytes(b"PK\x03\x04 half")
    sheet.sheet.parent.save(desk.folder / "columns.xlsx")
    (desk.folder / "link.xlsx").symlink_to(desk.folder / "grid.xlsx")
    book = openpyxl.load_workbook(desk.folder / "grid.xlsx")
    book["批次"]["B4"].value = "别的镇"
    book.save(desk.folder / "elsewhere.xlsx")
    with zipfile.ZipFile(desk.folder / "grid.xlsx") as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(desk.folder / "cut.xlsx", "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part[:-99] if name.endswith("sheet1.xml") else part)
    refused = {
        name: desk.take(desk.folder / f"{name}.xlsx").refused or ""
        for name in ("junk", "cut", "columns", "link", "elsewhere")
    }
    words = {"junk": "打不开", "cut": "打不开", "columns": "表头", "link": "链接"}
    words["elsewhere"] = "别的镇"
    assert all(words[name] in why for name, why in refused.items()), refused
    assert Corrections(desk.journal).returns() == []


# What the night makes of it


@pytest.fixture(scope="module")
def corrected(districts: Districts, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict]:
    """A home whose social security office answered by workbook, after one more night."""
    folder = tmp_path_factory.mktemp("corrected")
    home = copy(districts.after, folder / "home")
    department = ("--department", "人社")
    done = onegrid("defects", "out", folder / "out", *department, home=home)
    assert done.code == 0, done.err
    (book,) = (folder / "out").glob("*.xlsx")
    told: dict[str, int] = {}

    def correct(name: str, number: int) -> Fill:
        def fill(sheet: Sheet) -> None:
            rows = [
                row
                for row in sheet.rows
                if (sheet.get(row, "kind"), sheet.get(row, "field_name")) == ("contested", "phone")
                and sheet.get(row, "source_name") == "social_security_medical"
            ]
            row = rows[number]
            told[name] = int(sheet.get(row, "record"))
            told[f"{name} key"] = sheet.get(row, "key")  # type: ignore[assignment]
            sheet.put(row, "value", f"1395555000{number}")

        return fill

    for number, name in enumerate(("kept", "overtaken", "undone")):
        answered = fill_in(book, folder / f"{name}.xlsx", correct(name, number))
        done = onegrid("defects", "in", answered, "--author", "李四", home=home)
        assert done.code == 0, done.out + done.err
        assert "收下 1 项" in done.out
    with open_journal(journal_url(home)) as journal:
        last = Corrections(journal).returns()[-1].return_id
    done = onegrid("defects", "undo", last, "--reason", "填错", "--author", "李四", home=home)
    assert done.code == 0, done.err
    with sqlite3.connect(home.root / "district" / "social_security.sqlite") as office:
        changed = office.execute(
            "UPDATE medical_insurance SET AAE005 = '13955557777' WHERE AAC001 = ?",
            [told["overtaken key"]],
        )
        assert changed.rowcount == 1
    done = onegrid("run", "--plain", home=home)
    assert done.code == 0, done.err
    assert "已撤回" in onegrid("defects", "list", home=home).out
    return home, told


def test_a_corrected_value_is_used_until_the_row_itself_changes_or_it_is_undone(
    corrected: tuple[Home, dict], districts: Districts
) -> None:
    home, told = corrected
    phones = dict(ask(home, "SELECT record_id, phone FROM std.record"))
    before = dict(ask(districts.after, "SELECT record_id, phone FROM std.record"))
    assert phones[told["kept"]] == "13955550000"
    assert phones[told["overtaken"]] == "13955557777"
    assert phones[told["undone"]] == before[told["undone"]]
    assert ask(home, "SELECT record_id, field, handler FROM std.correction") == [
        (told["kept"], "phone", "李四")
    ]
    assert ask(home, "SELECT record_id, severity FROM std.defect WHERE kind = 'corrected'") == [
        (told["kept"], "info")
    ]
    changed = ask(home, "SELECT record_id FROM delta.record WHERE change = 'changed'")
    assert {(told["kept"],), (told["overtaken"],)} == set(changed)
