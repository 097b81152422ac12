"""Why two records are, or are not, taken for one person: the weight of every comparison.

Everything is read from a published file with the model its night used, by the conditions of
`pipelines.link.model` that the night itself compared with. Nothing is written, not even for a time,
so that one connection may serve many readers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipelines.errors import OnegridError
from pipelines.home import Home
from pipelines.link import model
from pipelines.link.blocking import evidence_sql
from pipelines.link.compare import with_terms_sql
from pipelines.link.context import SHARED_PHONES, context_sql
from pipelines.link.frozen import Model, load
from pipelines.link.texts import BASES, DECIDED, MISSING, NEVER_COMPARED, SCORED, WORDS

_MISSING_LEVEL = "missing"


@dataclass(frozen=True)
class Bar:
    """One comparison of a pair.

    Attributes:
        comparison: name of the comparison in `pipelines.link.model`.
        level: name of the level reached, or ``missing``.
        says: the level in Chinese.
        weight: log2 of the level's Bayes factor; 0 where missing.
        term: what the frequency of the value adds to it; 0 where none counts.
    """

    comparison: str
    level: str
    says: str
    weight: float
    term: float


@dataclass(frozen=True)
class Decision:
    """A person's word on a pair: ``always`` or ``never``, by whom, why and when."""

    verdict: str
    author: str
    reason: str
    decided_at: datetime


@dataclass(frozen=True)
class Evidence:
    """One pair.

    Attributes:
        record_l, record_r: the smaller record_id, the larger.
        tier, verdict: as in `link.pair`; None: the pair was never compared.
        prior: log2 odds before any evidence.
        bars: the comparisons, in the order of the model.
        weight, probability: prior and bars together. A certain pair, one that a slip of the pen
            explains, and a decided one did not need them: `basis` says what they rest on.
        basis: what the pair rests on, in Chinese.
        decision: what a person said about it, if anybody did.
    """

    record_l: int
    record_r: int
    tier: str | None
    verdict: str | None
    prior: float
    bars: tuple[Bar, ...]
    weight: float
    probability: float
    basis: str
    decision: Decision | None


def pair_evidence(
    con: duckdb.DuckDBPyConnection, home: Home, pairs: Sequence[tuple[int, int]]
) -> list[Evidence]:
    """The evidence on `pairs` of record ids, in their order, from a published file.

    Raises:
        OnegridError: a record is not in the file.
        ModelUnusable: its night's model is not in `home.models`, or cannot be used.
    """
    if not pairs:
        return []
    frozen = _model(con, home)
    ordered = [(min(pair), max(pair)) for pair in pairs]
    known = _known(con, ordered)
    found = {(row[0], row[1]): row[2:] for row in _compare(con, frozen, ordered)}
    lost = [pair for pair in ordered if pair not in found]
    if lost:
        raise OnegridError(
            f"records {lost[0][0]} and {lost[0][1]} cannot be compared: "
            "at least one of them is not in the published night"
        )
    return [_evidence(pair, frozen, found[pair], known.get(pair)) for pair in ordered]


def _model(con: duckdb.DuckDBPyConnection, home: Home) -> Model:
    rows = con.execute("SELECT arg_max(model_version, night) FROM meta.night").fetchall()
    version = rows[0][0]
    if version is None:
        raise OnegridError("no linkage model was used in the published night")
    return load(home, version)


def _known(
    con: duckdb.DuckDBPyConnection, pairs: list[tuple[int, int]]
) -> dict[tuple[int, int], tuple]:
    """Pair → (tier, verdict, reasons, Decision or None): a decision first, then what joins."""
    left, right = zip(*pairs, strict=True)
    rows = con.execute(
        """
        SELECT p.record_l, p.record_r, p.tier, p.verdict, p.reasons, d.verdict, d.author, d.reason,
            d.decided_at
        FROM link.pair p
        LEFT JOIN link.decision d ON d.record_l = p.record_l AND d.record_r = p.record_r
        WHERE (p.record_l, p.record_r) IN (
            SELECT (unnest($left::BIGINT[]), unnest($right::BIGINT[])))
        ORDER BY p.tier = 'decision', p.verdict = 'joined', p.weight
        """,
        {"left": list(left), "right": list(right)},
    ).fetchall()
    return {(row[0], row[1]): (*row[2:5], Decision(*row[5:]) if row[5] else None) for row in rows}


def _compare(
    con: duckdb.DuckDBPyConnection, frozen: Model, pairs: list[tuple[int, int]]
) -> list[tuple]:
    """record_l, record_r, then for every comparison the place of its level (-1: missing), term."""
    left, right = zip(*pairs, strict=True)
    asked = "record_id IN (SELECT unnest(list_concat($left::BIGINT[], $right::BIGINT[])))"
    evidence = evidence_sql("true", f"(FROM std.record WHERE {asked})")
    around = context_sql(evidence, frozen.terms[SHARED_PHONES])
    bars = ", ".join(_bar_sql(frozen, comparison) for comparison in model.COMPARISONS)
    return con.execute(
        f"""
        WITH wanted AS (
            SELECT DISTINCT unnest($left::BIGINT[]) AS record_l,
                unnest($right::BIGINT[]) AS record_r
        ), evidence AS MATERIALIZED ({with_terms_sql(around, frozen.terms)}),
        one AS (SELECT COLUMNS('(.*)') AS "\\1_l" FROM evidence),
        other AS (SELECT COLUMNS('(.*)') AS "\\1_r" FROM evidence)
        SELECT record_l, record_r, {bars}
        FROM wanted JOIN one ON record_id_l = record_l JOIN other ON record_id_r = record_r
        """,
        {"left": list(left), "right": list(right)},
    ).fetchall()


def _bar_sql(frozen: Model, comparison: model.Comparison) -> str:
    """SQL of the place of the level reached, counted from the top, and of its `Bar.term`."""
    places, terms = "", ""
    for place, level in enumerate(comparison.levels):
        condition = "ELSE" if level.sql == "ELSE" else f"WHEN {level.sql} THEN"
        term = "0.0"
        if level.term:
            _, u = frozen.parameters[comparison.name][level.name]
            term = f"log2({u!r}::DOUBLE) - log2(greatest(tf_{level.term}_l, tf_{level.term}_r))"
        places += f" {condition} {place}"
        terms += f" {condition} {term}"
    missing = f"CASE WHEN {comparison.missing} THEN"
    return f"{missing} -1 {places} END, {missing} 0.0::DOUBLE {terms} END"


def _evidence(
    pair: tuple[int, int], frozen: Model, compared: tuple, known: tuple | None
) -> Evidence:
    tier, verdict, reasons, decision = known or (None, None, "", None)
    bars = tuple(
        _bar(frozen, comparison, compared[2 * number], compared[2 * number + 1])
        for number, comparison in enumerate(model.COMPARISONS)
    )
    prior = math.log2(frozen.prior / (1 - frozen.prior))
    weight = prior + sum(bar.weight + bar.term for bar in bars)
    return Evidence(
        *pair,
        tier,
        verdict,
        prior,
        bars,
        weight,
        1 / (1 + 2.0**-weight),
        _basis(tier, reasons, decision),
        decision,
    )


def _bar(frozen: Model, comparison: model.Comparison, place: int, term: float) -> Bar:
    if place < 0:
        return Bar(comparison.name, _MISSING_LEVEL, MISSING, 0.0, 0.0)
    level = comparison.levels[place]
    m, u = frozen.parameters[comparison.name][level.name]
    says = WORDS.get(level.says, level.says)
    return Bar(comparison.name, level.name, says, math.log2(m / u), term)


def _basis(tier: str | None, reasons: str, decision: Decision | None) -> str:
    if decision:
        return DECIDED[decision.verdict]
    said = [text for reason, text in BASES.items() if reason in reasons]
    if said:
        return "；".join(said)
    return SCORED if tier else NEVER_COMPARED
