"""Linkage against its alternatives: same machine, same data, one run, a process for each way.

    python benchmarks/linkage.py --residents 20000 --seeds 1,2 --rates default,district,harsh

Makes synthetic districts (`mild`: offices err half as often as by default, `district`: so often
that joining by ID number is as good as in a real district, `harsh`: twice), runs a night on each,
and links its records by every way. Cleaning is the same for all and counted apart. On day 2 some
records are others (of a large district about one in a hundred): the same steps are timed again.
Writes a Markdown section to standard output. The library dedupe is tried on few persons where the
extra ``bench`` is installed.

With ``--to-clusters`` the night ends with its clusters, and nothing but the exact join and Splink
stands beside it: of ten million residents master and forms would take an hour more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import ways
from benchmarks.night import in_child, plain_night, stages
from benchmarks.sources import landed_night

_FACTORS = {"mild": 0.5, "default": 1.0, "district": 1.5, "harsh": 2.0}
_FIGURES = ("precision", "recall", "f1", "whole", "mixed", "per 5,000", "two_ids")
_ENOUGH_PAIRS = 1_000
"""A group with fewer true pairs says nothing about fairness."""
_LINKING = ("score_pairs", "cluster_records", "queue_reviews")
_FROM_RAW = ("mirror_raw", "standardise", *_LINKING)
"""From raw records to clusters and their queue: what a day's changes must not cost again."""

Row = dict[str, float]


def synthesise(root: str, residents: int, seed: int, day: int, rates: str) -> None:
    """Make the district, or move it on by a day."""
    from pipelines.home import Home
    from pipelines.synth import make_district
    from pipelines.synth.rates import ErrorRates

    errors = ErrorRates().times(_FACTORS[rates])
    make_district(Home.at(root), residents=residents, seed=seed, day=day, errors=errors)


def linked_night(root: str, memory: str | None) -> Row:
    """A first night as far as its clusters, its file laid where a published one would be.

    Returns:
        the seconds of each stage, and of training.
    """
    from pipelines import run
    from pipelines.home import Home

    night = landed_night(root)
    if memory:
        given = {"memory": memory, "linking_memory": memory}
        limits = night.config.district.limits.model_copy(update=given)
        district = night.config.district.model_copy(update={"limits": limits})
        night = replace(night, config=replace(night.config, district=district))
    with night.keep_open():
        for step in ("standardise", *_LINKING):
            run.do(night, step)
    with night.open() as con:
        ((trained,),) = con.execute(
            "SELECT counts ->> 'trained_seconds' FROM meta.stage WHERE stage = 'score_pairs'"
        ).fetchall()
    published = Home.at(root).published
    published.parent.mkdir(exist_ok=True)
    os.replace(night.file, published)
    return {**stages(root), "trained": float(trained)}


def churn(root: str) -> dict[str, int]:
    """Of the newest night: identity events, and whether it looked at everything."""
    import duckdb

    with duckdb.connect(f"{root}/published/onegrid.duckdb", read_only=True) as con:
        events, full, changed = con.execute(
            """SELECT (SELECT count(*) FROM master.event WHERE night = n.night
                    AND kind IN ('birth', 'merge', 'split', 'end', 'anchor')),
                n.is_full, (SELECT count(*) FROM delta.record)
            FROM meta.night n ORDER BY night DESC LIMIT 1"""
        ).fetchall()[0]
    return {"events": events, "full": int(full), "changed": changed}


class Trial:
    """One district: its home, and what the ways made of it."""

    def __init__(self, base: Path, residents: int, seed: int, rates: str) -> None:
        self.base, self.residents, self.seed, self.rates = base, residents, seed, rates
        self.root = str(base / "home")
        self.rows: dict[str, Row] = {}
        self.notes: dict[str, float] = {}

    def run(self, library: int) -> None:
        """Make the district, link it by every way, and live through two more nights."""
        in_child(synthesise, self.root, self.residents, self.seed, 1, self.rates)
        first, *_ = in_child(plain_night, self.root)
        self.notes["cleaning"] = first["mirror_raw"] + first["standardise"]
        self.notes["records"] = first["#records"]
        for name, way in (("exact ID", ways.exact), ("Splink alone", ways.splink)):
            self._try(name, way)
        self._try("onegrid", ways.onegrid)
        self.groups, self.spots = in_child(ways.closer_look, self._folder("onegrid"), self.root)[0]
        self._answer("onegrid, 1 % of review answered", 0.01, "link.review")
        self._answer("onegrid, an answer for 1 % of residents", 0.01, "link.identity")
        self._answer("onegrid, all of review answered", 1.0, "link.review")
        if library:
            for name, way in (
                (f"dedupe ({library:,} persons)", ways.dedupe),
                (f"onegrid ({library:,} persons)", ways.onegrid),
            ):
                self._try(name, way, library)
        in_child(plain_night, self.root)
        self.notes["events on unchanged input"] = churn(self.root)["events"]
        in_child(synthesise, self.root, self.residents, self.seed, 2, self.rates)
        delta, *_ = in_child(plain_night, self.root)
        self.notes["records changed on day 2"] = churn(self.root)["changed"]
        for steps, timed in (("linking", _LINKING), ("raw records to clusters", _FROM_RAW)):
            whole, part = (sum(night[stage] for stage in timed) for night in (first, delta))
            self.notes[f"{steps}, first night s"] = whole
            self.notes[f"{steps}, day 2 s"] = part
            self.notes[f"{steps}, first night ÷ day 2"] = whole / part

    def run_to_clusters(self, memory: str | None) -> None:
        """Make the district and link it, by the exact join and Splink alone as well."""
        in_child(synthesise, self.root, self.residents, self.seed, 1, self.rates)
        first, _, peak = in_child(linked_night, self.root, memory)
        self.notes["cleaning"] = first["mirror_raw"] + first["standardise"]
        self.notes["records"] = first["#records"]
        self._try("exact ID", ways.exact)
        work = self._folder("onegrid")
        in_child(ways.prepare, work, self.root)
        in_child(ways.take_clusters, work, self.root)
        linking = sum(first[stage] for stage in _LINKING)
        self._keep("onegrid", work, linking, first["trained"], peak)
        self.groups, self.spots = in_child(ways.closer_look, work, self.root)[0]
        print("\n".join(section(self.rates, [self])), flush=True)
        self._try("Splink alone", ways.splink)

    def _folder(self, name: str) -> str:
        return str(self.base / "".join(c if c.isalnum() else "_" for c in name))

    def _try(
        self, name: str, way: Callable[[str, str], tuple[float, float]], most: int | None = None
    ) -> None:
        work = self._folder(name)
        in_child(ways.prepare, work, self.root, most)
        (seconds, trained), _, peak = in_child(way, work, self.root)
        self._keep(name, work, seconds, trained, peak)

    def _answer(self, name: str, share: float, of: str) -> None:
        work = self._folder("onegrid")
        answered, seconds, peak = in_child(ways.answer, work, self.root, share, of)
        self.notes[f"{name}: items"] = answered
        before = self.rows["onegrid"]
        self._keep(name, work, before["linking s"] + seconds, before["of it training s"], peak)

    def _keep(self, name: str, work: str, seconds: float, trained: float, peak: float) -> None:
        result, *_ = in_child(ways.result, work, self.root)
        result["per 5,000"] = 5_000 * result["mixed"] / result["persons"]
        self.rows[name] = {
            **result,
            "linking s": seconds,
            "of it training s": trained,
            "peak GB": peak,
        }


def main() -> None:
    """Run the trials and print the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, default=20_000)
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--rates", default="default", help=f"any of {','.join(_FACTORS)}")
    parser.add_argument("--library-persons", type=int, default=2_000, help="0: without")
    parser.add_argument("--folder", type=Path, help="where to work; kept afterwards")
    parser.add_argument("--to-clusters", action="store_true", help="no master and no forms")
    parser.add_argument("--memory", help="DuckDB's limit then, such as 6GB")
    options = parser.parse_args()
    base = options.folder or Path(tempfile.mkdtemp(prefix="onegrid-linkage-"))
    library = options.library_persons if find_spec("dedupe") else 0
    for rates in options.rates.split(","):
        trials = []
        for seed in options.seeds.split(","):
            trial = Trial(base / f"{rates}-{seed}", options.residents, int(seed), rates)
            if options.to_clusters:
                trial.run_to_clusters(options.memory)
            else:
                trial.run(library)
            trials.append(trial)
        print("\n".join(section(rates, trials)), flush=True)
    if options.folder is None:
        shutil.rmtree(base)


def section(rates: str, trials: list[Trial]) -> list[str]:
    """Markdown of the trials at one level of errors."""
    records = _spread(trial.notes["records"] for trial in trials)
    seeds = ", ".join(str(trial.seed) for trial in trials)
    titles = ("precision", "recall", "F1", "residents whole", "mixed clusters",
              "mixed per 5,000", "two IDs unexplained")  # fmt: skip
    lines = [
        f"### {trials[0].residents:,} residents, {records} records, {rates} errors (seeds {seeds})",
        "",
        f"| way | {' | '.join(titles)} | cleaning s | linking s | of it training s | peak GB |",
        "|---|" + "---:|" * (len(titles) + 4),
    ]
    for name in trials[0].rows:
        rows = [trial.rows[name] for trial in trials]
        cells = [_spread((row[figure] for row in rows), figure) for figure in _FIGURES]
        cleaning = "" if "persons)" in name else _spread(t.notes["cleaning"] for t in trials)
        times = [
            _spread(row[column] for row in rows)
            for column in ("linking s", "of it training s", "peak GB")
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {cleaning} | {' | '.join(times)} |")
    lines += ["", "| | " + " | ".join(f"seed {trial.seed}" for trial in trials) + " |"]
    lines.append("|---|" + "---:|" * len(trials))
    for note in trials[0].notes:
        lines.append(f"| {note} | {' | '.join(_number(t.notes[note]) for t in trials)} |")
    return [*lines, "", *_fairness(trials), "", *_spots(trials), ""]


def _spread(values: Iterable[float], figure: str = "") -> str:
    """One number, or the smallest and the largest."""
    shown = sorted(values)
    share = figure in {"precision", "recall", "f1", "whole"}
    texts = [f"{value:.5f}" if share else _number(value) for value in (shown[0], shown[-1])]
    return texts[0] if texts[0] == texts[1] else " – ".join(texts)


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or value >= 100 else f"{value:.1f}"


def _fairness(trials: list[Trial]) -> list[str]:
    """Recall and precision of onegrid by group of persons, all seeds together."""
    pooled: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for trial in trials:
        for kind, member, *counts in trial.groups:
            pooled[kind, member] = [
                a + b for a, b in zip(pooled[kind, member], counts, strict=True)
            ]
    lines = [
        "| onegrid, for whom | | true pairs | recall | precision |",
        "|---|---|---:|---:|---:|",
    ]
    gaps: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for (kind, member), (real, good, seen) in pooled.items():
        recall, precision = good / real, good / max(seen, 1)
        if real >= _ENOUGH_PAIRS:
            gaps[kind].append((recall, precision))
        lines.append(f"| {kind} | {member} | {real:,} | {recall:.5f} | {precision:.5f} |")
    worst: list[tuple[float, str]] = []
    for kind, values in gaps.items():
        for place, what in enumerate(("recall", "precision")):
            column = [value[place] for value in values]
            worst.append((max(column) - min(column), f"{what} by {kind}"))
    gap, where = max(worst, default=(0.0, "there is none"))
    among = f"among groups of {_ENOUGH_PAIRS:,} pairs and more"
    return [*lines, "", f"Largest gap {among}: **{gap:.5f}** ({where})."]


def _spots(trials: list[Trial]) -> list[str]:
    """What onegrid misses and mixes, all seeds together."""
    lines = ["| onegrid, weak spots | | count |", "|---|---|---:|"]
    titles: dict[str, Any] = dict.fromkeys(title for trial in trials for title in trial.spots)
    for title in titles:
        total: dict[str, int] = defaultdict(int)
        for trial in trials:
            for which, n in trial.spots.get(title, []):
                total[which] += n
        for which, n in sorted(total.items(), key=lambda item: -item[1])[:8]:
            lines.append(f"| {title} | {which or 'nothing'} | {n:,} |")
    return lines


if __name__ == "__main__":
    main()
