"""What one grid is asked over all forms: households in walking order, members, each cell once.

A cell that several forms have belongs to the one that asks it; one that no form asks is shown as
the form that may show most of it has it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date

import duckdb

from pipelines.config import Config
from pipelines.deliver import texts
from pipelines.deliver.content import content_sql, literal, read_sources
from schemas.codes import code_list
from schemas.fields import FIELD
from schemas.forms import FormContract

_RANK = ("ask", "verify", "known", "none", "waits", "withheld")
"""States of a cell; of several forms the one that comes first here has it."""
_TELLING = ("name", "id_number", "birth_date", "sex", "phone", "relation")
OPEN = ("ask", "verify")


@dataclass(frozen=True)
class Row:
    """A resident's row on one form, as an entry names it (see `pipelines.intake.Line`)."""

    form_id: str
    version: int
    row_id: str
    digest: str


@dataclass(frozen=True)
class Cell:
    """One field of a resident.

    Attributes:
        field: canonical field.
        form: contract of the form that has the cell.
        state: as in `deliver.form_row`.
        shown: the value, numbers masked; None: there is none, or it may not be shown.
        note: its 来源.
    """

    field: str
    form: str
    state: str
    shown: str | None
    note: str

    @property
    def label(self) -> str:
        """What a worker calls the field."""
        return FIELD[self.field].label

    @property
    def kind(self) -> str:
        """How it is written: choice, date, number, id, phone, long or text."""
        about = FIELD[self.field]
        if about.codes:
            return "choice"
        if about.type == "DATE":
            return "date"
        if about.type == "INTEGER":
            return "number"
        return {"id_number": "id", "phone": "phone", "concern": "long"}.get(self.field, "text")

    @property
    def choices(self) -> list[str]:
        """What is offered of a code list."""
        codes = code_list(FIELD[self.field].codes or "")
        return [codes.values[code] for code in codes.offered or codes.values]

    @property
    def hint(self) -> str:
        """How it is to be written."""
        hints = {"id": texts.ID_HINT, "phone": texts.PHONE_HINT, "date": texts.DATE_HINT}
        return hints.get(self.kind, "")


@dataclass
class Member:
    """A resident, with a row for each form that is about them (by contract), and the cells."""

    resident_id: str
    rows: dict[str, Row] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name as far as a form shows it."""
        cell = self.cells.get("name")
        return (cell and cell.state != "withheld" and cell.shown) or texts.NO_NAME

    @property
    def rows_json(self) -> str:
        """The rows for the page's script, the form that comes first at the beginning."""
        return json.dumps([{"form": form, **vars(row)} for form, row in self.rows.items()])

    def of(self, *states: str) -> list[Cell]:
        """The cells in these states, in the forms' order."""
        return [cell for cell in self.cells.values() if cell.state in states]


@dataclass
class Household:
    """Who lives together; `key` names it to the page and stays the same from night to night."""

    key: str
    place: str
    members: list[Member] = field(default_factory=list)


@dataclass(frozen=True)
class Newcomer:
    """What is asked of somebody who is on no form: the items of the first one that has room.

    Attributes:
        form, form_id, version: the contract and its issue.
        cells: one for each item.
    """

    form: str
    form_id: str
    version: int
    cells: tuple[Cell, ...]

    @property
    def rows_json(self) -> str:
        """The row for the page's script; it has no number and no digest."""
        row = {"form": self.form, **vars(Row(self.form_id, self.version, "", ""))}
        return json.dumps([row])

    @property
    def first(self) -> list[Cell]:
        """The cells that tell who it is."""
        found = {cell.field: cell for cell in self.cells}
        return [found[name] for name in _TELLING if name in found]

    @property
    def more(self) -> list[Cell]:
        """The others."""
        return [cell for cell in self.cells if cell.field not in {*_TELLING, "address"}]


@dataclass(frozen=True)
class Sheet:
    """A grid's forms as they were published.

    Attributes:
        grid, label: its code, and village and name.
        night: that published it.
        titles: of the forms, in order.
        due_on: the first day on which one of them is due; None: no form.
        form_ids: the forms in force.
        households: by key, in walking order.
        newcomer: what is asked of somebody who is on no form; None: no form has room for them.
    """

    grid: str
    label: str
    night: int
    titles: tuple[str, ...]
    due_on: date | None
    form_ids: frozenset[str]
    households: dict[str, Household]
    newcomer: Newcomer | None


def read_sheet(con: duckdb.DuckDBPyConnection, config: Config, grid: str) -> Sheet:
    """The forms of one grid, from the published file.

    Cost: a query a form over the grid's rows (some 1,500), then Python over them; the page keeps
    what it has read until the next night.
    """
    issued = {
        form: (form_id, version, due_on)
        for form, form_id, version, due_on in con.execute(
            """SELECT f.form, f.form_id, f.version, i.due_on
            FROM deliver.form f LEFT JOIN deliver.issue i USING (form_id)
            WHERE f.grid_code = ?""",
            [grid],
        ).fetchall()
    }
    contracts = [c for c in config.forms.values() if c.form in issued]
    homes: dict[str, Household] = {}
    found: dict[str, Member] = {}
    parts = [_read_form(con, contract, grid) for contract in contracts]
    for rows in sorted(parts, key=len, reverse=True):  # the fullest form has the whole walk
        for row in rows:
            home = homes.setdefault(row["home"], Household(row["home"], row["place"]))
            if row["resident_id"] not in found:
                found[row["resident_id"]] = member = Member(row["resident_id"])
                home.members.append(member)
    for contract, rows in zip(contracts, parts, strict=True):
        form_id, version, _ = issued[contract.form]
        for row in rows:
            member = found[row["resident_id"]]
            member.rows[contract.form] = Row(
                form_id, version, f"{form_id}#{row['row_no']}", row["digest"]
            )
            _add_cells(member, contract, row)
    (village, name, night), *_ = con.execute(
        """SELECT min(village_name), min(grid_name), (SELECT max(night) FROM meta.night)
        FROM master.dwelling WHERE grid_code = ?""",
        [grid],
    ).fetchall()
    label = (
        name if village and name and name.startswith(village) else f"{village or ''}{name or ''}"
    )
    days = [day for _, _, day in issued.values() if day is not None]
    return Sheet(
        grid,
        label or grid,
        night,
        tuple(contract.title for contract in contracts),
        min(days, default=None),
        frozenset(form_id for form_id, _, _ in issued.values()),
        homes,
        _newcomer(contracts, issued),
    )


def _newcomer(
    contracts: list[FormContract], issued: dict[str, tuple[str, int, date | None]]
) -> Newcomer | None:
    contract = next((contract for contract in contracts if contract.new_rows), None)
    if contract is None:
        return None
    form_id, version, _ = issued[contract.form]
    cells = tuple(
        Cell(item.field, contract.form, "ask" if item.field == "name" else "none", None, "")
        for item in contract.items
    )
    return Newcomer(contract.form, form_id, version, cells)


def _read_form(
    con: duckdb.DuckDBPyConnection, contract: FormContract, grid: str
) -> list[dict[str, str]]:
    content = content_sql(contract, read_sources(con), grids=f"w.grid_code = {literal(grid)}")
    result = con.execute(
        f"""SELECT c.*, coalesce(f.household_id, f.resident_id) AS home
        FROM ({content}) c JOIN deliver.form_row f USING (grid_code, row_no)
        WHERE f.form = {literal(contract.form)} ORDER BY row_no"""
    )
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _add_cells(member: Member, contract: FormContract, row: dict[str, str]) -> None:
    for number, item in enumerate(contract.items):
        state = row[f"s{number}"]
        if state is None:
            continue
        known = member.cells.get(item.field)
        if known is None or _RANK.index(state) < _RANK.index(known.state):
            shown: str | None = row[f"v{number}"]
            if item.field == "id_number" and state in {"known", "verify", "waits"}:
                shown = masked(shown)
            member.cells[item.field] = Cell(
                item.field, contract.form, state, shown, row[f"n{number}"]
            )


def masked(number: str | None) -> str | None:
    """An ID number of which the beginning and the last four characters are seen."""
    if number is None or "*" in number:
        return number
    begin = 6 if len(number) > 12 else 0
    return number[:begin] + "*" * max(len(number) - begin - 4, 0) + number[-4:]
