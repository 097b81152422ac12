"""`onegrid defects`: what is wrong in the departments' data, handed out and answered."""

from __future__ import annotations

import os
import re
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from onegrid.options import CONFIG, HOME, author, load, published

if TYPE_CHECKING:
    from pipelines.config import Config
    from pipelines.home import Home
    from pipelines.journal import Journal

FAILED = 1


@click.group("defects")
def defects() -> None:
    """Tell each department what is wrong in its data, and take in what it answers."""


@defects.command("out")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--month", help="YYYY-MM; default: the month of the last published night.")
@click.option("--department", help="Only this one, e.g. civil_affairs or 民政.")
@click.option("--author", "given", help="Who takes them (default: the login name).")
@CONFIG
@HOME
def out(  # noqa: PLR0917
    folder: Path,
    month: str | None,
    department: str | None,
    given: str | None,
    config: Path | None,
    home: Path | None,
) -> None:
    """Write one workbook a department to FOLDER, gravest defects first. They hold personal data.

    A month is told from its last night that is kept. What a department has answered is left out.
    """
    from pipelines import store  # noqa: PLC0415
    from pipelines.corrections import Corrections  # noqa: PLC0415
    from pipelines.defectbook import find_defects, make_book, texts  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415
    from schemas.source import DEPARTMENT_LABELS  # noqa: PLC0415

    viewer = author(given)
    place, settings = load(home, config)
    wanted = _departments(settings, department)
    with published(place, settings), open_journal(settings.journal_url) as journal:
        night, day = _night_of(place, journal, month)
        first = day.replace(day=1)
        files = {
            name: folder
            / texts.FILE.format(department=DEPARTMENT_LABELS[name], month=f"{first:%Y-%m}")
            for name in wanted
        }
        for file in files.values():
            if file.exists():
                raise click.BadParameter(
                    f"{file} exists and may hold answers; choose another folder",
                    param_hint="FOLDER",
                )
        folder.mkdir(parents=True, exist_ok=True)
        answers = Corrections(journal).in_force()
        limits = settings.district.limits
        with store.connect(
            place.night_file(night), limits, place.work / "spill", read_only=True
        ) as con:
            for name, file in files.items():
                found = find_defects(con, settings.sources, name, answers, first)
                if not found.defects:
                    click.echo(f"{DEPARTMENT_LABELS[name]}：没有要处理的问题")
                    continue
                book = make_book(
                    found,
                    settings.district,
                    settings.sources,
                    name,
                    month=first,
                    night=night,
                    day=day,
                )
                seen = {"what": "defects", "night": night, "items": list(book.items)}
                journal.append_receipt("view", f"defects/{name}", viewer, seen)
                beside = file.with_name(f".{file.name}.part")
                beside.write_bytes(book.content)
                os.replace(beside, file)
                rest = f"，另有 {book.left_out:,} 项没有列入" if book.left_out else ""
                click.echo(f"{file}：{len(book.items):,} 项{rest}")
    click.echo(f"第 {night} 晚（{day}）。含个人信息，只交给该部门")


@defects.command("in")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
)
@click.option("--author", "given", required=True, help="Who hands them in.")
@CONFIG
@HOME
def back(files: tuple[Path, ...], given: str, config: Path | None, home: Path | None) -> None:
    """Take the answers of FILES; the next night works with corrected values.

    Prints a receipt a file. Ends with 1 when a file or a row could not be taken; all else is kept.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from pipelines.defectbook import receipt_text, take_book  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415

    who = author(given)
    place, settings = load(home, config)
    today = datetime.now(ZoneInfo(settings.district.timezone)).date()
    receipts = []
    with published(place, settings) as con, open_journal(settings.journal_url) as journal:
        for file in files:
            receipt = take_book(
                con,
                journal,
                file,
                district=settings.district,
                sources=settings.sources,
                author=who,
                today=today,
            )
            receipts.append(receipt)
            click.echo(receipt_text(receipt))
    if any(receipt.refused or receipt.counts["refused"] for receipt in receipts):
        sys.exit(FAILED)


@defects.command("list")
@CONFIG
@HOME
def listed(config: Path | None, home: Path | None) -> None:
    """List the books that came back, without their values."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.corrections import Corrections  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415
    from schemas.source import DEPARTMENT_LABELS  # noqa: PLC0415

    _, settings = load(home, config)
    with open_journal(settings.journal_url) as journal:
        corrections = Corrections(journal)
        returns, undone = corrections.returns(), corrections.undone()
    zone = ZoneInfo(settings.district.timezone)
    table = Table(show_edge=False, pad_edge=False)
    for title in ("编号", "部门", "月份", "交回", "经手", "更正值", "已更正", "无误", "无法核实"):
        table.add_column(title)
    table.add_column("状态")
    for came in returns:
        numbers = (str(came.counts.get(k, 0)) for k in ("value", "mended", "right", "unknown"))
        table.add_row(
            came.return_id,
            DEPARTMENT_LABELS.get(came.department, came.department),
            came.month,
            f"{came.received_at.astimezone(zone):%Y-%m-%d}",
            came.author,
            *numbers,
            "已撤回" if came.return_id in undone else "",
        )
    OUT.print(table)


@defects.command("undo")
@click.argument("return_id")
@click.option("--redo", is_flag=True, help="Put a book that was taken back into force again.")
@click.option("--author", "given", help="Who does it (default: the login name).")
@click.option("--reason", required=True, help="Why; it is kept.")
@CONFIG
@HOME
def undo(  # noqa: PLR0917
    return_id: str,
    redo: bool,
    given: str | None,
    reason: str,
    config: Path | None,
    home: Path | None,
) -> None:
    """Take a returned book back: its answers count no more from the next night on."""
    from pipelines.corrections import Corrections  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415

    _, settings = load(home, config)
    with open_journal(settings.journal_url) as journal:
        corrections = Corrections(journal)
        if not corrections.knows(return_id):
            raise click.BadParameter("there is no such book", param_hint="RETURN_ID")
        corrections.say(return_id, "redo" if redo else "undo", author(given), reason)
    click.echo(f"{return_id} {'恢复' if redo else '撤回'}，下一晚生效")


def _departments(settings: Config, given: str | None) -> list[str]:
    """The departments that own a source with rows of theirs, or the one that was named."""
    from schemas.source import DEPARTMENT_LABELS  # noqa: PLC0415

    owners = {s.department for s in settings.sources.values() if s.kind != "returns"}
    known: list[str] = [name for name in DEPARTMENT_LABELS if name in owners]
    if given is None:
        return known
    named = [name for name in known if given in (name, DEPARTMENT_LABELS[name])]
    if not named:
        raise click.BadParameter(
            f"there is none of this name; there are: {', '.join(known)}",
            param_hint="--department",
        )
    return named


def _night_of(home: Home, journal: Journal, month: str | None) -> tuple[int, date]:
    """The newest published night that is kept, of `month` where one is given."""
    if month is not None and not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", month):
        raise click.BadParameter("a month is written 2026-11", param_hint="--month")
    nights = [
        (row.night, row.business_date)
        for row in journal.nights("published")
        if home.night_file(row.night).exists()
        and (month is None or f"{row.business_date:%Y-%m}" == month)
    ]
    if not nights:
        raise click.BadParameter(
            f"no published night of {month} is kept any more (see `onegrid nights`)",
            param_hint="--month",
        )
    return nights[-1]
