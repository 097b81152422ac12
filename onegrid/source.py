"""`onegrid source draft`: a source map for a table or workbook nobody has described yet."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from onegrid.options import CONFIG, HOME, load

_VARIABLE = re.compile(r"\$\{(\w+)\}")


@click.group()
def source() -> None:
    """Source maps: what a department's table or a village's workbook holds."""


@source.command("draft")
@click.argument("place", metavar="FILE_OR_URL", envvar="ONEGRID_SOURCE_URL")
@click.option("--table", metavar="NAME", help="Table or view (schema.name too); of files, a sheet.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; one that is there is left alone (default: print).",
)
@CONFIG
@HOME
def draft(
    place: str, table: str | None, out: Path | None, config: Path | None, home: Path | None
) -> None:
    """Draft a source map for a workbook, or for a table behind an SQLAlchemy URL.

    FILE_OR_URL may also be a name under `databases` in district.yaml. ${NAME} in it comes from the
    environment; without it, $ONEGRID_SOURCE_URL is read. Without --table the tables are listed.
    """
    from pipelines.draft.draft import draft_table, draft_workbook  # noqa: PLC0415
    from pipelines.draft.sample import tables  # noqa: PLC0415
    from pipelines.draft.write import write_draft  # noqa: PLC0415

    _, settings = load(home, config)
    if out is not None and out.exists():
        raise click.BadParameter(f"{out} is there already", param_hint="--out")
    today = datetime.now(ZoneInfo(settings.district.timezone)).date()
    maps = settings.sources.values()
    path = Path(place)
    url = settings.databases.get(place) or _filled(place)
    if "://" not in url and path.is_file():
        text, proposals = draft_workbook(path, table, settings.ledgers, maps, today)
    elif "://" not in url:
        raise click.BadParameter(
            "neither a file, a database URL nor a name under 'databases'",
            param_hint="FILE_OR_URL",
        )
    elif table is None:
        for name in tables(url):
            click.echo(name)
        return
    else:
        database = place if place in settings.databases else "my_database"
        text, proposals = draft_table(url, table, database, maps, today)
    if out is None:
        click.echo(text, nl=False)
        return
    write_draft(text, out)
    pulled = sum(1 for proposal in proposals if proposal.slot.name)
    sure = sum(1 for proposal in proposals if proposal.slot.name and proposal.is_sure)
    click.echo(
        f"{out}: {len(proposals)} columns, {pulled} recognised, {sure} of them surely; "
        "what is marked 待确认 is yours to decide"
    )


def _filled(place: str) -> str:
    def replace(match: re.Match[str]) -> str:
        if match.group(1) not in os.environ:
            raise click.BadParameter(
                f"the environment variable {match.group(1)} is not set", param_hint="FILE_OR_URL"
            )
        return os.environ[match.group(1)]

    return _VARIABLE.sub(replace, place)
