"""People and slips that look like one another: what must become one, and what must never.

All of them live in one district and are linked in one night.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from linkage_fixture import (
    Record,
    check_digit,
    cleaned,
    district,
    id_of,
    make_home,
    run_night,
    valid,
)

from pipelines.link.levels import COMPARISONS
from pipelines.link.texts import WORDS

BORN = date(1986, 5, 17)
_CASES: dict[str, Case] = {}


@dataclass
class Case:
    """Records by letter, and what must happen.

    Attributes:
        records: letter → record.
        one: letters that must become one resident, word by word: ``ab cd``.
        review: pairs of letters, at least one of which must wait for a person.
    """

    records: dict[str, Record]
    one: str
    review: str = ""


def case(title: str, one: str, review: str = "", **records: Record) -> None:
    """Add a case; keys and sources of its records become its own."""
    own = {
        letter: replace(record, key=f"{title}/{letter}", source=record.source)
        for letter, record in records.items()
    }
    _CASES[title] = Case(own, one, review)


def person(home: int, name: str, born: date | None = BORN, **known) -> Record:
    """A man at dwelling and telephone number `home`, without ID number."""
    village = f"33019910135{home % 10}"
    base = Record(
        "",
        name,
        cleaned(name).pinyin,
        sex="1",
        birth=born,
        phones=(f"1370000{home:04d}",),
        address_key=f"{village}|y|{home}|1|101",
        village=village,
    )
    return replace(base, **known)


def numbered(record: Record, sequence: int) -> Record:
    return valid(record, id_of(record.birth, sequence))


def masked(record: Record, sequence: int, born: date = BORN) -> Record:
    number = id_of(born, sequence)
    text = f"{number[:6]}********{number[14:]}{check_digit(number)}"
    return replace(record, id_status="masked", id_partial=text)


case(
    "one of the former names in a cell",
    "ab",
    a=person(77, "赵建国", former_name="赵二、赵小毛"),
    b=person(77, "赵小毛"),
)
case(
    "twins, each with a number and a record without",
    "ac bd",
    a=numbered(person(1, "蒋伟亮"), 123),
    b=numbered(person(1, "蒋伟国"), 125),
    c=person(1, "蒋伟亮", source="grid"),
    d=person(1, "蒋伟国", source="grid"),
)
case(
    "twin sisters whose names look alike",
    "ac bd",
    a=numbered(person(2, "蒋月芬", sex="2"), 222),
    b=numbered(person(2, "蒋月芳", sex="2"), 224),
    c=person(2, "蒋月芬", sex="2", source="grid"),
    d=person(2, "蒋月芳", sex="2", source="grid"),
)
case(
    "namesakes born the same day in one village",
    "ac",
    a=numbered(person(13, "邹建平"), 301),
    b=numbered(person(23, "邹建平"), 303),
    c=person(13, "邹建平", source="grid"),
)
case(
    "father and son with one telephone and dwelling",
    "",
    a=numbered(person(4, "阎志强", date(1960, 3, 4)), 401),
    b=person(4, "阎志刚", date(1990, 8, 9)),
)
case(
    "father and son whose names sound the same, the son without birth date",
    "",
    a=numbered(person(5, "阎希童", date(1960, 3, 4)), 411),
    b=person(5, "阎希桐", None, sex=None),
)
case(
    "spouses of one surname born the same day",
    "",
    a=numbered(person(6, "贺文"), 421),
    b=person(6, "贺敏", sex="2"),
)
case(
    "a child under the father's number",
    "ab cd",
    review="ac bc ad bd",
    a=numbered(person(7, "薛长林", date(1985, 1, 2)), 431),
    b=numbered(person(7, "薛长林", date(1985, 1, 2), source="grid"), 431),
    c=replace(
        valid(person(7, "薛小宝", date(2014, 6, 7)), id_of(date(1985, 1, 2), 431)),
        id_status="conflict",
    ),
    d=numbered(person(7, "薛小宝", date(2014, 6, 7), source="grid"), 433),
)
case(
    "a child of nearly the father's name under his number, without a birth date of its own",
    "",
    review="ab",
    a=numbered(person(8, "薛俊辉"), 441),
    b=numbered(person(8, "薛俊熙", birth_from_id=True, source="grid"), 441),
)
case(
    "a child of the very name of its father under his number",
    "",
    review="ab",
    a=numbered(person(9, "薛沐宸"), 443),
    b=replace(
        valid(person(9, "薛沐宸", date(2013, 6, 27), source="grid"), id_of(BORN, 443)),
        id_status="conflict",
    ),
)
case(
    "siblings whose numbers differ in one digit",
    "ac bd",
    a=numbered(person(10, "雷建军", date(1981, 5, 6)), 451),
    b=numbered(person(10, "雷建民", date(1982, 5, 6)), 451),
    c=masked(person(10, "雷建军", date(1981, 5, 6), source="grid"), 451, date(1981, 5, 6)),
    d=masked(person(10, "雷建民", date(1982, 5, 6), source="grid"), 451, date(1982, 5, 6)),
)
case(
    "a number mistyped into another person's",
    "ab cd",
    review="ad bd cd",
    a=numbered(person(11, "龚国庆", date(1975, 10, 1)), 461),
    b=numbered(person(11, "龚国庆", date(1975, 10, 1), source="grid"), 461),
    c=numbered(person(12, "夏海燕", date(1975, 10, 7), sex="1"), 461),
    d=replace(
        valid(
            person(12, "夏海燕", date(1975, 10, 7), source="grid"), id_of(date(1975, 10, 1), 461)
        ),
        id_status="conflict",
    ),
)
case(
    "a lunar birthday",
    "ab",
    a=numbered(person(14, "乔广田", date(1952, 6, 22)), 471),
    b=person(14, "乔广田", date(1952, 5, 1), phones=(), source="grid"),  # 五月初一
)
case(
    "characters in another order",
    "abc",
    a=numbered(person(15, "乔明小"), 481),
    b=person(15, "乔小明", source="grid"),
    c=person(15, "明小乔", source="medical"),
)
case(
    "a lost character",
    "ab",
    a=numbered(person(16, "乔利群"), 483),
    b=person(16, "乔?群", source="g"),
)
case(
    "a character taken for another",
    "ab",
    a=numbered(person(17, "乔玉娟", sex="2"), 484),
    b=person(17, "乔玉捐", sex="2", source="grid"),
)
case(
    "a character left out",
    "ab",
    a=numbered(person(18, "乔春萍", sex="2"), 486),
    b=person(18, "乔春", sex="2", source="grid"),
)
case(
    "a star behind the name, the number the same and no birth date stated",
    "ab",
    a=numbered(person(50, "乔磊勇"), 541),
    b=numbered(person(51, "乔磊勇*", birth_from_id=True, source="grid"), 541),
)
case(
    "a character left out, the number the same and no birth date stated",
    "ab",
    a=numbered(person(52, "乔敏永"), 542),
    b=numbered(person(53, "乔永", birth_from_id=True, source="grid"), 542),
)
case(
    "a character left out, the number filled down in one list",
    "",
    review="ab",
    a=numbered(person(54, "乔永康"), 543),
    b=numbered(person(54, "乔康", birth_from_id=True), 543),
)
case(
    "a room of an estate whose village was left out, without birth date",
    "ab",
    a=numbered(person(55, "乔有禄"), 544),
    b=person(55, "乔有禄", None, phones=(), village=None, address_key="|y|55|1|101", source="grid"),
)
case(
    "a room of an estate in two villages that no register knows",
    "",
    a=numbered(person(56, "乔有寿", village="甲村", phones=()), 545),
    b=person(56, "乔有寿", None, phones=(), village="乙村", source="grid"),
)
case(
    "a name cut at its dot, with what is left of the number",
    "ab",
    a=numbered(person(19, "阿卜杜拉·买买提"), 487),
    b=masked(person(29, "阿卜杜拉·买", source="grid", village="330199101359"), 487),
)
case(
    "two masked numbers that have a county in common",
    "",
    a=masked(person(36, "海来·子拉", None, phones=()), 488),
    b=replace(
        person(46, "海来·子拉", None, phones=(), village="330199101356", source="grid"),
        id_status="damaged",
        id_partial="330199200210190***",
    ),
)
case(
    "a name in pinyin",
    "ab",
    a=numbered(person(20, "单志远"), 489),
    b=person(20, "SHAN Zhiyuan", source="grid"),
)
case(
    "a name in pinyin with tones, and one with a syllable for a rare character",
    "abc",
    a=numbered(person(78, "仇䶮明"), 529),
    b=person(78, "Qiú Yǎnmíng", source="grid"),
    c=person(78, "仇yan3明", source="medical"),
)
case(
    "a father whose name has a syllable for a rare character, and his son",
    "",
    a=numbered(person(79, "仇yan", date(1960, 3, 4)), 531),
    b=person(79, "仇岩", None, sex=None),
)
case(
    "moved, without birth date, but with the same wife and child",
    "ad be cf",
    a=numbered(person(31, "柴有福", household="p:31"), 491),
    b=numbered(person(31, "柯桂兰", sex="2", household="p:31"), 492),
    c=numbered(person(31, "柴子豪", date(2012, 2, 3), household="p:31"), 493),
    d=person(41, "柴有福", None, household="g:9", source="grid"),
    e=numbered(person(41, "柯桂兰", sex="2", household="g:9", source="grid"), 492),
    f=numbered(person(41, "柴子豪", date(2012, 2, 3), household="g:9", source="grid"), 493),
)
case(
    "of one name in one village, without birth date, in different households",
    "",
    a=numbered(person(32, "向有福", household="p:32"), 501),
    b=numbered(person(32, "柯素兰", sex="2", household="p:32"), 502),
    c=person(42, "向有福", None, household="g:8", source="grid"),
    d=numbered(person(42, "向子涵", date(2012, 2, 3), household="g:8", source="grid"), 505),
)
case(
    "a landline with and without area code",
    "ab",
    a=numbered(person(34, "宁建华", phones=("057187651234",)), 521),
    b=person(45, "宁建华", None, phones=("87651234",), source="grid"),
)
case(
    "the telephone of an office",
    "",
    a=numbered(person(33, "宁大海", phones=("13700099999",)), 511),
    b=person(44, "宁大海", None, phones=("13700099999",), source="grid"),
    **{
        f"x{n}": numbered(person(50 + n, f"宁{name}", phones=("13700099999",)), 601 + 2 * n)
        for n, name in enumerate("东南西北中发白天地人和")
    },
)


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    """record → resident, and the pairs that wait."""
    records = [record for found in _CASES.values() for record in found.records.values()]
    place = make_home(tmp_path_factory.mktemp("hard"))
    night = run_night(*place, [*district(900, 4), *records])
    with night.open() as con:
        residents = dict(con.execute("SELECT record_id, resident_id FROM link.cluster").fetchall())
        waiting = con.execute("SELECT record_l, record_r FROM link.review").fetchall()
        said = dict(
            con.execute(
                """SELECT kind, count(*) FROM std.defect
                WHERE kind IN ('id_borrowed', 'phone_of_many') GROUP BY kind"""
            ).fetchall()
        )
    assert said["phone_of_many"] == len(_CASES["the telephone of an office"].records)
    assert said["id_borrowed"] >= 2
    return residents, {frozenset(pair) for pair in waiting}


@pytest.mark.parametrize("title", list(_CASES))
def test_hard_case(linked, title):
    residents, waiting = linked
    found = _CASES[title]
    groups: dict[str, str] = {}
    for letter, record in found.records.items():
        resident = residents[record.record_id]
        groups[resident] = groups.get(resident, "") + letter[0]
    together = {"".join(sorted(group)) for group in groups.values() if len(group) > 1}
    assert together == set(found.one.split())
    if found.review:
        pairs = {
            frozenset(found.records[letter].record_id for letter in pair)
            for pair in found.review.split()
        }
        assert pairs & waiting


def test_every_level_has_words_for_those_who_decide():
    said = {level.says for comparison in COMPARISONS for level in comparison.levels}
    assert said <= set(WORDS)
