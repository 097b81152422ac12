"""Ledgers as they are really sent: whatever the suffix says, rows or a reason in Chinese."""

from __future__ import annotations

import io
import os
import random
import struct
import time
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from msoffcrypto.format.ooxml import OOXMLFile

from pipelines.extract import pull_source
from tests.test_extract_database import make_night
from tests.test_ledger import HEAD, LEDGER, live, number, people, waiting, write

SAVED = Path(__file__).with_name("ledgers")
"""What LibreOffice saved of one small sheet of invented people; locked.xls asks for `SECRET`."""
SECRET = "云溪镇2026"
SOURCE = LEDGER.model_copy(update={"files": "*", "passwords": ("LEDGER_OLD", "LEDGER_NOW")})
SPREADSHEET = "urn:schemas-microsoft-com:office:spreadsheet"


@pytest.fixture
def night(tmp_path, monkeypatch):
    monkeypatch.setenv("LEDGER_OLD", "not this one")
    monkeypatch.setenv("LEDGER_NOW", SECRET)
    return make_night(tmp_path, SOURCE)


def lines(separator: str = ",", rows: Iterable[list] = ()) -> str:
    return "\r\n".join(separator.join(map(str, row)) for row in (HEAD, *(rows or people(2))))


def page(rows: Iterable[list], before: str = "") -> str:
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(str(cell))}' for cell in row)}</tr>" for row in rows
    )
    return f'<html><meta charset="utf-8"><body>{before}<table>{body}</table></body></html>'


def sheetml(*rows: str, rest: str = "", before: str = "") -> str:
    return (
        f'<?xml version="1.0"?>{before}<Workbook xmlns="{SPREADSHEET}" xmlns:ss="{SPREADSHEET}">'
        f'<Worksheet ss:Name="人口一"><Table>{"".join(rows)}</Table></Worksheet>{rest}</Workbook>'
    )


def sheetml_row(cells: Iterable[object], kind: str = "String") -> str:
    data = "".join(
        f'<Cell><Data ss:Type="{kind}">{escape(str(cell))}</Data></Cell>' for cell in cells
    )
    return f"<Row>{data}</Row>"


def locked(path: Path, password: str) -> bytes:
    """The workbook with a password, as Excel and WPS save it."""
    sealed = io.BytesIO()
    with path.open("rb") as plain:
        OOXMLFile(plain).encrypt(password, sealed)
    return sealed.getvalue()


def parcel(path: Path, members: dict[str, bytes]) -> Path:
    """A zip as Windows in Chinese makes it: names in GBK, and no word about it."""
    body, directory = b"", b""
    for name, content in members.items():
        raw, at = name.encode("gb18030"), len(body)
        sums = struct.pack("<LLLHH", zlib.crc32(content), len(content), len(content), len(raw), 0)
        common = struct.pack("<HHHHH", 20, 0, 0, 0, 0x5C90) + sums
        body += b"PK\x03\x04" + common + raw + content
        directory += b"PK\x01\x02\x14\0" + common + struct.pack("<HHHLL", 0, 0, 0, 0, at) + raw
    count, start = len(members), len(body)
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, count, count, len(directory), start, 0)
    path.write_bytes(body + directory + end)
    return path


def with_a_letter(book: bytes) -> bytes:
    """The workbook with a stream that a letter has: one is embedded in it."""
    old, new = (name.encode("utf-16-le") for name in ("\5SummaryInformation", "WordDocument"))
    at = book.index(old)
    length = struct.pack("<H", len(new) + 2)
    return book[:at] + new.ljust(64, b"\0") + length + book[at + 66 :]


def strokes_turned(book: bytes) -> bytes:
    """The workbook as some programs pack it."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return zipped({name.replace("/", "\\").lower(): part for name, part in parts.items()})


def counted(night) -> dict[str, int]:
    """People by file."""
    return dict(live(night, "file, count(*)", "true GROUP BY file"))


def test_whatever_a_ledger_is_saved_as_its_people_are_read(night, tmp_path):
    inbox = night.home.inbox
    inbox.mkdir(parents=True, exist_ok=True)

    def book(village: str) -> Path:
        return write(tmp_path / "人口.xlsx", [[f"{village}村台账"], HEAD, *people(2)])

    ods, xls = ((SAVED / f"village.{suffix}").read_bytes() for suffix in ("ods", "xls"))
    quoted = [[n, f"人{n}", f'="{number(n)}"', f'"甲路\n{n}号"'] for n in (1, 2)]
    tailed = [["'" + str(n), f"人{n}", f"\t{number(n)}", ""] for n in (1, 2)]
    sent: dict[str, bytes] = {
        "甲村.xls": xls,
        "乙村.et": xls + bytes(512),
        "丙村.et": book("丙").read_bytes(),
        "丁村.csv": book("丁").read_bytes(),
        "戊村.ods": ods,
        "己村.xls": page([["己村人口台账"], HEAD, *people(2)]).encode("gb18030"),
        "庚村.xls": sheetml(sheetml_row(HEAD), *map(sheetml_row, people(2))).encode(),
        "辛村.csv": lines().encode("gb18030"),
        "壬村.csv": lines().encode(),
        "癸村.txt": lines("\t").encode("utf-8-sig"),
        "子村.txt": lines("\t").encode("utf-16"),
        "丑村.csv": lines(";").encode("utf-16-le"),
        "寅村.xlsx": lines("、").encode("gbk"),
        "卯村.csv": lines(rows=quoted).encode("gb18030"),
        "辰村.csv": (lines(rows=tailed).replace("\r\n", "\r") + "\r").encode(),
        "巳村.xlsx": locked(book("巳"), SECRET),
        "午村.xls": (SAVED / "locked.xls").read_bytes(),
        "未村.xlsx": locked(book("未"), "VelvetSweatshop"),
        "亥村.xls": with_a_letter(xls + bytes(1536)),
        "河村.xlsx": strokes_turned(book("河").read_bytes()),
    }  # fmt: skip
    for name, content in sent.items():
        (inbox / name).write_bytes(content)
    inside = {"申村/名册.xlsx": book("申").read_bytes(),
              "../../酉村.csv": lines(rows=people(2)[::-1]).encode(), "戌村.xls": xls + bytes(1024),
              "__MACOSX/._戌村.xls": b"x", "~$戌村.xlsx": b"x", "Thumbs.db": b"x"}  # fmt: skip
    parcel(inbox / "台账2026年5月.zip", inside)
    pull_source(night, "ledger")
    assert waiting(night) == []
    within = {f"台账2026年5月.zip/{name}" for name in ("申村/名册.xlsx", "酉村.csv", "戌村.xls")}
    saved = {"甲村.xls", "乙村.et", "戊村.ods", "午村.xls", "亥村.xls"}
    saved.add("台账2026年5月.zip/戌村.xls")
    assert counted(night) == {name: 3 if name in saved else 2 for name in sent.keys() | within}
    of_saved = f"file IN ({', '.join(map(repr, sorted(saved)))})"
    assert set(live(night, where=of_saved)) == {
        ("人1", number(1), "1号"),
        ("人2", number(2), "1号"),
        ("人3", "3.3019919800101e+17", "3号"),
    }
    who = {row[:2] for row in live(night, where=f"NOT {of_saved}")}
    assert who == {(f"人{n}", number(n)) for n in (1, 2)}
    assert live(night, "address", "file = '卯村.csv'") == [("甲路\n1号",), ("甲路\n2号",)]
    assert not (inbox.parent.parent / "酉村.csv").exists()
    dated = "DISTINCT observed", "file LIKE '%.zip/申村%'"
    assert live(night, *dated) == [("2026-05-31",)]
    assert live(night, "DISTINCT observed", "file = '甲村.xls'") == [("2026-06-03",)]


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_what_cannot_be_read_waits_with_a_reason_and_costs_itself_alone(
    night, tmp_path, monkeypatch
):
    inbox = night.home.inbox
    book = write(inbox / "好村.xlsx", [HEAD, *people(2)])
    plain, old = book.read_bytes(), (SAVED / "village.xls").read_bytes()
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha" * 10}">' for n in range(9))
    head, shell = (
        sheetml_row(HEAD),
        b"<html><frameset><frame src='a.files/1.htm'></frameset></html>",
    )
    secret = write(tmp_path / "锁村.xlsx", [["锁村"], HEAD, *people(2)])
    unclosed = [[1, '"人1', number(n), ""] for n in range(200)]
    wide = f"<tr>{'<td colspan=1000>x</td>' * 2}</tr>" * 5_000
    far = '<Row><Cell ss:Index="1000000000"><Data ss:Type="String">x</Data></Cell></Row>'
    entered = bytearray(zipped({"名册.csv": lines().encode()}))
    entered[6] |= 1
    entered[entered.rindex(b"PK\1\2") + 8] |= 1
    bad: dict[str, tuple[bytes, str]] = {
        "空村.csv": (b"", "empty"),
        "断村.xlsx": (plain[:2000], "not_a_workbook"),
        "断村.xls": (old[:3000], "not_a_workbook"),
        "断村.xml": (sheetml(head)[:-20].encode(), "not_a_workbook"),
        "笑村.xml": (sheetml(head, before=laughs).encode(), "not_a_workbook"),
        "笑村.xlsx": (laughing(plain, laughs), "not_a_workbook"),
        "远村.xml": (sheetml(head, far).encode(), "sparse"),
        "宽村.xls": (page([HEAD], f"<table>{wide}</table>").encode(), "sparse"),
        "框村.xls": (shell, "no_table"),
        "文村.doc": (zipped({"[Content_Types].xml": b"", "word/document.xml": b""}), "other_kind"),
        "图村.xlsx": (b"%PDF-1.7 ...", "other_kind"),
        "包村.rar": (b"Rar!\x1a\x07\x01\0", "other_archive"),
        "引村.csv": (lines(rows=unclosed).encode(), "quotes"),
        "乱村.csv": (random.Random(5).randbytes(3000), "not_a_workbook"),
        "码村.csv": (lines().encode() + b"\xff\xfe\xff" * 99, "encoding"),
        "锁村.xlsx": (locked(secret, "nobody knows"), "wrong_password"),
        "弹村.zip": (zipped({"名册.csv": b" " * (64 << 20)}), "parcel_too_large"),
        "多村.zip": (zipped({f"{n}.csv": b"" for n in range(3001)}), "parcel_too_large"),
        "密村.zip": (bytes(entered), "parcel_password"),
        "坏村.zip": (zipped({"名册.csv": lines().encode()})[:-30], "parcel_broken"),
    }  # fmt: skip
    for name, (content, _) in bad.items():
        (inbox / name).write_bytes(content)
        os.utime(inbox / name, (time.time() - 3600,) * 2)  # nobody is still copying it
    inner = zipped({"名册.csv": lines().encode()})
    parcel(inbox / "套村.zip", {"里/名册.zip": inner, "外村.csv": lines().encode()})
    counts = pull_source(night, "ledger")
    assert dict(waiting(night)) == {
        **{name: reason for name, (_, reason) in bad.items()},
        "套村.zip/里/名册.zip": "nested_archive",
    }
    assert counts["files_quarantined"] == len(bad) + 1
    assert counted(night) == {"好村.xlsx": 2, "套村.zip/外村.csv": 2}
    notes = "".join(path.read_text("utf-8") for path in night.home.quarantine.glob("*.txt"))
    assert notes.count("处理：") == len(bad) + 1
    assert "LEDGER_OLD、LEDGER_NOW" in notes and SECRET not in notes
    # the next night tries again what a new password may open, and nothing else
    monkeypatch.setenv("LEDGER_OLD", "nobody knows")
    second = make_night(tmp_path, SOURCE, 2, 1)
    counts = pull_source(second, "ledger")
    assert counts["files_read"] == 1
    assert len(waiting(second)) == len(bad)
    assert counted(second)["锁村.xlsx"] == 2


def laughing(book: bytes, before: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = before.encode() + parts[sheet].replace(b"<t>", b"<t>&l8;", 1)
    return zipped(parts)


def test_odd_cells_of_every_kind_end_as_rows(night):
    inbox = night.home.inbox
    inbox.mkdir(parents=True, exist_ok=True)
    long, odd = "长" * 32_767, "\u202e人\u200b1"
    rows = [[1, odd, number(1), long], [2, "人2", number(2), "=HYPERLINK(1)"]]
    text = lines(rows=rows)
    untidy = f"<table><tr><td rowspan=2>姓名<td>{HEAD[2]}<tr><td><tr><td>人2<td>{number(2)}"
    sent = {
        "甲村.csv": ("," * 1_000_000 + "\r\n" + text).encode(),
        "乙村.csv": text.replace("人2", "人\0" + "2").encode("gb18030"),
        "丙村.csv": (text + "\n").encode("utf-16") + b"\x00\xd8\n\0",
        "丁村.csv": (text + "\r\n3,半").encode("gb18030")[:-1],
        "戊村.xls": page([HEAD, *rows]).replace("人2", "人2&#xD800;&#0;").encode(),
        "己村.xls": sheetml(sheetml_row(HEAD), *map(sheetml_row, rows)).encode("utf-16"),
        "庚村.xls": untidy.encode("gbk"),
    }  # fmt: skip
    for name, content in sent.items():
        (inbox / name).write_bytes(content)
    pull_source(night, "ledger")
    assert waiting(night) == []
    assert counted(night).keys() == sent.keys()
    found = set(live(night, "id_number, length(address)", "name LIKE '%人%1'"))
    assert found == {(number(1), 32_767)}
    kept = set(live(night, "address", "starts_with(name, '人2') AND address IS NOT NULL"))
    assert kept == {("=HYPERLINK(1)",)}
