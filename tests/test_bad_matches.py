"""Values that stand for nobody, through the command: told, and never a reason for a match."""

from __future__ import annotations

import sqlite3
from itertools import product

import pytest

from pipelines.home import Home
from tests.district_fixture import Districts, ask, copy, onegrid

_NOBODY = ("不详", "无名氏", "张某", "XXX", "王先生", "")
_NO_NUMBER = ("000000000000000000", "111111111111111111", "123456789012345678")
_NO_PHONE = ("13800000000", "00000000", "11111111111")
_SAME = "住址不详"


def _medical(home: Home, sql: str, rows: list[tuple[object, ...]]) -> None:
    con = sqlite3.connect(home.root / "district" / "social_security.sqlite")
    with con:
        con.executemany(sql, rows)
    con.close()


_BORN = {
    "1964年7月": "valid",
    "1964年": "valid",
    "2013年4月": "conflict",
    "2013年": "conflict",
}
_PLACEHOLDERS = [
    (f"nobody{n}", *values, _SAME)
    for n, values in enumerate(product(_NOBODY, _NO_NUMBER, _NO_PHONE))
]
_NAMESAKES = [
    (f"namesake{n}", "张伟", _NO_NUMBER[n % 3], _NO_PHONE[n % 3], _SAME) for n in range(9)
]


@pytest.fixture(scope="module")
def home(districts: Districts, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A night after an office listed everybody ten times, and below them all that is nobody's."""
    home = copy(districts.before, tmp_path_factory.mktemp("bad") / "home")
    con = sqlite3.connect(home.root / "district" / "social_security.sqlite")
    (first, *others) = [row[1] for row in con.execute("PRAGMA table_info(medical_insurance)")]
    con.close()
    assert first == "AAC001"
    everybody = f"""INSERT INTO medical_insurance ({first}, {", ".join(others)})
        SELECT {first} || '-' || ?, {", ".join(others)} FROM medical_insurance
        WHERE {first} NOT LIKE '%-%'"""
    _medical(home, everybody, [(n,) for n in range(9)])
    columns = "(AAC001, AAC003, AAC002, AAE005, AAE006)"
    insert = f"INSERT INTO medical_insurance {columns} VALUES (?, ?, ?, ?, ?)"
    _medical(home, insert, [*_PLACEHOLDERS, *_NAMESAKES])
    insert = "INSERT INTO medical_insurance (AAC001, AAC003, AAC002, AAC006) VALUES (?, ?, ?, ?)"
    rows = [(f"partly{born}", "欧阳金雀", "330199196407150125", born) for born in _BORN]
    _medical(home, insert, rows)
    done = onegrid("run", "--plain", home=home)
    assert done.code == 0, done.err
    return home


def test_placeholder_names_numbers_and_telephones_bring_nobody_together(home: Home) -> None:
    waiting = "SELECT count(*) FROM std.quarantine WHERE source_key LIKE '%nobody%'"
    assert ask(home, waiting) == [(len(_PLACEHOLDERS),)]
    mine = "(SELECT * FROM std.record WHERE source_key LIKE '%namesake%')"
    found = ask(home, f"SELECT count(*), count(phone), count(id_number) FROM {mine}")
    assert found == [(len(_NAMESAKES), 0, 0)]
    told = f"""SELECT field, count(*) FROM std.defect JOIN {mine} USING (record_id)
        WHERE kind = 'placeholder' GROUP BY field"""
    assert dict(ask(home, told)).items() >= {"phone": 9, "id_number": 9}.items()
    shared = f"""SELECT count(*) FROM link.cluster WHERE resident_id IN
        (SELECT resident_id FROM link.cluster JOIN {mine} USING (record_id))"""
    assert ask(home, shared) == [(len(_NAMESAKES),)], "a namesake shares a resident"


def test_a_birth_date_contradicts_a_number_as_far_as_it_goes(home: Home) -> None:
    found = """SELECT substr(source_key, position('partly' IN source_key) + 6), id_status
        FROM std.record WHERE source_key LIKE '%partly%'"""
    assert dict(ask(home, found)) == _BORN


def test_an_office_that_lists_everybody_ten_times_changes_nobody_elses_resident(
    home: Home, districts: Districts
) -> None:
    groups = """SELECT list(record_id ORDER BY record_id) FROM link.cluster
        JOIN std.record USING (record_id) WHERE source <> 'social_security_medical'
        GROUP BY resident_id ORDER BY 1"""
    assert ask(home, groups) == ask(districts.after, groups)
    listed = """SELECT count(*) FROM std.record WHERE source = 'social_security_medical'
        AND NOT regexp_matches(source_key, 'namesake|partly')"""
    assert ask(home, listed)[0][0] == 10 * ask(districts.after, listed)[0][0]
