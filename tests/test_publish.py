"""Publication and rollback: one atomic swap, finished or undone after a crash at any point."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import publish as publication
from pipelines import store
from pipelines.config import Config
from pipelines.errors import NothingPublished
from pipelines.home import Home
from pipelines.journal import Journal, open_journal
from pipelines.night import Night, open_night
from pipelines.publish import publish, recover, roll_back
from schemas.district import District, Limits

LIMITS = Limits(memory="500MB", threads=1)


def _config(home: Home, fingerprint: str = "f") -> Config:
    district = District(name="测试镇", township_code="330199101", databases={}, limits=LIMITS)
    return Config(
        district=district,
        sources={},
        forms={},
        databases={},
        ledgers=home.inbox,
        journal_url=f"sqlite:///{home.journal}",
        fingerprint=fingerprint,
    )


def _build(home: Home, *, full: bool = False) -> Night:
    """A night that lands a row, gives birth to a resident and prepares a form and a report."""
    night = open_night(home, _config(home), full=full)
    with night.open_landed() as con:
        con.execute(
            """CREATE TABLE IF NOT EXISTS register
            (source_key VARCHAR, since_night INTEGER, until_night INTEGER)"""
        )
        con.execute(
            "UPDATE register SET until_night = ? WHERE until_night IS NULL AND since_night < ?",
            [night.number, night.number],
        )
        con.execute("DELETE FROM register WHERE since_night = ?", [night.number])
        con.execute("INSERT INTO register VALUES ('k', ?, NULL)", [night.number])
    with night.open() as con:
        resident = f"R{night.number:015d}"
        con.execute("INSERT INTO master.resident BY NAME SELECT ? AS resident_id", [resident])
        con.execute(
            """INSERT INTO master.event BY NAME
            SELECT ? AS night, ? AS event_date, 'birth' AS kind, ? AS resident_id""",
            [night.number, night.business_date, resident],
        )
    forms = night.folder / "forms" / "grid"
    forms.mkdir(parents=True)
    (forms / f"{night.number}.xlsx").write_text(f"form of night {night.number}")
    (night.folder / "forms" / "manifest.sha256").write_text(f"0  grid/{night.number}.xlsx\n")
    (night.folder / "report.html").write_text(f"report of night {night.number}")
    (night.folder / "data_docs").mkdir()
    (night.folder / "data_docs" / "index.html").write_text(f"docs of night {night.number}")
    return night


def _publish(home: Home, night: Night, keep: int = 7) -> None:
    with open_journal(night.config.journal_url) as journal:
        publish(home, journal, night.number, night.folder, keep=keep)


def _nights(home: Home, count: int, keep: int = 7) -> None:
    for _ in range(count):
        _publish(home, _build(home), keep)


def _residents(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as con:
        return int(con.execute("SELECT count(*) FROM master.resident").fetchall()[0][0])


def _landed(home: Home) -> list[tuple[int, int | None]]:
    with store.connect(home.landed, LIMITS, home.work / "spill") as con:
        return con.execute(
            "SELECT since_night, until_night FROM register ORDER BY since_night"
        ).fetchall()


def _identities(journal: Journal) -> list[int]:
    return [row[0] for batch in journal.identities() for row in batch]


def _shows_night(home: Home, number: int) -> None:
    """All that readers see is of the night `number` (nights have gapless numbers here)."""
    with open_journal(f"sqlite:///{home.journal}") as journal:
        assert journal.nights("running", "publishing", "voiding") == []
        assert journal.nights("published")[-1].night == number
        assert _identities(journal) == [row.night for row in journal.nights("published")]
    assert _residents(home.published) == number
    assert home.published.samefile(home.night_file(number))
    assert home.report.read_text() == f"report of night {number}"
    assert (home.data_docs / "index.html").read_text() == f"docs of night {number}"
    assert list(home.work.glob("night-*")) == []


def _in_child(act: Callable[[], Any]) -> int:
    """Run `act` in a forked child; its exit code, or minus the signal that ended it."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _killed_at(step: int, act: Callable[[], Any]) -> Callable[[], Any]:
    """`act`, with kill -9 in front of the call number `step` that changes files or the journal."""
    calls = 0

    def watch(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            if calls == step:
                os.kill(os.getpid(), signal.SIGKILL)
            calls += 1
            return original(*args, **kwargs)

        setattr(owner, name, watched)

    def run() -> None:
        for name in ("append_identities", "append_issues", "set_night", "begin_night"):
            watch(Journal, name)
        watch(Journal, "begin_voiding")
        for name in ("replace", "link"):
            watch(os, name)
        for name in ("rmtree", "copyfile", "copytree"):
            watch(shutil, name)
        for name in ("unlink", "mkdir"):
            watch(Path, name)
        watch(publication, "_rewind_landing")
        watch(store, "lay_out")
        act()

    return run


def _kill_everywhere(template: Path, tmp_path: Path, act: Callable[[Home], Any]) -> list[Home]:
    """The homes that `act` leaves when it is killed in front of its first, second, … step."""
    homes = []
    for step in range(200):
        root = tmp_path / f"killed-{step}"
        shutil.copytree(template, root)
        link = root / "published" / "onegrid.duckdb"
        if link.exists():
            newest = max((root / "published" / "nights").glob("*.duckdb"))
            link.unlink()
            os.link(newest, link)
        code = _in_child(_killed_at(step, lambda root=root: act(Home.at(root))))
        assert code in (0, -signal.SIGKILL)
        if code == 0:
            return homes
        homes.append(Home.at(root))
    raise AssertionError("the act never came to its end")


def test_a_reader_keeps_its_file_and_the_next_reader_gets_the_new_one(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    _nights(home, 1)
    with duckdb.connect(str(home.published), read_only=True) as reader:
        code = _in_child(lambda: _nights(home, 1))
        assert code == 0
        assert reader.execute("SELECT count(*) FROM master.resident").fetchall() == [(1,)]
    _shows_night(home, 2)


@pytest.mark.thorough
def test_a_publication_killed_at_any_step_is_finished_or_dropped(tmp_path: Path) -> None:
    template = Home.at(tmp_path / "template")
    _nights(template, 1)
    _build(template)

    def act(home: Home) -> None:
        with open_journal(f"sqlite:///{home.journal}") as journal:
            publish(home, journal, 2, home.work / "night-000002", keep=7)

    ends = set()
    for home in _kill_everywhere(template.root, tmp_path, act):
        assert _residents(home.published) in (1, 2)
        with open_journal(f"sqlite:///{home.journal}") as journal:
            recover(home, journal)
            number = journal.nights("published")[-1].night
        _shows_night(home, number)
        forms = [path.name for path in home.forms.rglob("*.xlsx")]
        assert forms == [f"{number}.xlsx"]
        ends.add(number)
    assert ends == {1, 2}


@pytest.mark.thorough
def test_a_rollback_killed_at_any_step_is_finished_or_not_begun(tmp_path: Path) -> None:
    template = Home.at(tmp_path / "template")
    _nights(template, 3)

    def act(home: Home) -> None:
        with open_journal(f"sqlite:///{home.journal}") as journal:
            roll_back(home, journal, 2, LIMITS)

    ends = set()
    for home in _kill_everywhere(template.root, tmp_path, act):
        with open_journal(f"sqlite:///{home.journal}") as journal:
            recover(home, journal)
            number = journal.nights("published")[-1].night
        _shows_night(home, number)
        assert _landed(home) == ([(1, None)] if number == 1 else [(1, 2), (2, 3), (3, None)])
        ends.add(number)
    assert ends == {1, 3}


@pytest.mark.thorough
def test_opening_a_night_killed_at_any_step_harms_nothing(tmp_path: Path) -> None:
    template = Home.at(tmp_path / "template")
    _nights(template, 1)
    for home in _kill_everywhere(
        template.root, tmp_path, lambda home: open_night(home, _config(home), run_id="run")
    ):
        night = open_night(home, _config(home), run_id="run")
        assert (night.base, night.is_full) == (1, False)
        with night.open() as con:
            rows = con.execute("SELECT night FROM meta.night ORDER BY night").fetchall()
        assert rows == [(1,), (night.number,)]
        assert _residents(home.published) == 1


def test_a_rollback_voids_the_nights_and_rewinds_the_landing_zone(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    _nights(home, 3)
    with open_journal(f"sqlite:///{home.journal}") as journal:
        assert roll_back(home, journal, 2, LIMITS) == 1
        assert [row.night for row in journal.nights("voided")] == [2, 3]
    _shows_night(home, 1)
    assert _landed(home) == [(1, None)]
    assert [path.name for path in home.nights.glob("*.duckdb")] == ["000001.duckdb"]
    night = _build(home)
    assert (night.number, night.base) == (4, 1)


def test_a_rollback_without_an_earlier_file_changes_nothing(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    _nights(home, 2, keep=1)
    with open_journal(f"sqlite:///{home.journal}") as journal:
        for night in (1, 2, 9):
            with pytest.raises(NothingPublished):
                roll_back(home, journal, night, LIMITS)
    _shows_night(home, 2)


def test_only_the_configured_number_of_nights_is_kept(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    _nights(home, 4, keep=2)
    assert sorted(path.name for path in home.nights.iterdir()) == [
        "000003", "000003.duckdb", "000004", "000004.duckdb",
    ]  # fmt: skip
    _shows_night(home, 4)


def test_a_full_disk_leaves_the_publication_and_the_next_night_recovers(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    _nights(home, 1)
    night = _build(home)
    with night.open() as con:
        con.execute("PRAGMA disable_checkpoint_on_shutdown")
        con.execute("PRAGMA wal_autocheckpoint='1TB'")
        con.execute(
            """INSERT INTO master.event BY NAME SELECT ? AS night, 'birth' AS kind,
            'R' || left(md5(CAST(i AS VARCHAR)), 15) AS resident_id
            FROM range(50000) t(i)""",
            [night.number],
        )
    before = home.published.stat().st_ino

    def publish_on_a_full_disk() -> None:
        size = night.file.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        _publish(home, night)

    assert _in_child(publish_on_a_full_disk) == 1
    assert home.published.stat().st_ino == before
    assert _residents(home.published) == 1
    _publish(home, _build(home))
    assert _residents(home.published) == 2
    with open_journal(f"sqlite:///{home.journal}") as journal:
        assert [row.status for row in journal.nights()] == ["published", "failed", "published"]


def test_what_a_night_leaves_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        home = Home.at(tmp_path / "home")
        _nights(home, 2)
    finally:
        os.umask(before)
    for path in [home.root, *home.root.rglob("*")]:
        wanted = 0o700 if path.is_dir() else 0o600
        assert path.stat().st_mode & 0o777 == wanted, path


def test_a_lost_link_is_made_again(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    _nights(home, 2)
    home.published.unlink()
    with open_journal(f"sqlite:///{home.journal}") as journal:
        recover(home, journal)
    _shows_night(home, 2)


def test_a_night_begins_on_the_business_day_of_the_district(tmp_path: Path) -> None:
    night = _build(Home.at(tmp_path))
    assert isinstance(night.business_date, date)
    assert (night.number, night.base, night.is_full) == (1, 0, True)
