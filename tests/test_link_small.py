"""Districts of a handful of people: names are too few there for frequencies to say anything."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from linkage_fixture import Record, check_digit, cleaned, id_of, make_home, run_night, valid

from pipelines.explain.history import follow
from pipelines.journal import open_journal
from pipelines.link.model import COMPARISONS
from pipelines.link.texts import COMPARISON_LABELS
from pipelines.merge.survivorship import NOT_HELD

BORN = date(1986, 5, 17)


@pytest.fixture
def place(tmp_path: Path):
    return make_home(tmp_path)


def person(key: str, name: str, home: int = 1, **known) -> Record:
    """A man at dwelling and telephone number `home`, without ID number; `key` is source/row."""
    village = f"33019910120{home}"
    source, _, row = key.partition("/")
    base = Record(
        row,
        name,
        cleaned(name).pinyin,
        sex="1",
        birth=BORN,
        phones=(f"1370000100{home}",),
        address_key=f"{village}|y|{home}|1|101",
        village=village,
        source=source,
    )
    return replace(base, **known)


def numbered(record: Record, sequence: int) -> Record:
    return valid(record, id_of(BORN, sequence))


def unplaced(record: Record) -> Record:
    return replace(record, phones=(), address_key=None, village=None)


def groups(night, **records: Record) -> set[str]:
    """Letters of the records that are one resident, word by word."""
    with night.open() as con:
        residents = dict(con.execute("SELECT record_id, resident_id FROM link.cluster").fetchall())
    found: dict[str, str] = {}
    for letter, record in records.items():
        resident = residents[record.record_id]
        found[resident] = found.get(resident, "") + letter
    return set(found.values())


def asked(night) -> set[frozenset[int]]:
    with night.open() as con:
        return {
            frozenset(pair)
            for pair in con.execute("SELECT record_l, record_r FROM link.review").fetchall()
        }


def residents(night) -> dict[int, str]:
    with night.open() as con:
        return dict(con.execute("SELECT record_id, resident_id FROM link.cluster").fetchall())


def kinds(night) -> list[str]:
    with night.open() as con:
        return [
            kind
            for (kind,) in con.execute(
                "SELECT kind FROM master.event WHERE night = ? ORDER BY kind", [night.number]
            ).fetchall()
        ]


@pytest.mark.parametrize("shown", [14, 15, 6])
def test_twins_are_not_one_because_their_numbers_begin_alike(place, shown):
    number = id_of(BORN, 125) + check_digit(id_of(BORN, 125))
    one = numbered(person("a/1", "蒋伟亮"), 123)
    left = number[:shown].ljust(18, "*")
    other = replace(person("b/1", "蒋伟国"), id_status="masked", id_partial=left)
    night = run_night(*place, [one, other])
    assert groups(night, a=one, b=other) == {"a", "b"}
    assert asked(night) == {frozenset((one.record_id, other.record_id))}


def test_a_name_that_is_the_same_goes_before_one_that_looks_alike(place):
    one = {letter: person(f"{letter}/1", "蒋月芬", sex="2") for letter in "ac"}
    other = {letter: person(f"{letter}/1", "蒋月芳", sex="2") for letter in "bd"}
    records = one | other
    records["a"], records["b"] = numbered(records["a"], 222), numbered(records["b"], 224)
    assert groups(run_night(*place, list(records.values())), **records) == {"ac", "bd"}


def test_who_may_be_either_of_two_namesakes_is_neither_until_somebody_says(place):
    home, config = place
    records = {
        "a": numbered(person("a/1", "张伟", 1), 301),
        "b": numbered(person("b/1", "张伟", 2), 303),
        "c": unplaced(person("c/1", "张伟")),
        "d": person("d/1", "张伟", 2),
    }
    night = run_night(home, config, list(records.values()))
    assert groups(night, **records) == {"a", "bd", "c"}
    waiting = {records["c"].record_id, records["a"].record_id}
    assert frozenset(waiting) in asked(night)
    with open_journal(config.journal_url) as journal:
        journal.decide(*waiting, "always", "tester", "asked at the door")
    for full in (False, True):
        night = run_night(home, config, list(records.values()), full=full)
        assert groups(night, **records) == {"ac", "bd"}


def test_namesakes_of_one_day_in_other_villages_with_other_telephones_wait(place):
    one, other = numbered(person("a/1", "王芳"), 722), person("b/1", "王芳", 2)
    crowd = [
        replace(numbered(person(f"a/x{n}", name, 3), 101 + 2 * n), birth=date(1950 + n, 1, 2))
        for n, name in enumerate(("赵一民", "钱二虎", "孙三立", "李四海", "周五常"))
    ]
    night = run_night(*place, [one, other, *crowd])
    assert groups(night, a=one, b=other) == {"a", "b"}
    assert asked(night) == {frozenset((one.record_id, other.record_id))}


def test_an_unmerge_restores_both_ids_and_where_they_lead(place):
    home, config = place
    one, other = numbered(person("a/1", "张伟"), 301), person("b/1", "李四海", 2)
    before = residents(run_night(home, config, [one, other]))

    def say(verdict: str):
        with open_journal(config.journal_url) as journal:
            journal.decide(one.record_id, other.record_id, verdict, "tester", "a test")
        return run_night(home, config, [one, other])

    for word in ("never", "withdrawn", "never"):
        assert len(set(residents(say("always")).values())) == 1
        apart = say(word)
        assert (residents(apart), kinds(apart)) == (before, ["split"])
        with apart.open() as con:
            assert [follow(con, resident) for resident in before.values()] == [*before.values()]
    again = run_night(home, config, [one, other], full=True)
    assert (residents(again), kinds(again)) == (before, [])


def test_who_comes_back_has_the_id_of_before(place):
    home, config = place
    one, other = person("a/1", "张伟"), person("b/1", "李四海", 2)
    before = residents(run_night(home, config, [one, other]))
    assert kinds(run_night(home, config, [one])) == ["end"]
    assert residents(run_night(home, config, [one, other])) == before
    assert residents(run_night(home, config, [one, other], full=True)) == before


@pytest.mark.parametrize(
    ("was", "mended"),
    [
        (numbered(person("a/1", "张玮"), 301), numbered(person("a/2", "张伟名"), 301)),
        (numbered(person("a/1", "张伟"), 301), numbered(person("a/2", "张伟"), 302)),
        (person("a/1", "张伟"), person("a/2", "张伟", 3, phones=())),
        (numbered(person("a/1", "张伟"), 301), numbered(person("b/7", "张伟", 4), 301)),
    ],
    ids=["name", "number", "address", "another list"],
)
def test_a_row_that_was_mended_keeps_its_resident(place, was, mended):
    home, config = place
    others = [person(f"a/x{n}", name, 5 + n) for n, name in enumerate(("张伟", "李四海"))]
    others = [replace(record, birth=date(1950, 1, 2)) for record in others]
    before = residents(run_night(home, config, [was, *others]))
    after = run_night(home, config, [mended, *others])
    assert residents(after)[mended.record_id] == before[was.record_id]
    assert kinds(after) == ["anchor"]
    assert residents(run_night(home, config, [mended, *others], full=True)) == residents(after)


def test_who_goes_and_a_namesake_who_comes_are_two(place):
    home, config = place
    gone, come = person("a/1", "张伟"), person("a/2", "张伟", 3, birth=date(1950, 1, 2))
    before = residents(run_night(home, config, [gone]))
    after = residents(run_night(home, config, [come]))
    assert set(before.values()).isdisjoint(after.values())


def test_a_number_that_many_were_given_keeps_nobody_from_their_own(place):
    names = ("赵一民", "钱二虎", "孙三立", "李四海", "周五常")
    given = [numbered(person(f"a/{n}", name, n), 700) for n, name in enumerate(names)]
    own = [numbered(person(f"b/{n}", name, n), 101 + 2 * n) for n, name in enumerate(names)]
    found = residents(run_night(*place, [*given, *own]))
    assert [found[r.record_id] for r in given] == [found[r.record_id] for r in own]
    assert len(set(found.values())) == len(names)


def test_former_names_in_one_cell_count_under_one_number_too(place):
    one = numbered(replace(person("a/1", "赵建国"), former_name="赵二、赵小毛"), 301)
    other = numbered(person("b/1", "赵小毛"), 301)
    assert groups(run_night(*place, [one, other]), a=one, b=other) == {"ab"}


def test_a_number_of_two_whom_a_person_keeps_apart_counts_for_neither(place):
    home, config = place
    one, other = (numbered(person(f"{key}/1", "张伟"), 301) for key in "ab")
    with open_journal(config.journal_url) as journal:
        journal.decide(one.record_id, other.record_id, "never", "tester", "two of one name")
    night = run_night(home, config, [one, other])
    assert groups(night, a=one, b=other) == {"a", "b"}
    with night.open() as con:
        assert {record for (record,) in con.execute(NOT_HELD).fetchall()} == {
            one.record_id,
            other.record_id,
        }


def test_every_comparison_has_a_name_for_those_who_decide():
    assert {comparison.name for comparison in COMPARISONS} == COMPARISON_LABELS.keys()
