"""Bad input through the command: said clearly, nothing lost, and the next night takes it up."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from pipelines.config import load_config
from pipelines.home import Home
from tests.district_fixture import (
    COMPARED,
    Districts,
    ask,
    copy,
    differences,
    held,
    onegrid,
)

NAME, NUMBER = "欧阳金丝雀", "330199196407150120"
_LIVE = "SELECT * EXCLUDE (since_night) FROM master.crosswalk WHERE until IS NULL AND source = "
_CODES = "SELECT file, reason FROM raw.ledger_quarantine WHERE until_night IS NULL ORDER BY ALL"


@pytest.fixture
def home(districts: Districts, tmp_path: Path) -> Home:
    return copy(districts.before, tmp_path / "home")


def _office(home: Home, database: str, *statements: str, values: tuple = ()) -> None:
    con = sqlite3.connect(home.root / "district" / f"{database}.sqlite")
    with con:
        for statement in statements:
            con.execute(statement, values)
    con.close()


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


# Sources and workbooks


def test_what_cannot_be_used_is_held_or_waits_and_is_taken_up_once_it_is_mended(
    home: Home, districts: Districts
) -> None:
    """Sources in the first night, workbooks in the second, which takes the sources up again."""
    offices = home.root / "district"
    shutil.copytree(offices, home.root.with_name("aside"))
    (offices / "family_planning.sqlite").unlink()
    _office(home, "social_security", "DELETE FROM medical_insurance")
    _office(home, "social_security", "ALTER TABLE resident_pension RENAME COLUMN AAC003 TO AAC999")
    _office(home, "civil_affairs", "DROP TABLE marriage_registration")
    done = onegrid("run", "--plain", home=home)
    assert done.code == 0, done.err
    assert "degraded" in done.out
    reasons = held(home)
    words = {
        "family_planning_women": "连接不上",
        "social_security_medical": "只读到 0 行",
        "social_security_resident_pension": "缺少必需的列：name",
        "civil_affairs_marriage": "没有表或视图",
    }
    assert reasons.keys() == words.keys()
    for source, word in words.items():
        assert word in reasons[source]
        assert ask(home, f"{_LIVE}'{source}'"), "nobody of it is known any more"
        records = f"SELECT * FROM std.record WHERE source = '{source}' ORDER BY ALL"
        assert ask(home, records) == ask(districts.before, records)
    for path in home.root.with_name("aside").iterdir():
        shutil.copy(path, offices / path.name)
    _put_unusable_workbooks(home.inbox / "population")
    done = onegrid("run", "--plain", home=home)
    assert done.code == 0, done.err
    assert held(home) == {}
    _workbooks_wait(home)
    assert differences(home, districts.after) == {}
    _workbooks_are_tried_again(home)


def _put_unusable_workbooks(inbox: Path) -> None:
    half = inbox / "坏文件村人口台账.xlsx"
    half.write_bytes(b"PK\x03\x04 half a file")
    os.utime(half, (0, 0))  # a new one would be waited for
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    (inbox / "加密村人口台账.xlsx").write_bytes(
        ole + "EncryptedPackage".encode("utf-16-le") + bytes(4096)
    )
    book = openpyxl.Workbook()
    book.active.title = "人口"
    for row in (["甲", "乙"], ["1", "2"], ["3", "4"]):
        book.active.append(row)
    book.save(inbox / "无表头村人口台账.xlsx")


def _workbooks_wait(home: Home) -> None:
    assert ask(home, _CODES) == [
        ("population/加密村人口台账.xlsx", "password"),
        ("population/坏文件村人口台账.xlsx", "not_a_workbook"),
        ("population/无表头村人口台账.xlsx", "no_header"),
    ]
    assert len(list(home.quarantine.glob("*.xlsx"))) == 3
    notes = [path.read_text("utf-8") for path in home.quarantine.glob("*.txt")]
    assert len(notes) == 3 and all(_is_chinese(note) and "处理" in note for note in notes)


def _workbooks_are_tried_again(home: Home) -> None:
    inbox = home.inbox / "population"
    listed = onegrid("quarantine", "--source", "ledger_population", home=home)
    assert listed.code == 0, listed.err
    assert "共 3 处" in listed.out and "取消密码" in listed.out
    assert onegrid("quarantine", "--source", "ledger_grid", home=home).out.strip() == "隔离区是空的"
    for path in inbox.iterdir():
        if path.name.startswith(("坏", "无表头")):
            path.unlink()
    (mended,) = inbox.glob("加密*")
    shutil.copy(next(iter((home.inbox / "grid").glob("*.xlsx"))), mended)
    tried = onegrid("quarantine", "--retry", home=home)
    assert tried.code == 1, "a ledger of another kind has no sheet of this one"
    assert "仍未解决 1" in tried.out and "已移走 2" in tried.out
    shutil.copy(next(iter(inbox.glob("大*.xlsx"))), mended)
    tried = onegrid("quarantine", "--retry", home=home)
    assert tried.code == 0 and "已解决 1" in tried.out, tried.out


# Configuration


def _district(folder: Path, **databases: str) -> Path:
    """A configuration of one's own, with these databases elsewhere."""
    config = folder / "config"
    packaged = Path(str(import_module("importlib.resources").files("schemas")))
    for name in ("sources", "forms"):
        shutil.copytree(packaged / name, config / name)
    text = (packaged / "district.yaml").read_text("utf-8")
    lines = []
    for line in text.splitlines():
        name = line.strip().split(":")[0]
        lines.append(f"  {name}: {databases[name]}" if name in databases else line)
    (config / "district.yaml").write_text(
        "\n".join([*lines, "sources: own", "forms: own", ""]), "utf-8"
    )
    return config


_LOW_INCOME = "sources/civil_affairs_low_income.yaml"


@pytest.mark.parametrize(
    ("file", "right", "wrong", "said"),
    [
        ("district.yaml", "township_code:", "townshp_code:", ["townshp_code", "township_code"]),
        (_LOW_INCOME, "authority: 60", "authorty: 60", ["authorty", "authority"]),
        (_LOW_INCOME, "      phone: phone", "      phnoe: phone", ["phnoe", "phone"]),
        (_LOW_INCOME, "      phone: phone", "      phone: phnoe", ["phnoe", "phone"]),
        (_LOW_INCOME, "        constants: {kind", "        constans: {kind", ["constants"]),
        (_LOW_INCOME, "natural_key: [name,", "natural_key: [nmae,", ["nmae", "name"]),
    ],
)
def test_a_slip_in_the_configuration_is_named_with_file_line_and_the_nearest_key(  # noqa: PLR0917
    file: str, right: str, wrong: str, said: list[str], districts: Districts, tmp_path: Path
) -> None:
    path = _district(tmp_path) / file
    text = path.read_text("utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), "utf-8")
    lines = path.read_text("utf-8").splitlines()
    line = 1 + next(number for number, row in enumerate(lines) if row.startswith(wrong))
    home = Home.at(tmp_path / "home")
    done = onegrid("run", "--config", tmp_path / "config", home=home)
    assert done.code == 1
    assert f"{file}:{line}: " in done.err, done.err
    assert all(f"'{word}'" in done.err for word in said), done.err
    assert not home.landed.exists()


def test_a_column_called_no_is_no_truth(tmp_path: Path) -> None:
    config = _district(tmp_path)
    path = config / _LOW_INCOME
    text = path.read_text("utf-8").replace("member_no:", "no:").replace("[member_no]", "[no]")
    path.write_text(text, "utf-8")
    source = load_config(Home.at(tmp_path), config).sources["civil_affairs_low_income"]
    assert list(source.key) == ["no"]
    assert "no" in source.columns


def test_an_environment_variable_that_is_not_set_is_named(home: Home, tmp_path: Path) -> None:
    config = _district(tmp_path, grid="postgresql+psycopg://reader:${GRID_SECRET}@db/grid")
    done = onegrid("run", "--plain", "--config", config, home=home)
    assert done.code == 1
    assert "district.yaml" in done.err
    assert "the environment variable GRID_SECRET is not set" in done.err


def test_a_configuration_that_is_not_there_is_named(home: Home, tmp_path: Path) -> None:
    done = onegrid("run", "--plain", "--config", tmp_path / "nowhere", home=home)
    assert done.code != 0
    assert "nowhere" in done.err


# Personal data


def _fails_with_a_value(step: str) -> None:
    """`step` meets a value it cannot convert; the database quotes it in its message."""
    run = import_module("pipelines.run")
    do = run.do

    def failing(night: Any, name: str) -> Any:
        if name != step:
            return do(night, name)
        with night.stage(name), night.open() as con:
            con.execute(
                "SELECT CAST(name || id_number AS INTEGER) FROM std.record WHERE name = ?", [NAME]
            )
        return None

    run.do = failing


@pytest.mark.thorough
def test_what_is_personal_appears_in_no_log_report_page_journal_or_message(home: Home) -> None:
    _office(
        home,
        "social_security",
        "INSERT INTO medical_insurance (AAC001, AAC003, AAC002, AAC006) VALUES (?, ?, ?, ?)",
        values=("canary1", NAME, NUMBER, f"{NAME}的生日"),
    )
    _office(
        home,
        "civil_affairs",
        "INSERT INTO old_age_allowance (bh, xm, sfzh, csrq, dc) VALUES (?, ?, ?, ?, ?)",
        values=("canary2", NAME, NUMBER[:-1] + "9", NUMBER, NAME),
    )
    _office(  # text that is no text: the driver quotes the whole value
        home,
        "civil_affairs",
        "INSERT INTO disability_allowance (bh, xm, sfzh) VALUES (?, CAST(? AS TEXT), ?)",
        values=("canary3", f"{NAME}{NUMBER}".encode() + b"\xff", NUMBER),
    )
    book = openpyxl.Workbook()
    book.active.title = "人口"
    for row in ([NAME, NUMBER], [NAME, NUMBER]):
        book.active.append(row)
    book.save(home.inbox / "population" / "无表头村人口台账.xlsx")
    said = []
    failed = onegrid("run", home=home, before=partial(_fails_with_a_value, "score_pairs"))
    assert failed.code == 1
    said.append(failed)
    said.append(onegrid("run", "--plain", home=home))
    assert said[-1].code == 0, said[-1].err
    assert ask(home, f"SELECT count(*) FROM std.record WHERE name = '{NAME}'") != [(0,)]
    told = "".join(done.out + done.err for done in said).encode()
    assert not _betrays(told), "a message tells it"
    private = {"published", "landed", "inbox", "district", "forms", "quarantine", "work"}
    betrayed = [
        str(path.relative_to(home.root))
        for folder in home.root.iterdir()
        if folder.name not in private
        for path in folder.rglob("*")
        if path.is_file() and _betrays(path.read_bytes())
    ]
    assert betrayed == []
    _is_closed_to_others(home)


def _betrays(content: bytes) -> bool:
    escaped = NAME.encode("unicode_escape")
    return any(word in content for word in (NAME.encode(), escaped, NUMBER[:17].encode()))


def _is_closed_to_others(home: Home) -> None:
    modes = {
        str(path.relative_to(home.root)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in (home.root, *home.root.rglob("*"))
    }
    wrong = {
        name: mode
        for name, mode in modes.items()
        if mode != ("0o700" if (home.root / name).is_dir() else "0o600")
    }
    assert wrong == {}


# Undoing and recomputing


@pytest.mark.thorough
def test_a_rebuild_arrives_at_the_same_residents_though_all_else_is_lost(
    districts: Districts, tmp_path: Path
) -> None:
    home = copy(districts.after, tmp_path / "home")
    for path in home.root.rglob("*.duckdb"):
        if path != home.landed:
            path.unlink()
    done = onegrid("rebuild", "--plain", home=home)
    assert done.code == 0, done.err
    # what ended is told by the file of the night before only
    kept = "source, source_key, record_id, resident_id"
    compared = COMPARED | {"master.crosswalk WHERE until IS NULL": kept}
    del compared["master.crosswalk"]
    assert differences(home, districts.after, compared) == {}
