"""The synthetic district is plausible, deterministic, and errs at the stated rates."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from pipelines.home import Home
from pipelines.synth import ErrorRates, make_district

RESIDENTS = 6_000
SEED = 11


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home.at(tmp_path_factory.mktemp("district"))
    make_district(made, RESIDENTS, SEED)
    return made


@pytest.fixture(scope="module")
def truth(home: Home) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(home.root / "district" / "truth.duckdb"), read_only=True)


def one(con: duckdb.DuckDBPyConnection, sql: str) -> float:
    return con.execute(sql).fetchall()[0][0]


def tables(home: Home) -> dict[str, dict[str, tuple[object, ...]]]:
    found = {}
    for file in sorted((home.root / "district").glob("*.sqlite")):
        con = sqlite3.connect(file)
        for (name,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
            rows = con.execute(f'SELECT * FROM "{name}"').fetchall()
            found[name] = {row[0]: row for row in rows}
        con.close()
    return found


def told_of_ledgers(home: Home) -> dict[str, list[tuple[object, ...]]]:
    """Workbook → what the truth says about its rows."""
    found: dict[str, list[tuple[object, ...]]] = {}
    with duckdb.connect(str(home.root / "district" / "truth.duckdb"), read_only=True) as con:
        for file, *row in con.execute(
            """SELECT file, sheet, row_no, role, person_id FROM truth.record
            WHERE file IS NOT NULL ORDER BY ALL"""
        ).fetchall():
            found.setdefault(file, []).append(tuple(row))
    return found


def workbooks(home: Home) -> dict[str, str]:
    return {
        str(file.relative_to(home.inbox)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(home.inbox.rglob("*.xlsx"))
    }


def check_digit(number: str) -> str:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(w * int(d) for w, d in zip(weights, number[:17], strict=True))
    return "10X98765432"[total % 11]


def test_the_same_seed_makes_the_same_tables_and_workbooks(home: Home, tmp_path: Path) -> None:
    again = Home.at(tmp_path)
    make_district(again, RESIDENTS, SEED)
    assert tables(again) == tables(home)
    assert workbooks(again) == workbooks(home)


def test_id_numbers_are_unique_and_valid_and_agree_with_birth_and_sex(
    truth: duckdb.DuckDBPyConnection,
) -> None:
    rows = truth.execute("SELECT id_number, birth_date, sex FROM truth.person").fetchall()
    assert len({number for number, _, _ in rows}) == len(rows)
    for number, birth, sex in rows:
        assert len(number) == 18 and number[17] == check_digit(number)
        assert number[6:14] == birth.strftime("%Y%m%d")
        assert (int(number[16]) % 2 == 1) == (sex == "男")


def test_exactly_so_many_residents_live_there(truth: duckdb.DuckDBPyConnection) -> None:
    assert (
        one(truth, "SELECT count(*) FROM truth.person WHERE is_alive AND NOT has_left") == RESIDENTS
    )


def test_kin_are_plausible(truth: duckdb.DuckDBPyConnection) -> None:
    gap = "date_diff('day', m.birth_date, c.birth_date) / 365.25"
    low, high = truth.execute(
        f"SELECT min({gap}), max({gap}) FROM truth.person c "
        "JOIN truth.person m ON m.person_id = c.mother_id"
    ).fetchall()[0]
    assert low >= 17 and high <= 56
    assert not one(
        truth,
        "SELECT count(*) FROM truth.person a JOIN truth.person b ON b.person_id = a.spouse_id "
        "WHERE a.sex = b.sex OR b.spouse_id <> a.person_id",
    )
    assert one(
        truth,
        "SELECT count(*) FROM truth.person a JOIN truth.person b ON a.mother_id = b.mother_id "
        "AND a.birth_date = b.birth_date AND a.person_id < b.person_id",
    ), "there are twins"
    assert one(
        truth,
        "SELECT count(*) FROM truth.person a JOIN truth.person b ON a.name = b.name "
        "AND a.birth_date = b.birth_date AND a.person_id < b.person_id",
    ), "there are namesakes born the same day"


def test_surnames_are_skewed_as_in_the_census(truth: duckdb.DuckDBPyConnection) -> None:
    share = one(
        truth,
        "SELECT avg((name[1] IN ('王', '李', '张', '刘', '陈'))::INT) FROM truth.person",
    )
    assert 0.22 < share < 0.42


def test_a_resident_has_two_to_two_and_a_half_records(truth: duckdb.DuckDBPyConnection) -> None:
    assert 2.1 <= one(truth, "SELECT count(*) FROM truth.record") / RESIDENTS <= 2.6


def test_most_records_carry_the_right_number(home: Home, truth: duckdb.DuckDBPyConnection) -> None:
    numbers = dict(truth.execute("SELECT person_id, id_number FROM truth.person").fetchall())
    about = dict(
        truth.execute(
            "SELECT source_key, person_id FROM truth.record "
            "WHERE source = 'social_security_medical'"
        ).fetchall()
    )
    con = sqlite3.connect(home.root / "district" / "social_security.sqlite")
    rows = con.execute("SELECT AAC001, AAC002 FROM medical_insurance").fetchall()
    right = sum(numbers[about[key]] == number for key, number in rows) / len(rows)
    assert 0.88 <= right <= 0.97


@pytest.mark.parametrize(
    ("rate", "column", "share_of_pensioners"),
    [("id_missing", "AAC002", 0.3 * 0.7), ("phone_missing", "AAE005", 0.3 * 0.7)],
)
def test_a_single_error_is_made_at_its_rate(
    tmp_path: Path, rate: str, column: str, share_of_pensioners: float
) -> None:
    made = Home.at(tmp_path)
    make_district(made, 3_000, 3, errors=ErrorRates(**{**vars(ErrorRates.none()), rate: 0.3}))
    con = sqlite3.connect(made.root / "district" / "social_security.sqlite")
    share = con.execute(f'SELECT avg("{column}" IS NULL) FROM resident_pension').fetchall()[0][0]
    assert abs(share - share_of_pensioners) < 0.05


def test_offices_without_errors_write_the_truth(tmp_path: Path) -> None:
    made = Home.at(tmp_path)
    make_district(made, 1_500, 5, errors=ErrorRates.none())
    con = duckdb.connect(str(made.root / "district" / "truth.duckdb"), read_only=True)
    people = dict(
        con.execute(
            "SELECT source_key, name || id_number FROM truth.record JOIN truth.person USING "
            "(person_id) WHERE source = 'social_security_medical'"
        ).fetchall()
    )
    table = sqlite3.connect(made.root / "district" / "social_security.sqlite")
    for key, person in table.execute("SELECT AAC001, AAC003 || AAC002 FROM medical_insurance"):
        assert people[key] == person


def test_the_next_day_differs_by_about_one_row_in_a_hundred(home: Home, tmp_path: Path) -> None:
    before_tables, before_books = tables(home), workbooks(home)
    later = Home.at(tmp_path)
    make_district(later, RESIDENTS, SEED, day=2)
    assert tables(home) == before_tables
    changed = rows = 0
    for name, after in tables(later).items():
        before = before_tables[name]
        rows += len(before)
        changed += len(before.keys() ^ after.keys())
        changed += sum(before[key] != after[key] for key in before.keys() & after.keys())
    assert 0.004 < changed / rows < 0.025
    after_books = workbooks(later)
    assert after_books.keys() == before_books.keys()
    renewed = sum(before_books[name] != after_books[name] for name in before_books)
    assert 1 <= renewed <= max(3, len(before_books) // 2)


@pytest.mark.thorough
def test_a_workbook_the_village_did_not_hand_in_again_is_left_alone(tmp_path: Path) -> None:
    made = Home.at(tmp_path)
    make_district(made, 12_000, 4)
    stamps = {file: file.stat().st_mtime_ns for file in made.inbox.rglob("*.xlsx")}
    said = told_of_ledgers(made)
    counts = make_district(made, 12_000, 4, day=2)
    touched = [file for file, stamp in stamps.items() if file.stat().st_mtime_ns != stamp]
    assert len(touched) == counts["workbooks"] < len(stamps)
    now = told_of_ledgers(made)
    for file in stamps.keys() - set(touched):
        name = str(file.relative_to(made.inbox))
        assert now[name] == said[name] != []


@pytest.mark.parametrize(
    "url",
    [
        os.environ.get(
            "ONEGRID_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/test"
        ),
        "mysql+pymysql://root@127.0.0.1:3306/test",
    ],
)
def test_real_servers_hold_the_same_rows_as_sqlite(home: Home, tmp_path: Path, url: str) -> None:
    try:
        engine = sa.create_engine(url)
        with engine.connect():
            pass
    except (sa.exc.OperationalError, ModuleNotFoundError):
        pytest.skip("no such server runs here")
    made = Home.at(tmp_path)
    make_district(made, RESIDENTS, SEED, databases={"civil_affairs": url})
    expected = tables(home)["old_age_allowance"]
    with engine.begin() as con:
        table = sa.Table("old_age_allowance", sa.MetaData(), autoload_with=con)
        rows = con.execute(sa.select(table)).fetchall()
        assert {row[0]: row[1] for row in rows} == {key: row[1] for key, row in expected.items()}
        for name in (
            "old_age_allowance",
            "low_income_member",
            "disability_allowance",
            "marriage_registration",
        ):
            con.execute(sa.text(f"DROP TABLE {name}"))
    engine.dispose()
