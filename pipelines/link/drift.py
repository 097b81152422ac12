"""Whether the frozen model still fits the records: what it was trained on against a newer night."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import duckdb
from scipy.stats import chi2

from pipelines.link import model
from pipelines.link.bench import Bench
from pipelines.link.decided import Band, decided_bands
from pipelines.link.frozen import Model
from pipelines.link.profile import score_profile
from pipelines.link.train import same_person_levels
from pipelines.store import count

WATCH, RETRAIN = 0.1, 0.25
"""Population stability index from which a shift is worth watching, and from which it is large.

A convention of credit scoring (E. M. Lewis, An Introduction to Credit Scoring, 1994; N. Siddiqi,
Credit Risk Scorecards, 2006), not a test: small samples exceed it by chance. So an index must also
exceed what chance makes of samples of this size, see `chance`.
"""
_COMMON = 50
_PROFILES = "SELECT name_key, name_pinyin FROM std.record SEMI JOIN candidate USING (record_id)"
"""Terms whose frequencies are compared one by one; all others are one bin."""

Verdict = Literal["keep", "watch", "retrain", "too little to say"]


@dataclass(frozen=True)
class Finding:
    """One distribution then and now.

    Attributes:
        about: what it is the distribution of.
        index: population stability index.
        chance: index that equal distributions stay below in 99 of 100 samples of these sizes.
        then, now: how much was counted.
        most: the bin that moved most, with its shares then and now.
    """

    about: str
    index: float
    chance: float
    then: int
    now: int
    most: tuple[str, float, float]

    @property
    def verdict(self) -> Verdict:
        """What this distribution alone would advise."""
        if min(self.then, self.now) < 50:
            return "too little to say"
        if self.index < WATCH or self.index <= self.chance:
            return "keep"
        return "watch" if self.index < RETRAIN else "retrain"


@dataclass(frozen=True)
class Check:
    """A model against a night.

    Attributes:
        night: the night it was compared with.
        findings: one for each distribution.
        unknown_names: share of the candidates whose name the model has never seen.
        bands: decided pairs by score.
        scored: histograms of the night, see `profile.score_profile`.
    """

    night: int
    findings: list[Finding]
    unknown_names: float
    bands: list[Band]
    scored: dict[str, Any]

    @property
    def verdict(self) -> Verdict:
        """The most serious advice of any finding."""
        said = {finding.verdict for finding in self.findings}
        for verdict in ("retrain", "watch", "keep"):
            if verdict in said:
                return verdict
        return "too little to say"

    @property
    def advice(self) -> str:
        """What to do, in words."""
        moved = ", ".join(f.about for f in self.findings if f.verdict == self.verdict)
        return {
            "keep": "the model still fits: nothing to do",
            "watch": f"something moved ({moved}): look again in a few weeks, train if it goes on",
            "retrain": f"the records are no longer those it was trained on ({moved}): "
            "`onegrid link train`; the next night then compares everything anew",
            "too little to say": "too few records, then or now, to compare",
        }[self.verdict]


def check(bench: Bench, frozen: Model) -> Check:
    """Compare `frozen` with the published night; leaves ``scored`` and ``sampled`` on the bench."""
    con, seed = bench.con, int(frozen.body["seed"])
    bands = decided_bands(con, frozen, bench.decided)
    findings = []
    if levels := frozen.body["levels"]:
        now, _ = same_person_levels(con, seed, bench.decided)
        for comparison in model.COMPARISONS:
            name = comparison.name
            findings.append(compared(f"levels of {name}", levels[name], now[name]))
    scored = score_profile(con, frozen.parameters, frozen.prior, terms=frozen.terms, seed=seed)
    if profile := frozen.body["profile"]:
        findings.append(compared("match weights", profile["pairs"], scored["pairs"]))
    records = count(con, "SELECT count(*) FROM std.record")
    is_open = count(con, "SELECT count(*) FROM link.standing WHERE is_open")
    then, was_open = frozen.body["records"], frozen.body["open_records"]
    findings.append(
        compared(
            "open records",
            {"open": was_open, "not open": then - was_open},
            {"open": is_open, "not open": records - is_open},
        )
    )
    findings += [_terms(con, frozen, term) for term in model.TERMS]
    unknown = con.execute(
        f"""SELECT avg((t.name_key IS NULL)::INTEGER) FROM ({_PROFILES}) c
        LEFT JOIN {frozen.terms["name_key"]} t USING (name_key) WHERE c.name_key IS NOT NULL"""
    ).fetchall()[0][0]
    return Check(bench.night, findings, float(unknown or 0), bands, scored)


def compared(about: str, then: Mapping[str, int], now: Mapping[str, int]) -> Finding:
    """The population stability index of two counted distributions.

    Every bin is given half a count more, so that an empty one does not make the index infinite.
    """
    bins = sorted(name for name in {*then, *now} if then.get(name, 0) + now.get(name, 0))
    n, m = sum(then.values()), sum(now.values())
    index, most = 0.0, ("", 0.0, 0.0)
    moved = -1.0
    for name in bins:
        was = (then.get(name, 0) + 0.5) / (n + 0.5 * len(bins))
        has = (now.get(name, 0) + 0.5) / (m + 0.5 * len(bins))
        part = (has - was) * math.log(has / was)
        index += part
        if part > moved:
            moved, most = part, (name, was, has)
    return Finding(about, index, chance(n, m, len(bins)), n, m, most)


def chance(then: int, now: int, bins: int) -> float:
    """Index that two samples of one distribution stay below in 99 of 100 cases.

    The index over (1/n + 1/m) is near chi-square with one degree less than there are bins
    (B. Yurdakul, Statistical Properties of Population Stability Index, 2018).
    """
    if bins < 2 or not then or not now:
        return 0.0
    return (1 / then + 1 / now) * float(chi2.ppf(0.99, bins - 1))


def _terms(con: duckdb.DuckDBPyConnection, frozen: Model, term: str) -> Finding:
    """Frequencies of the most common terms of the model, and of all others together."""
    rows = con.execute(
        f"""
        WITH common AS (
            SELECT {term}, tf_{term} AS share FROM {frozen.terms[term]}
            ORDER BY share DESC, {term} LIMIT {_COMMON}
        ), now AS (SELECT {term}, count(*) AS n FROM ({_PROFILES})
            WHERE {term} IS NOT NULL GROUP BY {term})
        SELECT row_number() OVER (ORDER BY share DESC, {term}), share, coalesce(n, 0)
        FROM common LEFT JOIN now USING ({term}) ORDER BY 1
        """
    ).fetchall()
    total = count(con, f"SELECT count({term}) FROM ({_PROFILES})")
    was = frozen.body["candidates"]
    then = {f"no. {place}": round(share * was) for place, share, _ in rows}
    now = {f"no. {place}": n for place, _, n in rows}
    then["others"], now["others"] = was - sum(then.values()), total - sum(now.values())
    return compared(f"frequencies of {term}", then, now)
