"""Need planning: the state of every cell, the walking order, versions that count contents."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from pipelines.config import load_config
from pipelines.deliver import plan_forms, render_forms
from pipelines.errors import ConfigError
from pipelines.journal import RECEIPT, open_journal
from pipelines.night import Night
from schemas.contract import ContractError, parse_contract
from schemas.forms import FormContract, FormItem
from tests.district_fixture import Districts, ask, copy, onegrid
from tests.forms_fixture import deliver, first_night, next_night, packaged, population

GRID = "330199101001001"


def _state(con: duckdb.DuckDBPyConnection, resident: int, field: str) -> str | None:
    rows = con.execute(
        f"SELECT {field}_state FROM deliver.form_row WHERE resident_id = ?", [f"R{resident:015d}"]
    ).fetchall()
    return rows[0][0] if rows else "not on the form"


def test_each_cell_has_the_state_its_origin_gives_it(tmp_path: Path) -> None:
    change = """
        UPDATE master.resident SET birth_date = DATE '1980-01-01', phone = '13800000000',
            employer = NULL;
        UPDATE master.provenance SET phone_observed = DATE '2026-11-01', phone_contested = FALSE,
            phone_source = (SELECT source_no FROM meta.source WHERE source = 'ledger_population');
        UPDATE master.resident SET phone = NULL WHERE resident_id = 'R000000000000001';
        UPDATE master.provenance SET phone_observed = DATE '2024-06-01'
            WHERE resident_id = 'R000000000000002';
        UPDATE master.provenance SET phone_contested = TRUE
            WHERE resident_id = 'R000000000000003';
        UPDATE master.provenance SET phone_source =
            (SELECT source_no FROM meta.source WHERE source = 'civil_affairs_old_age')
            WHERE resident_id = 'R000000000000004';
        UPDATE meta.source SET purposes = ['elderly'] WHERE source = 'civil_affairs_old_age';
        UPDATE master.resident SET birth_date = DATE '2020-01-01'
            WHERE resident_id = 'R000000000000005';
        UPDATE master.provenance SET phone_source = NULL
            WHERE resident_id = 'R000000000000006';
        UPDATE master.resident SET death_date = DATE '2026-01-01'
            WHERE resident_id = 'R000000000000007';
        UPDATE master.resident SET grid_code = NULL WHERE resident_id = 'R000000000000008'"""
    night = first_night(tmp_path, change=change)
    plan_forms(night)
    with night.open() as con:
        expected = ["known", "ask", "verify", "verify", "withheld", None, "withheld"]
        assert [_state(con, n, "phone") for n in range(7)] == expected
        assert _state(con, 7, "phone") == _state(con, 8, "phone") == "not on the form"
        assert _state(con, 0, "employer") == "none"
        assert _state(con, 0, "former_name") is None


def test_a_stale_value_becomes_a_question_as_the_days_go_by(tmp_path: Path) -> None:
    change = """UPDATE master.resident SET birth_date = DATE '1980-01-01', phone = '13800000000';
        UPDATE master.provenance SET phone_contested = FALSE, phone_observed =
            (SELECT max(business_date) FROM meta.night) - 540
            - (resident_id = 'R000000000000001')::INTEGER"""
    night = first_night(tmp_path, change=change)
    plan_forms(night)
    with night.open() as con:
        assert _state(con, 0, "phone") == "known"
        assert _state(con, 1, "phone") == "verify"


def test_a_phone_that_one_record_alone_holds_is_asked_about_sooner(tmp_path: Path) -> None:
    change = """
        UPDATE master.resident SET birth_date = DATE '1980-01-01', phone = '13800000000';
        UPDATE master.provenance SET phone_contested = FALSE,
            phone_alone = resident_id < 'R000000000000002', phone_observed =
            (SELECT max(business_date) FROM meta.night) - 180
            - (resident_id <> 'R000000000000000')::INTEGER"""
    night = first_night(tmp_path, change=change)
    plan_forms(night)
    with night.open() as con:
        assert [_state(con, n, "phone") for n in range(3)] == ["known", "verify", "known"]


def test_rows_walk_building_unit_room_and_begin_with_the_head(tmp_path: Path) -> None:
    night = first_night(tmp_path, residents=300)
    plan_forms(night)
    with night.open() as con:
        rows = con.execute(
            """SELECT d.address, r.is_head FROM deliver.form_row w
            JOIN master.resident r USING (resident_id) JOIN master.dwelling d USING (dwelling_id)
            WHERE w.grid_code = ? ORDER BY row_no""",
            [GRID],
        ).fetchall()
    rooms = list(dict.fromkeys(address for address, _ in rows))
    assert rooms.index("云溪镇朝阳村1幢1单元901室") < rooms.index("云溪镇朝阳村1幢1单元1001室")
    assert len(rooms) == len(set(rooms)) == 100
    assert [is_head for _, is_head in rows] == [True, False, False] * 100


def test_the_counts_of_a_form_are_the_sums_of_its_cells(tmp_path: Path) -> None:
    night = first_night(tmp_path)
    counts = plan_forms(night)
    required = [item.field for item in population().items if item.required]
    with night.open() as con:
        cells = con.execute(
            """SELECT grid_code, count(*) FILTER (state = 'known'),
                count(*) FILTER (state = 'verify'), count(*) FILTER (state = 'ask'),
                count(*) FILTER (state = 'withheld'), count(*)
            FROM deliver.form_cell WHERE list_contains(?, field) GROUP BY ALL ORDER BY ALL""",
            [required],
        ).fetchall()
        forms = con.execute(
            """SELECT grid_code, known_cells, verify_cells, ask_cells, withheld_cells,
                required_cells FROM deliver.form ORDER BY grid_code"""
        ).fetchall()
    assert cells == forms
    assert sum(row[1] for row in forms) == counts["known"] > 0
    assert all(counts[state] > 0 for state in ("verify", "ask"))


def test_planning_twice_says_the_same(tmp_path: Path) -> None:
    night = first_night(tmp_path)
    plan_forms(night)
    with night.open() as con:
        before = con.execute("SELECT * FROM deliver.form ORDER BY form_id").fetchall()
    plan_forms(night)
    with night.open() as con:
        assert con.execute("SELECT * FROM deliver.form ORDER BY form_id").fetchall() == before


def test_only_a_form_that_says_something_else_gets_a_new_version(tmp_path: Path) -> None:
    night = first_night(tmp_path)
    deliver(night)
    change = (
        "UPDATE master.resident SET medical_insurance = NULL WHERE resident_id = 'R000000000000000'"
    )
    second = next_night(night.home, change)
    assert plan_forms(second)["forms_changed"] == 1
    with second.open() as con:
        versions = con.execute("SELECT version FROM deliver.form ORDER BY grid_code").fetchall()
    assert versions == [(2,), (1,)]


def _planned(night: Night) -> tuple[list[tuple], list[tuple]]:
    with night.open() as con:
        return (
            con.execute("SELECT * FROM deliver.form_row ORDER BY form, resident_id").fetchall(),
            con.execute("SELECT * FROM deliver.form ORDER BY form_id").fetchall(),
        )


@pytest.mark.parametrize("days", [0, 200])
def test_a_delta_plans_what_planning_everything_does(tmp_path: Path, days: int) -> None:
    night = first_night(tmp_path, residents=240, forms=packaged(), change="UPDATE master.resident "
        "SET benefits = ['low_income'] WHERE resident_id = 'R000000000000003'")  # fmt: skip
    deliver(night)
    change = """
        UPDATE master.resident SET phone = NULL WHERE resident_id = 'R000000000000010';
        UPDATE master.resident SET birth_date = DATE '1941-02-03'
            WHERE resident_id = 'R000000000000021';
        UPDATE master.resident SET grid_code = '330199101001002', dwelling_id = 'D000000000100002',
            household_id = 'H000000000100002' WHERE resident_id = 'R000000000000031';
        UPDATE master.resident SET is_head = NOT is_head
            WHERE resident_id IN ('R000000000000060', 'R000000000000061');
        DELETE FROM master.resident WHERE resident_id = 'R000000000000100';
        DELETE FROM master.provenance WHERE resident_id = 'R000000000000100';
        UPDATE master.dwelling SET village_name = '朝阳社区' WHERE grid_code LIKE '%002'"""
    second = next_night(night.home, change, forms=packaged())
    second = replace(second, business_date=second.business_date + timedelta(days=days))
    with second.open() as con:  # a new head is not named where only another member changed
        con.execute("DELETE FROM delta.resident WHERE resident_id = 'R000000000000061'")
    counts = plan_forms(second)
    delta = _planned(second)
    if not days:
        assert 240 < counts["planned"] < counts["residents"]
    plan_forms(replace(second, base=0))
    assert delta == _planned(second)


def test_a_withheld_value_leaves_no_trace_in_what_the_form_says(tmp_path: Path) -> None:
    withheld = """UPDATE meta.source SET purposes = ['elderly'];
        UPDATE master.resident SET phone = '{}'"""
    hashes = []
    for number, phone in enumerate(("13800000001", "13900000002")):
        night = first_night(tmp_path / str(number), change=withheld.format(phone))
        plan_forms(night)
        with night.open() as con:
            hashes.append(
                con.execute("SELECT content_hash FROM deliver.form ORDER BY form_id").fetchall()
            )
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize(
    "target",
    [
        "r.agee > 80",
        "TRUE); DROP TABLE master.resident; --",
        "TRUE) OR (",
        "TRUE) OR (TRUE",
        ")",
        "TRUE --",
    ],
)
def test_a_target_that_is_no_condition_is_a_mistake_in_the_configuration(
    tmp_path: Path, target: str
) -> None:
    contract = FormContract(
        form="elders",
        title="老年人",
        purpose="elderly",
        legal_basis="测试",
        target=target,
        items=(FormItem(field="name"),),
    )
    night = first_night(tmp_path, forms={"elders": contract})
    with pytest.raises(ConfigError, match="target"):
        plan_forms(night)
    with night.open() as con:
        assert con.execute("SELECT count(*) FROM master.resident").fetchall()[0][0] == 120


def test_two_forms_are_planned_side_by_side(tmp_path: Path) -> None:
    elders = FormContract(
        form="elders",
        title="老年人登记表",
        purpose="elderly",
        legal_basis="测试",
        period="quarter",
        target="r.birth_date < DATE '1960-01-01'",
        items=(FormItem(field="name"), FormItem(field="phone")),
    )
    night = first_night(tmp_path, forms={"elders": elders, "population": population()})
    counts = plan_forms(night)
    assert counts["forms"] == 4
    assert render_forms(night)["forms_written"] == 4
    with night.open() as con:
        periods = con.execute(
            "SELECT DISTINCT form, period FROM deliver.form ORDER BY 1"
        ).fetchall()
    assert [form for form, _ in periods] == ["elders", "population"]
    assert "Q" in periods[0][1]


def test_no_two_forms_ask_the_same_of_one_resident(districts: Districts, tmp_path: Path) -> None:
    home = districts.after
    kinds = [form for (form,) in ask(home, "SELECT DISTINCT form FROM deliver.form ORDER BY 1")]
    assert kinds == ["concerns", "elderly", "family", "hardship", "migrant", "population"]
    assert not ask(
        home,
        """SELECT 1 FROM deliver.form_cell WHERE state IN ('ask', 'verify')
        GROUP BY resident_id, field HAVING count(*) > 1""",
    )
    # what waits is asked by a form that comes before, and shown as such
    waiting = ask(
        home,
        """SELECT w.form, a.form, a.state, count(*) FROM deliver.form_cell w
        LEFT JOIN deliver.form_cell a ON a.resident_id = w.resident_id AND a.field = w.field
            AND a.state IN ('ask', 'verify')
        WHERE w.state = 'waits' GROUP BY ALL""",
    )
    forms = load_config(home).forms
    order = list(forms)
    assert order == ["population", "migrant", "elderly", "hardship", "family", "concerns"]
    assert sum(cells for *_, cells in waiting) > 50
    assert all(first and order.index(first) < order.index(form) for form, first, *_ in waiting)
    # nobody is on a form that is not for them, and the special ones hold what their office has
    assert not ask(
        home,
        """SELECT 1 FROM deliver.form_row JOIN master.resident USING (resident_id)
        WHERE (form = 'migrant' AND residence_type IS DISTINCT FROM '30')
            OR (form = 'elderly' AND birth_date > DATE '2026-11-30' - INTERVAL 65 YEAR)
            OR (form = 'concerns' AND NOT is_head)""",
    )
    ((known,),) = ask(
        home,
        """SELECT count(*) FROM deliver.form_cell WHERE state IN ('known', 'verify')
        AND ((form = 'elderly' AND field = 'old_age_allowance')
            OR (form = 'hardship' AND field = 'assistance')
            OR (form = 'family' AND field = 'guardian'))""",
    )
    assert known > 10


def test_a_purpose_limits_what_a_form_may_ask() -> None:
    asked = NEW_FORM.replace("disability_type", "political_status")
    with pytest.raises(ContractError, match="'elderly' does not cover 'political_status'"):
        parse_contract(asked, "新表.yaml", FormContract)
    with pytest.raises(ContractError, match="stands on the form twice"):
        parse_contract(NEW_FORM + "  - {field: phone}\n", "新表.yaml", FormContract)
    with pytest.raises(ContractError, match="identifies"):
        parse_contract(NEW_FORM + "identifies: [id_number]\n", "新表.yaml", FormContract)


NEW_FORM = """
form: elderly
title: 老年人登记表
purpose: elderly
legal_basis: 测试
target: "date_sub('year', r.birth_date, DATE '2026-11-23') >= 60"
items:
  - {field: birth_date}
  - {field: phone}
  - {field: disability_type}
"""


def test_an_office_hears_what_of_a_new_form_is_known_before_it_goes_out(
    districts: Districts, tmp_path: Path
) -> None:
    home = copy(districts.after, tmp_path / "home")
    contract = tmp_path / "新表.yaml"
    contract.write_text(NEW_FORM, "utf-8")
    said = onegrid("form", "plan", contract, home=home)
    assert said.code == 1
    ((people,),) = ask(
        home,
        """SELECT count(*) FROM master.resident WHERE death_date IS NULL AND grid_code IS NOT NULL
        AND date_sub('year', birth_date, DATE '2026-11-23') >= 60""",
    )
    assert f"对象 {people:,} 人" in said.out
    assert "已掌握，不必再问" in said.out and "已由《人口信息核查表》询问" in said.out
    assert "请从表中去掉：出生日期、联系电话" in said.out

    kept = ("--keep", "birth_date=核对年龄用", "--keep", "phone=走访要打电话", "--author", "民政")
    assert onegrid("form", "plan", contract, *kept, home=home).code == 0
    with open_journal(f"sqlite:///{home.journal}") as journal, journal.engine.connect() as con:
        rows = con.execute(
            sa.select(RECEIPT.c.author, RECEIPT.c.payload).where(RECEIPT.c.kind == "form_plan")
        ).all()
    assert [tuple(row) for row in rows] == [
        ("民政", {"kept": {"birth_date": "核对年龄用", "phone": "走访要打电话"}})
    ]

    contract.write_text(NEW_FORM.replace("  - {field: disability_type}\n", ""), "utf-8")
    assert "这张表不需要" in onegrid("form", "plan", contract, home=home).out
    contract.write_text(NEW_FORM.replace("field: phone", "field: phnoe"), "utf-8")
    wrong = onegrid("form", "plan", contract, home=home)
    assert wrong.code != 0 and "phnoe" in wrong.err and "Traceback" not in wrong.err
    contract.write_text(NEW_FORM.replace("disability_type", "political_status"), "utf-8")
    wrong = onegrid("form", "plan", contract, home=home)
    assert wrong.code != 0 and "'elderly' does not cover 'political_status'" in wrong.err
