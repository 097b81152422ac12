# ruff: noqa: E501  SQL reads better unbroken
"""Make the synthetic district: the people, what the offices hold of them, and the truth."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.config import load_config
from pipelines.home import Home
from pipelines.progress import tell
from pipelines.synth import (
    kinds,
    ledgers,
    messy,
    offices,
    people,
    registers,
    truth,
    world,
)
from pipelines.synth import mess as errors_of_offices
from pipelines.synth.habits import Habit, habit
from pipelines.synth.rates import ErrorRates

FIRST_DAY = date(2026, 11, 22)
_IN_PROCESS = 60_000
_WORKING_DAYS = 20
"""A village hands in each of its ledgers once in so many days."""


def make_district(
    home: Home,
    residents: int = 20_000,
    seed: int = 1,
    day: int = 1,
    *,
    databases: dict[str, str] | None = None,
    errors: ErrorRates | None = None,
    mess: frozenset[str] | None = None,
) -> dict[str, Any]:
    """Make the district as it stands on day `day`, below `home`.

    The same residents, seed and errors give the same bytes. A later day repeats the days before it
    in memory, changes about one row in a hundred of every source each day, and writes all
    databases, but only those workbooks that a village handed in anew (or that are missing).

    Args:
        home: where ``district/`` and ``inbox/`` are written.
        residents: living residents, 1,000 to 10,000,000.
        seed: of all chance.
        day: 1 for the first day.
        databases: logical name → SQLAlchemy URL; default: those of the packaged district.yaml.
        errors: rates of the offices' errors.
        mess: kinds of mess (see `kinds.KINDS`) that the ledgers have, and no habits but these;
            None: every village has its own habits.

    Returns:
        counts: residents, persons, records, rows by source, workbooks written, and seconds.
    """
    start = time.perf_counter()
    rates = kinds.rates_with(mess, errors or ErrorRates())
    config = load_config(home)
    urls = {**config.databases, **(databases or {})}
    folder = home.root / "district"
    folder.mkdir(parents=True, exist_ok=True)
    work = home.work / "synth"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    con = duckdb.connect(
        str(work / "synth.duckdb"),
        config={"temp_directory": str(work / "spill"), "autoinstall_known_extensions": False},
    )
    try:
        renewed = build(con, residents, seed, day, rates)
        today = FIRST_DAY + timedelta(days=day - 1)
        counts: dict[str, Any] = {"residents": residents, "day": day, "date": today.isoformat()}
        jobs, written = _plan_workbooks(con, home, seed, day, newest=renewed, work=work, mess=mess)
        workers = [] if _small(con) else [_start(job) for job in jobs]
        rows: dict[str, int] = {}
        for source in config.sources.values():
            if source.kind == "database":
                url = urls[str(source.database)]
                rows[source.source] = registers.write_register(
                    con, url, source, f"rows_{source.source}"
                )
            elif source.kind == "workbook":
                rows[source.source] = _count(con, f"rows_{source.source}")
        if not workers:
            for job in jobs:
                ledgers.run_job(job)
        for worker in workers:
            if worker.wait():
                raise RuntimeError("a process that writes workbooks failed")
        counts["rows"] = rows
        counts["workbooks"] = written
        counts |= truth.write(con, folder / "truth.duckdb", seed, day)
        counts["seconds"] = round(time.perf_counter() - start, 1)
        return counts
    finally:
        con.close()
        shutil.rmtree(work, ignore_errors=True)


def build(
    con: duckdb.DuckDBPyConnection, residents: int, seed: int, day: int, rates: ErrorRates
) -> dict[str, dict[int, int]]:
    """All tables of the district on `day`; source → village → day of its newest workbook."""
    steps = 3 + day
    tell("synth: people", 0, steps)
    rng = np.random.default_rng([seed, residents])
    epoch = (FIRST_DAY - date(1970, 1, 1)).days
    grids, dwelling, household, drawn = people.draw_world(rng, residents, epoch)
    grid = pa.table(
        {
            "grid": np.arange(len(grids["grid_code"]), dtype=np.int64),
            **{name: pa.array(values.tolist()) for name, values in grids.items()},
        }
    )
    world.macros(con, seed)
    errors_of_offices.helpers(con)
    world.traits(con, grid, dwelling, household, drawn, today=FIRST_DAY)
    con.execute("CREATE TABLE happened (day INTEGER, date DATE, kind VARCHAR, number BIGINT)")
    tell("synth: people", 1, steps)
    errors_of_offices.prepare(con)
    offices.list_people(con, rates)
    errors_of_offices.write_down(con, "app", rates, "seen")
    tell("synth: people", 2, steps)
    queries = {
        **registers.row_queries(),
        **{source: ledgers.rows_query(source) for source in offices.LEDGERS},
    }
    for source, query in queries.items():
        con.execute(f"CREATE TABLE rows_{source} AS {query}", _today(query, FIRST_DAY))
    con.execute(f"CREATE TABLE rows_grid_register AS {registers.REGISTER}", {"today": FIRST_DAY})
    tell("synth: people", 3, steps)
    villages = len(set(grids["village"].tolist()))
    newest = {source: dict.fromkeys(range(villages), 1) for source in offices.LEDGERS}
    for number in range(2, day + 1):
        today = FIRST_DAY + timedelta(days=number - 1)
        _next_day(con, number, today, seed, rates=rates, queries=queries, newest=newest)
        tell("synth: people", 2 + number, steps)
    return newest


def _next_day(
    con: duckdb.DuckDBPyConnection,
    number: int,
    today: date,
    seed: int,
    *,
    rates: ErrorRates,
    queries: dict[str, str],
    newest: dict[str, dict[int, int]],
) -> None:
    for kind, times in world.live_a_day(con, number, today).items():
        con.execute("INSERT INTO happened VALUES (?, ?, ?, ?)", [number, today, kind, times])
    renewed: list[tuple[str, int]] = []
    for index, (source, villages) in enumerate(newest.items()):
        rng = np.random.default_rng([seed, number, index])
        chosen = rng.permutation(len(villages))[: max(1, round(len(villages) / _WORKING_DAYS))]
        renewed += [(source, int(village)) for village in chosen]
    for source, village in renewed:
        newest[source][village] = number
    con.execute("CREATE OR REPLACE TEMP TABLE renewed (source VARCHAR, village BIGINT)")
    con.executemany("INSERT INTO renewed VALUES (?, ?)", renewed)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE placed AS "
        + " UNION ALL ".join(
            f"SELECT '{source}' AS source, row_id, village FROM rows_{source}"
            for source in offices.LEDGERS
        )
    )
    offices.next_day(con, rates, number)
    errors_of_offices.write_down(con, "fresh", rates, "seen")
    for source, query in queries.items():
        con.execute(
            f"DELETE FROM rows_{source} WHERE row_id IN "
            f"(SELECT row_id FROM fate WHERE source = '{source}')"
        )
        con.execute(f"INSERT INTO rows_{source} BY NAME {query}", _today(query, today))
    for source in newest:
        # An old address puts a new row into the workbook of a village that hands in none today.
        con.execute(
            f"""DELETE FROM rows_{source}
            WHERE row_id IN (SELECT row_id FROM fresh WHERE source = '{source}')
                AND village NOT IN (SELECT village FROM renewed WHERE source = '{source}')"""
        )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE register_now AS {registers.REGISTER}", {"today": today}
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE register_changed AS
        SELECT row_id FROM (
            SELECT * EXCLUDE (updated_on) FROM register_now EXCEPT
            SELECT * EXCLUDE (updated_on) FROM rows_grid_register)"""
    )
    con.execute(
        """DELETE FROM rows_grid_register WHERE row_id IN (SELECT row_id FROM register_changed)
        OR row_id NOT IN (SELECT row_id FROM register_now)"""
    )
    con.execute(
        """INSERT INTO rows_grid_register BY NAME
        SELECT * REPLACE ($today::VARCHAR AS updated_on) FROM register_now
        WHERE row_id IN (SELECT row_id FROM register_changed)""",
        {"today": str(today)},
    )


def _plan_workbooks(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    seed: int,
    day: int,
    *,
    newest: dict[str, dict[int, int]],
    work: Path,
    mess: frozenset[str] | None,
) -> tuple[list[Path], int]:
    """Lay out all ledgers; two job files for those that must be written."""
    names = {
        row[0]: (row[1], row[2])
        for row in con.execute(
            "SELECT village, any_value(village_name), any_value(township_name) FROM grid GROUP BY village"
        ).fetchall()
    }
    con.execute(
        "CREATE TABLE habit (source VARCHAR, village BIGINT, file VARCHAR, seed BIGINT, version INTEGER, "
        "title VARCHAR)"
    )
    jobs: list[Path] = []
    written = 0
    for source in offices.LEDGERS:
        habits: list[Habit] = []
        for village, version in newest[source].items():
            handed_in = FIRST_DAY + timedelta(days=version - 1)
            habits.append(
                habit(
                    source,
                    village,
                    names[village][0],
                    number=version,
                    seed=seed,
                    today=handed_in,
                )
            )
        if mess is not None:
            turn = offices.LEDGERS.index(source)
            habits = [
                messy.plain_habit(own, kinds.of_village(mess, own.village + turn)) for own in habits
            ]
        con.executemany(
            "INSERT INTO habit VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    source,
                    own.village,
                    own.file,
                    own.seed,
                    newest[source][own.village],
                    ledgers.village_title(own, names[own.village][0]),
                )
                for own in habits
            ],
        )
        ledgers.lay_out(con, source, habits)
        due = [
            own
            for own in habits
            if newest[source][own.village] == day or not (home.inbox / own.file).exists()
        ]
        written += len(due)
        jobs += _jobs(con, home, source, due, names=names, work=work)
    return jobs, written


def _jobs(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    source: str,
    due: list[Habit],
    *,
    names: dict[int, tuple[str, str]],
    work: Path,
) -> list[Path]:
    wanted = {own.village: own for own in due}
    con.execute("CREATE OR REPLACE TEMP TABLE due (village BIGINT)")
    if not due:
        return []
    con.executemany("INSERT INTO due VALUES (?)", [[village] for village in wanted])
    rows = work / f"{source}.arrow"
    query = f"SELECT * FROM sheet_{source} SEMI JOIN due USING (village) ORDER BY village, sheet_no, row_no"
    with (
        con.sql(query).to_arrow_reader(100_000) as reader,
        pa.OSFile(str(rows), "wb") as sink,
        pa.ipc.new_file(sink, reader.schema) as target,
    ):
        for batch in reader:
            target.write_batch(batch)
    lengths = con.execute(
        f"SELECT village, count(*) FROM sheet_{source} SEMI JOIN due USING (village) "
        "GROUP BY village ORDER BY village"
    ).fetchall()
    items, offset = [], 0
    for village, length in lengths:
        record = {**asdict(wanted[village]), "filled": wanted[village].filled.isoformat()}
        name, town = names[village]
        items.append(
            {"habit": record, "offset": offset, "length": length, "village": name, "town": town}
        )
        offset += length
    job = work / f"{source}.json"
    job.write_text(
        json.dumps({"rows": str(rows), "inbox": str(home.inbox), "workbooks": items}), "utf-8"
    )
    return [job]


def _small(con: duckdb.DuckDBPyConnection) -> bool:
    return sum(_count(con, f"rows_{source}") for source in offices.LEDGERS) < _IN_PROCESS


def _start(job: Path) -> subprocess.Popen[bytes]:
    """Write the workbooks of a job in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "pipelines.synth.scribe", str(job)])


def _today(query: str, today: date) -> dict[str, date] | None:
    return {"today": today} if "$today" in query else None


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
