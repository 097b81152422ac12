"""`onegrid explain`: one resident on the terminal, with all that is known and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from onegrid.options import CONFIG, HOME, author, load, published

if TYPE_CHECKING:
    from rich.text import Text

    from pipelines.explain.cells import Origin
    from pipelines.explain.records import Card
    from pipelines.explain.resident import Apart, Explanation
    from pipelines.explain.ties import Contest
    from pipelines.link.explain import Bar, Evidence

_DIFFERS = "bold yellow"
_FIELD_WIDTH, _RECORD_WIDTH = 10, 22


@click.command()
@click.argument("resident_id")
@click.option("--reveal", is_flag=True, help="Show personal values as they are, not masked.")
@click.option("--author", "given", help="Who is looking (default: the login name).")
@CONFIG
@HOME
def explain(
    resident_id: str, reveal: bool, given: str | None, config: Path | None, home: Path | None
) -> None:
    """Show the records behind RESIDENT_ID, why they are together, and where each value is from.

    The journal keeps who looked at whom.
    """
    from pipelines.explain import explain_resident  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415

    viewer = author(given)
    place, settings = load(home, config)
    with published(place, settings) as con:
        found = explain_resident(con, place, resident_id.strip())
    with open_journal(settings.journal_url) as journal:
        seen = {"what": "explain", "night": found.night, "revealed": reveal}
        journal.append_receipt("view", found.resident_id, viewer, seen)
    _show(found if reveal else found.masked(), revealed=reveal)


def _show(found: Explanation, *, revealed: bool) -> None:
    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.link.texts import TIER_LABELS  # noqa: PLC0415

    number = {card.record_id: place for place, card in enumerate(found.records, start=1)}
    OUT.print(f"[bold]居民 {found.resident_id}[/]　第 {found.night} 晚（{found.business_date}）")
    _state(found, revealed=revealed)
    if found.records:
        _section("记录", "黄色：与主档的值矛盾")
        _records(found, number)
    if found.links:
        _section("为什么是同一人", "由强到弱，每条线连起两条记录")
        for evidence in found.links:
            title = f"{number[evidence.record_l]} — {number[evidence.record_r]}"
            _link(evidence, title, TIER_LABELS[evidence.tier], "green")
    if found.apart or found.contests:
        _section("与谁分开，为什么", "")
        for contest in found.contests:
            _contest(contest, found.resident_id, number)
        for apart in found.apart:
            _apart(apart, number)
        if found.apart_more:
            OUT.print(f"另有 {found.apart_more} 名居民，证据更弱", style="dim")
    _section("编号的历史", "")
    for event in found.history:
        OUT.print(f"{event.day}　第 {event.night} 晚　{event.says}")
    for left in found.left:
        now = f"现归 {left.now}" if left.now else "来源中已没有"
        OUT.print(f"{left.until}　{left.source} 的一条记录离开（{left.since} 起），{now}")
    if found.cells:
        _section("每一项从哪里来", "黄色：另有记录说法不同")
        _origins(found, number)


def _state(found: Explanation, *, revealed: bool) -> None:
    from onegrid.show import OUT  # noqa: PLC0415

    if found.leads_to is None:
        OUT.print("[yellow]编号已终止[/]：来源中不再有它的记录")
    elif found.leads_to != found.resident_id:
        OUT.print(
            f"[yellow]编号已并入[/] [bold]{found.leads_to}[/]，"
            f"现在的内容请看：onegrid explain {found.leads_to}"
        )
    elif not revealed:
        OUT.print("个人信息已遮盖，需要原值时加 --reveal；每次查看都有记录", style="dim")


def _section(title: str, remark: str) -> None:
    from onegrid.show import OUT  # noqa: PLC0415

    OUT.print(f"\n[bold cyan]{title}[/]" + (f"　[dim]{remark}[/]" if remark else ""))


def _records(found: Explanation, number: dict[int, int]) -> None:
    """Fields as rows, records as columns, as many side by side as fit."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.explain.records import KEY_FIELDS  # noqa: PLC0415
    from schemas.fields import FIELD  # noqa: PLC0415

    together = max(1, (OUT.width - _FIELD_WIDTH - 4) // (_RECORD_WIDTH + 3))
    rows: list[tuple[str, Callable[[Card], str]]] = [
        ("来源", lambda card: card.source),
        ("身份", lambda card: card.role),
        ("数据日期", lambda card: str(card.observed or "")),
    ]
    for first in range(0, len(found.records), together):
        if first:
            OUT.print()
        cards = found.records[first : first + together]
        table = Table(show_edge=False, pad_edge=False, header_style="bold")
        table.add_column("", width=_FIELD_WIDTH)
        for card in cards:
            table.add_column(str(number[card.record_id]), width=_RECORD_WIDTH, overflow="fold")
        for label, told in rows:
            table.add_row(label, *(told(card) for card in cards))
        for field in KEY_FIELDS:
            if any(field in card.values for card in found.records):
                cells = (_said(card, field, found.differing[card.record_id]) for card in cards)
                table.add_row(Text(FIELD[field].label), *cells)
        OUT.print(table)


def _said(card: Card, field: str, differing: frozenset[str]) -> Text:
    from rich.text import Text  # noqa: PLC0415

    said = Text()
    if field in differing:
        said.append("≠ " + card.values[field], style=_DIFFERS)
    else:
        said.append(card.values.get(field, ""))
    if remark := card.remarks.get(field):
        said.append(f"\n{remark}", style="dim")
    return said


def _link(evidence: Evidence, title: str, kind: str, style: str) -> None:
    from rich.text import Text  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415

    line = Text(f"{title}　", style="bold")
    line.append(kind, style=style)
    line.append(f"　{evidence.basis}", style="not bold")
    OUT.print(line)
    if evidence.decision:
        said = evidence.decision
        _indented(f"{said.author}　{said.decided_at:%Y-%m-%d %H:%M}　理由：{said.reason}")
    elif evidence.tier == "probable" or evidence.verdict != "joined":
        bars = "　".join(_bar(bar) for bar in evidence.bars)
        _indented(f"权重 {evidence.weight:+.1f}（起点 {evidence.prior:+.1f}）　{bars}")


def _indented(line: str) -> None:
    from rich.padding import Padding  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415

    OUT.print(Padding(Text(line, style="dim"), (0, 0, 0, 6)))


def _bar(bar: Bar) -> str:
    from pipelines.link.texts import COMPARISON_LABELS  # noqa: PLC0415

    if bar.level == "missing":
        return f"{COMPARISON_LABELS[bar.comparison]}{bar.says}"
    return f"{bar.says} {bar.weight + bar.term:+.1f}"


def _contest(contest: Contest, resident_id: str, number: dict[int, int]) -> None:
    from onegrid.show import OUT  # noqa: PLC0415

    others = "、".join(
        f"{claimant}（{times} 条记录）"
        for claimant, times in contest.claimants.items()
        if claimant != resident_id
    )
    whose = "归属未定"
    if contest.holder:
        whose = "归本居民" if contest.holder == resident_id else f"归 {contest.holder}"
    OUT.print(
        f"[yellow]证号有争议[/]　记录 {number[contest.record_id]} 的身份证号也写在 {others} 名下，"
        f"现{whose}"
    )


def _apart(apart: Apart, number: dict[int, int]) -> None:
    from pipelines.explain.texts import REASONS  # noqa: PLC0415

    rival, evidence = apart.rival, apart.evidence
    mine = evidence.record_l if evidence.record_l in number else evidence.record_r
    title = f"记录 {number[mine]} — {rival.resident_id}"
    asked = f"（待核 {rival.review_id}）" if rival.review_id else ""
    _link(evidence, title, REASONS[rival.reason] + asked, "yellow")


def _origins(found: Explanation, number: dict[int, int]) -> None:
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415

    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for title in ("项目", "值", "来源（记录）", "日期", "选用规则", "其他说法"):
        table.add_column(title, overflow="fold")
    for cell in found.cells:
        record = number.get(cell.record_id or 0, "")
        table.add_row(
            cell.label,
            cell.value,
            f"{cell.source}（{record}）",
            str(cell.observed or ""),
            cell.rule,
            _others(cell),
            style="yellow" if cell.contested else "",
        )
    OUT.print(table)


def _others(cell: Origin) -> str:
    return "\n".join(
        f"{said.value}　{said.source} {said.observed or ''}"
        + (f" 等 {said.records} 条" if said.records > 1 else "")
        + (f"（{said.remark}）" if said.remark else "")
        for said in cell.others
    )
