"""`onegrid return`: forms that came back, taken in, listed, settled, taken back."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from onegrid.options import CONFIG, HOME, author, load, published

FAILED = 1


@click.group("return")
def returned() -> None:
    """Take in forms that came back; the next night works with what they say."""


@returned.command("in")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--author", "given", help="Who answered (default: the grid of the form).")
@CONFIG
@HOME
def take(
    files: tuple[Path, ...], given: str | None, config: Path | None, home: Path | None
) -> None:
    """Take FILES, or without any what lies in the inbox under returns/.

    Prints a receipt a file. Ends with 1 when a file or a part of one could not be taken; all else
    is kept nevertheless.
    """
    from pipelines.intake import receipt_text, take_files, take_inbox  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415

    place, settings = load(home, config)
    who = author(given) if given else None
    with published(place, settings), open_journal(settings.journal_url) as journal:
        receipts = (
            take_files(place, settings, journal, files, author=who)
            if files
            else take_inbox(place, settings, journal)
        )
    for receipt in receipts:
        click.echo(receipt_text(receipt))
    click.echo(f"共 {len(receipts)} 个文件；收下的内容在下一晚生效")
    if any(receipt.refused or receipt.mend for receipt in receipts):
        sys.exit(FAILED)


@returned.command("list")
@CONFIG
@HOME
def listed(config: Path | None, home: Path | None) -> None:
    """List the returns, and the answers that wait for a person (without their values)."""
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.answers import Answers, to_settle  # noqa: PLC0415
    from pipelines.intake import texts  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415
    from schemas.fields import FIELD  # noqa: PLC0415

    _, settings = load(home, config)
    with open_journal(settings.journal_url) as journal:
        answers = Answers(journal)
        returns, undone, kept = answers.returns(), answers.undone(), answers.all()
    table = Table("编号", "表单", "版", "填报人", "收到", "生效", "待核定", "", show_edge=False)
    states = Counter((answer.return_id, answer.status) for answer in kept)
    for came in returns:
        table.add_row(
            came.return_id,
            came.form_id,
            str(came.version),
            came.author,
            f"{came.received_at:%Y-%m-%d %H:%M}",
            str(states[came.return_id, "applied"]),
            str(states[came.return_id, "review"]),
            "已撤回" if came.return_id in undone else "",
        )
    OUT.print(table)
    waiting = to_settle(kept)
    if waiting:
        table = Table("待核定", "居民", "项目", "原因", show_edge=False)
        for answer in waiting:
            label = FIELD[answer.field].label if answer.field in FIELD else "核实结果"
            reason = texts.REASONS.get(answer.reason or "", "")
            table.add_row(str(answer.answer_id), answer.resident_id, label, reason)
        OUT.print(table)


@returned.command("undo")
@click.argument("return_id")
@click.option("--author", "given", help="Who takes it back (default: the login name).")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--redo", is_flag=True, help="Put a return that was undone in force again.")
@CONFIG
@HOME
def undo(  # noqa: PLR0917
    return_id: str,
    given: str | None,
    reason: str,
    redo: bool,
    config: Path | None,
    home: Path | None,
) -> None:
    """Take back all that came with RETURN_ID; the next night is as if it had not come."""
    from pipelines.answers import Answers  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415

    _, settings = load(home, config)
    with open_journal(settings.journal_url) as journal:
        answers = Answers(journal)
        if not answers.knows(return_id):
            raise click.BadParameter("there is no such return", param_hint="RETURN_ID")
        answers.say(f"return:{return_id}", "redo" if redo else "undo", author(given), reason)
    click.echo(f"{return_id} {'恢复' if redo else '撤回'}，下一晚生效")


@returned.command("settle")
@click.argument("answer_id", type=int)
@click.argument("verdict", type=click.Choice(["accept", "reject"]))
@click.option("--author", "given", help="Who settles it (default: the login name).")
@click.option("--reason", required=True, help="Why; it is kept.")
@CONFIG
@HOME
def settle(  # noqa: PLR0917
    answer_id: int,
    verdict: str,
    given: str | None,
    reason: str,
    config: Path | None,
    home: Path | None,
) -> None:
    """Accept or reject an answer that waits (see `onegrid return list`)."""
    from pipelines.answers import Answers  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415

    _, settings = load(home, config)
    with open_journal(settings.journal_url) as journal:
        answers = Answers(journal)
        if not any(answer.answer_id == answer_id for answer in answers.all()):
            raise click.BadParameter("there is no such answer", param_hint="ANSWER_ID")
        answers.say(f"answer:{answer_id}", verdict, author(given), reason)
    click.echo(f"{answer_id}：{'采用' if verdict == 'accept' else '不采用'}，下一晚生效")
