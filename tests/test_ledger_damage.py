"""Workbooks that somebody's program, disk or malice has damaged: rows or quarantine, each alone."""

from __future__ import annotations

import io
import os
import random
import socket
import struct
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from pipelines.extract import pull_source
from pipelines.extract import workbook as workbook_reader
from pipelines.extract.readers import Task, read_all
from pipelines.extract.texts import REASONS
from pipelines.synth.biff import workbook
from tests.test_extract_database import landed, make_night
from tests.test_ledger import HEAD, LEDGER, live, number, people, waiting, write

PEOPLE = 40
_LAUGHS = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 10))
ENTITIES = (
    f"<!DOCTYPE l [<!ENTITY e0 'aaaaaaaaaa'>{_LAUGHS}<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
)
SHEET, STYLES = "xl/worksheets/sheet1.xml", "xl/styles.xml"
Parts = dict[str, bytes]


def packed(parts: Parts, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def declared(content: bytes, reference: str) -> bytes:
    """The part with entities, one of which is used."""
    root = content.find(b"<", content.find(b"?>") + 1 if b"?>" in content else 0)
    inside = content.find(b">", root) + 1
    return ENTITIES.encode() + content[root:inside] + reference.encode() + content[inside:]


def damaged(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Name → a workbook of which something is gone, changed, or not what it says."""
    dice = random.Random(4)
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    old = workbook({"人口1": [HEAD, *people(PEOPLE)]})
    for n in range(6):
        yield f"截{n}村.xlsx", good[: dice.randrange(1, len(good))]
        yield f"旧截{n}村.xlsx", old[: dice.randrange(1, len(old))]
        for name, whole in (("花", good), ("旧花", old)):
            spoilt = bytearray(whole)
            for _ in range(10):
                spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
            yield f"{name}{n}村.xlsx", bytes(spoilt)
    for n, name in enumerate(parts):
        yield f"缺{n}村.xlsx", packed({k: v for k, v in parts.items() if k != name})
        yield f"半{n}村.xlsx", packed({**parts, name: parts[name][: len(parts[name]) // 2]})
        yield f"空{n}村.xlsx", packed({**parts, name: b""})
    for n, name in enumerate((SHEET, STYLES, "xl/workbook.xml", "xl/_rels/workbook.xml.rels")):
        for m, reference in enumerate(("&e9;", "&x;")):
            spoilt = declared(parts[name], reference)
            yield f"实体{n}{m}村.xlsx", packed({**parts, name: spoilt})
    # the column of the last cell, in the record of a text
    at = old.rindex(struct.pack("<HH", PEOPLE, 3))
    yield "宽村.xlsx", old[: at + 2] + b"\xff\xff" + old[at + 4 :]
    yield "深村.xlsx", packed({**parts, STYLES: b"<a>" * 50_000})


def test_damage_ends_in_rows_or_in_quarantine_and_nothing_crashes(tmp_path):
    good = write(tmp_path / "好村.xlsx", [HEAD, *people(PEOPLE)]).read_bytes()
    night = make_night(tmp_path, LEDGER)
    night.home.inbox.mkdir(parents=True, exist_ok=True)
    files = dict(damaged(good))
    for name, content in files.items():
        (night.home.inbox / name).write_bytes(content)
        os.utime(night.home.inbox / name, (0, 0))  # what is new may still be on its way
    pull_source(night, "ledger")
    reasons = dict(waiting(night))
    read = {file for (file,) in live(night, "DISTINCT file")}
    assert read | reasons.keys() == files.keys()
    assert set(reasons.values()) <= REASONS.keys() - {"crashed", "timeout"}
    assert reasons["宽村.xlsx"] == "sparse"
    assert len(read) > 10 and len(reasons) > 10
    secret = "root:"
    assert not live(night, where=f"concat(name, id_number, address) LIKE '%{secret}%'")


def test_formulas_show_their_values_and_nothing_is_fetched(tmp_path):
    path = write(tmp_path / "好村.xlsx", [HEAD, *people(2)])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with socket.create_server(("127.0.0.1", 0)) as door:
        place = f"http://127.0.0.1:{door.getsockname()[1]}/x.xlsx"
        row = (
            '<row r="4"><c r="B4" t="str"><f>[1]Sheet1!$A$1</f><v>外链</v></c><c r="C4" t="str">'
            f'<f>WEBSERVICE("{place}")</f><v>{number(9)}</v></c></row></sheetData>'
        )
        parts[SHEET] = parts[SHEET].replace(b"</sheetData>", row.encode())
        office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        parts["xl/externalLinks/externalLink1.xml"] = (
            '<externalLink xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
            f'xmlns:r="{office}"><externalBook r:id="rId1"/></externalLink>'
        ).encode()
        parts["xl/externalLinks/_rels/externalLink1.xml.rels"] = (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="{office}/externalLinkPath" Target="{place}" '
            'TargetMode="External"/></Relationships>'
        ).encode()
        night = make_night(tmp_path, LEDGER)
        night.home.inbox.mkdir(parents=True, exist_ok=True)
        (night.home.inbox / "外村.xlsx").write_bytes(packed(parts))
        pull_source(night, "ledger")
        door.settimeout(0.1)
        with pytest.raises(TimeoutError):
            door.accept()
    assert ("外链", number(9)) in live(night, "name, id_number")


@pytest.mark.parametrize("where", ["Z1048576", "A1048576"])
def test_a_cell_at_the_far_end_costs_a_moment(tmp_path, where):
    path = write(tmp_path / "好村.xlsx", [HEAD, *people(PEOPLE)])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    cell = f'<row r="1048576"><c r="{where}" t="inlineStr"><is><t>完</t></is></c></row></sheetData>'
    parts[SHEET] = parts[SHEET].replace(b"</sheetData>", cell.encode())
    night = make_night(tmp_path, LEDGER)
    night.home.inbox.mkdir(parents=True, exist_ok=True)
    (night.home.inbox / "远村.xlsx").write_bytes(packed(parts))
    pull_source(night, "ledger")
    assert len(live(night)) == PEOPLE


def test_titles_and_header_words_hold_no_commands_for_a_terminal(tmp_path):
    night = make_night(tmp_path, LEDGER)
    night.home.inbox.mkdir(parents=True, exist_ok=True)
    rows = [[*HEAD, "备\x1b[2J\u202e注"], *([*row, ""] for row in people(2))]
    (night.home.inbox / "控村.xlsx").write_bytes(workbook({"人口\x1b]0;\u202e1": rows}))
    pull_source(night, "ledger")
    said = landed(night, "SELECT sheet, reason_zh FROM main.ledger_finding")
    said += live(night, "sheet, name")
    assert len(said) == 4
    assert not any(sign in text for row in said for text in row for sign in "\x1b\u202e")


def test_rows_and_cells_that_have_nothing_but_looks_are_not_far_off(tmp_path):
    wide = [[*HEAD, *[None] * 30, "备注"], *people(PEOPLE)]
    path = write(tmp_path / "好村.xlsx", wide)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    looks = (
        '<row r="9000"><c r="XFD9000" s="1"/><c r="XFC9000" s="1"></c></row>'
        '<row r="1048575" hidden="false"/><row r="1048576" customFormat="false"></row></sheetData>'
    )
    parts[SHEET] = parts[SHEET].replace(b"</sheetData>", looks.encode())
    night = make_night(tmp_path, LEDGER)
    night.home.inbox.mkdir(parents=True, exist_ok=True)
    (night.home.inbox / "饰村.xlsx").write_bytes(packed(parts))
    filled = parts[SHEET].replace(b'"XFC9000" s="1">', b'"XFC9000" s="1"><v>1</v>')
    (night.home.inbox / "远村.xlsx").write_bytes(packed({**parts, SHEET: filled}))
    bare = parts[SHEET].replace(b'customFormat="false">', b'customFormat="false"><c><v>1</v></c>')
    (night.home.inbox / "底村.xlsx").write_bytes(packed({**parts, SHEET: bare}))
    pull_source(night, "ledger")
    assert waiting(night) == [("底村.xlsx", "sparse"), ("远村.xlsx", "sparse")]
    assert len(live(night)) == PEOPLE


def test_a_cell_far_off_in_a_long_sheet_ends_its_file_before_the_room_is_made(tmp_path):
    path = write(tmp_path / "好村.xlsx", [HEAD, *people(PEOPLE)])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    filled = "".join(f'<c r="{chr(65 + n)}%d" t="str"><v>村口老槐树下</v></c>' for n in range(26))
    rows = [
        f'<row r="{n}">{filled}</row>' % ((n,) * 26) for n in range(PEOPLE + 10, PEOPLE + 9_010)
    ]
    cell = '<row r="900000"><c r="ZZ900000" t="str"><v>完</v></c></row></sheetData>'
    rows.append(cell)
    parts[SHEET] = parts[SHEET].replace(b"</sheetData>", "".join(rows).encode())
    assert len(parts[SHEET]) > 1.1 * workbook_reader._SEARCHED_FIRST
    night = make_night(tmp_path, LEDGER)
    night.home.inbox.mkdir(parents=True, exist_ok=True)
    (night.home.inbox / "乙村.xlsx").write_bytes(packed(parts))
    for village, count in (("甲", 3), ("丙", 4)):  # the child that gave up is followed by another
        write(night.home.inbox / f"{village}村.xlsx", [HEAD, *people(count)])
    pull_source(night, "ledger")
    assert waiting(night) == [("乙村.xlsx", "sparse")]
    assert {file for (file,) in live(night, "DISTINCT file")} == {"甲村.xlsx", "丙村.xlsx"}


def test_a_disk_that_is_full_is_no_fault_of_the_workbook(tmp_path):
    book = write(tmp_path / "东风村.xlsx", [HEAD, *people(50)])
    for target, told in ((Path("/dev/full"), "No space left"), (tmp_path / "gone/x", "No such")):
        with pytest.raises(OSError, match=told):
            read_all([Task(book, target)], LEDGER, date(2026, 6, 1), lambda _: None)
