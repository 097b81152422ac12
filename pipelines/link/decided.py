"""What people decided measures the model: precision by band of its score."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import duckdb

from pipelines.link.compare import compare
from pipelines.link.frozen import Model
from pipelines.link.train import Decided

EDGES = (0.0, 0.5, 0.9, 0.99, 0.999, 1.0)
"""Bands of match probability; a band holds its lower edge."""
_Z = 1.959964


@dataclass(frozen=True)
class Band:
    """Decided pairs whose match probability lies between `low` and `high`."""

    low: float
    high: float
    always: int
    never: int

    @property
    def pairs(self) -> int:
        """All decided pairs of the band."""
        return self.always + self.never

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share of pairs that are one person."""
        return wilson(self.always, self.pairs)


def wilson(good: int, n: int) -> tuple[float, float]:
    """Wilson's score interval for a share (95 %); (0, 1) where nothing was seen.

    E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, Journal of
    the American Statistical Association 22 (1927): right for small n and for shares near 0 and 1.
    """
    if not n:
        return 0.0, 1.0
    share = good / n
    centre = share + _Z**2 / (2 * n)
    spread = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    whole = 1 + _Z**2 / n
    return max((centre - spread) / whole, 0.0), min((centre + spread) / whole, 1.0)


def decided_bands(
    con: duckdb.DuckDBPyConnection, frozen: Model, decided: Iterable[Decided]
) -> list[Band]:
    """Score the decided pairs, whose records are still there, by their evidence alone.

    People see the pairs that wait for review, so the bands are about those, not about all pairs.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE said (l BIGINT, r BIGINT, verdict VARCHAR)")
    if rows := [list(row) for row in decided]:
        con.executemany("INSERT INTO said VALUES (?, ?, ?)", rows)
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE blocked AS
        SELECT 0::UTINYINT AS match_key, l AS join_key_l, r AS join_key_r FROM said
        SEMI JOIN std.record a ON a.record_id = l SEMI JOIN std.record b ON b.record_id = r
        """
    )
    compare(con, frozen.parameters, frozen.prior, terms=frozen.terms)
    bands = []
    for low, high in pairwise(EDGES):
        ((always, never),) = con.execute(
            f"""SELECT count(*) FILTER (verdict = 'always'), count(*) FILTER (verdict = 'never')
            FROM scored JOIN said ON l = record_l AND r = record_r
            WHERE probability >= {low} AND (probability < {high} OR {high} = 1)"""
        ).fetchall()
        bands.append(Band(low, high, always, never))
    for table in ("said", "blocked", "scored"):
        con.execute(f"DROP TABLE {table}")
    return bands
