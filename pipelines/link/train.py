"""Fit the model once on a sample of a night's records, and freeze it.

u comes from random pairs, m from the pairs that one ID number joins and those that a person decided
are one. Expectation maximisation is not used: within households it takes families for persons.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.home import Home
from pipelines.link import frozen, model
from pipelines.link.blocking import evidence_sql
from pipelines.link.charts import write_page
from pipelines.link.compare import EVIDENCE, gather_evidence
from pipelines.link.context import EMPTY, SHARED_PHONES, shared_phones_sql
from pipelines.link.profile import score_profile
from pipelines.link.tally import Counts, tally_all, tally_pairs
from pipelines.store import count

Decided = tuple[int, int, str]
"""Two records and the verdict, ``always`` or ``never``."""

ENOUGH_RECORDS = 3_000
"""With fewer records a sample says too little: the model keeps its starting parameters."""
PROFILE_RECORDS = 1_000
"""With fewer records nothing is kept to compare a later night with."""
DECISION_WEIGHT = 5
"""A pair that a person decided counts as so many that a number joined: it was a hard one."""
DECISION_SHARE = 0.1
"""All decided pairs together count at most this share of the pairs that numbers joined."""
_RANDOM_RECORDS = 2_000
_JOINED_RECORDS = 60_000
_RECORDS_A_NUMBER = 8
_HASHES = 1_000_000


def train(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    *,
    night: int,
    day: date,
    seed: int,
    decided: Iterable[Decided] = (),
) -> frozen.Model:
    """Fit on the records of a night and freeze the result under `home.models`.

    Reads `std.record`, `link.standing`, ``candidate`` and ``crowd``. The same records,
    decisions and seed give the same files, whatever the number of threads and the order of rows.
    The model is not in force yet, see `frozen.put_in_force`.

    Args:
        con: a file with the night's tables.
        home: where the model goes.
        night, day: which night it is trained on.
        seed: of the samples.
        decided: what people said about pairs of records.
    """
    decided = sorted(decided)
    records = count(con, "SELECT count(*) FROM std.record")
    prior = _prior(con, records)
    parameters = model.defaults()
    levels: Counts = {}
    profile: dict[str, Any] = {}
    if records >= PROFILE_RECORDS:
        levels, said = same_person_levels(con, seed, decided)
    if records >= ENOUGH_RECORDS:
        parameters = _estimate_u(con, parameters, records=records, seed=seed)
        parameters = _estimate_m(parameters, levels, said)
    terms, known = {}, {}
    for term in model.TERMS:
        terms[term], known[term] = _frequencies(con, term)
    terms[SHARED_PHONES] = con.sql(shared_phones_sql()).to_arrow_table()
    if records >= PROFILE_RECORDS:
        for term, table in terms.items():
            con.register(f"fresh_{term}", table)
        fresh = {term: f"fresh_{term}" for term in terms}
        profile = score_profile(con, parameters, prior, terms=fresh, seed=seed)
        for term in terms:
            con.unregister(f"fresh_{term}")
    body = {
        "trained_on": {"night": night, "day": day.isoformat()},
        "seed": seed,
        "records": records,
        "open_records": count(con, "SELECT count(*) FROM link.standing WHERE is_open"),
        "candidates": known["name_key"],
        "is_fitted": records >= ENOUGH_RECORDS,
        "decided_always": sum(verdict == "always" for *_, verdict in decided),
        "prior": prior,
        "parameters": parameters,
        "levels": levels,
        "profile": profile,
    }
    trained = frozen.freeze(home, body, terms)
    write_page(trained)
    return trained


def same_person_levels(
    con: duckdb.DuckDBPyConnection, seed: int, decided: Iterable[Decided] = ()
) -> tuple[Counts, Counts]:
    """How often each level is reached by pairs of one person.

    Returns:
        the counts of pairs that one ID number joins (a sample; without those that a person says are
        different people), and of the pairs that a person says are always the same.
    """
    records = max(count(con, "SELECT count(*) FROM std.record"), 1)
    share = max(_HASHES * _JOINED_RECORDS // records, 1)
    # a number's records have their hub in common: it is hashed once, where it stands for itself
    stated = f"""NOT is_open AND NOT from_id AND s.hub IN (
        SELECT hub FROM link.standing WHERE record_id = hub AND NOT is_open
            AND md5_number_lower(hub || '/{seed}') % {_HASHES} < {share})"""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE sample AS
        SELECT record_id, hub FROM ({evidence_sql(stated)})
        QUALIFY row_number() OVER (PARTITION BY hub ORDER BY md5(record_id || '/{seed}'), record_id)
            <= {_RECORDS_A_NUMBER}
        """
    )
    con.execute("CREATE OR REPLACE TEMP TABLE said (l BIGINT, r BIGINT, verdict VARCHAR)")
    if rows := [list(row) for row in decided]:
        con.executemany("INSERT INTO said VALUES (?, ?, ?)", rows)
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE blocked AS
        SELECT 0::UTINYINT AS match_key, a.record_id AS join_key_l, b.record_id AS join_key_r
        FROM sample a JOIN sample b ON a.hub = b.hub AND a.record_id < b.record_id
        ANTI JOIN (FROM said WHERE verdict = 'never') n
            ON n.l = a.record_id AND n.r = b.record_id
        """
    )
    joined = _count_levels(con)
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE blocked AS
        SELECT 0::UTINYINT AS match_key, l AS join_key_l, r AS join_key_r
        FROM said
        SEMI JOIN std.record a ON a.record_id = l SEMI JOIN std.record b ON b.record_id = r
        WHERE verdict = 'always'
        """
    )
    always = _count_levels(con)
    for table in ("sample", "said", "blocked"):
        con.execute(f"DROP TABLE {table}")
    return joined, always


def _count_levels(con: duckdb.DuckDBPyConnection) -> Counts:
    """How many pairs of ``blocked`` reach each level."""
    if not count(con, "SELECT count(*) FROM blocked"):
        return {
            comparison.name: dict.fromkeys([*(x.name for x in comparison.levels), "missing"], 0)
            for comparison in model.COMPARISONS
        }
    gather_evidence(con, "evidence", terms={})
    counts = tally_pairs(con, "evidence")
    con.execute("DROP TABLE evidence")
    return counts


def _prior(con: duckdb.DuckDBPyConnection, records: int) -> float:
    """Chance that two records are one person, from those whose ID numbers tell."""
    held, pairs = con.execute(
        """SELECT coalesce(sum(n), 0), coalesce(sum(n * (n - 1) / 2), 0)
        FROM (SELECT count(*) AS n FROM link.standing
            WHERE held_id IS NOT NULL AND NOT is_open GROUP BY held_id)"""
    ).fetchall()[0]
    if held < 100 or pairs < 10:
        return 1.0 / max(records, 10)
    return round(float(pairs / (held * (held - 1) / 2)), 12)


def _estimate_u(
    con: duckdb.DuckDBPyConnection, before: model.Parameters, *, records: int, seed: int
) -> model.Parameters:
    """u: the share of all pairs of a sample of candidates, taken by hash, at each level."""
    share = _HASHES * _RANDOM_RECORDS // records
    chosen = f"is_profile AND md5_number_lower(record_id || '/{seed}') % {_HASHES} < {share}"
    sample = con.sql(
        f"SELECT {EVIDENCE}, {EMPTY} FROM ({evidence_sql(chosen)}) ORDER BY record_id"
    ).to_arrow_table()
    learned = [c for c in model.COMPARISONS if not all(level.fixed for level in c.levels)]
    seen = tally_all(sample, learned)
    parameters: model.Parameters = {}
    for spec in model.COMPARISONS:
        found = seen.get(spec.name, {})
        whole = sum(found.get(level.name, 0) for level in spec.levels)
        parameters[spec.name] = {}
        for level in spec.levels:
            m, u = before[spec.name][level.name]
            share_of_all = found[level.name] / whole if whole and not level.fixed else None
            parameters[spec.name][level.name] = (m, _observed(share_of_all, u, 1e-7))
    return parameters


def _estimate_m(before: model.Parameters, joined: Counts, always: Counts) -> model.Parameters:
    """m: the share of the pairs of one person at each level, decided pairs weighted and bounded."""
    parameters: model.Parameters = {}
    for spec in model.COMPARISONS:
        pairs = {level.name: joined[spec.name][level.name] for level in spec.levels}
        said = {level.name: always[spec.name][level.name] for level in spec.levels}
        weight = min(
            DECISION_WEIGHT, DECISION_SHARE * sum(pairs.values()) / max(sum(said.values()), 1)
        )
        whole = sum(pairs.values()) + weight * sum(said.values())
        parameters[spec.name] = {}
        for level in spec.levels:
            m, u = before[spec.name][level.name]
            seen = (pairs[level.name] + weight * said[level.name]) / whole if whole else None
            parameters[spec.name][level.name] = (
                m if level.fixed else _observed(seen, m, 1e-4),
                u,
            )
    return parameters


def _observed(value: object, before: float, least: float) -> float:
    """What was learned, rounded; what could not be observed stays as it was."""
    if not isinstance(value, float) or value <= least:
        return before
    return float(f"{min(value, 0.99999):.6g}")


def _frequencies(con: duckdb.DuckDBPyConnection, term: str) -> tuple[pa.Table, int]:
    """Each value's share of the candidates that have one, and how many these are."""
    counted = con.sql(
        f"""SELECT {term}, count(*) AS n FROM std.record SEMI JOIN candidate USING (record_id)
        WHERE {term} IS NOT NULL GROUP BY {term} ORDER BY {term}"""
    ).to_arrow_table()
    whole = pc.sum(counted["n"]).as_py() or 0
    share = pc.divide(pc.cast(counted["n"], pa.float64()), float(whole or 1))
    return pa.table({term: counted[term], f"tf_{term}": share}), whole
