from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from linkage_fixture import Record, district, id_of, make_home, run_night, valid

from pipelines.journal import open_journal
from pipelines.link.graph import Edge, Node, components, cut
from pipelines.link.review import SELDOM

BIRTH = date(1980, 5, 17)
HOME_PLACE = "330199101201|y|3|1|301"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple]:
    yield make_home(tmp_path)


def person(key: str, name: str = "张伟明", pinyin: str = "zhang wei ming", **known) -> Record:
    base = Record(key, name, pinyin, sex="1", birth=BIRTH, phones=("13800000001",),
                  address_key=HOME_PLACE)  # fmt: skip
    return replace(base, **known)


def residents(night) -> dict[int, str]:
    with night.open() as con:
        return dict(con.execute("SELECT record_id, resident_id FROM link.cluster").fetchall())


def rows(night, sql: str) -> list[tuple]:
    with night.open() as con:
        return con.execute(sql).fetchall()


def events(night) -> list[tuple]:
    return rows(
        night,
        "SELECT kind, resident_id, other_id FROM master.event "
        f"WHERE night = {night.number} ORDER BY ALL",
    )


NUMBER = id_of(BIRTH, 123)


def test_same_number_joins_spellings_that_agree(place):
    records = [
        valid(person("1"), NUMBER),
        valid(person("2", "张玮明"), NUMBER),
        valid(person("3", "张伟朋", "zhang wei peng"), NUMBER),
    ]
    night = run_night(*place, records)
    assert len(set(residents(night).values())) == 1
    assert rows(night, "SELECT DISTINCT tier, verdict FROM link.pair") == [("certain", "joined")]


def test_a_child_under_the_heads_number_goes_to_review_and_to_its_own_records(place):
    child = {"name": "张小宝", "pinyin": "zhang xiao bao", "birth": date(2012, 3, 4)}
    own = id_of(date(2012, 3, 4), 315)
    records = [
        valid(person("1"), NUMBER),
        valid(person("2", source="grid"), NUMBER),
        replace(valid(person("3", **child), NUMBER), id_status="conflict"),
        valid(person("4", source="grid", **child), own),
    ]
    night = run_night(*place, records)
    found = residents(night)
    head, child_id = found[records[0].record_id], found[records[3].record_id]
    assert found[records[2].record_id] == child_id != head
    assert rows(night, "SELECT reason FROM link.review") == [("contested_id",)]
    assert rows(night, "SELECT kind FROM std.defect") == [("id_borrowed",)]
    home, config = place
    with open_journal(config.journal_url) as journal:
        pair = rows(night, "SELECT record_l, record_r FROM link.review")[0]
        journal.decide(*pair, "never", "tester", "father and child")
    assert rows(run_night(home, config, records), "FROM link.review") == []


def test_who_holds_a_contested_number_does_not_depend_on_the_order_of_rows(place, tmp_path):
    records = [
        valid(person(str(n), source=source), NUMBER) for n, source in enumerate(("a", "b"))
    ] + [valid(person("9", "李四海", "li si hai", birth=None), NUMBER)]
    one = run_night(*place, records)
    other = run_night(*make_home(tmp_path / "other"), records[::-1])
    assert residents(one) == residents(other)
    assert len(set(residents(one).values())) == 2


def test_a_slip_of_the_pen_in_a_valid_number_is_explained_and_recorded(place):
    slipped = NUMBER[:-2] + "93"
    records = [
        valid(person("1"), NUMBER),
        valid(person("2", source="grid"), NUMBER),
        valid(person("3", source="medical"), slipped),
    ]
    night = run_night(*place, records)
    assert len(set(residents(night).values())) == 1
    assert rows(night, "SELECT kind, record_id FROM std.defect") == [
        ("id_slip", records[2].record_id)
    ]


def test_a_number_that_others_support_is_never_a_slip(place):
    slipped = NUMBER[:-2] + "93"
    records = [
        valid(person(str(n), source=f"s{n}"), NUMBER if n < 2 else slipped) for n in range(4)
    ]
    assert len(set(residents(run_night(*place, records)).values())) == 2


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (person("2", "张伟亮", "zhang wei liang", source="grid"), "twin"),
        (person("2", "张大山", "zhang da shan", birth=date(1955, 1, 2)), "father"),
        (
            person("2", phones=("13911111111",), address_key="330199101209|y|1|1|1",
                   village="330199101209"),
            "namesake born the same day",
        ),
    ],
)  # fmt: skip
def test_relatives_and_namesakes_stay_apart(place, other, why):
    crowd = [
        valid(
            person(f"x{n}", phones=(), address_key=None, village=f"3301991012{n % 50:02d}"),
            id_of(date(1980, 5, 17) if n < 20 else date(1940 + n % 60, 1 + n % 12, 3), n % 999),
        )
        for n in range(400)
    ]
    one = valid(person("1"), id_of(BIRTH, 997))
    found = residents(run_night(*place, [*crowd, one, other]))
    assert found[one.record_id] != found[other.record_id], why


def test_a_record_without_number_joins_by_name_birth_and_dwelling(place):
    records = [r for r in district(60, 3) if r.truth >= 0]
    target = next(r for r in records if r.id17 and r.phones and r.address_key)
    bare = replace(target, key="bare", source="grid2", id17=None, id_status="missing")
    found = residents(run_night(*place, [*records, bare]))
    assert found[bare.record_id] == found[target.record_id]


def test_two_persons_of_one_row_never_become_one(place):
    row = {"source": "marriage", "key": "77"}
    records = [
        valid(replace(person("1"), **row, role="husband"), NUMBER),
        valid(replace(person("1"), **row, role="wife"), NUMBER),
    ]
    night = run_night(*place, records)
    assert len(set(residents(night).values())) == 2
    assert rows(night, "SELECT verdict FROM link.pair") == [("refused",)]
    assert rows(night, "SELECT reason FROM link.review") == [("cut",)]


def test_unchanged_input_makes_no_event_and_a_rebuild_keeps_the_ids(place):
    records = district(120, 5)
    first = run_night(*place, records)
    again = run_night(*place, records)
    home, config = place
    rebuilt = run_night(home, config, records, full=True)
    home.night_file(rebuilt.number).unlink()
    from_journal = run_night(home, config, records, full=True)
    assert events(again) == events(rebuilt) == events(from_journal) == []
    assert residents(first) == residents(again) == residents(rebuilt) == residents(from_journal)
    assert rows(again, "SELECT count(*) FROM delta.resident") == [(0,)]


@pytest.mark.thorough
def test_decisions_are_honoured_by_every_later_night_and_an_unmerge_restores(place):
    home, config = place
    one = valid(person("1"), NUMBER)
    two = valid(
        person("2", "李四海", "li si hai", birth=date(1970, 1, 1)), id_of(date(1970, 1, 1), 55)
    )
    before = residents(run_night(home, config, [one, two]))
    with open_journal(config.journal_url) as journal:
        journal.decide(one.record_id, two.record_id, "always", "tester", "the same")
    joined = run_night(home, config, [one, two])
    assert len(set(residents(joined).values())) == 1
    assert [event[0] for event in events(joined)] == ["merge"]
    assert len(set(residents(run_night(home, config, [one, two], full=True)).values())) == 1
    with open_journal(config.journal_url) as journal:
        journal.decide(one.record_id, two.record_id, "never", "tester", "no")
    apart = run_night(home, config, [one, two])
    assert len(set(residents(apart).values())) == 2
    assert [event[0] for event in events(apart)] == ["split"]
    assert len(before) == 2
    with open_journal(config.journal_url) as journal:
        journal.decide(one.record_id, replace(one, key="3").record_id, "never", "tester", "no")
    three = replace(one, key="3")
    assert (
        residents(run_night(home, config, [one, two, three]))[three.record_id]
        != before[one.record_id]
    )


def test_an_id_goes_on_when_its_anchor_vanishes(place):
    records = [valid(person(str(n), source=f"s{n}"), NUMBER) for n in range(3)]
    first = run_night(*place, records)
    anchor = rows(first, "SELECT anchor_record FROM link.identity")[0][0]
    rest = [r for r in records if r.record_id != anchor]
    second = run_night(*place, rest)
    assert set(residents(second).values()) == set(residents(first).values())
    assert [event[0] for event in events(second)] == ["anchor"]
    third = run_night(*place, [])
    assert [event[0] for event in events(third)] == ["end"]
    assert rows(third, "SELECT change FROM delta.resident") == [("gone",)]


def outcome(night) -> tuple:
    found: dict[str, set[int]] = {}
    for record, resident in residents(night).items():
        found.setdefault(resident, set()).add(record)
    return (
        {frozenset(members) for members in found.values()},
        rows(night, "SELECT record_l, record_r, tier, weight, verdict FROM link.pair ORDER BY ALL"),
        rows(night, "SELECT * FROM link.standing ORDER BY ALL"),
        rows(night, "SELECT * FROM link.candidate ORDER BY ALL"),
        rows(night, "SELECT * FROM link.tie ORDER BY ALL"),
        rows(night, "SELECT * FROM link.budget ORDER BY ALL"),
        rows(night, "SELECT record_l, record_r, reason, value FROM link.review ORDER BY ALL"),
    )


@pytest.mark.parametrize("seed", [1])
def test_delta_nights_end_where_a_full_rebuild_of_the_same_input_ends(tmp_path, seed, monkeypatch):
    random = np.random.default_rng(seed)
    pool = district(60, seed)
    numbers = [r.id17 for r in pool if r.id17]
    home, config = make_home(tmp_path / "delta")
    today = {r.record_id: r for r in pool if random.random() < 0.6}
    run_night(home, config, list(today.values()))
    for _ in range(4):
        for record in pool:
            dice = random.random()
            if dice < 0.08:
                today[record.record_id] = record
            elif dice < 0.13:
                today.pop(record.record_id, None)
            elif dice < 0.20:
                today[record.record_id] = valid(record, str(random.choice(numbers)))
            elif dice < 0.24:
                other = pool[int(random.integers(len(pool)))]
                today[record.record_id] = replace(record, name=other.name, pinyin=other.pinyin)
            elif dice < 0.26 and record.id17:
                slip = record.id17[:-1] + str((int(record.id17[-1]) + 2) % 10)
                today[record.record_id] = valid(record, slip)
        with open_journal(config.journal_url) as journal:
            for _ in range(3):
                one, two = random.choice(len(pool), size=2, replace=False)
                verdict = str(random.choice(["always", "never", "withdrawn"]))
                journal.decide(
                    pool[one].record_id, pool[two].record_id, verdict, "tester", "a test"
                )
        live = list(today.values())
        random.shuffle(live)
        delta = run_night(home, config, live)
    monkeypatch.setattr("pipelines.link.compare.PAIR_BYTES", 40 << 20)
    full = run_night(home, config, live, full=True)
    assert not delta.is_full
    assert outcome(delta) == outcome(full)
    assert residents(delta) == residents(full)
    assert events(full) == []


def test_a_cut_keeps_the_strongest_evidence_whatever_the_order_of_edges():
    nodes = {1: Node(1, "A"), 2: Node(2, None), 3: Node(3, "B")}
    edges = [Edge(1, 2, 5.0, False), Edge(2, 3, 9.0, False)]
    label, refused = cut(nodes, edges, [])
    assert (label, refused) == ({1: 1, 2: 2, 3: 2}, [edges[0]])
    assert cut(nodes, edges[::-1], []) == (label, refused)


def test_contradictory_decisions_keep_apart_what_must_never_be_one():
    nodes = {n: Node(n, None) for n in (1, 2, 3)}
    always = [Edge(1, 2, 1000.0, True), Edge(2, 3, 1000.0, True)]
    label, refused = cut(nodes, always, [(1, 3)])
    assert label == {1: 1, 2: 1, 3: 3}
    assert refused == [always[1]]


def test_components_name_the_smallest_member():
    node, label = components(np.array([5, 9, 2]), np.array([7, 5, 3]))
    assert dict(zip(node.tolist(), label.tolist(), strict=True)) == {2: 2, 3: 2, 5: 5, 7: 5, 9: 5}


@pytest.mark.thorough
def test_who_was_decided_always_and_is_kept_apart_comes_back_to_the_queue(place):
    home, config = place
    people = [
        valid(person(str(n), name, sound, birth=born), id_of(born, 7 + n))
        for n, (name, sound, born) in enumerate(
            (
                ("张三丰", "zhang san feng", date(1950, 1, 1)),
                ("李四海", "li si hai", date(1960, 2, 2)),
                ("王五一", "wang wu yi", date(1970, 3, 3)),
            )
        )
    ]
    a, b, c = sorted(record.record_id for record in people)
    with open_journal(config.journal_url) as journal:
        for one, other, verdict in ((a, b, "always"), (b, c, "always"), (a, c, "never")):
            journal.decide(one, other, verdict, "tester", "a test")
    queue = "SELECT record_l, record_r, reason, starts_with(explanation, '曾核定') FROM link.review"
    for night in (
        run_night(home, config, people),
        run_night(home, config, people),
        run_night(home, config, people, full=True),
    ):
        found = residents(night)
        assert found[a] == found[b] != found[c]
        assert rows(night, queue) == [(b, c, "cut", True)]
    with open_journal(config.journal_url) as journal:
        journal.decide(b, c, "withdrawn", "tester", "it was not so")
    assert rows(run_night(home, config, people), queue) == []


def test_the_queue_is_ordered_by_what_a_decision_settles_and_keeps_its_budget(place):
    home, config = place
    numbers = [id_of(date(1950 + n, 1, 1), 7) for n in range(3)]
    records = []
    strangers = (("李四海", "li si hai"), ("王五一", "wang wu yi"), ("赵六合", "zhao liu he"))
    for n, (number, name) in enumerate(zip(numbers, strangers, strict=True)):
        holder = valid(person(f"{n}a", birth=None), number)
        stranger = valid(person(f"{n}z", *name, birth=None), number)
        records += [holder, replace(holder, key=f"{n}b"), stranger]
    records[8] = replace(records[8], phones=("13999999999",))
    night = run_night(home, config, records)
    queue = "SELECT review_id, value FROM link.review ORDER BY value DESC, review_id"
    items = rows(night, queue)
    assert len(items) == 3
    most = items[0]
    assert most[1] == pytest.approx(items[1][1] + SELDOM), "a phone stated differently is a cell"
    district = config.district.model_copy(
        update={"linkage": config.district.linkage.model_copy(update={"review_budget": 1})}
    )
    short = run_night(home, replace(config, district=district), records)
    assert rows(short, queue) == [most]
    ((counts,),) = rows(
        short,
        f"SELECT counts FROM meta.stage WHERE stage = 'queue_reviews' AND night = {short.number}",
    )
    assert json.loads(counts)["over_budget"] == 2
    assert rows(short, "SELECT count(*) FROM link.pair WHERE verdict = 'review'") == [(3,)]


def test_what_would_bring_records_together_waits_before_a_contest_that_is_as_good_as_settled(place):
    home, config = place
    holder = valid(person("1"), NUMBER)
    borrower = valid(person("2", "李四海", "li si hai", birth=None), NUMBER)
    records = [holder, replace(holder, key="3"), borrower]
    heard = person("4", "张炜明", birth=None, sex=None, phones=())
    night = run_night(home, config, [*records, heard])
    queue = "SELECT reason, value FROM link.review ORDER BY value DESC"
    (first, doubtful), (second, contested) = rows(night, queue)
    assert (first, second) == ("doubtful", "contested_id")
    more = run_night(home, config, [*records, replace(holder, key="5"), heard])
    (first, valuable), (_, still) = rows(more, queue)
    assert first == "doubtful" and valuable > doubtful
    assert still - contested < valuable - doubtful


def test_two_residents_whom_a_person_keeps_apart_are_not_asked_about_again(place):
    home, config = place
    holder = valid(person("1"), NUMBER)
    again = replace(holder, key="2", phones=("13800000001", "13800000002"))
    twin = person("3", "张伟亮", "zhang wei liang")
    records = [holder, again, twin]
    night = run_night(home, config, records)
    pairs = rows(night, "SELECT record_l, record_r FROM link.pair WHERE tier = 'probable'")
    assert len(pairs) == 2
    ((left, right, reason),) = rows(night, "SELECT record_l, record_r, reason FROM link.review")
    assert reason == "doubtful"
    with open_journal(config.journal_url) as journal:
        journal.decide(left, right, "never", "tester", "twins")
    assert rows(run_night(home, config, records), "FROM link.review") == []
