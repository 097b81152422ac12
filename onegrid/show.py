"""What the command line shows: progress while a night runs, and what it came to."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipelines.config import Config
from pipelines.home import Home
from pipelines.progress import listening
from pipelines.summary import Summary
from pipelines.writeback import nightly_targets, told_by

# A pipe or a file has no width of its own: wide enough for every table, so that none is cut short.
_PIPE_WIDTH = 160
_HAS_WIDTH = sys.stdout.isatty() or "COLUMNS" in os.environ
OUT = Console(highlight=False, width=None if _HAS_WIDTH else _PIPE_WIDTH)
ERR = Console(stderr=True, highlight=False)

_STEPS = {
    "mirror_raw": "入库 take in what landed",
    "standardise": "标准化 standardise",
    "score_pairs": "匹配 compare records",
    "cluster_records": "归并 recognise residents",
    "queue_reviews": "待核 queue for review",
    "place_dwellings": "落格 place dwellings",
    "merge_residents": "主档 golden records",
    "plan_forms": "表单 plan forms",
    "validate": "质检 validate",
    "render_forms": "工作簿 draw workbooks",
    "write_report": "报告 report",
    "publish": "发布 publish",
}


@contextmanager
def progress(config: Config) -> Iterator[None]:
    """Show what `pipelines.progress` is told: a bar on a terminal, a line a step elsewhere."""
    labels = {f"pull_{name}": f"抽取 {source.label}" for name, source in config.sources.items()}
    labels |= _STEPS
    targets = nightly_targets(config)
    labels |= {f"push_{name}": f"回写 {config.targets[name].label}" for name in targets}
    with _bar(labels) if OUT.is_terminal else _lines(labels) as listener, listening(listener):
        yield


@contextmanager
def _bar(labels: dict[str, str]) -> Iterator:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=OUT, transient=True) as bar:
        whole = bar.add_task("准备 prepare", total=len(labels))
        started: set[str] = set()

        def listen(task: str, done: int, total: int | None) -> None:
            if task in labels and task not in started:
                bar.update(whole, completed=len(started), description=labels[task])
                started.add(task)
            elif total and task in labels:
                share = f" {done:,}/{total:,}" if done else ""
                bar.update(whole, description=labels[task] + share)

        yield listen


@contextmanager
def _lines(labels: dict[str, str]) -> Iterator:
    start = time.perf_counter()
    started: set[str] = set()

    def listen(task: str, _done: int, _total: int | None) -> None:
        if task in labels and task not in started:
            started.add(task)
            OUT.print(f"{time.perf_counter() - start:7.1f} s  {labels[task]}")

    yield listen


def summary(home: Home, config: Config, done: Summary, seconds: float) -> None:
    """The night as a table."""
    counts = done.counts
    title = f"Night {done.night} · {done.business_date:%Y-%m-%d}"
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    state = "[yellow]published, degraded[/]" if done.is_degraded else "[green]published[/]"
    table.add_row("状态 status", state, "full" if done.is_full else "delta")
    for label, name, remark in (
        ("来源行 source rows", "rows_pulled", f"{counts['rows_changed']:,} new, changed or gone"),
        ("记录 records", "records", f"{counts['quarantined']:,} in quarantine"),
        ("问题数据 defects", "defects", "each kept with the value it replaced, masked"),
        ("居民 residents", "residents", _events(counts)),
        ("待核 to review", "reviews", "pairs a person must look at"),
        ("表单 forms", "forms", f"{counts['issued']:,} handed out tonight"),
        ("已有 known", "known", f"of {counts['required']:,} required cells"),
        ("待核 to verify", "verify", "stale or contested"),
        ("需填 to ask", "ask", "nobody knows"),
        ("另表询问 waits", "waits", "another form asks the same"),
    ):
        table.add_row(label, f"{counts[name]:,}", remark)
    table.add_row(
        "不再询问 not asked again",
        f"[bold]{done.not_asked_again:.1%}[/]",
        "of the required cells are filled in already",
    )
    table.add_row("用时 time", f"{seconds:.1f} s", _slowest(done.seconds))
    OUT.print(table)
    for label, reason in done.held.items():
        OUT.print(f"[yellow]暂缓 held back:[/] {label}: {reason}")
    for rule in done.warnings:
        OUT.print(f"[yellow]质检提示 warning:[/] {rule}")
    for told in told_by(home, config, done.night):
        label = config.targets[told.target].label
        if told.reason:
            OUT.print(f"[yellow]暂未回写 not told:[/] {label}: {told.reason}")
        else:
            OUT.print(f"回写 told: {label}: {told.counts['sent']:,} rows")
    places(home)


def places(home: Home) -> None:
    """Where a person finds what the night made."""
    for label, path in (
        ("主档 master", home.published),
        ("表单 forms", home.forms),
        ("报告 report", home.report),
        ("质检 data docs", home.data_docs / "index.html"),
    ):
        OUT.print(f"{label:<16} {path}", soft_wrap=True)


def _events(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[kind]:,} {kind}" for kind in ("births", "merges", "splits"))


def _slowest(seconds: dict[str, float]) -> str:
    longest = sorted(seconds.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{stage} {value:.1f} s" for stage, value in longest)
