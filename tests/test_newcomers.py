"""Somebody who is not on the list: written into it, a resident the next night or not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from openpyxl import load_workbook

from pipelines.home import Home
from tests.district_fixture import Districts, ask, copy, onegrid
from tests.returned_fixture import Form, fill, forms, number_of


@pytest.fixture
def home(districts: Districts, tmp_path: Path) -> Home:
    return copy(districts.after, tmp_path / "home")


def people(home: Home, where: str) -> list[tuple]:
    return ask(
        home,
        f"""SELECT resident_id, name, grid_code, phone, sex FROM master.resident
        WHERE {where} ORDER BY ALL""",
    )


def grid_of(path: Path) -> str:
    return str(load_workbook(path, read_only=True)["批次"]["B6"].value)


def test_who_is_written_below_the_list_is_a_resident_the_next_night(
    home: Home, tmp_path: Path
) -> None:
    path, other, *_ = forms(home)
    grid = grid_of(path)
    homeless = ask(
        home,
        """SELECT resident_id, name, id_number FROM master.resident
        WHERE grid_code IS NULL AND id_number IS NOT NULL AND death_date IS NULL ORDER BY 1""",
    )[0]
    foreign = ask(
        home,
        f"""SELECT resident_id, name, id_number FROM master.resident
        WHERE grid_code = '{grid_of(other)}' AND id_number IS NOT NULL AND death_date IS NULL
        AND name IS NOT NULL ORDER BY 1""",
    )
    born = number_of("19900412")
    told: dict[str, int] = {}

    def work(form: Form) -> None:
        rows = iter(form.blank)

        def new(key: str, **said: object) -> None:
            told[key] = next(rows)
            form.write(told[key], **said)

        listed = next(r for r in form.having("id_number", "") if form.get(r, "id_number"))
        home_of = form.get(form.rows[0], "place")
        new("full", name="欧阳新晨", id_number=born, sex="男", phone="139 5555 0001",
            education="大学本科", employer="=1+1", place=home_of)  # fmt: skip
        new("few", name="司徒念远", phone="13955550002", place="翠苑小区990幢1单元101室")
        new("placeless", name="慕容望舒", birth_date="1988/3/9", phone="13955550003")
        new("joins", name=homeless[1], id_number=homeless[2], place=home_of)
        new("elsewhere", name=foreign[0][1], id_number=foreign[0][2], place=home_of)
        new("held", name="皇甫长风", id_number=foreign[1][2], phone="13955550004", place=home_of)
        new("name only", name="端木一")
        new("nameless", phone="13955550005")
        new("wrong number", name="端木二", id_number="330199199004120000", phone="13955550006")
        new("listed", name=form.get(listed, "name"), id_number=form.get(listed, "id_number"))
        new("copy", name="欧阳 新晨", id_number=born, sex="男", phone="139 5555 0001",
            education="大学本科", employer="=1+1", place=home_of)  # fmt: skip
        new("dropdown", name="端木三", phone="13955550007", education="不知道什么学历")
        # a row of the list that was cleared and written over, its hidden cells too
        told["inserted"] = row = form.rows[-1]
        for name in form.columns:
            form.put(row, name, None)
        form.write(row, name="诸葛知秋", id_number=number_of("19611205"), place=home_of)

    returned = fill(path, tmp_path / "交回.xlsx", work)
    before = ask(home, "SELECT count(*) FROM master.resident")[0][0]
    done = onegrid("return", "in", returned, home=home)
    assert "新增人员 6 人" in done.out, done.out
    taken = ("inserted", "full", "few", "placeless", "joins", "dropdown")
    listed = "、".join(str(told[key]) for key in taken)
    assert f"按新增人员收下，下一次汇总后编入名册：第 {listed} 行" in done.out
    placeless = "、".join(str(told[key]) for key in ("few", "placeless", "dropdown"))
    assert re.search(rf"对不上本网格登记的房屋.*：第 {placeless} 行", done.out)
    for key, words in {
        "name only": "只写了姓名",
        "nameless": "没有姓名",
        "wrong number": "这位新增人员还没有收",
        "listed": "本来就在这张表上",
        "dropdown": "“文化程度”：看不懂",
        "held": "“身份证号”：填写的证号在系统里属于另一名居民",
        "elsewhere": "“身份证号”：这个证号的人登记在别的网格",
    }.items():
        assert re.search(rf"第 {told[key]} 行.*{words}", done.out), (key, done.out)
    assert "13955550" not in done.out
    assert born not in done.out

    # the same content again, whether or not it is the same file
    assert "以前已经交过" in onegrid("return", "in", returned, home=home).out
    again = fill(returned, tmp_path / "又存了一次.xlsx", lambda form: None)
    assert onegrid("return", "in", again, "--author", "甲", home=home).code == 1

    waiting = onegrid("return", "list", home=home).out
    assert waiting.count("属于另一名居民") == waiting.count("登记在别的网格") == 1
    number = next(line.split()[0] for line in waiting.splitlines() if "别的网格" in line)
    assert onegrid("run", "--plain", home=home).code == 0
    ((me, _, mine, *rest),) = people(home, "name = '欧阳新晨'")
    assert (mine, rest) == (grid, ["13955550001", "1"])
    assert ask(
        home,
        f"SELECT source FROM master.crosswalk WHERE resident_id = '{me}'",
    ) == [("grid_return",)]
    states = dict(
        ask(
            home,
            f"""SELECT field, state FROM deliver.form_cell
            WHERE form = 'population' AND resident_id = '{me}'""",
        )
    )
    assert (states["phone"], states["education"], states["hukou_address"]) == (
        *("known", "known"),
        "ask",
    )
    assert states["id_number"] == "known"
    assert ask(home, f"SELECT DISTINCT status FROM deliver.answer WHERE resident_id = '{me}'") == [
        ("applied",)
    ]
    assert [row[2] for row in people(home, "name IN ('司徒念远', '慕容望舒')")] == [None, None]
    assert people(home, f"id_number = '{homeless[2]}'")[0][0] == homeless[0]
    assert people(home, f"id_number = '{homeless[2]}'")[0][2] == grid
    assert people(home, f"id_number = '{foreign[0][2]}'")[0][2] == grid_of(other)
    assert not people(home, "name IN ('皇甫长风', '端木一', '端木二')")
    assert people(home, "name = '诸葛知秋'")[0][2] == grid
    added = ask(home, "SELECT count(*) FROM master.resident")[0][0] - before
    assert added == 5, added
    listed_now = Form(load_workbook(forms(home)[0])["核查表"])
    assert "欧阳新晨" in {listed_now.get(row, "name") for row in listed_now.rows}

    # one word lets somebody of another grid in; another takes everything back
    settle = ("return", "settle", number, "accept", "--reason", "迁来了", "--author", "街道")
    assert onegrid(*settle, home=home).code == 0
    assert onegrid("run", "--plain", home=home).code == 0
    joined = f"""SELECT count(*) FROM master.crosswalk WHERE source = 'grid_return'
        AND resident_id = '{foreign[0][0]}'"""
    assert ask(home, joined) == [(1,)]
    for (return_id,) in ask(home, 'SELECT return_id FROM deliver."return"'):
        assert onegrid("return", "undo", return_id, "--reason", "错了", home=home).code == 0
    assert onegrid("run", "--plain", home=home).code == 0
    assert not people(home, "name IN ('欧阳新晨', '司徒念远', '慕容望舒', '诸葛知秋', '端木三')")
    assert ask(home, "SELECT count(*) FROM master.resident")[0][0] == before
    assert people(home, f"id_number = '{homeless[2]}'")[0][2] is None
