"""Need planning: the state of every cell, the walking order, versions that count contents."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipelines.deliver import plan_forms, render_forms
from pipelines.errors import ConfigError
from schemas.forms import FormContract, FormItem
from tests.forms_fixture import deliver, first_night, next_night, population

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
