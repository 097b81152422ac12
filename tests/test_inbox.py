"""The inbox of the ledgers: whole files, each content once, harmless names, originals, receipts."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import time
import zipfile
from pathlib import Path

import pytest

from pipelines import quarantine
from pipelines.errors import SourceHeld
from pipelines.extract import pull_source
from pipelines.inbox import arrival
from pipelines.inbox.arrival import forget_originals, originals, take_ledgers
from pipelines.quarantine import Entry, try_again
from tests.test_extract_database import landed, make_night
from tests.test_ledger import HEAD, LEDGER, live, people, waiting, write

_LONG_AGO = time.time() - 2 * 86_400


def receipts(night) -> dict[str, str]:
    folder = night.home.receipts / "ledgers"
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*.txt"))
    }


def kept(night) -> set[str]:
    return {path.name for path in originals(night.home).iterdir()}


def test_one_content_is_one_ledger_kept_by_its_hash_and_each_file_is_acknowledged_once(tmp_path):
    night = make_night(tmp_path, LEDGER)
    path = write(night.home.inbox / "东风村2026-06-01.xlsx", [HEAD, *people(3)])
    shutil.copy(path, night.home.inbox / "西风村.xlsx")
    write(night.home.inbox / "西风村2026-01-01.xlsx", [["甲", "乙"], ["丙", "丁"]])
    counts = pull_source(night, "ledger")
    assert (counts["rows_pulled"], counts["files_waiting"]) == (3, 0)
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    assert f"{sha}.xlsx" in kept(night) and len(kept(night)) == 2
    original = originals(night.home) / f"{sha}.xlsx"
    assert original.read_bytes() == path.read_bytes()
    assert original.stat().st_mode & 0o777 == 0o600
    told = receipts(night)
    assert len(told) == 3
    words = sorted(
        word for text in told.values() for word in ("已采用，读到 3 行", "完全相同", "没有找到表头")
        if word in text
    )  # fmt: skip
    assert words == ["完全相同", "已采用，读到 3 行", "没有找到表头"]
    assert not any(person in text for text in told.values() for person in ("人1", "33019919"))
    pull_source(night, "ledger")
    assert receipts(night) == told

    path.unlink()
    with night.open_landed() as con:
        assert forget_originals(con, night.home, 365) == 0
        assert forget_originals(con, night.home, 0) == 1
    assert kept(night) == {f"{sha}.xlsx"}, "a ledger in force keeps its original"


def test_a_file_that_is_still_being_copied_waits_and_the_ledger_in_force_stays(tmp_path):
    night = make_night(tmp_path, LEDGER)
    path = write(night.home.inbox / "东风村.xlsx", [HEAD, *people(2)])
    write(night.home.inbox / "南风村.xlsx", [HEAD, *people(1)])
    pull_source(night, "ledger")
    whole = write(tmp_path / "whole.xlsx", [HEAD, *people(4)]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    (night.home.inbox / "西风村.xlsx").write_bytes(b"")
    (night.home.inbox / "北风村.xlsx.part").write_bytes(whole)
    second = make_night(tmp_path, LEDGER, 2, 1)
    assert pull_source(second, "ledger")["files_waiting"] == 2
    (night.home.inbox / "南风村.xlsx").unlink()
    with pytest.raises(SourceHeld, match="还在复制"):
        pull_source(second, "ledger")
    assert len(live(second)) == 3 and waiting(second) == []
    os.utime(path, (_LONG_AGO, _LONG_AGO))  # nobody is at work on it any more
    third = make_night(tmp_path, LEDGER, 3, 2)
    assert pull_source(third, "ledger")["files_waiting"] == 1
    assert len(live(third)) == 3 and waiting(third) == [("东风村.xlsx", "not_a_workbook")]


def test_what_changes_while_it_is_read_is_not_what_was_hashed(tmp_path, monkeypatch):
    night = make_night(tmp_path, LEDGER)
    path = write(night.home.inbox / "东风村.xlsx", [HEAD, *people(2)])
    write(night.home.inbox / "西风村.xlsx", [HEAD, *people(1)])
    copyfile = shutil.copyfile

    def written_meanwhile(source: Path, target: Path) -> None:
        if source == path:
            path.write_bytes(b"something else")
        copyfile(source, target)

    monkeypatch.setattr("pipelines.inbox.arrival.shutil.copyfile", written_meanwhile)
    arrived = take_ledgers(night, LEDGER)
    assert (arrived.waiting, list(arrived.files)) == (1, ["西风村.xlsx"])
    assert all(not name.startswith(".") for name in kept(night))


def test_odd_names_and_links_do_no_harm(tmp_path):
    night = make_night(tmp_path, LEDGER)
    inbox = night.home.inbox
    names = [
        "东风村\n表.xlsx",
        "'; DROP TABLE ledger;--村.xlsx",
        "甲..村%2e%2e.xlsx",
        "[red]南风村.xlsx",
    ]
    for count, name in enumerate(names, start=1):
        write(inbox / name, [HEAD, *people(10 * count)[-2:]])
    # what unpacked the second knew no Chinese; in UTF-8 its name is longer than a name may be
    called = (b"\xff\xfe\xe6\x9d\x91.xlsx", f"北风村{'册' * 100}.xlsx".encode("gbk"))
    for count, raw in enumerate(called, start=5):
        book = write(tmp_path / "a.xlsx", [HEAD, *people(10 * count)[-1:]])
        Path(os.fsdecode(os.fsencode(inbox) + b"/" + raw)).write_bytes(book.read_bytes())
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere / "别处村.xlsx", [HEAD, *people(1)])
    (inbox / "链接村.xlsx").symlink_to(elsewhere / "别处村.xlsx")
    (inbox / "自己村.xlsx").symlink_to(inbox / "自己村.xlsx")
    os.mkfifo(inbox / "管道村.xlsx")
    before = sorted(path.name for path in elsewhere.rglob("*"))
    counts = pull_source(night, "ledger")
    assert counts["rows_pulled"] == 10
    assert live(night, "name", "file LIKE '北风村册册%'") == [("人60",)]
    assert waiting(night) == [("链接村.xlsx", "outside")]
    assert sorted(path.name for path in elsewhere.rglob("*")) == before
    told = receipts(night)
    assert len(told) == 6 and all("已采用" in text for text in told.values())
    outside = [p for p in tmp_path.rglob("*.txt") if night.home.root not in p.parents]
    assert outside == []


def test_reading_again_says_what_a_mended_ledger_solves_and_lets_the_night_read_a_refused_one(
    tmp_path,
):
    night = make_night(tmp_path, LEDGER)
    home, config = night.home, night.config
    path = write(home.inbox / "东风村.xlsx", [HEAD, *people(3)])
    late = write(home.inbox / "西风村.xlsx", [HEAD, *people(1)])
    pull_source(night, "ledger")
    refused = "UPDATE main.ledger_file SET status = 'quarantined' WHERE file = '西风村.xlsx'"
    with night.open_landed() as con:
        con.execute(refused)
    mended = [HEAD, *people(1), [2, "王小明", None, "2号"], [3, "□□", None, "3号"]]
    write(path, mended)

    def entry(level, place, code, row=None):
        sha = hashlib.sha256(late.read_bytes()).hexdigest() if place == late.name else None
        sheet = "人口1" if row else None
        return Entry(level, "ledger", place, sheet, row, row, None, None, code, "x", None, sha)

    tried = try_again(
        home,
        config,
        [
            entry("row", path.name, "no_identity", 3),
            entry("row", path.name, "no_identity", 4),
            entry("file", late.name, "timeout"),
            entry("file", "南风村.xlsx", "not_a_workbook"),
            entry("source", "", "held"),
        ],
    )
    assert [item.state for item in tried] == ["solved", "waits", "solved", "gone", "night"]
    read_anew = landed(night, "SELECT file FROM main.ledger_file WHERE map_hash = ''")
    assert read_anew == [(late.name,)]
    assert len(live(night)) == 4, "reading again takes nothing in"


def test_what_cannot_be_opened_waits_and_what_is_taken_away_meanwhile_is_not_there(
    tmp_path, monkeypatch
):
    night = make_night(tmp_path, LEDGER)
    held, gone = (
        write(night.home.inbox / f"{name}风村.xlsx", [HEAD, *people(2)]) for name in "东南"
    )
    write(night.home.inbox / "西风村.xlsx", [HEAD, *people(1)])
    look = arrival.is_arriving

    def no_such_luck(path: Path) -> bool:
        if path == held:
            raise PermissionError(13, "Permission denied")
        if path == gone:
            gone.unlink()
        return look(path)

    monkeypatch.setattr(arrival, "is_arriving", no_such_luck)
    monkeypatch.setattr(quarantine, "is_arriving", no_such_luck)
    assert pull_source(night, "ledger")["rows_pulled"] == 1
    assert waiting(night) == [(held.name, "closed")]
    (note,) = night.home.quarantine.iterdir()
    assert "没有读取权限" in note.read_text("utf-8")
    entry = Entry("file", "ledger", held.name, *[None] * 5, "closed", "x", None, None)
    (tried,) = try_again(night.home, night.config, [entry])
    assert tried.state == "night"
    monkeypatch.undo()
    second = make_night(tmp_path, LEDGER, 2, 1)
    assert pull_source(second, "ledger")["rows_pulled"] == 3
    assert waiting(second) == []


def test_the_last_part_of_an_archive_stops_nobody_and_archives_are_left_to_the_night(tmp_path):
    source = LEDGER.model_copy(update={"files": "*"})
    night = make_night(tmp_path, source)
    write(night.home.inbox / "西风村.xlsx", [HEAD, *people(1)])
    with zipfile.ZipFile(night.home.inbox / "分卷村.zip", "w") as archive:
        archive.writestr("名册.csv", "姓名")
    parts = (night.home.inbox / "分卷村.zip").read_bytes()
    end = parts.rindex(b"PK\x05\x06")
    of_two = struct.pack("<4sIQI", b"PK\x06\x07", 0, 0, 2)
    (night.home.inbox / "分卷村.zip").write_bytes(parts[:end] + of_two + parts[end:])
    assert pull_source(night, "ledger")["rows_pulled"] == 1
    assert waiting(night) == [("分卷村.zip", "parcel_broken")]
    entry = Entry("file", "ledger", "分卷村.zip", *[None] * 5, "parcel_broken", "x", None, "0")
    (tried,) = try_again(night.home, night.config, [entry])
    assert (tried.state, tried.reason) == ("night", "")
