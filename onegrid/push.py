"""`onegrid push`: the master's changes to the tables of grid platforms."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from onegrid.options import CONFIG, HOME, author, load, published

if TYPE_CHECKING:
    from pipelines.writeback import Example

FAILED = 1


@click.command()
@click.argument("target", required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be sent; write nothing.")
@click.option(
    "--rows",
    type=click.IntRange(0, 50),
    default=3,
    show_default=True,
    help="With --dry-run: rows of each kind to show beside what the target holds, masked.",
)
@click.option("--again", is_flag=True, help="Try rows once more that the target refused.")
@click.option("--author", "given", help="Who pushes (default: the login name).")
@CONFIG
@HOME
def push(  # noqa: PLR0917
    target: str | None,
    dry_run: bool,
    rows: int,
    again: bool,
    given: str | None,
    config: Path | None,
    home: Path | None,
) -> None:
    """Send TARGET (all of `targets/`, without one) what changed since it was told last.

    May be repeated and interrupted: what is in doubt is sent again, and writing it twice changes
    nothing. Ends with 1 when a target cannot be written or refused a row.
    """
    from pipelines.errors import TargetHeld  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415
    from pipelines.progress import tell  # noqa: PLC0415
    from pipelines.writeback import Outcome, compare, lock_name  # noqa: PLC0415
    from pipelines.writeback import push as send  # noqa: PLC0415

    place, settings = load(home, config)
    if target is not None and target not in settings.targets:
        known = ", ".join(settings.targets) or "none: add one under targets/"
        raise click.BadParameter(f"there are: {known}", param_hint="TARGET")
    if not settings.targets:
        raise click.UsageError("the configuration has no folder targets/, see docs/write-back.md")
    chosen = [settings.targets[target]] if target else list(settings.targets.values())
    who, failed = author(given), False
    with published(place, settings) as con, open_journal(settings.journal_url) as journal:
        for contract in chosen:
            try:
                if dry_run:
                    changes, examples = compare(con, journal, contract, examples=rows)
                    _tell(contract.label, Outcome(changes), is_done=False)
                    _show(examples)
                    continue
                with place.lock(lock_name(contract.target)):
                    outcome = send(
                        con,
                        journal,
                        contract,
                        author=who,
                        again=again,
                        done=lambda sent, total: tell("push", sent, total),
                    )
                _tell(contract.label, outcome, is_done=True)
                failed |= bool(outcome.aside)
            except TargetHeld as error:
                click.echo(f"{contract.label}：{error.reason_zh}", err=True)
                failed = True
    if failed:
        sys.exit(FAILED)


def _tell(label: str, outcome: object, *, is_done: bool) -> None:
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.writeback import Outcome, texts  # noqa: PLC0415
    from schemas.targets import REASONS  # noqa: PLC0415

    assert isinstance(outcome, Outcome)
    changes = outcome.changes
    if not changes.total and not changes.unfit and not changes.aside:
        OUT.print(texts.nothing(label))
        return
    OUT.print(f"{label}　{'已发送' if is_done else '试算，没有发送'}")
    table = Table(show_header=False, show_edge=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    rows = [("新增", changes.new), ("更新", changes.changed)]
    rows += [(f"标记·{REASONS[reason]}", n) for reason, n in changes.marked.items()]  # type: ignore[index]
    rows += [("没有变化", changes.unchanged)]
    rows += [(f"其中变化的项目·{name}", n) for name, n in changes.by_field.items()]
    rows += [(f"不能发送·{why}", n) for why, n in changes.unfit.items()]
    rows += [("以前被拒收，内容未变（--again 再试）", changes.aside)] if changes.aside else []
    rows += [("目标库已确认", outcome.sent)] if is_done else []
    rows += [(f"目标库拒收·{why}", n) for why, n in outcome.aside.items()]
    for name, number in rows:
        table.add_row(name, f"{number:,}")
    OUT.print(table)


def _show(examples: list[Example]) -> None:
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.writeback import texts  # noqa: PLC0415

    if not examples:
        return
    table = Table(title=texts.EXAMPLES, title_justify="left", show_edge=False, pad_edge=False)
    for name in texts.EXAMPLE_COLUMNS:
        table.add_column(name)
    for example in examples:
        first = (example.resident_id, texts.KIND_OF_EXAMPLE[example.kind])
        if not example.differences:
            table.add_row(*first, texts.NO_DIFFERENCE if example.kind != "lost" else "", "", "")
        for difference in example.differences:
            table.add_row(*first, difference.label, difference.before, difference.after)
            first = ("", "")
    OUT.print(table)
