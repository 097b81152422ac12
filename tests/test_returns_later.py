"""An old form comes back after its people were joined, died or were given to another grid."""

from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.district_fixture import Districts, ask, copy, onegrid
from tests.returned_fixture import Form, fill, forms

NEW_GRID = "330199101001009"


@pytest.mark.thorough
def test_what_was_said_of_somebody_reaches_them_whatever_became_of_them_since(
    districts: Districts, tmp_path: Path
) -> None:
    home = copy(districts.after, tmp_path / "home")
    path = forms(home)[0]
    nameless = dict(
        ask(
            home,
            """SELECT resident_id, anchor_record FROM link.identity JOIN master.resident
            USING (resident_id) WHERE id_number IS NULL AND birth_date IS NULL""",
        )
    )
    told: dict[str, str] = {}

    def died(form: Form) -> None:
        row = free(form, "1幢", "dead")
        form.write(row, result="已死亡", remark="2026年10月3日")

    def free(form: Form, building: str, key: str) -> int:
        row = next(
            r
            for r in form.having("employer", "选填")
            if building in str(form.get(r, "place")) and form.get(r, "resident_id") not in told
            and form.get(r, "resident_id") not in nameless
        )  # fmt: skip
        told[str(form.get(row, "resident_id"))] = key
        return row

    rows: dict[str, int] = {}

    def work(form: Form) -> None:
        rows["one"] = next(
            r for r in form.having("employer", "选填") if form.get(r, "resident_id") in nameless
        )
        told[str(form.get(rows["one"], "resident_id"))] = "one"
        rows["dead"] = next(
            r for r in form.rows if told.get(str(form.get(r, "resident_id"))) == "dead"
        )
        rows["other"] = next(
            r for r in form.having("education", "需填")
            if form.get(r, "resident_id") not in told and "1幢" in str(form.get(r, "place"))
        )  # fmt: skip
        told[str(form.get(rows["other"], "resident_id"))] = "other"
        rows["moved"] = free(form, "3幢", "moved")
        form.put(rows["one"], "employer", "甲厂")
        form.put(rows["other"], "education", "初中")
        form.put(rows["dead"], "employer", "乙厂")
        form.put(rows["moved"], "employer", "丙厂")

    death = fill(path, tmp_path / "死亡.xlsx", died)
    old = fill(path, tmp_path / "旧表.xlsx", work)
    who = {key: resident for resident, key in told.items()}
    ((other_anchor,),) = ask(
        home, f"SELECT anchor_record FROM link.identity WHERE resident_id = '{who['other']}'"
    )
    assert onegrid("return", "in", death, home=home).code == 0
    said = ("--author", "街道", "--reason", "是同一个人")
    one = str(nameless[who["one"]])
    assert onegrid("decide", one, str(other_anchor), "always", *said, home=home).code == 0
    with closing(sqlite3.connect(home.root / "district" / "grid.sqlite")) as register:
        register.execute(
            """UPDATE grid_household SET grid_code = ?, grid_name = '大滨社区第九网格',
            updated_on = '2026-11-27' WHERE address LIKE '%3幢%' AND grid_code LIKE '%001'""",
            [NEW_GRID],
        )
        register.commit()
    assert onegrid("run", "--plain", home=home).code == 0
    joined = ask(
        home,
        f"""SELECT resident_id FROM link.identity
        WHERE resident_id IN ('{who["one"]}', '{who["other"]}')""",
    )
    assert len(joined) == 1

    done = onegrid("return", "in", old, home=home)
    assert done.code == 1
    assert f"第 {rows['dead']} 行：这名居民已登记死亡" in done.out, done.out
    assert ("新填 3 项" in done.out, "需要修改 1 处" in done.out) == (True, True)
    assert onegrid("run", "--plain", home=home).code == 0
    assert ask(
        home, f"SELECT employer FROM master.resident WHERE resident_id = '{joined[0][0]}'"
    ) == [("甲厂",)]
    assert ask(
        home,
        """SELECT resident_id, status FROM deliver.answer WHERE field = 'education'
        AND kind = 'answer'""",
    ) == [(joined[0][0], "applied")]
    assert ask(
        home,
        f"SELECT employer, grid_code FROM master.resident WHERE resident_id = '{who['moved']}'",
    ) == [("丙厂", NEW_GRID)]
    assert ask(
        home,
        f"SELECT DISTINCT grid_code FROM deliver.form_row WHERE resident_id = '{who['moved']}'",
    ) == [(NEW_GRID,)]
    named = {file for file in home.forms.rglob("*.xlsx") if who["moved"] in _whole(file)}
    listed = ask(home, f"SELECT file FROM deliver.form WHERE grid_code = '{NEW_GRID}'")
    assert named
    assert named <= {home.forms / file for (file,) in listed}


def _whole(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
