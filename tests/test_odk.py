"""A form for ODK: what goes into a package, and that a server would take it."""

from __future__ import annotations

import csv
from pathlib import Path

from openpyxl import load_workbook
from pyxform.xls2xform import convert

from pipelines.home import Home
from tests.district_fixture import Districts, ask, onegrid


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
    again = _packages(districts.after, "family", tmp_path / "again")
    assert (again[0] / "form.xlsx").read_bytes() == book.read_bytes()
