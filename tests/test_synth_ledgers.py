"""The ledgers are workbooks as villages keep them: titles, merges, totals, their own words."""

from __future__ import annotations

from pathlib import Path

import duckdb
import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from pipelines.home import Home
from pipelines.synth import make_district


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home.at(tmp_path_factory.mktemp("district"))
    make_district(made, 25_000, 2)
    return made


def files(home: Home) -> list[Path]:
    return sorted((home.inbox / "population").glob("*.xlsx"))


def test_a_ledger_has_title_date_totals_and_footer(home: Home) -> None:
    for file in files(home):
        book = CalamineWorkbook.from_path(file)
        data = [name for name in book.sheet_names if name != "填表说明"]
        assert 2 <= len(data) <= 3
        for name in data:
            rows = book.get_sheet_by_name(name).to_python()
            assert "台账" in str(rows[0][0]) and "填报日期" in str(rows[1][0])
            assert rows[-2][0] == "合计" and "制表人" in str(rows[-1][0])


@pytest.mark.thorough
def test_villages_differ_in_words_and_some_merge_the_cells_of_a_household(home: Home) -> None:
    words, merged = set(), 0
    for file in files(home):
        book = openpyxl.load_workbook(file)
        sheet = book.worksheets[-1]
        merged += len(sheet.merged_cells.ranges) > 10
        assert len(sheet.merged_cells.ranges) >= 3
        words.add(tuple(cell.value for row in sheet.iter_rows(3, 4) for cell in row))
    assert len(words) == len(files(home))
    assert 0 < merged < len(files(home))


def test_the_truth_names_file_sheet_and_row(home: Home) -> None:
    con = duckdb.connect(str(home.root / "district" / "truth.duckdb"), read_only=True)
    wanted = con.execute(
        "SELECT file, sheet, row_no, name FROM truth.record JOIN truth.person USING (person_id) "
        "WHERE source LIKE 'ledger%' ORDER BY hash(file, sheet, row_no) LIMIT 200"
    ).fetchall()
    right = 0
    for file, sheet, row_no, name in wanted:
        rows = CalamineWorkbook.from_path(home.inbox / file).get_sheet_by_name(sheet).to_python()
        right += name in [str(value) for value in rows[row_no - 1]]
    assert right > 0.93 * len(wanted)


def test_some_id_numbers_were_stored_as_numbers(home: Home) -> None:
    damaged = 0
    for file in files(home):
        book = CalamineWorkbook.from_path(file)
        for name in book.sheet_names:
            for row in book.get_sheet_by_name(name).to_python():
                damaged += sum(isinstance(v, float) and v > 1e17 for v in row)
    assert damaged > 10
