# ruff: noqa: E501  SQL reads better unbroken
"""One small ledger for each kind of mess, all of the same people, beside a plain one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from pipelines.synth import ledgers, messy
from pipelines.synth.district import FIRST_DAY, build
from pipelines.synth.habits import habit
from pipelines.synth.kinds import KINDS
from pipelines.synth.rates import ErrorRates

_SOURCE = "ledger_population"
_APART = 1_000_000_000


@dataclass(frozen=True)
class Sample:
    """A ledger.

    Attributes:
        kinds: its mess; empty: none.
        file: path below the inbox.
        marked: row number → struck, red or hidden, where its mess has such rows.
    """

    kinds: frozenset[str]
    file: str
    marked: dict[int, str]


def write_samples(
    inbox: Path,
    wanted: Iterable[Iterable[str]] | None = None,
    *,
    people: int = 30,
    seed: int = 1,
) -> list[Sample]:
    """Write a ledger for each set of kinds in `wanted`, of the same `people` who are without error.

    By default one for each kind, and the last without any.
    """
    if wanted is None:
        wanted = [*([kind] for kind in KINDS), []]
    sets = [frozenset(kinds) for kinds in wanted]
    con = duckdb.connect()
    try:
        build(con, 1_000, seed, 1, ErrorRates.none())
        con.execute(
            f"""CREATE OR REPLACE TABLE rows_{_SOURCE} AS
            SELECT row_id + n * {_APART} AS row_id, n::BIGINT AS village, 1 + i % 2 AS grid_number,
                * EXCLUDE (row_id, village, grid_number, i)
            FROM (SELECT *, row_number() OVER (ORDER BY household, rank, row_id) AS i
                FROM rows_{_SOURCE} ORDER BY i LIMIT {people}), range({len(sets)}) t(n)"""
        )
        con.execute(
            "CREATE OR REPLACE TABLE grid AS SELECT n AS village, 2 AS grid_number FROM range(?) t(n)",
            [len(sets)],
        )
        habits = [
            messy.plain_habit(
                replace(habit(_SOURCE, n, _village(n), number=1, seed=seed, today=FIRST_DAY),
                        file=f"population/{_village(n)}人口台账.xlsx"), kinds,
            )
            for n, kinds in enumerate(sets)
        ]  # fmt: skip
        ledgers.lay_out(con, _SOURCE, habits)
        samples = []
        for own, kinds in zip(habits, sets, strict=True):
            rows = con.sql(
                f"SELECT * FROM sheet_{_SOURCE} WHERE village = {own.village} ORDER BY sheet_no, row_no, i"
            ).to_arrow_table()
            ledgers.write_messy(rows, own, _village(own.village), "云溪镇", inbox)
            marks = zip(rows["row_no"].to_pylist(), rows["mark"].to_pylist(), strict=True)
            samples.append(Sample(kinds, own.file, {row: mark for row, mark in marks if mark}))
        return samples
    finally:
        con.close()


def _village(number: int) -> str:
    return f"第{number + 1}村"
