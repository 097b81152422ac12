"""The score of a pair as a waterfall: where it starts, what each comparison adds, where it ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipelines.link.explain import Evidence
from pipelines.link.texts import COMPARISON_LABELS

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
    ends = [0.0, threshold, evidence.prior]
    for bar in evidence.bars:
        ends += [ends[-1] + bar.weight, ends[-1] + bar.weight + bar.term]
    scale = _Scale(min(ends), max(ends))
    steps = [scale.step("起点", "任意两条记录", "prior", 0.0, evidence.prior)]
    level = evidence.prior
    for bar in evidence.bars:
        label = COMPARISON_LABELS[bar.comparison]
        if bar.level == "missing":
            steps.append(Step(label, bar.says, None, scale.at(level), 0.0, 0.0, 0.0, "missing"))
            continue
        kind = "for" if bar.weight + bar.term >= 0 else "against"
        steps.append(scale.step(label, bar.says, kind, level, bar.weight, bar.term))
        level += bar.weight + bar.term
    steps.append(scale.step("合计", chance(evidence.probability), "total", 0.0, evidence.weight))
    return Waterfall(
        tuple(steps),
        scale.at(0.0),
        scale.at(threshold),
        threshold,
        evidence.weight,
        evidence.probability,
        evidence.basis,
    )


class _Scale:
    """From weights to percent of the drawing's width."""

    def __init__(self, low: float, high: float) -> None:
        room = (high - low) * MARGIN
        self._low, self._factor = low - room, 100 / (high - low + 2 * room)

    def at(self, level: float) -> float:
        return round((level - self._low) * self._factor, 2)

    def step(  # noqa: PLR0917
        self, label: str, says: str, kind: str, start: float, weight: float, term: float = 0.0
    ) -> Step:
        end = start + weight + term
        left, right = self.at(min(start, end)), self.at(max(start, end))
        tail = sorted((self.at(start + weight), self.at(end)))
        # Where term and weight oppose each other, only what is left of them is drawn.
        inside = weight * term > 0
        return Step(
            label,
            says,
            weight + term,
            left,
            round(right - left, 2),
            tail[0],
            round(tail[1] - tail[0], 2) if inside else 0.0,
            kind,
        )


def chance(probability: float) -> str:
    """A probability in words that do not claim certainty: ``97.3%``, ``高于99.9%``."""
    if probability > 0.999:
        return "高于99.9%"
    if probability < 0.001:
        return "低于0.1%"
    return f"{probability:.1%}"
