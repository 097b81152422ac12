"""The review queue as a workbook: what goes out, what comes back, and what the next night does."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import openpyxl
import pytest
from openpyxl.cell import MergedCell
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.config import Config, load_config
from pipelines.home import Home
from pipelines.journal import Journal, open_journal
from pipelines.reviewbook import Outcome, UnusableBook, make_book, read_book, take_answers
from pipelines.reviewbook.write import COLUMN, HEADER_ROW
from tests.district_fixture import (
    Districts,
    Done,
    ask,
    copy,
    journal_url,
    onegrid,
)
from tests.test_review import reviewing

FIRST = HEADER_ROW + 1
ZONE = ZoneInfo("Asia/Shanghai")
Fill = Callable[[Worksheet], None]


@dataclass(frozen=True)
class Desk:
    """A published night to answer about, with a journal of one's own."""

    con: duckdb.DuckDBPyConnection
    config: Config
    journal: Journal
    book: Path

    def answer(self, fill: Fill, author: str = "王干部") -> list[Outcome]:
        """Fill the workbook in and give it back; the outcomes of what is not blank."""
        filled = self.book.with_name("filled.xlsx")
        book = openpyxl.load_workbook(self.book)
        fill(book["待核清单"])
        book.save(filled)
        answers = read_book(filled, self.config.district)
        found = take_answers(self.con, self.journal, answers, author, ZONE)
        return [outcome for outcome in found if outcome.kind != "blank"]


@pytest.fixture
def desk(districts: Districts, tmp_path: Path) -> Iterator[Desk]:
    home = districts.before
    shutil.copytree(home.journal.parent, tmp_path / "journal")
    url = f"sqlite:///{tmp_path}/journal/{home.journal.name}"
    config = load_config(home)
    with duckdb.connect(str(home.published), read_only=True) as con, open_journal(url) as journal:
        book = tmp_path / "queue.xlsx"
        book.write_bytes(make_book(con, journal, config.district).content)
        yield Desk(con, config, journal, book)


def say(sheet: Worksheet, item: int, verdict: str, reason: str = "") -> None:
    """Answer the item number `item`, counted from 0."""
    sheet.cell(FIRST + 2 * item, COLUMN["verdict"]).value = verdict
    sheet.cell(FIRST + 2 * item, COLUMN["reason"]).value = reason


def cells(sheet: Worksheet, name: str) -> list[str]:
    """What the first rows of the items say in a column."""
    return [
        str(sheet.cell(row, COLUMN[name]).value or "") for row in range(FIRST, sheet.max_row + 1, 2)
    ]


# What goes out


def test_the_workbook_shows_the_queue_in_its_order_as_text_and_nothing_as_a_formula(
    desk: Desk,
) -> None:
    sheet = openpyxl.load_workbook(desk.book)["待核清单"]
    queue = desk.con.execute(
        "SELECT review_id FROM link.review ORDER BY value DESC, review_id"
    ).fetchall()
    assert cells(sheet, "review_id") == [review_id for (review_id,) in queue]
    numbers = [sheet.cell(row, COLUMN["id_number"]) for row in range(FIRST, sheet.max_row + 1)]
    assert any(cell.value for cell in numbers)
    for row in sheet.iter_rows(min_row=FIRST):
        for cell in row:
            assert cell.data_type in ("s", "n")
            assert cell.value is None or isinstance(cell.value, str)
            assert isinstance(cell, MergedCell) or cell.number_format == "@"
    locked = {name: sheet.cell(FIRST, place).protection.locked for name, place in COLUMN.items()}
    assert [name for name, is_locked in locked.items() if not is_locked] == ["verdict", "reason"]
    assert sheet.protection.sheet
    listed = [v.formula1 for v in sheet.data_validations.dataValidation if v.type == "list"]
    assert listed == ['"同一人,不是同一人,无法判断"']


def test_cells_that_differ_are_marked_and_named(desk: Desk) -> None:
    sheet = openpyxl.load_workbook(desk.book)["待核清单"]
    for row, said in enumerate(cells(sheet, "differing")):
        both = [sheet.cell(FIRST + 2 * row + n, COLUMN["name"]) for n in (0, 1)]
        is_marked = {cell.fill.fgColor.rgb[-6:] == "FFF2CC" for cell in both}
        assert is_marked == {"姓名" in said}
        if "姓名" in said:
            assert both[0].value != both[1].value


def test_the_same_queue_makes_the_same_bytes_and_a_village_sees_its_own(desk: Desk) -> None:
    district = desk.config.district
    again = make_book(desk.con, desk.journal, district)
    assert again.content == desk.book.read_bytes()
    ((village,),) = desk.con.execute(
        """SELECT village_code FROM link.review JOIN master.resident ON resident_id = resident_l
        WHERE village_code IS NOT NULL LIMIT 1"""
    ).fetchall()
    own = make_book(desk.con, desk.journal, district, village=village)
    assert 0 < len(own.items) <= len(again.items)
    assert make_book(desk.con, desk.journal, district, village="0").items == ()
    assert make_book(desk.con, desk.journal, district, most=2).items == again.items[:2]


def test_what_looks_like_a_formula_stays_a_text(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "hostile.duckdb"
    shutil.copyfile(str(desk.con.execute("PRAGMA database_list").fetchall()[0][2]), file)
    with duckdb.connect(str(file)) as con:
        con.execute("UPDATE std.record SET former_name = '=1+1', employer = '@x', address = '+2'")
        book = make_book(con, desk.journal, desk.config.district)
        target = tmp_path / "hostile.xlsx"
        target.write_bytes(book.content)
        sheet = openpyxl.load_workbook(target)["待核清单"]
        assert sheet.cell(FIRST, COLUMN["former_name"]).data_type == "s"
        assert cells(sheet, "former_name")[0] == "=1+1"
        assert read_book(target, desk.config.district)[0].problem is None


# What comes back


def test_answers_become_decisions_once(desk: Desk) -> None:
    def fill(sheet: Worksheet) -> None:
        say(sheet, 0, "同一人", "改过名")
        say(sheet, 1, " 不是同一人 ")
        say(sheet, 2, "无法判断")

    assert [outcome.kind for outcome in desk.answer(fill)] == ["taken"] * 3
    words = desk.journal.words()
    assert [word[3:6] for word in words] == [
        ("always", "王干部", "改过名"),
        ("never", "王干部", "人工比对（工作簿）"),
        ("unsure", "王干部", "人工比对（工作簿）"),
    ]
    assert [outcome.kind for outcome in desk.answer(fill)] == ["again"] * 3
    assert desk.journal.words() == words
    left = make_book(desk.con, desk.journal, desk.config.district).items
    everything = [answer.review_id for answer in read_book(desk.book, desk.config.district)]
    assert list(left) == everything[2:], "what is answered is not asked again, doubts are"


@pytest.mark.parametrize(
    ("fill", "says"),
    [
        (lambda sheet: say(sheet, 0, "是"), "结论不在选项里"),
        (lambda sheet: say(sheet, 0, '=A1&"同一人"'), "结论不在选项里"),
        (lambda sheet: say(sheet, 0, "同一人", "长" * 201), "超过 200 字"),
        (lambda sheet: say(sheet, 0, "同一人", "电话 13800000000"), "理由里有号码"),
    ],
)
def test_an_invalid_answer_is_not_taken(desk: Desk, fill: Fill, says: str) -> None:
    (outcome,) = desk.answer(fill)
    assert (outcome.row, outcome.kind) == (FIRST, "refused")
    assert says in outcome.says
    assert desk.journal.words() == []


def test_changed_and_unknown_rows_are_told_and_the_others_are_taken(desk: Desk) -> None:
    def fill(sheet: Worksheet) -> None:
        for item in range(5):
            say(sheet, item, "不是同一人")
        sheet.cell(FIRST, COLUMN["name"]).value = "张三"
        sheet.cell(FIRST + 3, COLUMN["record"]).value = "7"
        for row in (FIRST + 4, FIRST + 5):
            sheet.cell(row, COLUMN["review_id"]).value = "V0"
        sheet.delete_rows(FIRST + 7)
        last = sheet.max_row + 1
        sheet.cell(last, COLUMN["verdict"]).value = "同一人"

    *found, nameless = desk.answer(fill)
    assert [outcome.kind for outcome in found] == [*["refused"] * 4, "taken"]
    assert ["被改过" in outcome.says for outcome in found[:3]] == [True] * 3
    assert "不是正好上下两行" in found[3].says
    assert "没有待核编号" in nameless.says
    assert len(desk.journal.words()) == 1


def test_two_verdicts_on_one_item_are_a_contradiction(desk: Desk) -> None:
    def fill(sheet: Worksheet) -> None:
        for merged in list(sheet.merged_cells.ranges):
            sheet.unmerge_cells(str(merged))
        say(sheet, 0, "同一人")
        sheet.cell(FIRST + 1, COLUMN["verdict"]).value = "不是同一人"

    (outcome,) = desk.answer(fill)
    assert "两行的结论不一样" in outcome.says
    assert desk.journal.words() == []


def test_what_somebody_else_has_decided_meanwhile_stands(desk: Desk) -> None:
    pair = read_book(desk.book, desk.config.district)[0].pair
    assert pair
    desk.journal.decide(*pair, "never", "李主任", "父子")
    (outcome,) = desk.answer(lambda sheet: say(sheet, 0, "同一人"))
    assert outcome.kind == "refused"
    assert "李主任 已核定为“不是同一人”" in outcome.says
    (again,) = desk.answer(lambda sheet: say(sheet, 0, "不是同一人"))
    assert again.kind == "again"
    assert len(desk.journal.words()) == 1


def test_an_answer_that_contradicts_other_decisions_is_taken_and_told(desk: Desk) -> None:
    left, right = read_book(desk.book, desk.config.district)[0].pair or (0, 0)
    desk.journal.decide(left, 1, "always", "李主任", "同一人")
    desk.journal.decide(right, 1, "never", "李主任", "不是")
    found = desk.answer(lambda sheet: [say(sheet, n, "同一人") for n in (0, 1)])
    assert [outcome.kind for outcome in found] == ["taken"] * 2
    assert ["矛盾" in outcome.says for outcome in found] == [True, False]


def test_an_answer_on_records_that_have_changed_is_not_taken(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "later.duckdb"
    shutil.copyfile(str(desk.con.execute("PRAGMA database_list").fetchall()[0][2]), file)
    first, second = read_book(desk.book, desk.config.district)[:2]
    assert first.pair
    assert second.pair
    with duckdb.connect(str(file)) as con:
        con.execute("UPDATE std.record SET phones = ['1'] WHERE record_id = ?", [first.pair[0]])
        con.execute("DELETE FROM std.record WHERE record_id = ?", [second.pair[1]])
        later = Desk(con, desk.config, desk.journal, desk.book)

        def fill(sheet: Worksheet) -> None:
            say(sheet, 0, "同一人")
            say(sheet, 1, "同一人")

        assert ["内容变了" in outcome.says for outcome in later.answer(fill)] == [True, True]
    assert desk.journal.words() == []


def test_a_file_that_is_no_workbook_of_this_queue_is_refused_as_a_whole(
    desk: Desk, tmp_path: Path
) -> None:
    district = desk.config.district
    text = tmp_path / "notes.xlsx"
    text.write_text("not a workbook")
    with pytest.raises(UnusableBook, match="文件打不开"):
        read_book(text, district)
    foreign = tmp_path / "foreign.xlsx"
    openpyxl.Workbook().save(foreign)
    with pytest.raises(UnusableBook, match="不是 onegrid 导出的"):
        read_book(foreign, district)
    with pytest.raises(UnusableBook, match="不能收到“别处”来"):
        read_book(desk.book, district.model_copy(update={"name": "别处"}))
    book = openpyxl.load_workbook(desk.book)
    book["待核清单"].insert_cols(3)
    book.save(foreign)
    with pytest.raises(UnusableBook, match="表头被改过"):
        read_book(foreign, district)
    del book["待核清单"]
    book.save(foreign)
    with pytest.raises(UnusableBook, match="没有“待核清单”"):
        read_book(foreign, district)


# The command, and the night after


@pytest.fixture(scope="module")
def answered(
    districts: Districts, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, Done, list[tuple]]:
    """A home where the workbook went out and came back, and a night has run since."""
    folder = tmp_path_factory.mktemp("answered")
    home, file = copy(districts.before, folder / "home"), folder / "queue.xlsx"
    out = onegrid("review-book", "out", file, "--author", "王干部", home=home)
    assert out.code == 0, out.err
    assert onegrid("review-book", "out", file, home=home).code == 2, "it may hold answers"
    queue = ask(home, "FROM link.review ORDER BY value DESC, review_id")
    single = ask(home, "SELECT resident_id FROM link.cluster GROUP BY ALL HAVING count(*) = 1")
    same = next(
        n for n, item in enumerate(queue) if {item[3], item[4]} & {one for (one,) in single}
    )
    different = 0 if same else 1
    book = openpyxl.load_workbook(file)
    say(book["待核清单"], same, "同一人", "改过名")
    say(book["待核清单"], different, "不是同一人", "父子")
    book.save(file)
    back = onegrid("review-book", "in", file, "--author", "王干部", home=home)
    a, b, c = _strangers(home)
    with open_journal(journal_url(home)) as journal:
        for one, other, verdict in ((a, b, "always"), (b, c, "always"), (a, c, "never")):
            journal.decide(one, other, verdict, "李主任", "")
    night = onegrid("run", "--plain", home=home)
    assert night.code == 0, night.err
    return home, back, [queue[same], queue[different]]


def _strangers(home: Home) -> list[int]:
    """Three records of residents of whom nobody is asked."""
    rows = ask(
        home,
        """SELECT min(record_id) FROM link.cluster WHERE resident_id NOT IN (
            SELECT unnest([resident_l, resident_r]) FROM link.review)
        GROUP BY resident_id ORDER BY 1 LIMIT 3""",
    )
    return [record for (record,) in rows]


def test_decisions_that_contradict_each_other_stop_no_night_and_come_back(
    districts: Districts, answered: tuple[Home, Done, list[tuple]]
) -> None:
    home = answered[0]
    a, b, c = _strangers(districts.before)
    where = dict(ask(home, "SELECT record_id, resident_id FROM link.cluster"))
    assert where[a] == where[b] != where[c]
    ((review_id, *item),) = ask(
        home,
        f"""SELECT review_id, reason, starts_with(explanation, '曾核定为同一人') FROM link.review
        WHERE (record_l, record_r) = ({b}, {c})""",
    )
    assert item == ["cut", True]
    with reviewing(home) as client:
        page = client.get(f"/item/{review_id}").text
    assert len(re.findall("已核定：[左右]侧“[^”]+”与[左右]侧“[^”]+”的记录是“不同人”", page)) == 1
    assert len(re.findall("已核定：[左右]侧“[^”]+”与[左右]侧“[^”]+”的记录是“同一人”", page)) == 1
    broken = "SELECT rule FROM quality.result WHERE night = 2 AND NOT passed"
    assert ("decisions_agree",) in ask(home, broken)
    apart = onegrid("explain", where[c], home=home)
    assert "曾核定为同一人，但另有核定不许" in apart.out
    assert "已核定不是同一人" in apart.out


def test_the_next_night_obeys_what_came_back(answered: tuple[Home, Done, list[tuple]]) -> None:
    home, back, ((_, one, other, *_), (_, left, right, *_)) = answered
    assert back.code == 0, back.err
    assert "已收 2" in back.out
    where = dict(ask(home, "SELECT record_id, resident_id FROM link.cluster"))
    assert where[one] == where[other]
    assert where[left] != where[right]
    assert not ask(home, f"FROM link.review WHERE (record_l, record_r) = ({left}, {right})")
    with open_journal(journal_url(home)) as journal:
        assert {word[3:6] for word in journal.words()} >= {
            ("always", "王干部", "改过名"),
            ("never", "王干部", "父子"),
        }


def test_what_a_person_decided_is_explained(answered: tuple[Home, Done, list[tuple]]) -> None:
    home, _, ((_, one, _, before, after, *_), (_, left, *_)) = answered
    where = dict(ask(home, "SELECT record_id, resident_id FROM link.cluster"))
    kept = where[one]
    gone = after if kept == before else before
    said = onegrid("explain", kept, "--author", "李主任", home=home)
    assert said.code == 0, said.err
    assert "人工核定：同一人" in said.out
    assert "理由：改过名" in said.out
    assert f"{gone} 并入本居民" in said.out
    dead = onegrid("explain", gone, home=home)
    assert f"编号已并入 {kept}" in dead.out
    assert f"并入 {kept}" in dead.out
    assert f"现归 {kept}" in dead.out
    ((name, number),) = ask(
        home,
        f"SELECT name, coalesce(id_number, name) FROM master.resident WHERE resident_id = '{kept}'",
    )
    assert name not in said.out
    assert number not in said.out
    shown = onegrid("explain", kept, "--reveal", "--author", "李主任", home=home)
    assert name in shown.out
    assert number in shown.out
    unknown = onegrid("explain", "R0", home=home)
    assert (unknown.code, "没有编号为 R0 的居民" in unknown.err) == (1, True)
    apart = onegrid("explain", where[left], home=home)
    assert "已核定不是同一人" in apart.out
    assert "王干部" in apart.out
    with open_journal(journal_url(home)) as journal, journal.engine.connect() as con:
        seen = con.exec_driver_sql("SELECT kind, subject, author FROM receipt").fetchall()
    assert ("view", kept, "李主任") in [tuple(row) for row in seen]
    assert {subject for _, subject, _ in seen} >= {kept, gone, where[left], "review-book"}
