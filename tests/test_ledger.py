"""Ledgers: found by their words in any layout; hostile files cost themselves and nobody else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest

from pipelines.errors import SourceHeld
from pipelines.extract import mirror_raw, pull_source
from schemas.source import PersonMap, SourceColumn, SourceMap
from tests.test_extract_database import landed, make_night

LEDGER = SourceMap(
    source="ledger",
    label="人口台账",
    department="community",
    kind="workbook",
    files="*.xlsx",
    sheets="人口|组",
    village_from_file=r"^(?:\d+[-_.、]?)?(.+?(?:村|社区))",
    natural_key=("name", "id_number"),
    purposes=("population",),
    columns={
        "household_no": SourceColumn(aliases=("户号",)),
        "name": SourceColumn(aliases=("姓名", "本人姓名"), required=True),
        "id_number": SourceColumn(aliases=("身份证号", "公民身份号码"), required=True),
        "phone": SourceColumn(aliases=("联系电话", "联系方式手机")),
        "address": SourceColumn(aliases=("现住址", "住址")),
    },
    persons=(
        PersonMap(
            role="self", fields={"name": "name", "id_number": "id_number", "address": "address"}
        ),
    ),
)
HEAD = ["序号", "姓名", "身份证号", "现住址"]


def number(n: int) -> str:
    return f"33019919800101{n:04d}"


def people(count: int) -> list[list]:
    return [[n, f"人{n}", number(n), f"{n}号"] for n in range(1, count + 1)]


def write(
    path: Path, *sheets: list[list], merge: tuple[str, ...] = (), title: str = "人口"
) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for index, rows in enumerate(sheets):
        sheet = book.create_sheet(f"{title}{index + 1}")
        for row in rows:
            sheet.append(row)
        for area in merge:
            sheet.merge_cells(area)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def live(night, columns="name, id_number, address", where="true"):
    return landed(
        night,
        f"SELECT {columns} FROM main.ledger WHERE until_night IS NULL AND {where} ORDER BY ALL",
    )


def waiting(night):
    return landed(
        night,
        "SELECT file, reason FROM main.ledger_quarantine WHERE until_night IS NULL ORDER BY ALL",
    )


@pytest.fixture
def night(tmp_path):
    return make_night(tmp_path, LEDGER)


@pytest.fixture
def second(tmp_path, night):
    return make_night(tmp_path, LEDGER, 2, 1)


def test_title_date_instruction_total_and_footer_rows_are_no_people(night):
    rows = [
        ["东风村人口台账"],
        ["单位：东风村", None, "填报日期：2026年6月3日"],
        HEAD,
        ["必填", "必填", "必填：18位数字", "格式：楼栋-房号"],
        *people(2),
        ["小计", None, 2, None],
        HEAD,
        [3, "张 三", 110101199003078530, None],
        ["合计", "3人", None, None],
        ["制表人：李四", None, "审核人：王五"],
    ]
    write(night.home.inbox / "01-东风村台账.xlsx", rows)
    pull_source(night, "ledger")
    assert live(night) == [
        ("人1", number(1), "1号"),
        ("人2", number(2), "2号"),
        ("张 三", "1.101011990030785e+17", None),
    ]
    assert live(night, "DISTINCT observed") == [("2026-06-03",)]


def test_two_header_rows_merged_cells_ditto_and_another_order(night):
    first = [
        ["户号", "本人\n姓名", "公民身份号码（必填）", "联系方式", None, "住址"],
        [None, None, None, "手机", "座机", None],
        ["H1", "人1", number(1), 13800000001, None, "甲路1号"],
        [None, "人2", number(2), None, None, "同上"],
    ]
    other = [["住址", "身份证号", "姓名"], ["乙路", number(3), "人3"]]
    path = write(night.home.inbox / "东风村.xlsx", first, other)
    book = openpyxl.load_workbook(path)
    for area in ("A1:A2", "B1:B2", "C1:C2", "D1:E1", "F1:F2", "A3:A4"):
        book.worksheets[0].merge_cells(area)
    book.save(path)
    pull_source(night, "ledger")
    assert live(night, "name, household_no, id_number, phone, address") == [
        ("人1", "H1", number(1), "13800000001", "甲路1号"),
        ("人2", "H1", number(2), None, "甲路1号"),
        ("人3", None, number(3), None, "乙路"),
    ]


def test_hostile_files_wait_in_quarantine_and_the_rest_is_read(night):
    inbox = night.home.inbox
    write(inbox / "好村.xlsx", [HEAD, *people(2)])
    (inbox / "垃圾村.xlsx").write_bytes(b"junk" * 100)
    (inbox / "加密村.xlsx").write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    )
    write(inbox / "无头村.xlsx", [["甲", "乙"], ["丙", "丁"]])
    sparse = write(inbox / "稀疏村.xlsx", [HEAD])
    book = openpyxl.load_workbook(sparse)
    book.active["XFD1048576"] = "x"
    book.save(sparse)
    deep = write(inbox / "深坑村.xlsx", [HEAD, *people(1)])
    with zipfile.ZipFile(deep, "a") as archive:
        archive.writestr("xl/worksheets/sheet2.xml", '<c r="A99999999"><v>1</v></c>')
    bomb = write(inbox / "炸弹村.xlsx", [HEAD, *people(1)])
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b" " * (64 << 20))
    counts = pull_source(night, "ledger")
    assert dict(waiting(night)) == {
        "垃圾村.xlsx": "not_a_workbook",
        "加密村.xlsx": "password",
        "无头村.xlsx": "no_header",
        "稀疏村.xlsx": "sparse",
        "深坑村.xlsx": "sparse",
        "炸弹村.xlsx": "too_large",
    }
    assert counts["files_quarantined"] == 6
    assert len(live(night)) == 2
    assert len(list(night.home.quarantine.glob("*.txt"))) == 6
    assert len(list(night.home.quarantine.glob("*.xlsx"))) == 6


def test_an_unchanged_or_renamed_file_is_skipped_and_its_rows_stay(night, second):
    path = write(night.home.inbox / "东风村.xlsx", [HEAD, *people(3)])
    pull_source(night, "ledger")
    path.rename(path.with_name("东风村（最新）.xlsx"))
    counts = pull_source(second, "ledger")
    assert (counts["status"], counts["files_skipped"], counts["rows_pulled"]) == ("skipped", 1, 3)


def test_a_new_version_is_merged_by_people_not_by_position(night, second):
    path = write(night.home.inbox / "东风村2026-05-01.xlsx", [HEAD, *people(4)])
    pull_source(night, "ledger")
    keys = dict(live(night, "name, source_key"))
    path.unlink()
    rows = people(5)[1:][::-1]
    rows[0][3] = "新址"
    write(night.home.inbox / "东风村2026-06-01.xlsx", [HEAD, *rows])
    write(night.home.inbox / "东风村2026-01-01.xlsx", [HEAD, *people(1)])
    first = pull_source(second, "ledger")
    again = pull_source(second, "ledger")
    assert first == again
    assert [first[f"rows_{w}"] for w in ("pulled", "new", "changed", "vanished")] == [4, 1, 0, 1]
    assert {n: k for n, k in live(second, "name, source_key") if n in keys}.items() <= keys.items()


@pytest.mark.parametrize("damage", ["junk", "gone", "shrunk"])
def test_a_broken_new_version_makes_nobody_vanish(night, second, damage):
    path = write(night.home.inbox / "东风村.xlsx", [HEAD, *people(12)])
    write(night.home.inbox / "西风村.xlsx", [HEAD, *people(2)])
    pull_source(night, "ledger")
    if damage == "junk":
        path.write_bytes(b"junk")
    elif damage == "gone":
        path.unlink()
    else:
        write(path, [HEAD, *people(3)])
    for _ in range(2):
        assert pull_source(second, "ledger")["rows_pulled"] == 14
    assert [reason for _, reason in waiting(second)] == {
        "junk": ["not_a_workbook"], "gone": [], "shrunk": ["shrunk"],
    }[damage]  # fmt: skip
    mirror_raw(second)
    with second.open() as con:
        assert len(con.execute("FROM raw.ledger_quarantine").fetchall()) == (damage != "gone")


def test_an_empty_folder_is_held(night):
    with pytest.raises(SourceHeld, match="没有符合"):
        pull_source(night, "ledger")


def test_a_link_out_of_the_folder_is_not_followed(night, tmp_path):
    write(night.home.inbox / "好村.xlsx", [HEAD, *people(1)])
    elsewhere = write(tmp_path / "别处.xlsx", [HEAD, *people(1)])
    (night.home.inbox / "坏村.xlsx").symlink_to(elsewhere)
    pull_source(night, "ledger")
    assert waiting(night) == [("坏村.xlsx", "outside")]


def places(night):
    return live(night, "name, file, sheet, row_no, since_night")


def test_unchanged_rows_move_to_the_file_that_was_read_last(night, second):
    path = write(night.home.inbox / "东风村2026-05-01.xlsx", [HEAD, *people(3)])
    write(night.home.inbox / "西风村.xlsx", [HEAD, [1, "独人", number(99), "1号"]])
    pull_source(night, "ledger")
    mirror_raw(night)
    second.file.write_bytes(night.file.read_bytes())
    path.unlink()
    newer = write(
        night.home.inbox / "东风村2026-06-01.xlsx", [["台账"], HEAD, *people(3)[::-1]], title="组"
    )
    counts = pull_source(second, "ledger")
    assert counts["rows_new"] + counts["rows_changed"] + counts["rows_vanished"] == 0
    assert places(second) == [
        *((f"人{n}", newer.name, "组1", 6 - n, 1) for n in (1, 2, 3)),
        ("独人", "西风村.xlsx", "人口1", 2, 1),
    ]
    assert mirror_raw(second)["ledger"] == 0
    with second.open(landed=True) as con:
        landed = "SELECT * EXCLUDE (server_hash) FROM landed.main.ledger"
        assert con.execute(f"FROM raw.ledger EXCEPT ({landed})").fetchall() == []


def test_a_renamed_file_is_found_under_its_new_name(night, second):
    path = write(night.home.inbox / "东风村.xlsx", [HEAD, *people(2)])
    pull_source(night, "ledger")
    mirror_raw(night)
    second.file.write_bytes(night.file.read_bytes())
    path.rename(path.with_name("东风村（最新）.xlsx"))
    assert pull_source(second, "ledger")["files_read"] == 0
    mirror_raw(second)
    with second.open() as con:
        assert con.execute("SELECT DISTINCT file FROM raw.ledger").fetchall() == [
            ("东风村（最新）.xlsx",)
        ]


def test_places_are_right_again_after_a_night_that_was_taken_back(night, second, tmp_path):
    path = write(night.home.inbox / "东风村.xlsx", [HEAD, *people(2)])
    first = path.read_bytes()
    pull_source(night, "ledger")
    before = places(night)
    write(path, [["台账"], HEAD, *people(2)])
    pull_source(second, "ledger")
    assert places(second) != before
    path.write_bytes(first)
    pull_source(second, "ledger")
    assert places(second) == before
