"""No block of pairs explodes, and what is left out is said."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import pytest
from linkage_fixture import Record, district, make_home, run_night

from pipelines.link import crowd as crowds


def ask(night, sql: str) -> list[tuple]:
    with night.open() as con:
        return con.execute(sql).fetchall()


def counted(night, name: str) -> int:
    return int(
        ask(
            night,
            f"""SELECT counts ->> '{name}' FROM meta.stage
            WHERE stage = 'score_pairs' AND night = {night.number}""",
        )[0][0]
    )


def together(night) -> set[frozenset[int]]:
    found: dict[str, set[int]] = {}
    for record, resident in ask(night, "SELECT record_id, resident_id FROM link.cluster"):
        found.setdefault(resident, set()).add(record)
    return {frozenset(members) for members in found.values()}


def outcome(night) -> tuple:
    return (
        together(night),
        ask(night, "SELECT record_l, record_r, tier, weight, verdict FROM link.pair ORDER BY ALL"),
        ask(night, "SELECT * FROM link.crowd ORDER BY ALL"),
        ask(night, "SELECT * FROM link.budget ORDER BY ALL"),
        ask(night, "SELECT * FROM link.candidate ORDER BY ALL"),
        ask(night, "SELECT record_l, record_r, reason FROM link.review ORDER BY ALL"),
    )


def shared(kind: str, n: int) -> Record:
    """A record of many that share a phone, a name in a village, or a placeholder birth date."""
    village = f"3301991012{n % 50:02d}"
    place = f"{village}|y|{n}|1|1"
    base = Record(f"{kind}{n}", "张伟", "zhang wei", village=village, source="ledger_grid")
    if kind == "phone":
        return replace(base, phones=("13800000000",), address_key=place)
    if kind == "village":
        return replace(base, village="330199101201")
    return replace(base, birth=date(1900, 1, 1), phones=(f"139{n:08d}",))


def test_a_value_that_thousands_share_is_not_compared_by_and_is_reported(tmp_path):
    people = district(40, 7)
    home, config = make_home(tmp_path)
    before = together(run_night(home, config, people))
    crowd = [shared(kind, n) for kind in ("phone", "village", "birth") for n in range(1_500)]
    night = run_night(home, config, [*people, *crowd])
    assert not night.is_full
    assert counted(night, "pairs") < 200_000
    assert counted(night, "pairs_skipped") >= 3 * 1_500**2
    rows = ask(night, "SELECT rule, sources[1] FROM link.crowd WHERE open_records >= 1_500")
    assert {("name_phone", "ledger_grid"), ("name_village", "ledger_grid")} < set(rows)
    assert {("name_birth", "ledger_grid"), ("name_monthday", "ledger_grid")} < set(rows)
    assert before <= together(night)


@pytest.mark.thorough
def test_a_source_that_repeats_itself_ten_times_changes_nothing_for_the_others(tmp_path):
    people = district(150, 11)
    repeated = [
        replace(record, key=f"{record.key}/{n}")
        for record in people
        if record.source == "ledger_population"
        for n in range(9)
    ]
    once = run_night(*make_home(tmp_path / "once"), people)
    ten = run_night(*make_home(tmp_path / "ten"), [*people, *repeated])
    known = {record.record_id for record in people}
    assert {group & known for group in together(ten)} - {frozenset()} == together(once)
    assert counted(ten, "pairs") < 20 * counted(ten, "open_records")


def test_a_rule_keeps_to_its_budget_by_leaving_out_its_largest_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(crowds, "LEAST_BUDGET", 500)
    monkeypatch.setattr(crowds, "RULE_BUDGET", 1)
    crowd = [shared("village", n) for n in range(100)]
    few = [replace(shared("village", n), key=f"f{n}", name="李娜", pinyin="li na") for n in (1, 2)]
    numbered = [r for r in district(9, 1) if r.id17]
    night = run_night(*make_home(tmp_path), [*crowd, *few, *numbered])
    assert ask(night, "SELECT rule, open_records FROM link.crowd") == [("name_village", 100)]
    assert counted(night, "pairs") == 1


@pytest.mark.thorough
def test_blocks_that_grow_too_large_and_shrink_again_end_where_a_rebuild_ends(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(crowds, "BLOCK_LIMIT", 12)
    people = district(60, 2)
    bare = [
        replace(record, key=f"{record.key}+{n}", id17=None, id_status="missing", source="ledger_x")
        for n in range(4)
        for record in people[2::3]
    ]
    home, config = make_home(tmp_path)
    turned = set()
    for wave in (0, 2, 4, 1):
        live = [*people, *bare[: wave * len(bare) // 4]]
        night = run_night(home, config, live)
        turned.add(len(ask(night, "FROM link.crowd")))
    assert len(turned) == 4
    assert not night.is_full
    assert outcome(night) == outcome(run_night(home, config, live, full=True))


@pytest.mark.parametrize(
    "without", [("id",), ("birth",), ("id", "birth"), ("id", "birth", "phone")]
)
def test_a_district_that_lacks_a_kind_of_evidence_is_linked_all_the_same(
    tmp_path: Path, without: tuple[str, ...]
) -> None:
    nothing = {
        "id": {"id17": None, "id_status": "missing", "id_partial": None, "birth_from_id": False},
        "birth": {"birth": None},
        "phone": {"phones": ()},
    }
    missing = {name: value for kind in without for name, value in nothing[kind].items()}
    records = [replace(record, **missing) for record in district(60, seed=3)]
    night = run_night(*make_home(tmp_path), records)
    assert ask(night, "SELECT count(*) FROM link.cluster") == [(len(records),)]
    assert len(together(night)) < len(records)
