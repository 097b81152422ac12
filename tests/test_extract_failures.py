"""A pull that is killed, and workbooks that kill or hang whoever reads them."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import struct
import subprocess
import sys
import time
import zipfile
from datetime import date
from pathlib import Path

import pytest

from pipelines.extract import pull_source
from pipelines.extract.readers import Task, read_all
from pipelines.night import Night
from pipelines.synth.biff import workbook
from tests.test_extract_database import PENSION, Office, landed, make_night
from tests.test_ledger import HEAD, LEDGER, live, people, waiting, write

PULL = """
import pickle, sys
from pipelines.extract import pull_source
night = pickle.load(open(sys.argv[1], "rb"))
print("ready", flush=True)
pull_source(night, next(iter(night.config.sources)))
"""
# rows of 26 cells in which nobody can be told from a footer without a look
SLOW = "".join(f'<row r="{n}"><c r="Z{n}"><v>1</v></c></row>' for n in range(9, 350_000))
BOOKS = ("ledger", "ledger_file", "ledger_place", "ledger_quarantine")


def pull_killed_after(night: Night, seconds: float, folder: Path) -> bool:
    """Whether the kill came before the end of the pull."""
    beside = folder / "night.pickle"
    beside.write_bytes(pickle.dumps(night))
    with subprocess.Popen(
        [sys.executable, "-c", PULL, str(beside)], stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(seconds)
        is_running = child.poll() is None
        if is_running:
            os.killpg(child.pid, signal.SIGKILL)
    return is_running


def state(night: Night, tables: tuple[str, ...]) -> list[list[tuple]]:
    return [
        landed(night, f"SELECT * EXCLUDE (modified) FROM main.{table} ORDER BY ALL")
        if table == "ledger_file"
        else landed(night, f"SELECT * FROM main.{table} ORDER BY ALL")
        for table in tables
    ]


@pytest.mark.thorough
def test_a_pull_of_ledgers_killed_at_any_moment_ends_like_one_left_alone(tmp_path):
    whole, killed = (tmp_path / name for name in ("whole", "killed"))
    inbox = tmp_path / "files"
    for village in "甲乙丙丁戊己":
        write(inbox / f"{village}村2026-05-01.xlsx", [[f"{village}村"], HEAD, *people(300)])
    for root in (whole, killed):
        night = make_night(root, LEDGER)
        shutil.copytree(inbox, night.home.inbox, dirs_exist_ok=True)
        pull_source(night, "ledger")
    for village in "甲乙丙":
        rows = people(301)[1:]
        rows[5][3] = "新址"
        write(inbox / f"{village}村2026-06-01.xlsx", [[f"{village}村"], HEAD, *rows])
    (inbox / "坏村.xlsx").write_bytes(b"junk")
    left_alone, disturbed = (make_night(root, LEDGER, 2, 1) for root in (whole, killed))
    for night in (left_alone, disturbed):
        shutil.copytree(inbox, night.home.inbox, dirs_exist_ok=True)
    pull_source(left_alone, "ledger")
    was_killed = [pull_killed_after(disturbed, pause, tmp_path) for pause in (0, 0.4, 0.8)]
    assert any(was_killed)
    pull_source(disturbed, "ledger")
    assert state(disturbed, BOOKS) == state(left_alone, BOOKS)


@pytest.mark.thorough
def test_a_pull_of_a_database_killed_at_any_moment_ends_like_one_left_alone(tmp_path):
    office = Office(f"sqlite:///{tmp_path}/office.sqlite")
    rows = [{"aac001": str(n), "AAC003": f"人{n}", "AAC002": None} for n in range(6_000)]
    office.fill(rows)
    names = ("whole", "killed")
    for name in names:
        pull_source(make_night(tmp_path / name, PENSION, office=office.url), "pension")
    office.fill([*rows[50:], {"aac001": "x", "AAC003": "新人"}])
    whole, killed = (make_night(tmp_path / n, PENSION, 2, 1, office=office.url) for n in names)
    pull_source(whole, "pension")
    was_killed = [pull_killed_after(killed, pause, tmp_path) for pause in (0, 0.1, 0.3)]
    assert any(was_killed)
    pull_source(killed, "pension")
    assert state(killed, ("pension",)) == state(whole, ("pension",))


def add_row(path: Path, row: str) -> Path:
    """Append a row, as XML, to the only sheet of the workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace(b"</sheetData>", row.encode() + b"</sheetData>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_a_workbook_that_breaks_its_reader_costs_itself_alone(tmp_path):
    night = make_night(tmp_path, LEDGER)
    for village in "甲乙丙丁戊己庚辛":
        write(night.home.inbox / f"{village}村.xlsx", [[f"{village}村"], HEAD, *people(2)])
    # the parser believes what the sheet says of its size, and aborts its process
    old = workbook({"人口1": [HEAD, *people(2)]})
    size = struct.pack("<HHI", 0x0200, 14, 0)
    at = old.index(size) + len(size)
    lie = struct.pack("<IHHH", 0xFFFFFFFF, 0, 0xFFFF, 0)
    (night.home.inbox / "戊村.xlsx").write_bytes(old[:at] + lie + old[at + len(lie) :])
    pull_source(night, "ledger")
    assert waiting(night) == [("戊村.xlsx", "crashed")]
    assert len(live(night)) == 14


def test_a_workbook_that_takes_for_ever_costs_itself_alone(tmp_path):
    slow = write(tmp_path / "慢村.xlsx", [HEAD, *people(2)])
    add_row(slow, SLOW)
    good = [write(tmp_path / f"{name}村.xlsx", [HEAD, *people(2)]) for name in "甲乙"]
    tasks = [Task(path, tmp_path / f"{path.stem}.parquet") for path in (good[0], slow, good[1])]
    answers = read_all(tasks, LEDGER, date(2026, 11, 23), lambda done: None, seconds=3)
    assert [answer.get("failed") for answer in answers] == [None, "timeout", None]
