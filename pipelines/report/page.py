"""Write the page."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.deliver.states import STATES
from pipelines.home import Home
from pipelines.night import Night
from pipelines.privacy import scrub
from pipelines.report import texts
from pipelines.report.figures import read_figures
from pipelines.validate.count import RuleResult
from schemas.suites import RULE, SUITE_LABELS


def write_report(night: Night, status: str = "published", problem: str | None = None) -> Path:
    """Write ``night.folder/report.html``: one file that loads nothing and holds no personal value.

    `status` is ``published``, ``blocked`` or ``failed``; `problem` says why, in Chinese.
    """
    with night.open() as con:
        figures = read_figures(con, night)
    path = night.folder / "report.html"
    _write(path, "report.html.jinja", night, figures=figures, status=status, problem=problem)
    return path


def write_failure_report(
    home: Home, night: Night, reason: str, results: Iterable[RuleResult] = ()
) -> Path:
    """Write ``report/night-NNNNNN.failed.html``; the page of the published night stays as it is.

    `reason` says in Chinese what a person can do about it.
    """
    path = home.root / "report" / f"night-{night.number:06d}.failed.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    broken = [result for result in results if not result.passed]
    _write(path, "failure.html.jinja", night, reason=scrub(reason), results=broken)
    return path


def _write(path: Path, template: str, night: Night, **values: object) -> None:
    environment = Environment(
        loader=PackageLoader("pipelines.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"n": _number, "pct": _percent, "duration": texts.duration}
    zone = ZoneInfo(night.config.district.timezone)
    html = environment.get_template(template).render(
        style=(files("pipelines.report") / "report.css").read_text("utf-8"),
        night=night,
        written=datetime.now(zone),
        texts=texts,
        rules=RULE,
        suites=SUITE_LABELS,
        states=STATES,
        **values,
    )
    beside = path.with_suffix(".new")
    beside.write_text(html, "utf-8")
    os.replace(beside, path)


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _percent(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "–"
