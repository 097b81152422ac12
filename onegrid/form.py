"""`onegrid form plan`: is a new form needed, and which of its items are known already."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from onegrid.options import CONFIG, HOME, author, load, published

FAILED = 1
_VERDICTS = {
    "needed": "需要",
    "known": "已掌握，不必再问",
    "asked": "已由《{forms}》询问",
    "withheld": "掌握的部门不能用于此目的",
}


@click.group()
def form() -> None:
    """Forms before they go out."""


@form.command("plan")
@click.argument("contract", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--keep",
    "kept",
    multiple=True,
    metavar="FIELD=REASON",
    help="Ask FIELD although it is not needed; the reason is kept. May be repeated.",
)
@click.option("--author", "given", help="Who plans it (default: the login name).")
@CONFIG
@HOME
def plan(
    contract: Path,
    kept: tuple[str, ...],
    given: str | None,
    config: Path | None,
    home: Path | None,
) -> None:
    """Tell what of CONTRACT (a form in YAML) is held already, by whom and how fresh.

    Ends with 1 when it asks what need not be asked and no reason is given for that.
    """
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.deliver.appraise import appraise  # noqa: PLC0415
    from pipelines.errors import ConfigError  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415
    from schemas.contract import ContractError, parse_contract  # noqa: PLC0415
    from schemas.fields import FIELD  # noqa: PLC0415
    from schemas.forms import FormContract  # noqa: PLC0415

    place, settings = load(home, config)
    try:
        wanted = parse_contract(contract.read_text("utf-8"), str(contract), FormContract)
    except ContractError as error:
        raise ConfigError(str(error)) from error
    reasons = dict(_reason(word, {item.field for item in wanted.items}) for word in kept)
    with published(place, settings) as con:
        found = appraise(con, wanted, settings.forms)
    OUT.print(f"《{wanted.title}》　对象 {found.residents:,} 人")
    table = Table(show_edge=False, pad_edge=False)
    for title in ("项目", "已有", "待核", "没人掌握", "掌握的部门（人数，数据时间）", "结论"):
        table.add_column(
            title, justify="right" if title in {"已有", "待核"} else "left", overflow="fold"
        )
    for item in found.items:
        holders = "；".join(
            f"{h.department or '来源不明'} {h.residents:,}"
            + (f"，{h.observed:%Y-%m}" if h.observed else "")
            for h in item.holders[:3]
        )
        said = _VERDICTS[item.verdict].format(forms="》《".join(item.asked_by))
        if item.field in reasons and item.verdict != "needed":
            said += "（说明理由后保留）"
        table.add_row(
            FIELD[item.field].label,
            f"{item.share_known:.1%}",
            f"{item.verify / max(item.concerned, 1):.1%}",
            f"{item.ask:,}",
            holders,
            said,
        )
    OUT.print(table)
    refused = [name for name in found.unneeded if name not in reasons]
    if overridden := [name for name in found.unneeded if name in reasons]:
        with open_journal(settings.journal_url) as journal:
            journal.append_receipt(
                "form_plan",
                wanted.form,
                author(given),
                {"kept": {name: reasons[name] for name in overridden}},
            )
    if not found.is_needed and not overridden:
        OUT.print("这张表不需要：没有一项是必须再问的")
        sys.exit(FAILED)
    if refused:
        named = "、".join(FIELD[name].label for name in refused)
        OUT.print(f"请从表中去掉：{named}；确需保留的，用 --keep 字段=理由 说明")
        sys.exit(FAILED)
    OUT.print("可以下发")


def _reason(word: str, fields: set[str]) -> tuple[str, str]:
    name, _, reason = word.partition("=")
    if name not in fields or len(reason.strip()) < 4:
        raise click.BadParameter(
            f"FIELD=REASON is wanted, with a field of the form ({', '.join(sorted(fields))})",
            param_hint="--keep",
        )
    return name, reason.strip()


@form.command("odk")
@click.argument("name", metavar="FORM")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--grid", "grids", multiple=True, metavar="CODE", help="Only this grid; repeatable.")
@CONFIG
@HOME
def odk(
    name: str, folder: Path, grids: tuple[str, ...], config: Path | None, home: Path | None
) -> None:
    """Write FORM of the published night for ODK or Kobo: a folder a grid below FOLDER.

    Submissions come back as CSV or JSON through `onegrid return in`, or the inbox.
    """
    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.deliver.odk import write_packages  # noqa: PLC0415

    place, settings = load(home, config)
    if (contract := settings.forms.get(name)) is None:
        raise click.BadParameter(f"one of {', '.join(settings.forms)}", param_hint="FORM")
    with published(place, settings) as con:
        written = write_packages(con, contract, folder, grids=grids)
    people = sum(package.people for package in written)
    OUT.print(f"《{contract.title}》　{len(written)} 个网格，{people:,} 人有要填、要核的内容")
    OUT.print(str(folder), soft_wrap=True)


@form.command("password")
@click.argument("grids", nargs=-1, required=True, metavar="GRID...")
@click.option("--author", "given", help="Who asks (default: the login name).")
@CONFIG
@HOME
def password(
    grids: tuple[str, ...], given: str | None, config: Path | None, home: Path | None
) -> None:
    """Print the password of each GRID's encrypted workbooks; who asked for which is kept."""
    from pipelines.deliver.locks import grid_password  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415

    place, settings = load(home, config)
    with published(place, settings) as con:
        known = {
            grid
            for (grid,) in con.execute("SELECT DISTINCT grid_code FROM deliver.form").fetchall()
        }
    if unknown := [grid for grid in grids if grid not in known]:
        raise click.BadParameter(f"no form went to {', '.join(unknown)}", param_hint="GRID")
    told = {grid: grid_password(grid) for grid in grids}
    with open_journal(settings.journal_url) as journal:
        for grid in grids:
            journal.append_receipt("form_password", grid, author(given), {})
    for grid, word in told.items():
        click.echo(f"{grid}  {word}")
