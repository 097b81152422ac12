"""A form for ODK: what goes into a package, and that a server would take it."""

from __future__ import annotations

import csv
import json
import os
import time
import zipfile
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from openpyxl import load_workbook
from pyxform.xls2xform import convert

from pipelines.answers import Answers
from pipelines.home import Home
from pipelines.journal import open_journal
from tests.district_fixture import Districts, ask, copy, journal_url, onegrid

TODAY = str(datetime.now(ZoneInfo("Asia/Shanghai")).date())
"""What a phone writes; an answer is never older than the form it is on."""


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _packages(home: Home, form: str, folder: Path) -> list[Path]:
    done = onegrid("form", "odk", form, folder, home=home)
    assert done.code == 0, done.err
    return sorted(path.parent for path in folder.rglob("form.xlsx"))


def test_a_package_lists_who_has_something_to_say_and_shows_no_more_than_that(
    districts: Districts, tmp_path: Path
) -> None:
    home = districts.after
    packages = _packages(home, "population", tmp_path)
    people = {row["resident_id"]: row for path in packages for row in _rows(path / "people.csv")}
    open_cells = ask(
        home,
        """SELECT resident_id, field, state FROM deliver.form_cell
        WHERE form = 'population' AND state IN ('ask', 'verify')""",
    )
    assert {resident for resident, _, _ in open_cells} == people.keys()
    asked = {
        (resident, name.removesuffix("_state"), state)
        for resident, row in people.items()
        for name, state in row.items()
        if name.endswith("_state") and state in {"ask", "verify"}
    }
    assert asked == set(open_cells)
    for row in people.values():
        values = {name for name, value in row.items() if name.endswith("_shown") and value}
        assert all(row[name.replace("_shown", "_state")] == "verify" for name in values)
    by_row = dict(ask(home, "SELECT resident_id, id_number FROM master.resident"))
    for resident, row in people.items():
        if row["id_number_state"] != "verify" and by_row[resident]:
            assert not [name for name, value in row.items() if by_row[resident] in value]
    for path in packages:
        homes = {row["name"] for row in _rows(path / "households.csv")}
        assert homes == {row["household"] for row in _rows(path / "people.csv")}


def test_a_package_is_an_xform_of_its_grid(districts: Districts, tmp_path: Path) -> None:
    packages = _packages(districts.after, "family", tmp_path)
    book = packages[0] / "form.xlsx"
    made = convert(book)
    issued = dict(ask(districts.after, "SELECT form_id, version FROM deliver.form"))
    settings = load_workbook(book)["settings"]
    told = dict(zip(*(([cell.value for cell in row]) for row in settings.rows), strict=True))
    assert issued[told["form_id"]] == int(told["version"])
    assert f'id="{told["form_id"]}"' in made.xform
    assert not made.warnings
    names = [row[1].value for row in load_workbook(book)["survey"].rows]
    assert names.index("whom") < names.index("household") < names.index("new_name")
    again = _packages(districts.after, "family", tmp_path / "again")
    assert (again[0] / "form.xlsx").read_bytes() == book.read_bytes()


Submission = dict[str, str]
IDENTITY = ("row_id", "resident_id", "digest", "form_id", "base_version")


def _filled(people: list[Submission]) -> list[Submission]:
    """A worker's day: an answer, a value called right, one called wrong, a way out, a death."""

    def one(number: int, row: Submission, **told: str) -> Submission:
        identity = {name: row[name] for name in IDENTITY}
        return {"today": TODAY, "result": "met", **identity, **told, "instance": str(number)}

    def find(state: str, skip: set[str]) -> Submission:
        row = next(r for r in people if r["phone_state"] == state and r["row_id"] not in skip)
        skip.add(row["row_id"])
        return row

    used: set[str] = set()
    return [
        one(1, find("ask", used), phone="13912345678"),
        one(2, find("verify", used), phone_right="yes"),
        one(3, find("verify", used), phone_right="no", phone="13912345679"),
        one(4, find("ask", used), result="拒答"),
        one(5, find("ask", used), result="已死亡", died_on="2026-11-20"),
        one(6, find("ask", used), phone="12"),
    ]


def _central(rows: list[Submission]) -> list[dict[str, str]]:
    return [
        {
            "SubmissionDate": "2026-11-25T01:02:03.000Z",
            **{f"page-{key}": value for key, value in row.items() if key != "instance"},
            "meta-instanceID": f"uuid:{row['instance']}",
            "SubmitterName": "王网格",
        }
        for row in rows
    ]


def _save_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_submissions_become_answers_whatever_server_exported_them(
    districts: Districts, tmp_path: Path
) -> None:
    home = copy(districts.after, tmp_path / "home")
    packages = _packages(home, "population", tmp_path / "odk")
    folder = max(packages, key=lambda path: (path / "people.csv").stat().st_size)
    filled = _filled(_rows(folder / "people.csv"))
    lost = {key: value for key, value in filled[0].items() if key != "row_id"}
    new = {
        **{"today": TODAY, "whom": "new", "new_form_id": filled[0]["form_id"]},
        **{"new_base_version": filled[0]["base_version"], "new_name": "欧阳新晨"},
        **{"new_phone": "13955550001", "new_sex": "2", "instance": "9"},
    }
    exported = _save_csv(tmp_path / "s.csv", _central([*filled, lost, new]))
    home.returns.mkdir(parents=True)
    with zipfile.ZipFile(home.returns / "导出.zip", "w") as archive:
        archive.write(exported, "submissions.csv")
    done = onegrid("return", "in", home=home)
    assert done.code == 1, done.err
    assert "手机采集提交 8 份，其中 0 份以前已经收过" in done.out
    assert (
        "收下 6 行：新填 2 项，更正 1 项，核对无误 1 项，去向登记 2 人，新增人员 1 人" in done.out
    )
    assert "按新增人员收下，下一次汇总后编入名册：第 8 行" in done.out
    assert "第 6 行“联系电话”：看不懂" in done.out
    assert "第 7 行：这一行没有行标识" in done.out
    with open_journal(journal_url(home)) as journal:
        kept = Answers(journal).all()
        assert {came.channel for came in Answers(journal).returns()} == {"odk"}
    assert {answer.author for answer in kept} == {"王网格"}
    assert {str(answer.answered_on) for answer in kept} == {TODAY}
    added = {answer.field: answer.value for answer in kept if answer.kind == "new"}
    assert added == {"name": "欧阳新晨", "phone": "13955550001", "sex": "2"}
    about = {a.resident_id: a for a in kept if a.field == "phone" and a.kind != "new"}
    assert {row["resident_id"] for row in filled[:3]} == about.keys()
    assert about[filled[1]["resident_id"]].kind == "confirmed"

    nested = {
        "value": [
            {**{k: v for k, v in row.items() if k.startswith("Sub")}, "page": row,
             "__system": {"submitterName": "王网格"}, "meta": {"instanceID": f"uuid:{n}"}}
            for n, row in enumerate(_central(filled)[:2], 1)
        ]
    }  # fmt: skip
    kobo = {
        "results": [
            {f"group/{key}": value for key, value in filled[3].items()}
            | {"_submitted_by": "李网格", "_submission_time": "2026-11-25T09:00:00", "_uuid": "u9"}
        ]
    }
    for name, content in (("again.json", nested), ("kobo.json", kobo)):
        (tmp_path / name).write_text(json.dumps(content), "utf-8")
    done = onegrid("return", "in", tmp_path / "again.json", tmp_path / "kobo.json", home=home)
    assert "提交 2 份，其中 2 份以前已经收过" in done.out
    assert "提交 1 份，其中 0 份以前已经收过" in done.out
    for name, content in (
        ("deep.json", b"[" * 200_000),
        ("other.csv", b"a,b\n1,2\n"),
        ("half.json", b'{"value": [{"form_id": "\\ud800"'),
        ("bytes.csv", b"\xff\xfe\xfd,row_id"),
    ):
        (home.returns / name).write_bytes(content)
        os.utime(home.returns / name, (time.time() - 3600,) * 2)
    done = onegrid("return", "in", home=home)
    assert done.out.count("没有收：不是手机采集") == 4, done.out
