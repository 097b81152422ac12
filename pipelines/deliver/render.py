"""The workbooks of a night: only those whose content changed, or of a whole published file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.config import Config
from pipelines.deliver import texts
from pipelines.deliver.content import content_sql, literal, read_sources
from pipelines.deliver.layout import HEADER_ROW
from pipelines.deliver.locks import grid_password, lock
from pipelines.deliver.manifest import register_file_names, write_manifests
from pipelines.deliver.template import Template, build_template
from pipelines.deliver.workbook import (
    Sheet,
    build_workbook,
    link_sql,
    list_row_sql,
    task_row_sql,
    task_sql,
    xml_text,
)
from pipelines.journal import open_journal
from pipelines.night import Night
from pipelines.progress import tell
from schemas.forms import FormContract

_ROWS_AT_A_TIME = 60_000  # DuckDB takes 0.1 s to plan a query this wide, whatever it reads
_ROWS_IN_MEMORY = 500_000
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


def render_forms(night: Night) -> dict[str, int]:
    """Draw the forms that changed, list all forms in force, and note the issues.

    A form is drawn if its content is not that of its last issue (a new version, handed out this
    night) or if its workbook is missing from the home (the same issue again, the same bytes).

    Returns:
        counts: forms_written, forms_issued, forms_unchanged, bytes.
    """
    with night.stage("render_forms") as counts:
        folder = night.folder / "forms"
        with open_journal(night.config.journal_url) as journal:
            issues = journal.issues()
        with night.open() as con:
            _note_issues(con, night, issues)
            missing = [
                form_id
                for form_id, file in con.execute(
                    "SELECT form_id, file FROM deliver.form WHERE file_sha256 IS NOT NULL"
                ).fetchall()
                if not (night.home.forms / file).exists()
            ]
            changed = [row[0] for row in con.execute(_CHANGED).fetchall()]
            written = _render(con, night.config, folder, {*missing, *changed})
            _note_hashes(con, written)
            total = write_manifests(con, night.config.forms, folder)
        counts["forms_written"] = len(written)
        counts["forms_issued"] = len(changed)
        counts["forms_unchanged"] = total - len(changed)
        counts["bytes"] = sum(size for _, size in written.values())
    return counts


def render_all(con: duckdb.DuckDBPyConnection, folder: Path, config: Config) -> dict[str, int]:
    """Draw every form of a published file again, byte for byte, with its manifests.

    Args:
        con: the published file; it may be read-only.
        folder: gets what the home's forms folder held when the file was published.
        config: the configuration that the file was made under.

    Returns:
        counts: forms_written, and forms_differing from the hash that was published (the contract
        or the layout has changed since, or the form is encrypted).
    """
    published = dict(con.execute("SELECT form_id, file_sha256 FROM deliver.form").fetchall())
    written = _render(con, config, folder, set(published))
    write_manifests(con, config.forms, folder, written)
    differing = sum(published[form_id] != digest for form_id, (digest, _) in written.items())
    return {"forms_written": len(written), "forms_differing": differing}


_CHANGED = """SELECT f.form_id FROM deliver.form f JOIN deliver.issue i USING (form_id)
    WHERE i.night = (SELECT max(night) FROM meta.night)"""


def _note_issues(con: duckdb.DuckDBPyConnection, night: Night, issues: list[dict]) -> None:
    """Let `deliver.issue` hold the last issue of every form, this night's included."""
    names = ("form_id", "version", "night", "issued_on", "due_on", "file_sha256")
    kept = pa.table({name: [issue[name] for issue in issues] for name in names})
    con.execute("BEGIN")
    con.execute("""UPDATE deliver.form f SET file_sha256 = NULL FROM deliver.issue i
        WHERE i.form_id = f.form_id AND i.night = ?""", [night.number])  # fmt: skip
    con.execute("DELETE FROM deliver.issue")
    if issues:
        con.register("journal_issue", kept)
        con.execute(f"INSERT INTO deliver.issue SELECT {', '.join(names)} FROM journal_issue")
        con.unregister("journal_issue")
    con.execute("""DELETE FROM deliver.issue WHERE form_id IN
        (SELECT form_id FROM deliver.form WHERE file_sha256 IS NULL)""")
    for contract in night.config.forms.values():
        due = night.business_date + timedelta(days=contract.due_days)
        con.execute(
            """INSERT INTO deliver.issue SELECT form_id, version, ?, ?, ?, NULL
            FROM deliver.form WHERE file_sha256 IS NULL AND form = ? ORDER BY form_id""",
            [night.number, night.business_date, due, contract.form],
        )
    con.execute("COMMIT")


def _note_hashes(con: duckdb.DuckDBPyConnection, written: dict[str, tuple[str, int]]) -> None:
    """Keep the hash of every workbook that was written."""
    table = pa.table(
        {
            "form_id": pa.array(list(written), pa.string()),
            "sha256": pa.array([digest for digest, _ in written.values()], pa.string()),
        }
    )
    con.register("written", table)
    con.execute("BEGIN")
    for target in ("deliver.form", "deliver.issue"):
        con.execute(f"""UPDATE {target} t SET file_sha256 = w.sha256 FROM written w
            WHERE w.form_id = t.form_id""")
    con.execute("COMMIT")
    con.unregister("written")


def _render(
    con: duckdb.DuckDBPyConnection, config: Config, folder: Path, wanted: set[str]
) -> dict[str, tuple[str, int]]:
    """Write the wanted forms below `folder`; form_id → (sha256, bytes).

    DuckDB works on so few rows with one thread, and zlib frees the interpreter: so each
    thread takes a few grids through query, splicing and zipping with a cursor of its own.
    Cursors do not share temporary tables; they share an attached database in memory.
    """
    written: dict[str, tuple[str, int]] = {}
    con.execute("ATTACH ':memory:' AS drawing (READ_WRITE)")
    try:
        with ThreadPoolExecutor(_THREADS) as pool:
            for contract in config.forms.values():
                due = [form for form in _due(con, contract) if form.form_id in wanted]
                if not due:
                    continue
                template = build_template(contract)
                register_file_names(con, contract, due[0].period)
                con.execute("CREATE OR REPLACE TABLE drawing.place AS FROM file_name")
                for many in _portions(due, _ROWS_IN_MEMORY):
                    _prepare(con, contract, many)

                    def write(few: list[Due], template: Template = template) -> dict:
                        with con.cursor() as cursor:
                            drawn = _draw(cursor, template, few)
                        return _write(drawn, config, template, few, folder)

                    for batch in pool.map(write, _portions(many, _ROWS_AT_A_TIME)):
                        written |= batch
                        tell("render_forms", len(written), len(wanted))
    finally:
        con.execute("DETACH drawing")
    return written


def _prepare(con: duckdb.DuckDBPyConnection, contract: FormContract, forms: list[Due]) -> None:
    """Lay out what the forms say, as XML writes it, where every cursor sees it."""
    escaped = ", ".join(
        f"{xml_text(name)} AS {name}"
        for name in ("place", *(f"v{number}" for number in range(len(contract.items))))
    )
    con.execute(f"""CREATE OR REPLACE TABLE drawing.said AS
        SELECT w.* REPLACE ({escaped}), (row_no + {HEADER_ROW})::VARCHAR AS n,
            f.form_id, f.version::VARCHAR AS version
        FROM ({content_sql(contract, read_sources(con), grids=_among(forms))}) w
        JOIN deliver.form f ON f.form = {literal(contract.form)} AND f.grid_code = w.grid_code
        ORDER BY w.grid_code, w.row_no""")
    con.execute("""CREATE OR REPLACE TABLE drawing.head AS
        SELECT grid_code, count(*) FILTER (is_first) AS households
        FROM drawing.said GROUP BY grid_code""")


def _write(
    drawn: dict[str, dict[str, Any]],
    config: Config,
    template: Template,
    forms: list[Due],
    folder: Path,
) -> dict[str, tuple[str, int]]:
    """Write a few drawn forms; form_id → (sha256, bytes)."""
    written = {}
    for form in forms:
        row = drawn.pop(form.grid_code)
        sheet = Sheet(
            words=_words(config, template.contract, form, row),
            list_rows=row["list_rows"],
            residents=form.residents,
            task_rows=row["task_rows"],
            tasks=row["tasks"],
            links=row["links"],
        )
        body = build_workbook(template, sheet)
        if template.contract.encrypted:
            body = lock(body, grid_password(form.grid_code))
        target = folder / form.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
        written[form.form_id] = hashlib.sha256(body).hexdigest(), len(body)
    return written


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


def _portions(forms: list[Due], rows: int) -> Iterator[list[Due]]:
    """Runs of forms with about `rows` residents together."""
    portion: list[Due] = []
    for form in forms:
        portion.append(form)
        if sum(each.residents for each in portion) >= rows:
            yield portion
            portion = []
    if portion:
        yield portion


def _among(forms: list[Due]) -> str:
    return f"w.grid_code IN ({', '.join(literal(form.grid_code) for form in forms)})"


def _draw(
    con: duckdb.DuckDBPyConnection, template: Template, forms: list[Due]
) -> dict[str, dict[str, Any]]:
    """grid_code → XML of its rows, and what the head says about them."""
    first, last = (literal(form.grid_code) for form in (forms[0], forms[-1]))
    mine = f"grid_code BETWEEN {first} AND {last}"
    asked, verified, pending = task_sql(template.contract)
    named = [number for number, item in enumerate(template.contract.items) if item.field == "name"]
    called = f"coalesce(v{named[0]}, '{texts.NO_NAME}')" if named else f"'{texts.NO_NAME}'"
    listed = _strips(
        con,
        f"""SELECT grid_code, row_no, {list_row_sql(template)} AS list_rows
        FROM drawing.said WHERE {mine}""",
    )
    tasks = _strips(
        con,
        f"""WITH task AS (SELECT grid_code, row_no, place, {called} AS called, {asked} AS asked,
                {verified} AS verified,
                row_number() OVER in_grid AS task_no,
                place IS DISTINCT FROM lag(place) OVER in_grid AS is_first
            FROM drawing.said WHERE {mine} AND {pending} > 0
            WINDOW in_grid AS (PARTITION BY grid_code ORDER BY row_no))
        SELECT grid_code, row_no, {task_row_sql(template)} AS task_rows, {link_sql()} AS links
        FROM (SELECT *, task_no + {HEADER_ROW} AS n FROM task) ORDER BY grid_code, row_no""",
    )
    rows = con.execute(
        f"""SELECT grid_code, village, grid_name, households
        FROM drawing.place JOIN drawing.head USING (grid_code) WHERE {mine}"""
    ).fetchall()
    nothing: dict[str, Any] = {"rows": 0, "task_rows": b"", "links": b""}
    drawn = {}
    for grid, village, name, households in rows:
        task = tasks.get(grid, nothing)
        drawn[grid] = {
            "village": village,
            "grid_name": name,
            "households": households,
            "list_rows": listed[grid]["list_rows"],
            "tasks": task["rows"],
            "task_rows": task["task_rows"],
            "links": task["links"],
        }
    return drawn


def _strips(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, dict[str, Any]]:
    """grid_code → number of its rows, and the text columns of `sql` strung together by row_no.

    Arrow keeps the texts of consecutive rows one behind the other: what DuckDB's string_agg would
    copy once more is there already. A few grids of a sorted table mostly come sorted; to sort what
    is as long as this takes as long as to make it.
    """
    table = con.sql(sql).to_arrow_table().combine_chunks()
    if not table.num_rows:
        return {}
    if not _is_sorted(table):
        ordered = f"FROM ({sql}) ORDER BY grid_code, row_no"
        table = con.sql(ordered).to_arrow_table().combine_chunks()
    runs = pc.run_end_encode(table.column("grid_code").chunk(0))
    ends = runs.run_ends.to_numpy()
    starts = np.concatenate([[0], ends[:-1]])
    strips: dict[str, dict[str, Any]] = {
        grid: {"rows": int(end - start)}
        for grid, start, end in zip(runs.values.to_pylist(), starts, ends, strict=True)
    }
    for name in table.column_names[2:]:
        texts_of = table.column(name).chunk(0)
        _, offsets, body = texts_of.buffers()
        places = np.frombuffer(offsets, dtype=np.int32)[texts_of.offset :]
        whole = memoryview(body)
        for strip, start, end in zip(strips.values(), places[starts], places[ends], strict=True):
            strip[name] = whole[start:end]
    return strips


def _is_sorted(table: pa.Table) -> bool:
    """Whether every grid's rows stand together, by row_no."""
    runs = pc.run_end_encode(table.column("grid_code").chunk(0))
    steps = np.diff(table.column("row_no").to_numpy())
    steps[runs.run_ends.to_numpy()[:-1] - 1] = 1
    return len(set(runs.values.to_pylist())) == len(runs.values) and bool((steps > 0).all())


def _words(
    config: Config,
    contract: FormContract,
    form: Due,
    row: dict[str, Any],
) -> dict[str, str]:
    """What the tokens of the template stand for."""
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
    said = {**facts, "village": row["village"], "grid_name": row["grid_name"]}
    summary = texts.SUMMARY.format(
        **form.counts,
        households=row["households"],
        residents=form.residents,
        tasks=row["tasks"],
        hours=round(pending * contract.seconds_per_cell / 3600, 1),
    )
    return {
        **facts,
        "list_title": texts.LIST_TITLE.format(district=config.district.name, title=contract.title),
        "task_title": texts.TASK_TITLE.format(title=contract.title),
        "facts": texts.FACTS.format(**said),
        "summary": summary,
        "confidential": texts.CONFIDENTIAL.format(legal_basis=contract.legal_basis),
    }
