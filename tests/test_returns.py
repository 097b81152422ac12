"""Forms come back: filled in as a worker would, dropped into the inbox, known the next night."""

from __future__ import annotations

import io
import os
import re
import shutil
import struct
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import msoffcrypto
import pytest
from openpyxl import load_workbook

from pipelines.answers import Answers
from pipelines.config import load_config
from pipelines.deliver.locks import lock
from pipelines.deliver.render import render_all
from pipelines.home import Home
from pipelines.intake.take import take_files
from pipelines.journal import open_journal
from tests.district_fixture import Districts, ask, copy, onegrid
from tests.returned_fixture import Fill, Form, fill, forms


@pytest.fixture
def home(districts: Districts, tmp_path: Path) -> Home:
    return copy(districts.after, tmp_path / "home")


def answers(home: Home) -> dict[str, int]:
    return dict(
        ask(home, "SELECT kind || ' ' || status, count(*) FROM deliver.answer GROUP BY ALL")
    )


def receipts(home: Home) -> str:
    return "\n".join(p.read_text("utf-8") for p in sorted(home.receipts.rglob("*.txt")))


def test_answers_are_known_the_next_night_and_not_asked_again(home: Home) -> None:
    told: dict[str, list[str]] = {}

    def work(form: Form) -> None:
        def residents(rows: list[int]) -> list[str]:
            return [form.get(row, "resident_id") or "" for row in rows]

        phones, schools = form.having("phone", "需填"), form.having("education", "需填")
        checked = [r for r in form.having("phone", "待核") if r not in schools]
        for number, row in enumerate(phones):
            form.put(row, "phone", f"139 1234 {number:04d}")
        for row in schools:
            form.put(row, "education", "初中")
        for row in checked:
            form.put(row, "result", "正确")
        told["phone"], told["education"] = residents([*phones, *checked]), residents(schools)
        untouched = [r for r in form.rows if r not in {*phones, *schools, *checked}]
        for row, way, remark in zip(
            untouched,
            ("已迁出", "拒答", "已死亡", "已死亡"),
            ("去了邻县", None, "2026年10月3日去世", None),
            strict=False,
        ):
            form.put(row, "result", way)
            form.put(row, "remark", remark)
            told.setdefault(way, []).extend(residents([row]))
        form.put(untouched[5], "phone", "12345")

    path = forms(home)[0]
    fill(path, home.returns / path.name, work)
    done = onegrid("run", "--plain", home=home)
    assert done.code == 0, done.err

    for field in ("phone", "education"):
        states = ask(
            home,
            f"""SELECT state, count(*) FROM deliver.form_cell WHERE field = '{field}'
            AND resident_id IN {tuple(told[field])!r} GROUP BY ALL""",
        )
        assert [state for state, _ in states] == ["known"], states
        assert states[0][1] > 5
    assert ask(
        home,
        f"""SELECT DISTINCT source FROM master.cell WHERE field = 'education'
        AND resident_id IN {tuple(told["education"])!r}""",
    ) == [("grid_return",)]
    off, dead = told["已迁出"][0], told["已死亡"][0]
    listed = {r for (r,) in ask(home, "SELECT resident_id FROM deliver.form_row")}
    assert off not in listed and dead not in listed
    assert ask(
        home, f"SELECT death_date::VARCHAR FROM master.resident WHERE resident_id = '{dead}'"
    ) == [("2026-10-03",)]
    assert told["已死亡"][1] in listed
    assert not ask(
        home,
        f"""SELECT field FROM deliver.form_cell WHERE form = 'population'
        AND resident_id = '{told["拒答"][0]}' AND state = 'ask'""",
    )
    said = receipts(home)
    assert "请在备注里写死亡日期" in said
    assert "“联系电话”：看不懂" in said
    assert not list(home.returns.rglob("*.xlsx"))
    assert len(list(home.archive.glob("*.xlsx"))) == 1
    assert not ask(home, "SELECT 1 FROM std.record WHERE source = 'grid_return' AND name <> ''")

    told_of = onegrid("burden", "--by", "department", "--repeated", home=home)
    assert told_of.code == 0, told_of.err
    required, known, answered, confirmed = ask(
        home,
        """WITH mine AS (SELECT * FROM deliver.answer
            JOIN deliver.form_cell USING (resident_id, field)
            WHERE form = 'population' AND field <> 'employer')
        SELECT sum(required_cells), sum(known_cells),
            (SELECT count(DISTINCT (resident_id, field)) FILTER (state = 'known') FROM mine),
            (SELECT count(*) FROM mine WHERE kind = 'confirmed' AND state <> 'none')
        FROM deliver.form""",
    )[0]
    spared = known - answered
    assert f"应填 {required:,} 项，免问 {spared:,} 项" in told_of.out
    by_field = onegrid("burden", home=home).out
    assert confirmed and "文化程度" in by_field and "重复采集" in told_of.out

    # an undo ends as if they had never come
    ((return_id,),) = ask(home, 'SELECT return_id FROM deliver."return"')
    assert onegrid("return", "undo", return_id, "--reason", "错了", home=home).code == 0
    assert onegrid("run", "--plain", home=home).code == 0
    assert ask(home, "SELECT count(*) FROM master.cell WHERE source = 'grid_return'") == [(0,)]
    assert ask(home, "SELECT DISTINCT status FROM deliver.answer") == [("undone",)]
    assert off in {r for (r,) in ask(home, "SELECT resident_id FROM deliver.form_row")}


def test_rows_may_be_sorted_lost_copied_and_mixed_up(home: Home, tmp_path: Path) -> None:
    first, second, *_ = forms(home)

    def strange(form: Form) -> None:
        sheet = form.sheet
        form.sheet.cell(6, form.columns["phone"]).value = "手机（改过列名）"
        one, other, *rest = form.having("phone", "需填")
        form.put(one, "phone", "13912345671")
        width = sheet.max_column
        body = [[sheet.cell(r, c).value for c in range(1, width + 1)] for r in form.rows]
        numbers = {row: index for index, row in enumerate(form.rows)}
        copied = list(body[numbers[one]])
        differing = list(body[numbers[other]])
        differing[form.columns["phone"] - 1] = "13912345672"
        foreign = list(body[numbers[rest[0]]])
        foreign[form.columns["row_id"] - 1] = "population-2026-11-999999999999999#3"
        moved = list(body[numbers[rest[1]]])
        moved[form.columns["resident_id"] - 1] = body[numbers[one]][form.columns["resident_id"] - 1]
        inserted = [None] * width
        inserted[form.columns["name"] - 1] = "新来的"
        kept = [row for index, row in enumerate(body) if index not in {numbers[rest[1]]}]
        mixed = [*reversed(kept[: len(kept) // 2]), copied, differing, foreign, moved, inserted]
        form.unmerge()
        for at in range(7, sheet.max_row + 1):
            values = mixed[at - 7] if at - 7 < len(mixed) else [None] * width
            for column, value in enumerate(values, start=1):
                sheet.cell(at, column).value = value

    fill(first, tmp_path / "乱.xlsx", strange)
    done = onegrid("return", "in", tmp_path / "乱.xlsx", home=home)
    assert done.code == 1
    for words in ("只写了姓名", "来自别的表格", "行标识与下发时不一致", "出现了两行", "下发时有"):
        assert words in done.out, done.out
    assert "新填 1 项" in done.out

    again = onegrid("return", "in", tmp_path / "乱.xlsx", home=home)
    assert "以前已经交过" in again.out

    def phone(number: str) -> Fill:
        def say(form: Form) -> None:
            form.put(form.having("phone", "需填")[3], "phone", number)

        return say

    # two workers differ; the same worker may think again
    for who, number, words in (
        ("甲", "13912345673", "新填 1 项"),
        ("甲", "13912345674", "新填 1 项"),
        ("乙", "13912345675", "待核定 1 项"),
        ("丙", "13912345674", "新填 0 项"),
    ):
        path = fill(second, tmp_path / f"{who}{number}.xlsx", phone(number))
        done = onegrid("return", "in", path, "--author", who, home=home)
        assert words in done.out, (who, done.out)
    listed = onegrid("return", "list", home=home)
    assert "另有一份交回的表填写不同" in listed.out
    assert "1391234" not in listed.out


@pytest.mark.thorough
def test_identity_is_not_changed_without_a_person(home: Home, tmp_path: Path) -> None:
    first = forms(home)[0]
    ((other_number,),) = ask(
        home, "SELECT id_number FROM master.resident WHERE id_number IS NOT NULL LIMIT 1"
    )
    told: list[str] = []

    def say(form: Form) -> None:
        free = form.having("id_number", "需填")
        form.put(free[0], "id_number", other_number)
        shown = [r for r in form.rows if form.get(r, "name") and r not in free]
        form.put(shown[0], "sex", "女" if form.get(shown[0], "sex") == "男" else "男")
        told.append(form.get(shown[0], "resident_id") or "")

    path = fill(first, tmp_path / "身份.xlsx", say)
    done = onegrid("return", "in", path, home=home)
    assert "填写的证号在系统里属于另一名居民" in done.out
    assert "改动了身份信息" in done.out
    assert "待核定 2 项" in done.out
    listed = onegrid("return", "list", home=home)
    number = next(line.split()[0] for line in listed.out.splitlines() if "改动了身份信息" in line)
    settle = ("return", "settle", number, "accept", "--reason", "看过户口本", "--author", "街道")
    assert onegrid(*settle, home=home).code == 0
    assert onegrid("run", "--plain", home=home).code == 0
    assert ask(
        home,
        f"""SELECT count(*) FROM std.record WHERE source = 'grid_return' AND sex IS NOT NULL
        AND record_id IN (SELECT record_id FROM link.cluster WHERE resident_id = '{told[0]}')""",
    ) == [(1,)]


def test_a_locked_form_opens_for_its_grid_and_its_masked_numbers_are_corrected_in_full(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEGRID_FORM_SECRET", "sixteen characters and more")
    config = load_config(home)
    change = {"mask": "middle", "encrypted": True}
    masked = config.forms["population"].model_copy(update=change)
    config = replace(config, forms={"population": masked})
    with duckdb.connect(str(home.published), read_only=True) as con:
        render_all(con, tmp_path / "masked", config)
    told: dict[str, list[str]] = {}

    def work(form: Form) -> None:
        phones = [r for r in form.rows if "*" in (form.get(r, "phone") or "")]
        assert not [r for r in form.rows if re.search(r"\d{7}", form.get(r, "id_number") or "")]
        checked = [r for r in phones if (form.get(r, "phone:source") or "").startswith("待核")]
        for row in checked[1:]:
            form.put(row, "result", "正确")
        form.put(checked[0], "phone", "13912345678")
        told["confirmed"] = [form.get(row, "resident_id") or "" for row in checked[1:]]
        told["correction"] = [form.get(checked[0], "resident_id") or ""]

    locked = max((tmp_path / "masked").rglob("*_人口*.xlsx"), key=lambda p: p.stat().st_size)
    assert not zipfile.is_zipfile(locked)
    grid = locked.name.split("_", maxsplit=1)[0]
    secret = {"ONEGRID_FORM_SECRET": "sixteen characters and more"}
    told_of = onegrid("form", "password", grid, home=home, environment=secret)
    password = told_of.out.split()[-1]
    with locked.open("rb") as file, (tmp_path / "open.xlsx").open("wb") as target:
        office = msoffcrypto.OfficeFile(file)
        office.load_key(password=password)
        office.decrypt(target)
    path = fill(tmp_path / "open.xlsx", tmp_path / f"{grid}_交回.xlsx", work)
    path.write_bytes(lock(path.read_bytes(), password))
    other = tmp_path / "330199101999999_交回.xlsx"
    other.write_bytes(path.read_bytes() + b" ")
    with open_journal(config.journal_url) as journal:
        receipt, refused = take_files(home, config, journal, [path, other])
        said = {(a.resident_id, a.kind): a for a in Answers(journal).all() if a.field == "phone"}
    assert (receipt.refused, receipt.mend, refused.refused) == (None, [], "locked_form")
    known = dict(ask(home, "SELECT resident_id, phone FROM master.resident"))
    assert said.keys() == {(r, kind) for kind, residents in told.items() for r in residents}
    assert all(a.value == known[r] for (r, kind), a in said.items() if kind == "confirmed")
    assert len(told["confirmed"]) > 1


def test_what_is_no_form_ends_in_a_receipt(home: Home) -> None:
    source = forms(home)[0]
    inbox = home.returns
    inbox.mkdir(parents=True)
    (inbox / "断了.xlsx").write_bytes(source.read_bytes()[:4_000])
    old = time.time() - 3_600
    os.utime(inbox / "断了.xlsx", (old, old))
    (inbox / "还在拷贝.xlsx").write_bytes(source.read_bytes()[:4_000])
    (inbox / "半个.xlsx.part").write_bytes(b"PK")
    (inbox / "外链.xlsx").symlink_to("/etc/passwd")
    shutil.copy(source, inbox / "宏.xlsx")
    with zipfile.ZipFile(inbox / "宏.xlsx", "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\0" * 64)
    bomb = inbox / "炸弹.xlsx"
    shutil.copy(source, bomb)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet99.xml", b"\0" * (30 << 20))

    def foreign(form: Form) -> None:
        form.sheet.parent["批次"].cell(2, 2).value = "population-2026-11-000000000000000"

    fill(source, inbox / "..别处..(甲)" / "=别的 表.xlsx", foreign)

    def formula(form: Form) -> None:
        form.put(form.having("phone", "需填")[0], "phone", '=HYPERLINK("http://example.invalid")')

    fill(source, inbox / "公式.xlsx", formula)
    other = load_workbook(source)
    for name in ("批次", "字典"):
        del other[name]
    other.save(inbox / "别的格式.xlsx")
    many = load_workbook(source)
    for row in range(50_000):
        many["核查表"].cell(2_000 + row, 3).value = "多"
    many.save(inbox / "太多.xlsx")

    def no_version(form: Form) -> None:
        form.sheet.parent["批次"].cell(3, 2).value = "²"

    assert load_workbook(source)["批次"].cell(3, 1).value == "version"
    fill(source, inbox / "哪一版.xlsx", no_version)

    def asks_more(form: Form) -> None:
        formula(form)
        form.sheet.cell(5, form.sheet.max_column + 1).value = 'x"); DROP TABLE said; --'

    fill(source, inbox / "多一列.xlsx", asks_more)
    for name, content in _damaged_exports():
        (inbox / name).write_bytes(content)
    folder, name = (os.fsdecode(word.encode("gbk")) for word in ("张三", "表格.txt"))
    (inbox / folder).mkdir()
    (inbox / folder / name).write_bytes(b"?")
    os.utime(inbox / folder / name, (old, old))
    _link_elsewhere(fill(source, inbox / "外部引用.xlsx", formula))
    before = ask(home, "SELECT count(*), bit_xor(hash(r)) FROM master.resident r")
    done = onegrid("return", "in", home=home)
    assert done.code == 1
    # what a formula came to is what the worker saw; where it leads is not followed
    with open_journal(load_config(home).journal_url) as journal:
        assert [(a.field, a.value) for a in Answers(journal).all()] == [("phone", "13912345678")]
    assert "Traceback" not in done.err
    for words in (
        "文件损坏",
        "文件里有宏",
        "指向别处的链接",
        "过大",
        "没有下发过这张表",
        "不是下发的表格",
        "行数过多",
    ):
        assert words in done.out, done.out
    assert {p.name for p in inbox.rglob("*") if p.is_file()} == {"还在拷贝.xlsx", "半个.xlsx.part"}
    assert all(p.resolve().is_relative_to(home.receipts) for p in home.receipts.rglob("*.txt"))
    assert ask(home, "SELECT count(*), bit_xor(hash(r)) FROM master.resident r") == before


def _damaged_exports() -> Iterator[tuple[str, bytes]]:
    """Archives at which a program that trusts them stumbles."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("表.csv", "form_id,row_id,resident_id\n" * 99)
    whole = packed.getvalue()
    listed, end = whole.index(b"PK\x01\x02"), whole.rindex(b"PK\x05\x06")
    of_two = struct.pack("<4sIQI", b"PK\x06\x07", 0, 0, 2)
    yield "分卷.zip", whole[:end] + of_two + whole[end:]
    yield "更新的压缩.zip", whole[: listed + 6] + b"\x63" + whole[listed + 7 :]
    yield "坏名字.zip", whole[: listed + 46] + b"\xff" + whole[listed + 47 :]
    yield "坏内容.zip", whole[:44] + b"\xff" * 8 + whole[52:]


def _link_elsewhere(path: Path) -> None:
    """Let the workbook's formula have a result, and take it from another file."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet2.xml"]
    changed = re.sub(
        rb"<f>HYPERLINK[^<]*</f><v ?/?>(</v>)?", b"<f>[1]x!A1</f><v>13912345678</v>", sheet
    )
    assert changed != sheet
    parts["xl/worksheets/sheet2.xml"] = changed
    parts["xl/externalLinks/externalLink1.xml"] = b"<externalLink/>"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.thorough
def test_an_old_issue_counts_and_people_who_are_gone_do_not(districts: Districts, tmp_path) -> None:
    home = copy(districts.after, tmp_path / "home")
    issued = {path.name: path for path in forms(districts.before)}
    for night in sorted(home.nights.glob("*.duckdb"))[:1]:
        night.unlink()  # the night of the issue is kept no more

    def everything(form: Form) -> None:
        for row in form.having("employer", "选填"):
            form.put(row, "employer", "镇纺织厂")

    paths = [fill(path, tmp_path / "filled" / name, everything) for name, path in issued.items()]
    done = onegrid("return", "in", *paths, "--author", "网格员", home=home)
    assert "Traceback" not in done.err
    assert "收下" in done.out, done.out
    assert onegrid("run", "--plain", home=home).code == 0
    kept = answers(home)
    assert kept["answer applied"] > 20
    assert not ask(
        home,
        """SELECT 1 FROM deliver.answer a LEFT JOIN master.resident r USING (resident_id)
        WHERE r.resident_id IS NULL""",
    )
