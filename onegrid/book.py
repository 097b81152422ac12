"""`onegrid review-book`: the review queue as a workbook, out and back."""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from onegrid.options import CONFIG, HOME, author, load, published

if TYPE_CHECKING:
    from pipelines.reviewbook import Outcome

FAILED = 1
_KINDS = {"taken": "已收", "again": "以前已收", "blank": "未填", "refused": "没有收"}


@click.group("review-book")
def review_book() -> None:
    """Hand the review queue out as a workbook, and take in what comes back."""


@review_book.command("out")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--village", help="Only items of this village (12 digits).")
@click.option("--most", type=click.IntRange(1), help="At most so many items.")
@click.option("--author", "given", help="Who takes it (default: the login name).")
@CONFIG
@HOME
def out(  # noqa: PLR0917
    file: Path,
    village: str | None,
    most: int | None,
    given: str | None,
    config: Path | None,
    home: Path | None,
) -> None:
    """Write the open items to FILE (.xlsx), most valuable first. It holds personal data."""
    from pipelines.journal import open_journal  # noqa: PLC0415
    from pipelines.reviewbook import make_book  # noqa: PLC0415

    viewer = author(given)
    if file.suffix.lower() != ".xlsx":
        raise click.BadParameter("the name must end in .xlsx", param_hint="FILE")
    if file.exists():
        raise click.BadParameter(
            f"{file} exists and may hold answers; choose another name", param_hint="FILE"
        )
    place, settings = load(home, config)
    with published(place, settings) as con, open_journal(settings.journal_url) as journal:
        book = make_book(con, journal, settings.district, village=village, most=most)
        seen = {"what": "review-book", "night": book.night, "items": list(book.items)}
        journal.append_receipt("view", "review-book", viewer, seen)
    beside = file.with_name(f".{file.name}.part")
    beside.write_bytes(book.content)
    os.replace(beside, file)
    click.echo(f"{file}：{len(book.items)} 项（第 {book.night} 晚）。含个人信息，只供核定使用")


@review_book.command("in")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--author", "given", required=True, help="Who answered.")
@CONFIG
@HOME
def back(file: Path, given: str, config: Path | None, home: Path | None) -> None:
    """Take the answers of FILE as decisions; the next night obeys.

    Ends with 1 when a row could not be taken; the others are kept all the same.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from pipelines.journal import open_journal  # noqa: PLC0415
    from pipelines.reviewbook import read_book, take_answers  # noqa: PLC0415

    reviewer = author(given)
    place, settings = load(home, config)
    answers = read_book(file, settings.district)
    zone = ZoneInfo(settings.district.timezone)
    with published(place, settings) as con, open_journal(settings.journal_url) as journal:
        outcomes = take_answers(con, journal, answers, reviewer, zone)
        counts = Counter(outcome.kind for outcome in outcomes)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        journal.append_receipt(
            "return", f"review-book/{digest[:16]}", reviewer, {"sha256": digest, **counts}
        )
    _report(outcomes)
    if counts["refused"]:
        sys.exit(FAILED)


def _report(outcomes: list[Outcome]) -> None:
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.reviewbook import texts  # noqa: PLC0415

    counts = Counter(outcome.kind for outcome in outcomes)
    said = "　".join(f"{label} {counts[kind]}" for kind, label in _KINDS.items())
    OUT.print(f"共 {len(outcomes)} 项：{said}")
    told = [
        outcome
        for outcome in outcomes
        if outcome.kind == "refused" or outcome.says == texts.TAKEN_BUT
    ]
    if told:
        table = Table(show_edge=False, pad_edge=False)
        table.add_column("行", justify="right")
        table.add_column("待核编号")
        table.add_column("结果", overflow="fold")
        for outcome in told:
            table.add_row(str(outcome.row), outcome.review_id[:16], outcome.says)
        OUT.print(table)
    if counts["taken"]:
        OUT.print("已收的核定在下一晚生效")
