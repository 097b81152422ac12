from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.night import Night
from pipelines.validate import RuleResult, blocking, count, judges, validate
from pipelines.validate.count import count_rules
from pipelines.validate.reference import rules_markdown
from schemas.suites import RULE, RULES, Rule
from tests.quality_fixture import make_night, publish_by_hand

CANARY_ID = "330199194912310017"
CANARY_NAME = "钱塘金丝雀"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A night that keeps every rule, to be left as it is."""
    night = make_night(tmp_path_factory.mktemp("sound"))
    with night.keep_open():
        yield night


def _sql(night: Night, *statements: str) -> None:
    with night.open() as con:
        for statement in statements:
            con.execute(statement)


def _count(night: Night, *names: str) -> dict[str, RuleResult]:
    rules = [rule for rule in RULES if not names or rule.name in names]
    with night.open() as con:
        return {result.rule: result for result in count_rules(con, night, rules)}


def test_a_whole_night_keeps_every_rule(tmp_path: Path) -> None:
    night = make_night(tmp_path)
    results = validate(night)
    assert [result for result in results if not result.passed] == []
    assert len(results) == len(RULES)
    assert sum(result.rows_checked > 0 for result in results) > 45
    with night.open() as con:
        assert con.execute("SELECT count(*), bool_and(passed) FROM quality.result").fetchall() == [
            (len(RULES), True)
        ]
    assert validate(night) == results


def test_personal_values_that_break_rules_appear_nowhere(tmp_path: Path) -> None:
    night = make_night(tmp_path)
    _sql(
        night,
        f"""UPDATE std.record SET name = '{CANARY_NAME}9', id_number = '{CANARY_ID}'
        WHERE record_id <= 20""",
        f"""UPDATE master.resident SET name = '{CANARY_NAME}', id_number = '{CANARY_ID}',
        sex = '{CANARY_NAME}', phone = '{CANARY_ID}'""",
    )
    results = validate(night)
    assert {"resident_id_number_valid", "id_number_unique", "record_name_readable"} <= {
        result.rule for result in results if not result.passed
    }
    with night.open() as con:
        kept = str(con.execute("SELECT * FROM quality.result").fetchall())
    pages = [page for page in (night.folder / "data_docs").rglob("*") if page.is_file()]
    assert len(pages) >= 7
    for text in (kept, *(page.read_text("utf-8") for page in pages)):
        assert CANARY_NAME not in text
        assert CANARY_ID[:12] not in text


def test_data_docs_load_nothing_from_outside(tmp_path: Path) -> None:
    night = make_night(tmp_path, residents=60)
    validate(night)
    pages = list((night.folder / "data_docs").rglob("*.html"))
    assert len(pages) == 7
    for page in pages:
        text = page.read_text("utf-8")
        assert "http://" not in text
        assert "https://" not in text
        assert "<script" not in text
        assert "<link" not in text


def test_a_broken_master_blocks_and_a_warning_does_not(tmp_path: Path) -> None:
    night = make_night(tmp_path)
    _sql(night, "UPDATE master.resident SET phone = '12' WHERE phone IS NOT NULL")
    results = validate(night)
    assert [result.rule for result in results if not result.passed] == ["resident_phone_form"]
    assert blocking(results) == []
    _sql(night, "DELETE FROM master.crosswalk WHERE record_id = 1")
    assert [result.rule for result in blocking(validate(night))] == ["crosswalk_once"]


def test_great_expectations_agrees_with_the_counts(tmp_path: Path) -> None:
    night = make_night(tmp_path)
    _sql(
        night,
        "UPDATE std.record SET phone = 'x' WHERE record_id % 3 = 0",
        "UPDATE deliver.form_row SET name_state = 'odd' WHERE row_no = 3",
        "UPDATE master.household SET residents = 30",
    )
    judged = validate(night)
    with night.open() as con:
        counted = count_rules(con, night)
    assert judged == counted
    assert {"record_phone_form", "states_legal", "household_size_plausible"} <= {
        result.rule for result in judged if not result.passed
    }


@pytest.mark.parametrize(
    ("rule", "statement", "bad"),
    [
        ("rows_conserved", "DELETE FROM std.record WHERE source_key = 'k3'", 2),
        ("rows_conserved", "UPDATE raw.ledger_population SET until_night = 1 WHERE row_hash=1", 1),
        ("record_id_unique", "UPDATE std.record SET record_id = 1 WHERE record_id = 2", 1),
        ("record_id_valid", "UPDATE std.record SET id_number = left(id_number, 17)", 1000),
        (
            "record_id_valid",
            """UPDATE std.record SET id_number = left(id_number, 17)
            || CASE right(id_number, 1) WHEN '1' THEN '2' ELSE '1' END WHERE record_id = 8""",
            1,
        ),
        (
            "record_id_sex_agrees",
            "UPDATE std.record SET sex = '1' WHERE sex = '2' AND record_id < 5",
            2,
        ),
        (
            "record_id_birth_agrees",
            "UPDATE std.record SET birth_date = birth_date + 1 WHERE record_id = 4",
            1,
        ),
        ("record_codes_listed", "UPDATE std.record SET ethnic_group = 'zz' WHERE record_id=4", 1),
        ("record_birth_in_range", "UPDATE std.record SET birth_date = '2026-11-24'", 1000),
        ("record_birth_in_range", "UPDATE std.record SET birth_date = '1889-12-31'", 1000),
        ("defects_masked", f"INSERT INTO std.defect BY NAME SELECT '{CANARY_ID}' old_masked", 1),
        (
            "one_valid_id",
            "UPDATE std.record SET id17 = '33019919491231001' WHERE record_id = 2",
            1,
        ),
        (
            "crosswalk_once",
            "INSERT INTO master.crosswalk SELECT * FROM master.crosswalk LIMIT 2",
            2,
        ),
        ("crosswalk_resolves", "DELETE FROM master.resident WHERE is_head", 250),
        ("cells_have_origin", "UPDATE master.provenance SET name_observed = NULL", 500),
        ("grid_exists", "UPDATE master.resident SET grid_code = 'x' WHERE is_head", 125),
        ("household_head_is_member", "UPDATE master.household SET head_resident_id = 'x'", 125),
        (
            "never_kept",
            "INSERT INTO link.decision BY NAME SELECT 1 record_l, 2 record_r, 'never' verdict",
            1,
        ),
        (
            "always_kept",
            "INSERT INTO link.decision BY NAME SELECT 1 record_l, 3 record_r, 'always' verdict",
            1,
        ),
        (
            "decisions_agree",
            """INSERT INTO link.decision BY NAME SELECT 1 record_l, 3 record_r,
            unnest(['always', 'never']) verdict""",
            1,
        ),
        ("form_no_dead", "UPDATE master.resident SET death_date='2026-01-01' WHERE is_head", 125),
        ("form_own_grid", "UPDATE deliver.form_row SET grid_code = 'x' WHERE row_no = 1", 1),
        (
            "resident_on_one_form",
            "INSERT INTO deliver.form_row SELECT * FROM deliver.form_row WHERE row_no < 3",
            3,
        ),
        ("everyone_on_form", "DELETE FROM deliver.form_row WHERE row_no < 3", 3),
        ("asked_cells_empty", "UPDATE deliver.form_row SET name_state='ask' WHERE row_no=1", 1),
        ("purpose_kept", "UPDATE meta.source SET purposes = ['elderly'] WHERE source_no=1", 500),
        ("withheld_rightly", "UPDATE deliver.form_row SET name_state = 'withheld'", 500),
    ],
)
def test_a_rule_counts_the_rows_that_break_it(
    sound: Night, rule: str, statement: str, bad: int
) -> None:
    with sound.open() as con:
        assert count_rules(con, sound, [RULE[rule]])[0].rows_bad == 0
        con.execute("BEGIN")
        con.execute(statement)
        assert count_rules(con, sound, [RULE[rule]])[0].rows_bad == bad
        con.execute("ROLLBACK")


def test_two_numbers_are_allowed_where_a_defect_explains_or_a_person_decided(
    tmp_path: Path,
) -> None:
    night = make_night(tmp_path)
    other = "UPDATE std.record SET id17 = '33019919491231001' WHERE record_id IN (2, 4)"
    _sql(night, other)
    assert _count(night, "one_valid_id")["one_valid_id"].rows_bad == 2
    _sql(
        night,
        "INSERT INTO std.defect BY NAME SELECT 2 AS record_id, 'id_slip' AS kind",
        "INSERT INTO link.decision BY NAME SELECT 3 record_l, 4 record_r, 'always' verdict",
    )
    assert _count(night, "one_valid_id")["one_valid_id"].rows_bad == 0


def test_a_rule_that_crashes_is_a_failed_rule(tmp_path: Path) -> None:
    night = make_night(tmp_path, residents=20)
    rules = [
        Rule("a", "master", "critical", "", "", over="master.resident", bad="no_such > 1"),
        Rule("b", "master", "critical", "", "", over="master.resident", bad="name IS NULL"),
        Rule("c", "master", "critical", "", "", sql="SELECT 1 FROM nowhere"),
    ]
    with night.open() as con:
        found = count_rules(con, night, rules)
    assert [(result.passed, result.rows_checked) for result in found] == [
        (False, 0),
        (True, 20),
        (False, 0),
    ]


def test_a_night_that_loses_residents_is_stopped(tmp_path: Path) -> None:
    publish_by_hand(make_night(tmp_path, residents=500))
    names = ("residents_not_lost", "residents_volume", "ids_persist", "records_volume")
    smaller = make_night(tmp_path, number=2, previous=1, residents=460)
    found = _count(smaller, *names)
    assert {name: found[name].rows_bad for name in names} == {
        "residents_not_lost": 40,
        "residents_volume": 40,
        "ids_persist": 40,
        "records_volume": 0,
    }
    assert not found["residents_not_lost"].passed
    other = make_night(tmp_path, number=3, previous=1, residents=460, config_hash="other")
    assert _count(other, "residents_not_lost")["residents_not_lost"].passed


@pytest.mark.parametrize(("left", "passes"), [(40, True), (38, False)])
def test_ten_of_a_small_district_may_go_in_one_night(
    tmp_path: Path, left: int, passes: bool
) -> None:
    publish_by_hand(make_night(tmp_path, residents=50))
    smaller = make_night(tmp_path, number=2, previous=1, residents=left)
    assert _count(smaller, "residents_not_lost")["residents_not_lost"].passed == passes


def test_a_delta_counts_what_counting_everything_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_night(tmp_path, residents=200)
    _sql(first, "UPDATE std.record SET phone = '12' WHERE record_id <= 6")
    validate(first)
    publish_by_hand(first)
    second = make_night(tmp_path, number=2, previous=1, residents=200)
    _sql(
        second,
        "UPDATE std.record SET phone = '12' WHERE record_id BETWEEN 4 AND 20",
        """INSERT INTO delta.record BY NAME SELECT record_id FROM std.record
        WHERE record_id <= 20""",
        "UPDATE master.resident SET sex = '9x', phone = '12' WHERE grid_code LIKE '%001'",
        "UPDATE master.provenance SET name_observed = NULL WHERE hash(resident_id) % 5 = 0",
        "UPDATE deliver.form_row SET phone_state = 'odd' WHERE grid_code LIKE '%001'",
        "INSERT INTO delta.resident SELECT resident_id, 'changed' FROM master.resident",
    )
    names = [rule.name for rule in RULES if rule.grain]
    everything = _count(replace(second, base=0), *names)
    assert _count(second, *names) == everything
    bad = {name: everything[name].rows_bad for name in names}
    assert bad["record_phone_form"] == 17
    assert bad["states_legal"] == bad["resident_codes_listed"] == 50
    _sql(second, "UPDATE std.record SET phone = '12' WHERE record_id = 100")
    assert _count(second, "record_phone_form")["record_phone_form"].rows_bad == 17
    monkeypatch.setattr(count, "_ANEW", 2)
    assert _count(second, "record_phone_form")["record_phone_form"].rows_bad == 18


def test_the_list_of_rules_in_the_docs_is_up_to_date() -> None:
    page = Path(__file__).parents[1] / "docs" / "quality.md"
    assert page.read_text("utf-8") == rules_markdown()


def test_rules_have_names_and_texts_of_their_own() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert bool(rule.sql) != bool(rule.over)
        assert rule.label
        assert rule.meaning.endswith(".")


def test_where_the_child_is_lost_the_verdicts_are_given_here(tmp_path: Path) -> None:
    lost = subprocess.Popen(
        [sys.executable, "-c", ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    lost.wait()
    kept = judges._children.get(os.getpid())
    judges._children[os.getpid()] = lost
    rule = RULE["record_id_valid"]
    result = RuleResult(rule.name, rule.suite, rule.severity, 10, 1, 0.0, True)
    assert judges.judge([result], tmp_path / "pages", "night-000001") == {rule.name: False}
    assert (tmp_path / "pages" / "index.html").exists()
    assert os.getpid() not in judges._children
    if kept:
        judges._children[os.getpid()] = kept
