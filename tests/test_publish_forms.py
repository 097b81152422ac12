"""After a rollback the forms of the night before are drawn again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipelines.config import Config, load_config
from pipelines.deliver import plan_forms, render_forms
from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.merge import merge_residents, place_dwellings
from pipelines.night import open_night
from pipelines.publish import publish, restore_forms, roll_back


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path)


def _night(home: Home, config: Config, names: list[str]) -> dict[str, bytes]:
    """Publish a night in which people of these names live in one dwelling; the forms it leaves."""
    night = open_night(home, config, full=True)
    with night.open() as con:
        con.execute(
            """INSERT INTO std.dwelling BY NAME SELECT 'D1' AS dwelling_id, 'h' AS dwelling_key,
            '甲村1号' AS address, '330199101001' AS village_code, '甲村' AS village_name,
            '330199101001001' AS grid_code, '第一网格' AS grid_name"""
        )
        for number, name in enumerate(names):
            con.execute(
                """INSERT INTO std.record BY NAME SELECT CAST($number AS BIGINT) AS record_id,
                source, 'k' AS source_key, 'self' AS role, department, $day AS observed_date,
                $name AS name, '甲村1号' AS address, 'h' AS address_key, 'h' AS dwelling_key,
                'missing' AS id_status FROM meta.source WHERE source_no = 1""",
                {"number": number, "name": name, "day": date(2026, 11, 1)},
            )
        con.execute("INSERT INTO link.cluster SELECT record_id, 'R' || record_id FROM std.record")
    place_dwellings(night)
    merge_residents(night)
    plan_forms(night)
    render_forms(night)
    with open_journal(config.journal_url) as journal:
        publish(home, journal, night.number, night.folder, keep=7)
    return _forms(home)


def _forms(home: Home) -> dict[str, bytes]:
    return {
        str(path.relative_to(home.forms)): path.read_bytes()
        for path in sorted(home.forms.rglob("*"))
        if path.is_file()
    }


def test_a_rollback_gives_back_the_forms_of_the_night_before(home: Home) -> None:
    config = load_config(home)
    first = _night(home, config, ["张三", "李四"])
    second = _night(home, config, ["张三", "李四", "王五"])
    assert any(name.endswith(".xlsx") for name in first)
    assert first != second
    with open_journal(config.journal_url) as journal:
        roll_back(home, journal, 2, config.district.limits)
    # it ended there: what the next night does not draw anew must not be of the night undone
    assert _night(home, config, ["张三", "李四"]) == first
    with open_journal(config.journal_url) as journal:
        roll_back(home, journal, 3, config.district.limits)
        assert roll_back(home, journal, 3, config.district.limits) == 1  # given again
    assert _forms(home).keys() == {name for name in first if name.endswith(".xlsx")}
    restore_forms(home, config)
    assert _forms(home) == first
    kept = {name: form for name, form in config.forms.items() if name != "concerns"}
    restore_forms(home, replace(config, forms=kept))
    assert not any("问题诉求" in name for name in _forms(home))
    listed = _forms(home)["manifest.csv"].decode("utf-8-sig")
    assert listed.count("\n") - 1 == sum(name.endswith(".xlsx") for name in _forms(home)) > 0
    assert not (home.work / "forms-again").exists()
