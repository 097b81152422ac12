"""What a model makes of a night: the weights of a sample of the pairs that nights compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from pipelines.link import model
from pipelines.link.blocking import block, gather_neighbours
from pipelines.link.compare import compare

BIN = 4
"""Width of a bin of match weights."""
LOWEST, HIGHEST = -28, 44
"""Bins beyond these are put together with the last one."""
_SAMPLED = 3_000
_HASHES = 1_000_000

Histogram = dict[str, int]
"""Lower edge of the bin → pairs."""


def score_profile(
    con: duckdb.DuckDBPyConnection,
    parameters: model.Parameters,
    prior: float,
    *,
    terms: Mapping[str, str],
    seed: int,
) -> dict[str, Any]:
    """Score all that a sample of open records is compared with, and the sample with itself.

    Reads ``candidate`` and ``crowd``; leaves ``scored`` for whoever wants to look closer, and
    ``sampled`` with the open records.

    Returns:
        ``pairs`` and ``itself``: histograms of match weights. The second says how much the
        evidence of a record could weigh at best: what is below a threshold cannot be linked.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE sampled AS SELECT record_id FROM candidate WHERE is_open
        ORDER BY md5_number_lower(record_id || '/{seed}') % {_HASHES}, record_id LIMIT {_SAMPLED}
        """
    )
    gather_neighbours(con, "sampled")
    block(con, everything=False)
    con.execute("DROP TABLE neighbour")
    con.execute("INSERT INTO blocked SELECT 0, record_id, record_id FROM sampled")
    compare(con, parameters, prior, terms=terms)
    itself = _histogram(con, "record_l = record_r")
    con.execute("DELETE FROM scored WHERE record_l = record_r")
    return {"pairs": _histogram(con, "true"), "itself": itself}


def _histogram(con: duckdb.DuckDBPyConnection, chosen: str) -> Histogram:
    return {
        str(int(edge)): n
        for edge, n in con.execute(
            f"""SELECT least(greatest(floor(weight / {BIN}) * {BIN}, {LOWEST}), {HIGHEST}),
                count(*) FROM scored WHERE {chosen} GROUP BY 1 ORDER BY 1"""
        ).fetchall()
    }
