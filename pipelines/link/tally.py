"""How many pairs reach each level: the comparisons of a model, counted without being weighed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pyarrow as pa

from pipelines.link import model
from pipelines.link.levels import Comparison

Counts = dict[str, dict[str, int]]
"""Comparison → level (or ``missing``) → pairs."""

_SIDE = re.compile(r"\b([a-z_]+)_[lr]\b")
_PARTS = 4
"""So many pieces of work are made of a comparison that takes long."""


def tally_pairs(con: duckdb.DuckDBPyConnection, evidence: str) -> Counts:
    """Count the pairs of ``blocked`` whose records stand in the table `evidence`."""
    names = [f"gamma_{comparison.name}" for comparison in model.COMPARISONS]
    found: dict[str, Counter[int]] = {name: Counter() for name in names}
    for *gammas, pairs in con.execute(
        f"SELECT {', '.join(names)}, count(*) FROM ({levels_sql(evidence)}) GROUP BY ALL"
    ).fetchall():
        for name, gamma in zip(names, gammas, strict=True):
            found[name][gamma] += pairs
    return {
        comparison.name: _named(comparison, found[name])
        for comparison, name in zip(model.COMPARISONS, names, strict=True)
    }


def levels_sql(evidence: str, pairs: str = "blocked") -> str:
    """SQL of `pairs` and the levels they reach, numbered as Splink does.

    Columns: match_key, record_id_l and _r, ``gamma_<comparison>``, and ``tf_<term>_l`` and ``_r``.
    """
    gammas = ", ".join(f"{_gamma_sql(c)} AS gamma_{c.name}" for c in model.COMPARISONS)
    terms = ", ".join(f"tf_{term}_{side}" for term in model.TERMS for side in "lr")
    sides = " ".join(
        f"JOIN (SELECT COLUMNS(*) AS '\\0_{side}' FROM {evidence}) "
        f"ON record_id_{side} = join_key_{side}"
        for side in "lr"
    )
    return f"SELECT match_key, record_id_l, record_id_r, {gammas}, {terms} FROM {pairs} {sides}"


def tally_all(sample: pa.Table, comparisons: Iterable[Comparison]) -> Counts:
    """Count all pairs of different rows of `sample`.

    Rows that are alike for a comparison are compared once. DuckDB joins few rows in one thread, so
    the pairs are shared between two.
    """
    work = [(comparison, part) for comparison in comparisons for part in range(_PARTS)]
    found: dict[str, Counter[int]] = {comparison.name: Counter() for comparison, _ in work}
    with ThreadPoolExecutor(2) as pool:
        for (comparison, _), counted in zip(
            work, pool.map(lambda one: _tally_part(sample, *one), work), strict=True
        ):
            found[comparison.name].update(counted)
    return {comparison.name: _named(comparison, found[comparison.name]) for comparison, _ in work}


def _tally_part(sample: pa.Table, comparison: Comparison, part: int) -> dict[int, int]:
    gamma = _gamma_sql(comparison)
    columns = sorted(set(_SIDE.findall(gamma)))
    listed = ", ".join(columns)
    left, right = (
        f"SELECT place, n, {', '.join(f'{column} AS {column}_{side}' for column in columns)} FROM g"
        for side in "lr"
    )
    with duckdb.connect(config={"threads": 1}) as con:
        con.register("sample_random", sample.select(columns))
        rows = con.execute(
            f"""WITH g AS MATERIALIZED (
                SELECT *, row_number() OVER (ORDER BY {listed}) AS place
                FROM (SELECT {listed}, count(*) AS n FROM sample_random GROUP BY {listed})
            )
            SELECT gamma, CAST(sum(pairs) AS BIGINT) FROM (
                SELECT {gamma} AS gamma,
                    CASE WHEN l.place = r.place THEN l.n * (l.n - 1) // 2 ELSE l.n * r.n END
                        AS pairs
                FROM ({left}) l JOIN ({right}) r ON l.place <= r.place
                WHERE l.place % {_PARTS} = {part}
            ) GROUP BY gamma HAVING sum(pairs) > 0"""
        ).fetchall()
    return dict(rows)


def _gamma_sql(comparison: Comparison) -> str:
    """SQL of the level that two records reach, numbered as Splink does; -1: missing."""
    top = len(comparison.levels) - 1
    levels = " ".join(
        f"WHEN {level.sql} THEN {top - place}"
        for place, level in enumerate(comparison.levels)
        if level.sql != "ELSE"
    )
    return f"CASE WHEN {comparison.missing} THEN -1 {levels} ELSE 0 END"


def _named(comparison: Comparison, found: Counter[int]) -> dict[str, int]:
    top = len(comparison.levels) - 1
    counted = {level.name: found[top - place] for place, level in enumerate(comparison.levels)}
    return counted | {"missing": found[-1]}
