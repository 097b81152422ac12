"""`onegrid burden`: what the forms ask, what they spare, and how often that was right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from onegrid.options import CONFIG, HOME, load, published

if TYPE_CHECKING:
    from pipelines.report.burden import By

_COLUMNS = {
    "required": "应填",
    "known": "已有",
    "verify": "待核",
    "ask": "需填",
    "waits": "另表询问",
    "withheld": "不予提供",
    "answered": "已填回",
    "confirmed": "核对无误",
    "corrected": "更正",
    "spared": "免问",
}


@click.command("burden")
@click.option(
    "--by",
    type=click.Choice(["form", "field", "grid", "department"]),
    default="field",
    show_default=True,
)
@click.option("--repeated", is_flag=True, help="Also what several departments have collected.")
@CONFIG
@HOME
def burden(by: By, repeated: bool, config: Path | None, home: Path | None) -> None:
    """Print the cells that the forms in force require, ask and spare."""
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.report.burden import label, read_burden, read_repeated  # noqa: PLC0415
    from schemas.fields import FIELD  # noqa: PLC0415
    from schemas.source import DEPARTMENT_LABELS  # noqa: PLC0415

    place, settings = load(home, config)
    with published(place, settings) as con:
        (rows,) = read_burden(con, settings, by)
        twice = read_repeated(con) if repeated else []
    total = {column: sum(row[column] for row in rows) for column in (*_COLUMNS, "seconds_spared")}
    shown = [column for column in _COLUMNS if total[column] or column in {"required", "spared"}]
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("", no_wrap=True)
    for title in (*(_COLUMNS[column] for column in shown), "省时（小时）"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        name = (
            DEPARTMENT_LABELS.get(row["group"], "尚无人掌握")
            if by == "department"
            else label(by, row["group"], settings)
        )
        cells = [f"{row[column]:,}" for column in shown]
        table.add_row(name, *cells, f"{row['seconds_spared'] / 3600:,.1f}")
    OUT.print(table)
    OUT.print(
        f"应填 {total['required']:,} 项，免问 {total['spared']:,} 项"
        f"（{total['spared'] / max(total['required'], 1):.1%}），"
        f"后来被更正 {total['corrected']:,} 项；约省 {total['seconds_spared'] / 3600:,.0f} 小时"
    )
    if twice:
        table = Table(show_edge=False, pad_edge=False)
        for title in ("项目", "有人掌握（人）", "重复采集（次）"):
            table.add_column(title, justify="left" if title == "项目" else "right")
        for row in twice:
            if row["repeated"]:
                name = FIELD[row["field"]].label
                table.add_row(name, f"{row['held']:,}", f"{row['repeated']:,}")
        OUT.print(table)
