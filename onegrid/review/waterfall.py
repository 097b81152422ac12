"""The score of a pair as a waterfall: where it starts, what each comparison adds, where it ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

from onegrid.review.texts import COMPARISONS
from pipelines.link.explain import Evidence

MARGIN = 0.04
"""Room beside the outermost bar, as a share of the width."""


@dataclass(frozen=True)
class Step:
    """One line of the waterfall.

    Attributes:
        label, says: what was compared and how it came out, in Chinese.
        weight: what it adds, log2; None: nothing was known.
        start, width: the bar, in percent of the drawing's width.
        term_start, term_width: the part of it that comes from how rare the value is.
        kind: prior, for, against, missing or total.
    """

    label: str
    says: str
    weight: float | None
    start: float
    width: float
    term_start: float
    term_width: float
    kind: str


@dataclass(frozen=True)
class Waterfall:
    """All steps; `zero` and `accept` are where even odds and the threshold lie, in percent.

    `threshold` is the weight at which a match needs no person.
    """

    steps: tuple[Step, ...]
    zero: float
    accept: float
    threshold: float
    weight: float
    probability: float
    basis: str

    @property
    def has_terms(self) -> bool:
        """Whether how rare a value is shows in the drawing."""
        return any(step.term_width for step in self.steps)


def draw(evidence: Evidence, accept: float) -> Waterfall:
    """The waterfall of `evidence`; `accept` is the probability at which a match needs no person."""
    threshold = math.log2(accept / (1 - accept))
    levels = [0.0, threshold, evidence.prior]
    for bar in evidence.bars:
        levels += [levels[-1] + bar.weight, levels[-1] + bar.weight + bar.term]
    low, high = min(levels), max(levels)
    room = (high - low) * MARGIN or 1.0
    low, scale = low - room, 100 / (high - low + 2 * room)

    def at(level: float) -> float:
        return round((level - low) * scale, 2)

    def step(label: str, says: str, start: float, weight: float, term: float, kind: str) -> Step:
        ends = sorted((start, start + weight + term))
        tail = sorted((start + weight, start + weight + term))
        # Where term and weight oppose each other the sum alone is drawn: the net is what counts.
        inside = weight * term > 0
        return Step(
            label,
            says,
            weight + term,
            at(ends[0]),
            round((ends[1] - ends[0]) * scale, 2),
            at(tail[0]),
            round((tail[1] - tail[0]) * scale, 2) if inside else 0.0,
            kind,
        )

    steps = [step("起点", "任意两条记录", 0.0, evidence.prior, 0.0, "prior")]
    level = evidence.prior
    for bar in evidence.bars:
        label = COMPARISONS.get(bar.comparison, bar.comparison)
        if bar.level == "missing":
            steps.append(Step(label, "一方或双方没有", None, at(level), 0.0, 0.0, 0.0, "missing"))
            continue
        kind = "for" if bar.weight + bar.term >= 0 else "against"
        steps.append(step(label, bar.says, level, bar.weight, bar.term, kind))
        level += bar.weight + bar.term
    steps.append(step("合计", chance(evidence.probability), 0.0, evidence.weight, 0.0, "total"))
    return Waterfall(
        tuple(steps),
        at(0.0),
        at(threshold),
        threshold,
        evidence.weight,
        evidence.probability,
        evidence.basis,
    )


def chance(probability: float) -> str:
    """A probability in words that do not claim certainty: ``97.3%``, ``高于99.9%``."""
    if probability > 0.999:
        return "高于99.9%"
    if probability < 0.001:
        return "低于0.1%"
    return f"{probability:.1%}"
