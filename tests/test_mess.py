"""Thirty kinds of mess: the people that come out are those of the plain ledger, or it is said why
not. One night reads a small ledger of each kind, all of the same thirty people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.check_digit import check_digit
from pipelines.config import load_config
from pipelines.extract import mirror_raw, pull_source
from pipelines.extract.guard import Unreadable
from pipelines.extract.texts import FINDINGS, REASONS
from pipelines.extract.workbook import read_workbook
from pipelines.home import Home
from pipelines.standardise import standardise
from pipelines.synth import ErrorRates, make_district, xlsx
from pipelines.synth.elsewise import PASSWORD
from pipelines.synth.kinds import KINDS, of_village
from pipelines.synth.samples import Sample, write_samples
from schemas.fields import FIELDS
from schemas.source import SourceMap
from tests.test_extract_database import landed, make_night

TODAY = date(2026, 11, 22)
POPULATION = "ledger_population"
TWICE = "population/重写村.xlsx"
FORMATS = {"xls", "html_xls", "sheetml_xls", "gbk_csv", "password"}
EVERYTHING = frozenset(KINDS) - FORMATS
TURNS = 3
ONE_ROW_EACH = sorted(set(KINDS) - FORMATS - {"person_groups", "strike_colour", "double_listed"})


@dataclass(frozen=True)
class Case:
    """What a kind of mess may change, and what must be said of it."""

    fields: frozenset[str] = frozenset()
    findings: frozenset[str] = frozenset()
    defects: frozenset[str] = frozenset()


def case(fields: str = "", findings: str = "", defects: str = "") -> Case:
    return Case(*(frozenset(words.split()) for words in (fields, findings, defects)))


CASES: dict[str, Case] = {
    "title_rows": case(findings="title_row"),
    "unit_line": case(findings="title_row"),
    "instruction_row": case(findings="instruction_row numbering_row"),
    "total_rows": case(findings="total_row"),
    "signature": case(findings="footer_row"),
    "hidden": case(findings="hidden_row hidden_column"),
    "id_as_number": case("id_number", defects="id_damaged"),
    "id_dressed": case(defects="spelling"),
    "id_full_width": case(defects="spelling"),
    "id_short": case(defects="id_upgraded"),
    "id_masked": case("id_number", defects="id_masked"),
    "date_styles": case(defects="date_serial date_month_only"),
    "year_only": case(defects="date_year_only"),
    "name_padded": case(defects="spelling"),
    "name_variants": case("name"),
    "name_former": case("former_name", defects="former_name_split"),
    "placeholders": case(defects="placeholder"),
    "village_sheets": case("address"),
    "fill_down": case(findings="filled_ditto filled_blank"),
    "phones": case(defects="phone_several"),
    "amounts": case(findings="column_unknown"),
    "merged_household": case(findings="filled_merged"),
    "page_headers": case(findings="repeated_header"),
    "stacked_tables": case(findings="title_row"),
    "days_1904": case(findings="days_of_1904", defects="date_serial"),
}


@dataclass
class Books:
    """The night in which all of them were read."""

    samples: dict[frozenset[str], Sample]
    tables: dict[str, dict[str, list[dict[str, Any]]]]

    def of(self, *kinds: str, table: str = "record") -> list[dict[str, Any]]:
        """The rows of a table about the ledger with these kinds of mess."""
        return self.tables[table].get(self.samples[frozenset(kinds)].file, [])


def population(home: Path, **changes: Any) -> SourceMap:
    source = load_config(Home.at(home)).sources[POPULATION]
    return source.model_copy(update={"files": "population/*", "minimum_rows": 1, **changes})


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield _read_books(tmp_path_factory, monkeypatch)


def _read_books(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Books:
    root = tmp_path_factory.mktemp("mess")
    night = make_night(root, population(root / "config", passwords=("LEDGER_OF_YUNXI",)))
    monkeypatch.setenv("LEDGER_OF_YUNXI", PASSWORD)
    single = [[kind] for kind in KINDS]
    together = [of_village(EVERYTHING, turn) for turn in range(TURNS)]
    samples = write_samples(night.home.inbox, [*single, *together, []])
    twice = [["姓名", "身份证号", "配偶姓名", "配偶身份证号"], [*person(1)[1:3], *person(1)[1:3]]]
    write(night.home.inbox / TWICE, ("人口", twice))
    pull_source(night, POPULATION)
    mirror_raw(night)
    standardise(night)
    landed = f"std.record s JOIN raw.{POPULATION} r USING (source_key)"
    queries = {
        "record": f"SELECT r.file, r.sheet, r.row_no, s.* FROM {landed}",
        "defect": f"SELECT r.file, d.kind FROM std.defect d JOIN {landed} USING (record_id)",
        "family": f"SELECT r.file, f.kind FROM std.family f JOIN {landed} USING (record_id)",
        "finding": "FROM raw.ledger_finding",
        "quarantine": "FROM std.quarantine",
        "waiting": "FROM raw.ledger_quarantine",
    }
    found = Books({sample.kinds: sample for sample in samples}, {})
    with night.open() as con:
        for table, query in queries.items():
            by_file = found.tables.setdefault(table, {})
            for row in con.sql(query).to_arrow_table().to_pylist():
                by_file.setdefault(row["file"], []).append(row)
    return found


def told(records: list[dict[str, Any]], without: frozenset[str] = frozenset()) -> Counter:
    names = [f.name for f in FIELDS if f.name not in without] + ["role"]
    return Counter(tuple(record[name] for name in names) for record in records)


def test_a_plain_ledger_gives_thirty_people_and_nothing_to_say(books: Books) -> None:
    assert len(books.of()) == 30
    assert books.of(table="finding") == []


@pytest.mark.parametrize("kind", ONE_ROW_EACH)
def test_people_are_those_of_the_plain_ledger_and_what_was_done_is_said(
    books: Books, kind: str
) -> None:
    expected = CASES.get(kind, Case())
    assert told(books.of(kind), expected.fields) == told(books.of(), expected.fields)
    assert {row["kind"] for row in books.of(kind, table="finding")} == expected.findings
    usual = {row["kind"] for row in books.of(table="defect")}
    defects = {row["kind"] for row in books.of(kind, table="defect")}
    assert defects - usual <= expected.defects <= defects


def test_lost_digits_leave_evidence_and_variants_one_key(books: Books) -> None:
    for kind, status in (("id_as_number", "damaged"), ("id_masked", "masked")):
        lost = [r for r in books.of(kind) if r["id_status"] == status]
        assert lost
        assert all(r["id_number"] is None and r["id_partial"][:6].isdigit() for r in lost)
    keys = [{r["name_key"] for r in books.of(*kinds)} for kinds in ((), ("name_variants",))]
    assert len(keys[0] & keys[1]) > 0.9 * len(keys[0])


def test_a_household_code_of_eighteen_digits_is_no_id_number(books: Books) -> None:
    for record in books.of("household_code"):
        assert len(record["household_key"]) == len(f"{POPULATION}:") + 18
        assert record["household_key"][-18:] != record["id_number"]


def test_a_sheet_called_after_a_village_places_its_people(books: Books) -> None:
    titles = {(record["sheet"], record["village_name"]) for record in books.of("village_sheets")}
    assert len(titles) == 1
    assert all(sheet == village for sheet, village in titles)


def test_spouse_and_children_in_the_row_of_the_head_are_people_of_their_own(books: Books) -> None:
    def known(records: list[dict[str, Any]]) -> Counter:
        return Counter((r["name"], r["id_number"], r["birth_date"]) for r in records)

    together = books.of("person_groups")
    assert known(together) == known(books.of())
    roles = Counter(record["role"] for record in together)
    assert roles["spouse"] > 3
    assert roles["child1"] > 3
    guests = [record for record in together if record["role"] != "self"]
    rows = {(record["sheet"], record["row_no"]) for record in together}
    assert len(rows) == roles["self"] == 30 - len(guests)
    kin = Counter(row["kind"] for row in books.of("person_groups", table="family"))
    assert kin == {"spouse": roles["spouse"], "child": len(guests) - roles["spouse"]}


def test_rows_struck_out_wait_in_quarantine_and_red_ones_are_named(books: Books) -> None:
    marked = books.samples[frozenset({"strike_colour"})].marked
    struck = {row for row, mark in marked.items() if mark == "struck"}
    red = {row for row, mark in marked.items() if mark == "red"}
    assert struck
    assert red
    read = {record["row_no"] for record in books.of("strike_colour")}
    assert red <= read
    assert len(read) == 30 - len(struck)
    waiting = books.of("strike_colour", table="quarantine")
    assert {(row["row_no"], row["reason"]) for row in waiting} == {
        (n, "struck_out") for n in struck
    }
    said = books.of("strike_colour", table="finding")
    for kind, rows in (("struck_row", struck), ("coloured_row", red)):
        places = [range(f["row_no"], f["last_row"] + 1) for f in said if f["kind"] == kind]
        assert {row for run in places for row in run} == rows
    assert any("红色" in finding["reason_zh"] for finding in said)


def test_who_stands_twice_in_one_row_counts_once(books: Books) -> None:
    [record] = books.tables["record"][TWICE]
    [waiting] = books.tables["quarantine"][TWICE]
    assert (record["role"], waiting["role"], waiting["reason"]) == (
        "self",
        "spouse",
        "twice_in_row",
    )


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_another_format_gives_the_same_people(books: Books, kind: str) -> None:
    assert books.of(kind, table="waiting") == []
    assert told(books.of(kind)) == told(books.of())


def test_every_kind_has_a_case_and_every_finding_a_text() -> None:
    assert set(CASES) <= set(KINDS)
    assert {kind.number for kind in KINDS.values()} >= set(range(1, 31))
    for kind in set().union(*(case.findings for case in CASES.values())):
        assert FINDINGS[kind]


@pytest.mark.parametrize("turn", range(TURNS))
def test_everything_at_once_gives_the_same_thirty_people(books: Books, turn: int) -> None:
    kinds = of_village(EVERYTHING, turn)
    sample = books.samples[kinds]
    said = {finding["kind"] for finding in books.of(*kinds, table="finding")}
    assert {"column_unknown", "instruction_row", "total_row", "footer_row"} <= said
    is_marked = "side_by_side" not in kinds
    struck = {row["reason"] for row in books.of(*kinds, table="quarantine")}
    assert struck == ({"struck_out"} if is_marked else set())
    records = books.of(*kinds)
    read = {record["id_number"] for record in records} - {None}
    everybody = {record["id_number"] for record in books.of()}
    assert read <= everybody
    lost = [record for record in records if record["id_status"] in ("damaged", "masked")]
    assert len(read) + len(lost) == len(records)
    if is_marked:  # with a head of household those go who stand in the same row
        assert len(sample.marked) > 0
        assert 10 < len(records) < 30
    else:
        assert len(records) == 30


def test_a_district_in_which_everything_is_a_mess_is_where_the_truth_says(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    make_district(home, 1_000, 3, errors=ErrorRates.none(), mess=EVERYTHING)
    places: dict[str, Counter] = {}
    for name, source in load_config(home).sources.items():
        for path in sorted(home.inbox.glob(source.files)) if source.kind == "workbook" else ():
            answer = read_workbook(path, tmp_path / "rows.parquet", source, TODAY)
            file = path.relative_to(home.inbox).as_posix()
            rows = duckdb.sql(
                f"""SELECT '{file}', src_sheet, src_row FROM read_parquet('{tmp_path}/rows.parquet')
                WHERE name IS NOT NULL"""
            ).fetchall()
            assert len(rows) == answer["rows"]
            places[name] = Counter(rows)
    with duckdb.connect(str(home.root / "district" / "truth.duckdb"), read_only=True) as con:
        for name, read in places.items():
            wanted = con.execute(
                "SELECT file, sheet, row_no FROM truth.record WHERE source = ? AND role = 'self'",
                [name],
            ).fetchall()
            assert read == Counter(wanted)
    assert len(places) == 3


# By hand: what the synthetic offices do not do


def write(path: Path, *sheets: tuple[str, list[list[Any]]]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return book


def read(path: Path, source: SourceMap) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    answer = read_workbook(path, path.with_suffix(".parquet"), source, TODAY)
    rows = duckdb.sql(f"FROM read_parquet('{path.with_suffix('.parquet')}')").to_arrow_table()
    return rows.to_pylist(), answer


def kinds_of(answer: dict[str, Any]) -> set[str]:
    return {finding[4] for finding in answer["findings"]}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceMap:
    return population(tmp_path_factory.mktemp("config"))


HEAD = ["序号", "姓名", "身份证号", "联系电话"]


def person(n: int) -> list[Any]:
    base = f"33019919800101{n:03d}"
    return [n, f"王{'甲乙丙丁戊己庚辛'[n % 8]}", f"{base}{check_digit(base)}", f"1380000{n:04d}"]


def test_a_table_of_something_else_is_left_aside(tmp_path: Path, source: SourceMap) -> None:
    words = ["序号", "居住地址", "家庭地址", "户籍地址", "联系电话"]
    houses = [words, [1, "一号", "二号", "三号", "13900000000"]]
    people, officials = (
        (HEAD, person(1), person(2)),
        (["姓名", "电话"], ["村长", "11"], ["书记", "12"]),
    )
    beside = [[*row, "", *extra] for row, extra in zip(people, officials, strict=True)]
    path = tmp_path / "东风村.xlsx"
    write(path, ("人口", [*beside, [], ["二、房屋"], *houses]))
    rows, answer = read(path, source)
    assert [row["phone"] for row in rows] == [person(1)[3], person(2)[3]]
    assert answer["taken"]["other_table"] == 2
    assert "other_table" in kinds_of(answer)


def test_a_spouse_unknown_to_the_map_is_never_the_resident(
    tmp_path: Path, source: SourceMap
) -> None:
    path = tmp_path / "东风村.xlsx"
    book = write(
        path,
        ("人口", [
            ["房东", None, "本人", None, "姓名（监护人）"],
            ["姓名", "身份证号", "姓名", "身份证号", None],
            ["房东甲", "1", *person(1)[1:3], "监护人甲"],
        ]),
    )  # fmt: skip
    for area in ("A1:B1", "C1:D1", "E1:E2"):
        book.active.merge_cells(area)
    book.save(path)
    rows, _ = read(path, source)
    assert [(r["name"], r["id_number"], r["guardian_name"]) for r in rows] == [
        (*person(1)[1:3], "监护人甲")
    ]


def test_repeated_children_under_one_word_are_the_first_and_the_second(
    tmp_path: Path, source: SourceMap
) -> None:
    path = tmp_path / "东风村.xlsx"
    book = write(
        path,
        ("人口", [
            ["姓名", "身份证号", "子女情况", None, None, None],
            [None, None, "姓名", "身份证号", "姓名", "身份证号"],
            [*person(1)[1:3], *person(2)[1:3], *person(3)[1:3]],
        ]),
    )  # fmt: skip
    for area in ("A1:A2", "B1:B2", "C1:F1"):
        book.active.merge_cells(area)
    book.save(path)
    [row], _ = read(path, source)
    assert (row["child1_id"], row["child2_id"], row["child3_id"]) == (
        person(2)[2],
        person(3)[2],
        None,
    )


def test_a_column_without_word_is_known_by_its_check_digits_not_by_its_length(
    tmp_path: Path, source: SourceMap
) -> None:
    rows = [["村民", "编码", "证号", "联系电话", "性别"]]
    rows += [
        [f"李{'一二三四'[n]}", f"3301990010010{n:05d}", number, f"1380000000{n}", "男"]
        for n, number in enumerate(
            ["11010519491231002X", "330323197903162430", "11010519491231002X"]
        )
    ]
    path = tmp_path / "东风村.xlsx"
    write(path, ("人口", rows))
    found, answer = read(path, source)
    assert [row["id_number"] for row in found] == [row[2] for row in rows[1:]]
    assert [row["name"] for row in found] == [row[0] for row in rows[1:]]
    assert [f[3] for f in answer["findings"] if f[4] == "column_guessed"] == ["C", "A"]


def test_hidden_sheets_are_read_and_sheets_of_the_gone_are_not(
    tmp_path: Path, source: SourceMap
) -> None:
    path = tmp_path / "东风村.xlsx"
    book = write(
        path,
        ("人口", [HEAD, person(1)]),
        ("人口二", [HEAD, person(2)]),
        ("人口旧", [HEAD, person(6)]),
        ("死亡人口", [HEAD, person(3)]),
        ("西风村", [HEAD[::-1], person(4)[::-1]]),
        ("走访", [HEAD, person(5)]),
    )
    book["人口二"].sheet_state = book["人口旧"].sheet_state = "hidden"
    book.save(path)
    rows, answer = read(path, source)
    assert [row["id_number"] for row in rows] == [person(n)[2] for n in (1, 2, 4)]
    noted = {(finding[0], finding[4]) for finding in answer["findings"]}
    assert {("人口二", "hidden_sheet"), ("走访", "sheet_other")} <= noted
    assert {("死亡人口", "sheet_gone"), ("人口旧", "sheet_old")} <= noted


def test_a_struck_out_telephone_is_taken_away_and_the_person_stays(
    tmp_path: Path, source: SourceMap
) -> None:
    path = tmp_path / "东风村.xlsx"
    book = write(path, ("人口", [HEAD, person(1), person(2)]))
    book.active["D3"].font = openpyxl.styles.Font(strike=True)
    book.save(path)
    rows, answer = read(path, source)
    assert [(row["phone"], row["src_mark"]) for row in rows] == [(person(1)[3], None), (None, None)]
    assert ["人口", 3, 3, "D", "struck_cell", 1, ""] in [list(f) for f in answer["findings"]]


def test_a_person_below_the_header_is_never_a_part_of_it(tmp_path: Path, source: SourceMap) -> None:
    path = tmp_path / "东风村.xlsx"
    insured = [[*HEAD, "保险"], [*person(1), "社保"], [*person(2), "社保"]]
    write(path, ("人口", insured))
    rows, answer = read(path, source)
    assert [row["id_number"] for row in rows] == [person(1)[2], person(2)[2]]
    assert [finding[6] for finding in answer["findings"]] == ["保险"]


def test_findings_hold_while_their_ledger_does(tmp_path: Path) -> None:
    first = make_night(tmp_path, population(tmp_path / "config"))
    path = first.home.inbox / "population" / "东风村.xlsx"
    path.parent.mkdir(parents=True)
    write(path, ("人口", [["台账"], HEAD, person(1), person(2), ["合计", "2人"]]))
    said = "SELECT file, kind, row_no FROM main.ledger_finding WHERE until_night IS NULL ORDER BY 3"
    assert pull_source(first, POPULATION)["findings"] == 2
    assert landed(first, said) == [(f"population/{path.name}", k, n) for k, n in FOUND]
    second = make_night(tmp_path, population(tmp_path / "config"), 2, 1)
    renamed = path.rename(path.with_name("东风村（新）.xlsx"))
    assert pull_source(second, POPULATION)["files_read"] == 0
    assert landed(second, said) == [(f"population/{renamed.name}", k, n) for k, n in FOUND]
    write(renamed, ("人口", [HEAD, person(1), person(2)]))
    for _ in range(2):
        assert pull_source(second, POPULATION)["findings"] == 0
        assert landed(second, said) == []


FOUND = [("title_row", 1), ("total_row", 5)]
CELLS = st.sampled_from(
    [
        *(
            "",
            "",
            "",
            "姓名",
            "身份证号",
            "配偶",
            "子女",
            "联系电话",
            "性别",
            "现住址",
            "与户主关系",
            "户号",
        ),
        *(
            "王小明",
            "330199198001010012",
            "同上",
            "小计",
            "制表人：甲",
            "必填",
            "1",
            "〃",
            "13800000001",
        ),
        *("死亡", "第1页", "\u3000", "A" * 40, "=1+1", "男/女", "（", "配偶|姓名", "一", "户主"),
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=7), min_size=1, max_size=25),
    head=st.integers(0, 6),
    areas=st.lists(st.tuples(*[st.integers(0, 6)] * 4), max_size=3),
)
def test_whatever_a_sheet_holds_it_is_read_and_no_row_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    source: SourceMap,
    rows: list[list[str]],
    head: int,
    areas: list[tuple[int, int, int, int]],
) -> None:
    path = tmp_path_factory.getbasetemp() / "任意村.xlsx"
    rows = [*rows[:head], ["姓名", "身份证号", "联系电话"], *rows[head:]]
    sheet = xlsx.Sheet("人口", [10.0] * 7)
    for number, row in enumerate(rows, 1):
        sheet.line(number, [value or None for value in row], 3)
    taken: set[tuple[int, int]] = set()
    for top, left, tall, wide in areas:
        area = {(r, c) for r in range(top, top + tall + 1) for c in range(left, left + wide + 1)}
        if len(area) > 1 and not area & taken:
            taken |= area
            corner = f"{xlsx.letter(left + wide)}{top + tall + 1}"
            sheet.merges.append(f"{xlsx.letter(left)}{top + 1}:{corner}")
    xlsx.write(path, [sheet], "2026-01-01")
    filled = [number for number, row in enumerate(rows, 1) if any(row)]
    try:
        people, answer = read(path, source)
    except Unreadable as error:
        assert error.code in REASONS
        return
    assert len(people) == answer["rows"] == answer["taken"]["person"]
    numbers = {row["src_row"] for row in people}
    assert numbers <= set(range(1, filled[-1] + 1))
    abreast = any(sum(1 for v in row if "姓名" in v) > 1 for row in rows)
    total = sum(answer["taken"].values())
    assert total == filled[-1] or (abreast and total > filled[-1])
