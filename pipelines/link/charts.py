"""The page of a model: one HTML file with drawn charts, which loads nothing and names nobody."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.link import model, texts
from pipelines.link.frozen import Model
from pipelines.link.profile import BIN
from pipelines.store import count

if TYPE_CHECKING:
    from pipelines.link.drift import Check

_WIDTH, _HEIGHT = 680, 220
_LEFT, _BOTTOM = 46, 26


@dataclass(frozen=True)
class Point:
    """Of the pairs with at least this match weight: how many are right, of how many to be found."""

    weight: int
    pairs: int
    right: int
    real: int


def write_page(
    frozen: Model,
    *,
    accept: float = 0.99,
    review: float = 0.5,
    check: Check | None = None,
    curve: Sequence[Point] = (),
) -> Path:
    """Write ``charts.html`` beside the model.

    Args:
        frozen: the model.
        accept, review: thresholds of the district, as match probabilities.
        check: what a newer night says about it.
        curve: precision and recall by threshold, where the truth is known.
    """
    environment = Environment(
        loader=PackageLoader("pipelines.link", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    profile = frozen.body["profile"]
    marks = {"复核": weight_of(review), "归并": weight_of(accept)}
    html = environment.get_template("charts.html.jinja").render(
        style=(files("pipelines.report") / "report.css").read_text("utf-8"),
        frozen=frozen,
        levels=_levels(frozen),
        words=texts.WORDS,
        labels=texts.COMPARISON_LABELS,
        verdicts=texts.DRIFT_VERDICTS,
        distributions=texts.DRIFT_LABELS,
        histogram=_bars(profile["pairs"], marks) if profile else None,
        unlinkable=_line(_unlinkable(profile["itself"]), marks) if profile else None,
        curves=_curves(curve, marks) if curve else None,
        check=check,
    )
    path = frozen.folder / "charts.html"
    beside = path.with_suffix(".new")
    beside.write_text(html, "utf-8")
    os.replace(beside, path)
    return path


def weight_of(probability: float) -> float:
    """Match weight (base 2) of a match probability."""
    return math.log2(probability / (1 - probability))


def truth_curve(con: duckdb.DuckDBPyConnection) -> list[Point]:
    """Precision and recall of the score alone, over what a sample of open records can find.

    Reads ``sampled`` and ``scored`` (`profile.score_profile`), ``candidate``, and ``traced``
    (record_id, person_id).
    """
    real = count(
        con,
        """SELECT count(*) FROM (
            SELECT DISTINCT least(a.record_id, b.record_id), greatest(a.record_id, b.record_id)
            FROM sampled s JOIN candidate a USING (record_id) JOIN traced ta USING (record_id)
            JOIN traced tb ON tb.person_id = ta.person_id
            JOIN candidate b ON b.record_id = tb.record_id
            WHERE a.hub <> b.hub AND a.row_id <> b.row_id)""",
    )
    rows = con.execute(
        """
        SELECT floor(s.weight)::INTEGER AS weight, count(*),
            count(*) FILTER (l.person_id = r.person_id)
        FROM scored s JOIN traced l ON l.record_id = s.record_l
        JOIN traced r ON r.record_id = s.record_r GROUP BY 1 ORDER BY 1 DESC
        """
    ).fetchall()
    points, pairs, right = [], 0, 0
    for weight, found, good in rows:
        pairs, right = pairs + found, right + good
        if -12 <= weight <= 32:
            points.append(Point(weight, pairs, right, real))
    return points[::-1]


def _levels(frozen: Model) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for comparison in model.COMPARISONS:
        for level in comparison.levels:
            m, u = frozen.parameters[comparison.name][level.name]
            weight = math.log2(m / u)
            width = min(abs(weight), 24) / 24 * 50
            rows.append(
                {
                    "comparison": comparison.name,
                    "says": level.says,
                    "m": m,
                    "u": u,
                    "weight": weight,
                    "x": 50 - width if weight < 0 else 50,
                    "width": width,
                    "fixed": level.fixed,
                    "first": level is comparison.levels[0],
                    "term": level.term is not None,
                }
            )
    return rows


def _unlinkable(itself: Mapping[str, int]) -> list[tuple[float, float]]:
    """Share of records that weigh less than a threshold even against themselves."""
    total, below = sum(itself.values()), 0
    points = []
    for edge in sorted(map(int, itself)):
        points.append((float(edge), below / total))
        below += itself[str(edge)]
        points.append((float(edge + BIN), below / total))
    return points


class _Frame:
    """Scales a chart's numbers to the drawing."""

    def __init__(self, lowest: float, highest: float) -> None:
        self.lowest, self.highest = lowest, max(highest, lowest + 1)

    def x(self, value: float) -> float:
        share = (value - self.lowest) / (self.highest - self.lowest)
        return _LEFT + share * (_WIDTH - _LEFT - 8)

    def y(self, share: float) -> float:
        return 8 + (1 - share) * (_HEIGHT - _BOTTOM - 8)

    def axes(self, sides: Mapping[float, str]) -> str:
        step = 4 if self.highest - self.lowest <= 48 else 8
        start = math.ceil(self.lowest / step) * step
        parts = [
            f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{self.y(share):.1f}" '
            f'y2="{self.y(share):.1f}"/><text x="{_LEFT - 6}" y="{self.y(share) + 4:.1f}" '
            f'text-anchor="end">{text}</text>'
            for share, text in sides.items()
        ]
        parts += [
            f'<text x="{self.x(value):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{value}</text>'
            for value in range(start, int(self.highest) + 1, step)
        ]
        return "".join(parts)

    def marks(self, marks: Mapping[str, float]) -> str:
        return "".join(
            f'<line class="mark" x1="{self.x(value):.1f}" x2="{self.x(value):.1f}" y1="8" '
            f'y2="{_HEIGHT - _BOTTOM}"/><text class="mark" x="{self.x(value) + 4:.1f}" y="18">'
            f"{name}</text>"
            for name, value in marks.items()
            if self.lowest <= value <= self.highest
        )


def _svg(body: str, label: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
        f"{body}</svg>"
    )


def _bars(histogram: Mapping[str, int], marks: Mapping[str, float]) -> str:
    """Pairs by match weight, on a logarithmic scale: most pairs are of different people."""
    edges = sorted(map(int, histogram))
    if not edges:
        return ""
    frame = _Frame(edges[0], edges[-1] + BIN)
    top = math.log10(max(histogram.values()) + 1)
    sides = {math.log10(10**n) / top: f"{10**n:,}" for n in range(int(top) + 1)}
    bars = "".join(
        f'<rect class="bar" x="{frame.x(edge) + 1:.1f}" '
        f'width="{frame.x(edge + BIN) - frame.x(edge) - 2:.1f}" y="{frame.y(share):.1f}" '
        f'height="{frame.y(0) - frame.y(share):.1f}"><title>{edge} – {edge + BIN}: {n:,}'
        "</title></rect>"
        for edge, n, share in (
            (edge, histogram[str(edge)], math.log10(histogram[str(edge)] + 1) / top)
            for edge in edges
        )
    )
    return _svg(frame.axes(sides) + bars + frame.marks(marks), "匹配权重分布")


def _line(points: Sequence[tuple[float, float]], marks: Mapping[str, float]) -> str:
    if not points:
        return ""
    frame = _Frame(min(points[0][0], -2), points[-1][0])
    return _svg(
        frame.axes({0: "0", 0.5: "50%", 1: "100%"})
        + _path(frame, points, "ask")
        + frame.marks(marks),
        "无法归并的记录占比",
    )


def _curves(curve: Sequence[Point], marks: Mapping[str, float]) -> str:
    frame = _Frame(curve[0].weight, curve[-1].weight)
    precision = [(p.weight, p.right / max(p.pairs, 1)) for p in curve]
    recall = [(p.weight, p.right / max(p.real, 1)) for p in curve]
    return _svg(
        frame.axes({0: "0", 0.5: "50%", 1: "100%"})
        + _path(frame, precision, "known")
        + _path(frame, recall, "ask")
        + frame.marks(marks),
        "准确率与召回率",
    )


def _path(frame: _Frame, points: Sequence[tuple[float, float]], tone: str) -> str:
    steps = " ".join(f"{frame.x(x):.1f},{frame.y(share):.1f}" for x, share in points)
    return f'<polyline class="line {tone}" points="{steps}"/>'
