"""Merging: whose value counts, who contests it, where people live, and what a delta recomputes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.config import Config
from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.merge import merge_residents, place_dwellings
from pipelines.night import Night, open_night
from pipelines.publish import publish
from schemas.district import District, Limits
from schemas.source import SourceMap

DAY = date(2026, 1, 1)
ID = "33019919800101123X"


def _source(name: str, authority: int, **special: int) -> SourceMap:
    return SourceMap(
        source=name, label=name, department="grid", kind="workbook", files="*.xlsx",
        authority=authority, field_authority=special, purposes=("population",), columns={},
    )  # fmt: skip


SOURCES = {
    source.source: source
    for source in (
        _source("ledger", 30, address=90),
        _source("register", 80),
        _source("twin", 80),
        _source("clerk", 60),
    )
}


@dataclass
class World:
    """What the stages before the merge leave: records, who they belong to, dwellings, benefits."""

    records: dict[int, dict[str, Any]] = field(default_factory=dict)
    residents: dict[int, str] = field(default_factory=dict)
    dwellings: dict[str, dict[str, Any]] = field(default_factory=dict)
    benefits: dict[int, dict[str, Any]] = field(default_factory=dict)

    def standing(self) -> list[dict[str, Any]]:
        """What linkage says of numbers: the name with most sound records holds it, or nobody."""
        rows: list[dict[str, Any]] = []
        claims = [r for r in self.records.values() if r.get("id17")]
        for number in sorted({r["id17"] for r in claims}):
            claim = [r for r in claims if r["id17"] == number]
            sound: dict[Any, int] = {r.get("name"): 0 for r in claim}
            for row in claim:
                sound[row.get("name")] += row["id_status"] == "valid"
            most = max(sound.values())
            holders = [name for name, records in sound.items() if records == most > 0]
            for row in claim:
                is_holder = holders == [row.get("name")]
                held = number if is_holder or len(holders) != 1 else None
                rows.append({"record_id": row["record_id"], "hub": 0, "is_open": not is_holder,
                             "held_id": held, "holders": len(claim)})  # fmt: skip
        return rows

    def add(self, resident: str, source: str, days: int = 0, **values: Any) -> int:
        """One more record; returns its number."""
        record = len(self.records) + 1
        row = {"role": "self", "id_status": "missing", "birth_precision": "day", **values}
        row |= {"record_id": record, "source": source, "source_key": f"k{record}"}
        row |= {"department": "grid", "observed_date": DAY + timedelta(days)}
        self.records[record] = row
        self.residents[record] = resident
        return record

    def house(self, key: str, **values: Any) -> str:
        """One more dwelling of the register; returns its id."""
        row = {"dwelling_id": f"D{key}", "dwelling_key": key, "grid_code": "G1"}
        row |= {"village_code": "V1", "address": key, **values}
        self.dwellings[key] = row
        return str(row["dwelling_id"])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path)


def _config(home: Home) -> Config:
    limits = Limits(memory="500MB", threads=1)
    return Config(
        district=District(name="测试镇", township_code="330199101", databases={}, limits=limits),
        sources=SOURCES,
        forms={},
        databases={},
        ledgers=home.inbox,
        journal_url=f"sqlite:///{home.journal}",
        fingerprint="f",
    )


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    con.execute(f"DELETE FROM {table}")
    if rows:
        names = sorted({name for row in rows for name in row})
        places = ", ".join(f"({', '.join('?' * len(names))})" for _ in rows)
        con.execute(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES {places}",
            [row.get(name) for row in rows for name in names],
        )


def _load(night: Night, world: World, before: World | None = None) -> None:
    """Write `world` as the earlier stages would, with what it changes against `before`."""
    before = before or World()
    changed = {
        record: "gone" if record not in world.records else "changed"
        for record in before.records.keys() | world.records.keys()
        if before.records.get(record) != world.records.get(record)
        or before.benefits.get(record) != world.benefits.get(record)
    }
    members = {r: {k for k, v in w.residents.items() if v == r}
               for w in (before, world) for r in w.residents.values()}  # fmt: skip
    touched = {
        resident
        for record in before.records.keys() | world.records.keys()
        if record in changed or before.residents.get(record) != world.residents.get(record)
        for resident in (before.residents.get(record), world.residents.get(record))
        if resident
    }
    living = set(world.residents.values())
    with night.open() as con:
        _insert(con, "std.record", list(world.records.values()))
        _insert(con, "std.dwelling", list(world.dwellings.values()))
        _insert(con, "link.standing", world.standing())
        _insert(con, "std.benefit", [{"record_id": k, **v} for k, v in world.benefits.items()])
        _insert(
            con,
            "link.cluster",
            [{"record_id": k, "resident_id": v} for k, v in world.residents.items()],
        )
        _insert(
            con,
            "link.identity",
            [{"resident_id": r, "anchor_record": min(members[r]), "born_night": 1} for r in living],
        )
        _insert(con, "delta.record", [{"record_id": k, "change": v} for k, v in changed.items()])
        _insert(
            con,
            "delta.resident",
            [{"resident_id": r, "change": "changed" if r in living else "gone"} for r in touched],
        )


def _merge(home: Home, world: World, before: World | None = None, *, full: bool = False) -> Night:
    night = open_night(home, _config(home), full=full)
    with night.keep_open():
        _load(night, world, before)
        place_dwellings(night)
        merge_residents(night)
    return night


def _publish(night: Night) -> None:
    with open_journal(night.config.journal_url) as journal:
        publish(night.home, journal, night.number, night.folder, keep=7)


def _rows(night: Night, sql: str) -> list[tuple]:
    with night.open() as con:
        return con.execute(sql).fetchall()


def _cell(night: Night, name: str, resident: str = "R1") -> tuple:
    """Value, record, source, observed and contested of one cell."""
    rows = _rows(
        night,
        f"""SELECT r."{name}", "{name}_record", s.source, "{name}_observed", "{name}_contested"
        FROM master.resident r JOIN master.provenance p USING (resident_id)
        LEFT JOIN meta.source s ON s.source_no = p."{name}_source"
        WHERE resident_id = '{resident}'""",
    )
    return rows[0]


def test_authority_beats_age_and_age_breaks_the_tie(home: Home) -> None:
    world = World()
    world.add("R1", "ledger", days=300, ethnic_group="02")
    world.add("R1", "register", days=10, ethnic_group="01")
    newest = world.add("R1", "register", days=20, ethnic_group="01")
    cell = _cell(_merge(home, world), "ethnic_group")
    assert cell == ("01", newest, "register", DAY + timedelta(20), False)


def test_the_newest_beats_authority_where_the_field_says_so(home: Home) -> None:
    world = World()
    world.add("R1", "register", days=1, employer="甲")
    world.add("R1", "ledger", days=2, employer="乙")
    assert _cell(_merge(home, world), "employer")[:3] == ("乙", 2, "ledger")


def test_a_source_may_have_its_own_authority_for_one_field(home: Home) -> None:
    world = World()
    world.add("R1", "register", address="甲", address_key="甲")
    world.add("R1", "ledger", address="乙", address_key="乙", hukou_address="丙")
    world.add("R1", "register", hukou_address="丁")
    night = _merge(home, world)
    assert _cell(night, "address")[:3] == ("乙", 2, "ledger")
    assert _cell(night, "hukou_address")[:3] == ("丁", 3, "register")


def test_most_records_decide_the_name(home: Home) -> None:
    world = World()
    world.add("R1", "register", days=9, name="张珊", name_key="张珊")
    world.add("R1", "ledger", name="張三", name_key="张三")
    world.add("R1", "ledger", days=1, name="张三", name_key="张三")
    value, record, _, _, contested = _cell(_merge(home, world), "name")
    assert (value, record, contested) == ("张三", 3, False)


def test_a_name_with_a_lost_character_wins_over_no_other_and_contests_none(home: Home) -> None:
    world = World()
    world.add("R1", "register", name="张?明", name_key="张?明")
    world.add("R1", "ledger", name="张小明", name_key="张小明")
    world.add("R2", "ledger", name="李?明", name_key="李?明")
    night = _merge(home, world)
    value, _, _, _, contested = _cell(night, "name")
    assert (value, contested) == ("张小明", False)
    assert _cell(night, "name", "R2")[0] == "李?明"


def test_an_older_and_weaker_word_does_not_contest(home: Home) -> None:
    world = World()
    world.add("R1", "register", days=9, education="20")
    world.add("R1", "ledger", days=1, education="30")
    assert _cell(_merge(home, world), "education")[4] is False


def test_a_value_nobody_states_has_no_origin(home: Home) -> None:
    world = World()
    world.add("R1", "register", name="张三")
    assert _cell(_merge(home, world), "phone") == (None, None, None, None, None)


CONTESTS = [
    ("phone", {"phone": "1"}, {"phone": "2", "phones": ["2", "1"]}, False),
    ("phone", {"phone": "1"}, {"phone": "2", "phones": ["2"]}, True),
    ("name", {"name": "張三", "name_key": "张三"}, {"name": "张三", "name_key": "张三"}, False),
    (
        "address",
        {"address": "甲村1号2室", "address_key": "甲|||1|2", "dwelling_key": "甲|||1|2"},
        {"address": "甲村1号二室", "address_key": "甲|||1|2", "dwelling_key": "甲|||1|2"},
        False,
    ),
    (
        "address",
        {"address": "甲村1号2室", "address_key": "甲|||1|2"},
        {"address": "甲村", "address_key": "甲||||"},
        False,
    ),
    (
        "address",
        {"address": "甲村1号2室", "address_key": "甲|||1|2"},
        {"address": "乙村", "address_key": "乙||||"},
        True,
    ),
    ("hukou_address", {"hukou_address": "甲县乙镇"}, {"hukou_address": "乙镇"}, False),
    ("hukou_address", {"hukou_address": "甲县乙镇"}, {"hukou_address": "丙镇"}, True),
    ("marital_status", {"marital_status": "20"}, {"marital_status": "21"}, False),
    ("marital_status", {"marital_status": "20"}, {"marital_status": "40"}, True),
    (
        "birth_date",
        {"birth_date": date(1980, 5, 1)},
        {"birth_date": date(1980, 1, 1), "birth_precision": "year"},
        False,
    ),
    (
        "birth_date",
        {"birth_date": date(1980, 5, 1)},
        {"birth_date": date(1981, 1, 1), "birth_precision": "year"},
        True,
    ),
]


def test_what_counts_as_saying_otherwise(home: Home) -> None:
    world = World()
    first = {}
    for number, (_, chosen, other, _) in enumerate(CONTESTS):
        first[number] = world.add(f"R{number}", "twin", days=1, **chosen)
        world.add(f"R{number}", "register", days=0, **other)
    night = _merge(home, world)
    found = {
        number: _cell(night, name, f"R{number}")[1::3] for number, (name, *_) in enumerate(CONTESTS)
    }
    assert found == {number: (first[number], case[-1]) for number, case in enumerate(CONTESTS)}


# field, age in days of the value chosen and of the other, their sources, whether that is a doubt
DOUBTS = [
    ("ethnic_group", 0, 0, "register", "twin", True),
    ("ethnic_group", 0, 900, "register", "clerk", True),
    ("ethnic_group", 0, 900, "register", "ledger", False),
    ("ethnic_group", 900, 0, "register", "clerk", False),
    ("employer", 89, 0, "register", "twin", True),
    ("employer", 91, 0, "register", "twin", False),
    ("employer", 89, 0, "register", "ledger", False),
    ("employer", 700, 0, "clerk", "register", True),
    ("employer", 800, 0, "clerk", "register", False),
    ("phone", 500, 0, "register", "ledger", True),
    ("phone", 600, 0, "register", "register", True),
]


def test_only_a_real_doubt_contests(home: Home) -> None:
    world = World()
    for number, (name, days, other_days, source, other, _) in enumerate(DOUBTS):
        world.add(f"R{number}", other, days=other_days, **{name: "02"})
        world.add(f"R{number}", source, days=days, **{name: "01"})
    night = _merge(home, world)
    for number, doubt in enumerate(DOUBTS):
        assert _cell(night, doubt[0], f"R{number}")[4] is doubt[-1], doubt


def test_a_name_as_frequent_as_the_chosen_one_contests(home: Home) -> None:
    world = World()
    world.add("R1", "register", days=9, name="张珊", name_key="张珊")
    world.add("R1", "ledger", name="张三", name_key="张三")
    assert _cell(_merge(home, world), "name")[::4] == ("张珊", True)


def test_a_phone_two_records_agree_on_goes_before_a_newer_one_that_stands_alone(
    home: Home,
) -> None:
    world = World()
    world.add("R1", "ledger", days=1, phone="1")
    world.add("R1", "register", days=2, phone="1")
    world.add("R1", "ledger", days=3, phone="2")
    for days in (1, 2):
        world.add("R2", "register", days=days, phone="1")
    world.add("R2", "register", days=9, phone="2")
    night = _merge(home, world)
    assert _cell(night, "phone", "R1")[::4] == ("1", False)
    assert _cell(night, "phone", "R2")[::4] == ("1", True)
    world.add("R3", "ledger", days=1, phone="5")
    with _merge(home, world).open() as con:
        alone = con.execute(
            "SELECT resident_id, phone_alone FROM master.provenance ORDER BY 1"
        ).fetchall()
    assert alone == [("R1", False), ("R2", False), ("R3", True)]


def test_a_borrowed_number_is_not_the_residents_nor_what_was_read_from_it(home: Home) -> None:
    world = World()
    number: dict[str, Any] = {"id_status": "valid", "id_number": ID, "id17": ID[:17]}
    read = {"birth_date": date(1991, 9, 8), "sex": "1"}
    for _ in range(2):
        world.add("R1", "register", name="父", **number, **read)
    world.add("R2", "register", name="子", birth_from_id=True, **number, **read)
    night = _merge(home, world)
    assert _cell(night, "id_number", "R1")[0] == ID
    assert [_cell(night, name, "R2")[0] for name in ("id_number", "birth_date", "sex")] == [
        None
    ] * 3
    assert _cell(night, "name", "R2")[0] == "子"


def test_a_number_that_two_claim_alike_is_nobodys_until_that_is_settled(home: Home) -> None:
    world = World()
    number = {"id_status": "valid", "id_number": ID, "id17": ID[:17]}
    world.add("R1", "register", name="甲", **number)
    rival = world.add("R2", "register", name="乙", **number)
    night = _merge(home, world)
    assert [_cell(night, "id_number", resident)[0] for resident in ("R1", "R2")] == [None, None]
    _publish(night)
    later = World({k: v for k, v in world.records.items() if k != rival}, {1: "R1"})
    assert _cell(_merge(home, later, world), "id_number", "R1")[0] == ID


def test_who_names_no_dwelling_lives_with_the_household(home: Home) -> None:
    world = World()
    here, there = world.house("here"), world.house("there", grid_code="G2")
    child = world.add("R1", "register", household_key="register:1")
    for resident in ("R2", "R3"):
        world.add(resident, "register", household_key="register:1", address="甲",
                  dwelling_key="here")  # fmt: skip
    world.add("R4", "register", household_key="register:1", address="乙", dwelling_key="there")
    world.add("R5", "register", household_key="register:2")
    places = "SELECT dwelling_id FROM master.resident ORDER BY resident_id"
    night = _merge(home, world)
    assert _rows(night, places) == [(here,), (here,), (here,), (there,), (None,)]
    _publish(night)
    moved = World({**world.records}, world.residents, world.dwellings)
    for record in (2, 3):
        moved.records[record] = {**moved.records[record], "address": "乙", "dwelling_key": "there"}
    assert moved.records[child] == world.records[child]
    delta = _merge(home, moved, world)
    assert _rows(delta, places) == [(there,)] * 4 + [(None,)]


def test_a_contradicted_number_is_taken_for_want_of_a_better_one(home: Home) -> None:
    world = World()
    number = {"id_number": ID, "id17": ID[:17]}
    world.add("R1", "register", days=9, id_status="conflict", **number)
    world.add("R1", "ledger", id_status="valid", id_number="2", id17="2")
    world.add("R2", "register", id_status="conflict", id_number="3", id17="3")
    world.add("R3", "register", name="甲", id_status="conflict", id_number="4", id17="4")
    world.add("R4", "register", name="乙", id_status="valid", id_number="4", id17="4")
    night = _merge(home, world)
    assert _cell(night, "id_number", "R1")[:2] == ("2", 2)
    assert _cell(night, "id_number", "R2")[::4] == ("3", True)
    assert _cell(night, "id_number", "R3")[0] is None
    assert _cell(night, "id_number", "R4")[::4] == ("4", False)


def test_a_valid_number_vouches_for_birth_date_and_sex(home: Home) -> None:
    world = World()
    world.add("R1", "register", days=9, birth_date=date(1980, 1, 2), sex="2")
    world.add("R1", "ledger", birth_date=date(1980, 1, 1), sex="1",
              id_status="valid", id_number=ID, id17=ID[:17])  # fmt: skip
    night = _merge(home, world)
    assert _cell(night, "birth_date")[:2] == (date(1980, 1, 1), 2)
    assert _cell(night, "sex")[:2] == ("1", 2)


def test_people_live_where_their_chosen_address_is_else_where_another_record_says(
    home: Home,
) -> None:
    world = World()
    here, there = world.house("here"), world.house("there", grid_code="G2")
    world.add("R1", "register", days=1, address="甲", dwelling_key="here")
    world.add("R1", "register", days=2, address="乙", dwelling_key="there")
    world.add("R2", "register", days=1, address="甲", dwelling_key="here")
    world.add("R2", "register", days=2, address="丙", dwelling_key="unknown", village_code="V9")
    world.add("R3", "register", address="丙", village_code="V9")
    night = _merge(home, world)
    assert _rows(
        night,
        "SELECT dwelling_id, grid_code, village_code FROM master.resident ORDER BY resident_id",
    ) == [(there, "G2", "V1"), (here, "G1", "V1"), (None, None, "V9")]
    assert _rows(
        night, "SELECT dwelling_id, residents FROM master.dwelling ORDER BY dwelling_id"
    ) == [(here, 1), (there, 1)]


def test_the_dead_stay_in_the_master_but_live_nowhere(home: Home) -> None:
    world = World()
    world.house("here")
    world.add("R1", "register", address="甲", dwelling_key="here", death_date=DAY, relation="02")
    world.add("R2", "register", address="甲", dwelling_key="here")
    night = _merge(home, world)
    assert _rows(
        night,
        "SELECT grid_code, household_id IS NULL, is_head FROM master.resident ORDER BY resident_id",
    ) == [(None, True, False), ("G1", False, True)]
    assert _rows(night, "SELECT head_resident_id, residents FROM master.household") == [("R2", 1)]


HEADS = [
    ([{"relation": "02"}, {"relation": "10", "birth_date": date(1930, 1, 1)}], "R1"),
    ([{"relation": "01"}, {"relation": "02", "days": 5}], "R2"),
    ([{"name": "张三"}, {"name": "李四", "birth_date": date(1930, 1, 1)}], "R1"),
    ([{"birth_date": date(1950, 1, 1)}, {"birth_date": date(1930, 1, 1)}, {}], "R2"),
    ([{}, {}], "R1"),
]


@pytest.mark.parametrize(("members", "head"), HEADS)
def test_the_head_is_who_says_so_else_the_registers_else_the_oldest(
    home: Home, members: list[dict], head: str
) -> None:
    world = World()
    world.house("here", head_name="张三")
    for number, values in enumerate(members, start=1):
        world.add(f"R{number}", "register", address="甲", dwelling_key="here", **values)
    night = _merge(home, world)
    assert _rows(night, "SELECT head_resident_id FROM master.household") == [(head,)]
    assert _rows(night, "SELECT resident_id FROM master.resident WHERE is_head") == [(head,)]


def test_benefits_are_those_still_paid(home: Home) -> None:
    world = World()
    for number, ends in enumerate((None, date(2000, 1, 1), date(2999, 1, 1)), start=1):
        world.add("R1", "register")
        world.benefits[number] = {"kind": f"kind{number}", "until": ends}
    night = _merge(home, world)
    assert _rows(night, "SELECT benefits, record_count, source_count FROM master.resident") == [
        (["kind1", "kind3"], 3, 1)
    ]


def test_the_crosswalk_keeps_when_a_record_came_and_went(home: Home) -> None:
    world = World()
    moved, gone = world.add("R1", "register"), world.add("R1", "register", role="wife")
    stays = world.add("R1", "ledger")
    _publish(_merge(home, world))
    later = World({**world.records}, {**world.residents, moved: "R2"})
    del later.records[gone], later.residents[gone]
    night = _merge(home, later, world)
    place_dwellings(night)
    merge_residents(night)
    today = night.business_date
    history = """SELECT record_id, source_key, resident_id, until FROM master.crosswalk
        ORDER BY record_id, until NULLS LAST"""
    expected = [
        (moved, "k1", "R1", today),
        (moved, "k1", "R2", None),
        (gone, "k2#wife", "R1", today),
        (stays, "k3", "R1", None),
    ]
    assert _rows(night, history) == expected
    assert _rows(_merge(home, later, full=True), history) == expected


def test_a_changed_identity_is_an_event_without_the_value(home: Home) -> None:
    world = World()
    world.add("R1", "register", name="张三", sex="1", education="10")
    _publish(_merge(home, world))
    later = World({1: {**world.records[1], "name": "张珊", "education": "20"}}, world.residents)
    night = _merge(home, later, world)
    merge_residents(night)
    assert _rows(night, "SELECT kind, resident_id, other_id, field, record_id FROM master.event"
                 f" WHERE night = {night.number}") == [
        ("changed", "R1", None, "name", 1)
    ]  # fmt: skip


def test_an_unchanged_night_touches_nobody(home: Home) -> None:
    world = _some_world(random.Random(1))
    _publish(_merge(home, world))
    night = open_night(home, _config(home))
    _load(night, world, world)
    assert place_dwellings(night)["touched_residents"] == 0
    assert merge_residents(night)["touched"] == 0


def _some_world(chance: random.Random) -> World:
    world = World()
    for house in range(8):
        world.house(f"h{house}", grid_code=f"G{house % 3}", head_name=f"名{chance.randrange(6)}")
    for _ in range(60):
        _some_record(world, chance)
    return world


def _some_record(world: World, chance: random.Random) -> int:
    name, house = f"名{chance.randrange(6)}", chance.randrange(10)
    number = f"{chance.randrange(12):017d}"
    status = chance.choice(["valid", "valid", "conflict", "missing"])
    values: dict[str, Any] = {
        "name": name,
        "name_key": name,
        "sex": chance.choice(["1", "2", None]),
        "birth_date": date(1950 + chance.randrange(50), 1, 1),
        "relation": chance.choice(["01", "02", "10", "20", None]),
        "phone": chance.choice(["1", "2", None]),
        "death_date": chance.choice([None] * 9 + [DAY]),
        "id_status": status,
    }
    values["phones"] = [values["phone"], "3"] if values["phone"] else None
    if status != "missing":
        values |= {"id_number": f"{number}X", "id17": number}
    if chance.random() < 0.8:
        values |= {"address": f"a{house}", "address_key": f"h{house}", "dwelling_key": f"h{house}"}
    if chance.random() < 0.5:
        values["household_key"] = f"household{chance.randrange(12)}"
    source = chance.choice(list(SOURCES))
    resident = f"R{chance.randrange(25)}"
    record = world.add(resident, source, days=chance.randrange(5), **values)
    if chance.random() < 0.2:
        world.benefits[record] = {"kind": chance.choice(["a", "b"])}
    return record


def _next_world(world: World, chance: random.Random) -> World:
    later = World({**world.records}, {**world.residents}, {**world.dwellings}, {**world.benefits})
    for _ in range(4):
        _some_record(later, chance)
    for record in chance.sample(sorted(world.records), 8):
        change = chance.randrange(4)
        if change == 0:
            later.residents[record] = f"R{chance.randrange(30)}"
        elif change == 1:
            changed = later.records[record]
            later.records[record] = {**changed, "name": "新", "name_key": "新"}
        elif change == 2:
            later.records[record] = {
                **later.records[record], "id_status": "missing", "id_number": None, "id17": None,
            }  # fmt: skip
        else:
            later.benefits.pop(record, None)
            del later.records[record], later.residents[record]
    house = chance.choice(sorted(later.dwellings))
    if chance.random() < 0.5:
        del later.dwellings[house]
    else:
        later.dwellings[house] = {**later.dwellings[house], "grid_code": "G9", "head_name": "新"}
    return later


def _master(night: Night) -> Iterator[list[tuple]]:
    with night.open() as con:
        for table in ("resident", "provenance", "household", "dwelling"):
            yield con.execute(f"SELECT * FROM master.{table} ORDER BY ALL").fetchall()
        yield con.execute(
            """SELECT source, source_key, record_id, resident_id FROM master.crosswalk
            WHERE until IS NULL ORDER BY ALL"""
        ).fetchall()


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.thorough)])
def test_a_delta_ends_in_the_same_master_as_a_full_night(home: Home, seed: int) -> None:
    chance = random.Random(seed)
    first = _some_world(chance)
    _publish(_merge(home, first))
    second = _next_world(first, chance)
    _publish(_merge(home, second, first))
    third = _next_world(second, chance)
    delta = list(_master(_merge(home, third, second)))
    assert delta == list(_master(_merge(home, third, full=True)))
    assert delta[0]
