"""Opening nights: from where they start, how a retry goes on, and what survives every file."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.config import Config
from pipelines.errors import NightRunning, NothingPublished
from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.night import Night, current_night, open_night
from pipelines.publish import publish
from schemas.district import District, Limits


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path)


@pytest.fixture
def config(home: Home) -> Config:
    limits = Limits(memory="500MB", threads=1)
    return Config(
        district=District(name="测试镇", township_code="330199101", databases={}, limits=limits),
        sources={},
        forms={},
        databases={},
        ledgers=home.inbox,
        journal_url=f"sqlite:///{home.journal}",
        fingerprint="f",
    )


def _publish(night: Night) -> None:
    with night.open() as con:
        con.execute(
            """INSERT INTO master.event BY NAME SELECT ? AS night, 'birth' AS kind,
            'R' || ? AS resident_id, 1 AS record_id""",
            [night.number, night.number],
        )
    with open_journal(night.config.journal_url) as journal:
        publish(night.home, journal, night.number, night.folder, keep=7)


def test_the_first_night_is_full_and_the_second_starts_from_it(home: Home, config: Config) -> None:
    first = open_night(home, config)
    assert (first.base, first.previous, first.is_full) == (0, 0, True)
    _publish(first)
    second = open_night(home, config)
    assert (second.base, second.previous, second.is_full) == (1, 1, False)


def test_another_configuration_makes_a_full_night(home: Home, config: Config) -> None:
    _publish(open_night(home, config))
    night = open_night(home, replace(config, fingerprint="g"))
    assert (night.base, night.previous, night.is_full) == (0, 1, True)


def test_a_file_whose_rows_are_replaced_every_night_does_not_grow_for_ever(
    home: Home, config: Config
) -> None:
    sizes, held = [], []
    for _ in range(7):
        night = open_night(home, config)
        with night.open() as con:
            con.execute(
                "DELETE FROM link.pair WHERE record_l % 8 = $night", {"night": night.number}
            )
            con.execute(
                """INSERT INTO link.pair BY NAME SELECT range AS record_l,
                range AS record_r, md5(range || $night) AS reasons
                FROM range(60000) WHERE $night = 1 OR range % 8 = $night""",
                {"night": night.number},
            )
            held += con.execute("SELECT count(*), min(night) FROM master.event").fetchall()
        _publish(night)
        sizes.append(home.night_file(night.number).stat().st_size)
    assert held == [(0, None), *((n, 1) for n in range(1, 7))]
    assert sizes[6] < sizes[5]


def test_a_rebuild_is_a_full_night(home: Home, config: Config) -> None:
    _publish(open_night(home, config))
    night = open_night(home, config, full=True)
    assert (night.base, night.previous, night.is_full) == (0, 1, True)


def test_a_lost_file_of_the_last_night_makes_a_full_night(home: Home, config: Config) -> None:
    _publish(open_night(home, config))
    _publish(open_night(home, config))
    home.night_file(2).unlink()
    night = open_night(home, config)
    assert (night.base, night.previous, night.is_full) == (0, 1, True)


def test_a_retried_run_goes_on_with_its_night(home: Home, config: Config) -> None:
    first = open_night(home, config, run_id="run")
    with first.open() as con:
        con.execute("INSERT INTO delta.record VALUES (1, 'new')")
    again = open_night(home, config, run_id="run")
    assert again == first
    with again.open() as con:
        assert con.execute("SELECT count(*) FROM delta.record").fetchall() == [(1,)]
    assert current_night(home, config) == first


def test_another_run_drops_an_interrupted_night(home: Home, config: Config) -> None:
    first = open_night(home, config, run_id="run")
    second = open_night(home, config, run_id="other")
    assert second.number == first.number + 1
    assert not first.folder.exists()
    with open_journal(config.journal_url) as journal:
        assert [row.night for row in journal.nights("failed")] == [first.number]


def test_a_step_without_a_night_says_what_to_start(home: Home, config: Config) -> None:
    with pytest.raises(NothingPublished, match="onegrid run"):
        current_night(home, config)


def test_a_second_run_is_told_who_holds_the_home(home: Home) -> None:
    with home.lock(), pytest.raises(NightRunning, match="another run"), home.lock():
        pass


def test_the_issued_ids_outlive_every_file_but_the_journal(home: Home, config: Config) -> None:
    _publish(open_night(home, config))
    _publish(open_night(home, config))
    shutil.rmtree(home.published.parent)
    shutil.rmtree(home.work)
    night = open_night(Home.at(home.root), config)
    assert (night.number, night.base, night.is_full) == (3, 0, True)
    with open_journal(config.journal_url) as journal:
        ids = [row[3] for batch in journal.identities() for row in batch]
    assert ids == ["R1", "R2"]


def test_a_step_that_fails_is_not_counted(home: Home, config: Config) -> None:
    night = open_night(home, config)
    with pytest.raises(ValueError), night.stage("broken"):
        raise ValueError
    for rows in (1, 2):
        with night.stage("mended") as counts:
            counts["rows"] = rows
    with night.open() as con:
        rows = con.execute("SELECT stage, counts FROM meta.stage").fetchall()
    assert rows == [("mended", '{"rows": 2}')]
