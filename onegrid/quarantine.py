"""`onegrid quarantine`: what waits, where, since when, and what to do about it."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from onegrid.options import CONFIG, HOME, load, published

if TYPE_CHECKING:
    from pipelines.config import Config
    from pipelines.quarantine import Entry, Tried

WAITING = 1
_LEVELS = {"source": "数据源", "file": "文件", "part": "部分", "row": "行"}
_STATES = {
    "solved": "已解决：下一晚采用",
    "waits": "仍未解决",
    "gone": "文件已移走：下一晚从清单中去掉",
    "arriving": "文件还在复制：下一晚再看",
    "night": "由下一晚重新判断",
}


@click.command("quarantine")
@click.option("--source", help="Only this source, e.g. ledger_population.")
@click.option("--retry", is_flag=True, help="Read the ledgers again and say what is solved.")
@click.option("--most", type=click.IntRange(1), default=200, show_default=True)
@CONFIG
@HOME
def quarantine(
    source: str | None, retry: bool, most: int, config: Path | None, home: Path | None
) -> None:
    """List sources, files, sheets and rows that could not be used, without personal values.

    Nothing leaves quarantine by itself. The next night reads every file that has changed; --retry
    says now whether that will do. It ends with 1 while a file still waits.
    """
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.quarantine import list_quarantine, safe_reason  # noqa: PLC0415

    place, settings = load(home, config)
    if source is not None and source not in settings.sources:
        raise click.BadParameter(
            f"there is no such source; there are: {', '.join(settings.sources)}",
            param_hint="--source",
        )
    with published(place, settings) as con:
        entries = list_quarantine(con, settings, source)
    if not entries:
        click.echo("隔离区是空的")
        return
    if retry:
        from pipelines.quarantine import try_again  # noqa: PLC0415

        with place.lock():
            tried = try_again(place, settings, entries)
        _report(tried, settings, most)
        if any(item.state == "waits" for item in tried):
            sys.exit(WAITING)
        return
    table = Table(show_edge=False, pad_edge=False)
    for title in ("级别", "数据源", "位置", "自"):
        table.add_column(title, overflow="fold")
    table.add_column("原因和处理办法", overflow="fold")
    for entry in entries[:most]:
        table.add_row(
            _LEVELS[entry.level],
            _label(settings, entry),
            _place(entry),
            str(entry.since or ""),
            _plain(safe_reason(entry)),
        )
    OUT.print(table)
    counts: Counter[str] = Counter(entry.level for entry in entries)
    said = "　".join(f"{label} {counts[level]:,}" for level, label in _LEVELS.items())
    OUT.print(f"共 {len(entries):,} 处：{said}")
    if len(entries) > most:
        OUT.print(f"只列出前 {most:,} 处；用 --source 分来源查看，或加大 --most")
    OUT.print(
        "改好后把新文件放回台账目录，下一晚自动读取；先看能不能用：onegrid quarantine --retry"
    )


def _report(tried: list[Tried], settings: Config, most: int) -> None:
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415

    table = Table(show_edge=False, pad_edge=False)
    for title in ("级别", "数据源", "位置", "结果"):
        table.add_column(title, overflow="fold")
    for item in tried[:most]:
        said = _STATES[item.state]
        if item.state == "solved":
            said += f"（读到 {item.rows:,} 行）"
        if item.reason:
            said += f"：{item.reason}"
        table.add_row(
            _LEVELS[item.entry.level],
            _label(settings, item.entry),
            _place(item.entry),
            _plain(said),
        )
    OUT.print(table)
    counts: Counter[str] = Counter(item.state for item in tried)
    names = {"solved": "已解决", "waits": "仍未解决", "gone": "已移走", "arriving": "还在复制",
             "night": "待下一晚"}  # fmt: skip
    OUT.print("　".join(f"{label} {counts[state]:,}" for state, label in names.items()))


def _label(settings: Config, entry: Entry) -> str:
    source = settings.sources.get(entry.source)
    return source.label if source else entry.source


def _place(entry: Entry) -> str:
    from pipelines.inbox.receipt import place_of  # noqa: PLC0415

    where = place_of(entry.sheet, entry.first, entry.last, entry.column)
    key = f"主键 {entry.key}" if entry.key else ""
    return _plain(" ".join(part for part in (entry.place, where, key) if part))


def _plain(text: str) -> str:
    """A text in which nothing is a style, whatever brackets a file's name has."""
    from rich.markup import escape  # noqa: PLC0415

    return escape(text)
