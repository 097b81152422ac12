"""Make Great Expectations' pages work without a network: no script, no style from outside."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, select_autoescape

from pipelines.validate.result import RuleResult
from schemas.suites import RULE, SUITE_LABELS

_DROPPED = (
    re.compile(r"<script\b.*?</script>", re.S),
    re.compile(r"<link\b[^>]*>", re.S),
    re.compile(r"<footer\b.*?</footer>", re.S),
    re.compile(r"<img\b[^>]*>", re.S),
    re.compile(r"<p\b[^>]*>\s*<a [^>]*data-toggle=\"collapse\".*?</p>", re.S),
    re.compile(r"background: url\('https?://[^)]*\)[^;]*;"),
    re.compile(r"@import[^;]*;"),
    re.compile(r"<br>\s*Data asset: None"),
)
_OUTWARD = re.compile(r"<a\b[^>]*href=\"https?://[^\"]*\"[^>]*>(.*?)</a>", re.S)
_OUTWARD_TOGGLE = re.compile(r"\sdata-(?:toggle|target|content)=\"[^\"]*\"")
_SIGNS = (
    (re.compile(r"<i class=\"[^\"]*text-success[^\"]*\"[^>]*></i>"), '<b class="good">✓</b>'),
    (re.compile(r"<i class=\"[^\"]*text-danger[^\"]*\"[^>]*></i>"), '<b class="poor">✗</b>'),
    (re.compile(r"<i class=\"[^\"]*text-warning[^\"]*\"[^>]*></i>"), '<b class="fair">!</b>'),
)


def make_self_contained(pages: Path, results: Sequence[RuleResult]) -> None:
    """Rewrite the pages below `pages` so that they load nothing, and give them a front page."""
    style = (files("pipelines.validate") / "pages.css").read_text("utf-8")
    shutil.rmtree(pages / "static", ignore_errors=True)
    for page in pages.rglob("*.html"):
        page.write_text(_own(page.read_text("utf-8"), style), "utf-8")
    environment = Environment(
        loader=PackageLoader("pipelines.validate", "."), autoescape=select_autoescape(["jinja"])
    )
    (pages / "index.html").write_text(
        environment.get_template("index.html.jinja").render(
            style=style,
            rules=RULE,
            suites=[
                (
                    label,
                    [result for result in results if result.suite == suite],
                    _page(pages, suite),
                )
                for suite, label in SUITE_LABELS.items()
            ],
        ),
        "utf-8",
    )


def _own(html: str, style: str) -> str:
    for pattern in _DROPPED:
        html = pattern.sub("", html)
    html = _OUTWARD.sub(r"\1", html)
    html = _OUTWARD_TOGGLE.sub("", html)
    for pattern, sign in _SIGNS:
        html = pattern.sub(sign, html)
    return html.replace("</head>", f"<style>{style}</style></head>", 1)


def _page(pages: Path, suite: str) -> str:
    found = sorted((pages / "validations" / suite).rglob("*.html"))
    return found[-1].relative_to(pages).as_posix() if found else ""
