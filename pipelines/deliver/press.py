"""Workbooks drawn and written, some grids at a time, on two cores and in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from pipelines.config import Config
from pipelines.deliver import texts
from pipelines.deliver.content import (
    literal,
    origins_sql,
    own_places_sql,
    places_sql,
    read_sources,
    rows_sql,
)
from pipelines.deliver.drawing import Drawing, draw
from pipelines.deliver.locks import grid_password, lock
from pipelines.deliver.manifest import register_file_names, register_grids
from pipelines.deliver.template import Template, build_template
from pipelines.deliver.workbook import Sheet, build_workbook
from pipelines.progress import tell
from schemas.forms import FormContract

_ROWS_IN_MEMORY = 250_000
_ROWS_AT_A_TIME = 4_000
_THREADS = 2


@dataclass(frozen=True)
class Due:
    """A form to draw: its row of `deliver.form` and its issue."""

    form_id: str
    grid_code: str
    period: str
    version: int
    residents: int
    counts: dict[str, int]
    content_hash: str
    file: str
    night: int
    issued_on: date
    due_on: date


def press(
    con: duckdb.DuckDBPyConnection, config: Config, folder: Path, wanted: set[str]
) -> dict[str, tuple[str, int]]:
    """Write the wanted forms below `folder`; form_id → (sha256, bytes).

    While some grids' workbooks are written, DuckDB already fetches the rows of the next ones.
    Arrow, numpy and igzip free the interpreter: each thread takes a few grids from pieces to files.
    """
    written: dict[str, tuple[str, int]] = {}
    with ThreadPoolExecutor(_THREADS) as pool, ThreadPoolExecutor(1) as ahead:
        runs = _runs(con, config, folder, wanted)
        following = ahead.submit(next, runs, None)
        while (run := following.result()) is not None:
            following = ahead.submit(next, runs, None)
            for batch in pool.map(run.write, _portions(run.forms, _ROWS_AT_A_TIME)):
                written |= batch
                tell("render_forms", len(written), len(wanted))
            del run
    return written


def _runs(
    con: duckdb.DuckDBPyConnection, config: Config, folder: Path, wanted: set[str]
) -> Iterator[_Run]:
    """The wanted forms, drawn."""
    sources = read_sources(con)
    register_grids(con)
    con.execute(f"CREATE OR REPLACE TEMP TABLE place_drawn AS {places_sql()}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE own_drawn AS {own_places_sql('place_drawn')}")
    for contract in config.forms.values():
        due = [form for form in _due(con, contract) if form.form_id in wanted]
        if not due:
            continue
        template = build_template(contract)
        names = _names(con, contract, due[0].period)
        for many in _portions(due, _ROWS_IN_MEMORY):
            grids = ", ".join(literal(form.grid_code) for form in many)
            among = f"w.grid_code IN ({grids})"
            forms = {form.grid_code: (form.form_id, form.version) for form in many}
            # One after the other, and unnamed: gone before those of the next portion come.
            tables = (
                con.sql(sql).to_arrow_table()
                for sql in (
                    rows_sql(contract, sources, grids=among, places=("place_drawn", "own_drawn")),
                    origins_sql(contract, grids=among),
                )
            )
            drawing = draw(tables, template, sources, forms)
            yield _Run(drawing, template, config, folder, names, many)
    con.execute("DROP TABLE place_drawn")
    con.execute("DROP TABLE own_drawn")


@dataclass(frozen=True)
class _Run:
    """Forms that were drawn together, to be written a few at a time."""

    drawing: Drawing
    template: Template
    config: Config
    folder: Path
    names: dict[str, tuple[str, str]]
    forms: list[Due]

    def write(self, few: list[Due]) -> dict[str, tuple[str, int]]:
        """Write some that stand together; form_id → (sha256, bytes)."""
        written = {}
        for form, sheet in zip(few, self._sheets(few), strict=True):
            body = build_workbook(self.template, sheet)
            if self.template.contract.encrypted:
                body = lock(body, grid_password(form.grid_code))
            target = self.folder / form.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(body)
            written[form.form_id] = hashlib.sha256(body).hexdigest(), len(body)
        return written

    def _sheets(self, few: list[Due]) -> Iterator[Sheet]:
        first = self.forms.index(few[0])
        listed = self.drawing.listed(first, first + len(few))
        begins, task_rows, links = self.drawing.tasks(first, first + len(few))
        starts = self.drawing.starts[first : first + len(few) + 1] - self.drawing.starts[first]
        for number, form in enumerate(few):
            begin, end = begins[number], begins[number + 1]
            households, tasks = int(self.drawing.households[first + number]), int(end - begin)
            yield Sheet(
                words=self._words(form, households, tasks),
                list_rows=listed.between(starts[number], starts[number + 1]),
                residents=form.residents,
                task_rows=task_rows.between(begin, end),
                tasks=tasks,
                links=links.between(begin, end),
            )

    def _words(self, form: Due, households: int, tasks: int) -> dict[str, str]:
        """What the tokens of the template stand for."""
        contract = self.template.contract
        pending = form.counts["ask"] + form.counts["verify"]
        facts = {
            "form": contract.form,
            "form_id": form.form_id,
            "version": str(form.version),
            "night": str(form.night),
            "period": form.period,
            "grid_code": form.grid_code,
            "issued_on": form.issued_on.isoformat(),
            "due_on": form.due_on.isoformat(),
            "content_hash": form.content_hash,
        }
        village, grid_name = self.names[form.grid_code]
        said = {**facts, "village": village, "grid_name": grid_name}
        summary = texts.SUMMARY.format(
            **form.counts,
            households=households,
            residents=form.residents,
            tasks=tasks,
            hours=round(pending * contract.seconds_per_cell / 3600, 1),
        )
        return {
            **facts,
            "list_title": texts.LIST_TITLE.format(
                district=self.config.district.name, title=contract.title
            ),
            "task_title": texts.TASK_TITLE.format(title=contract.title),
            "facts": texts.FACTS.format(**said),
            "summary": summary,
            "confidential": texts.CONFIDENTIAL.format(legal_basis=contract.legal_basis),
        }


def _due(con: duckdb.DuckDBPyConnection, contract: FormContract) -> list[Due]:
    rows = con.execute(
        """SELECT form_id, grid_code, period, f.version, residents,
            {'known': known_cells, 'verify': verify_cells, 'ask': ask_cells},
            content_hash, file, i.night, i.issued_on, i.due_on
        FROM deliver.form f JOIN deliver.issue i USING (form_id)
        WHERE f.form = ? ORDER BY grid_code""",
        [contract.form],
    ).fetchall()
    return [Due(*row) for row in rows]


def _names(
    con: duckdb.DuckDBPyConnection, contract: FormContract, period: str
) -> dict[str, tuple[str, str]]:
    """grid_code → names of its village and of itself."""
    register_file_names(con, contract, period)
    rows = con.execute("SELECT grid_code, village, grid_name FROM file_name").fetchall()
    return {grid: (village, name) for grid, village, name in rows}


def _portions(forms: list[Due], rows: int) -> Iterator[list[Due]]:
    """Runs of forms with about `rows` residents together."""
    portion: list[Due] = []
    residents = 0
    for form in forms:
        portion.append(form)
        residents += form.residents
        if residents >= rows:
            yield portion
            portion, residents = [], 0
    if portion:
        yield portion
