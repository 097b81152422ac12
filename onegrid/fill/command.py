"""`onegrid fill`: the page for grid workers, and the tokens that let them in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import click

from onegrid.options import CONFIG, HOME, author, load, published

_PUBLIC = click.option(
    "--public",
    help="https address by which a proxy with TLS makes the page known, e.g. https://fill.example.",
)


@click.group(invoke_without_command=True)
@click.option("--port", type=click.IntRange(0, 65_535), default=8766, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--exposed", is_flag=True, help="Allow a --host that other machines can reach.")
@_PUBLIC
@CONFIG
@HOME
@click.pass_context
def fill(  # noqa: PLR0917
    context: click.Context,
    port: int,
    host: str,
    exposed: bool,
    public: str | None,
    config: Path | None,
    home: Path | None,
) -> None:
    """Serve the page on which grid workers fill in their forms on a phone.

    What they send counts from the next night on, as what comes back in workbooks does. Who signed
    in, opened a household or sent one is kept in the journal, without any value.
    """
    if context.invoked_subcommand is not None:
        if home is not None or config is not None:
            raise click.UsageError("--home and --config stand behind the subcommand")
        return
    from onegrid.fill.serve import serve  # noqa: PLC0415

    serve(*load(home, config), host, port, exposed=exposed, public=_address(public))


@fill.command("token")
@click.argument("grid")
@click.option("--author", "given", required=True, help="Who will sign in with it.")
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True)
@click.option("--by", help="Who gives it out (default: the login name).")
@_PUBLIC
@CONFIG
@HOME
def token(  # noqa: PLR0917
    grid: str,
    given: str,
    days: int,
    by: str | None,
    public: str | None,
    config: Path | None,
    home: Path | None,
) -> None:
    """Make a token that lets NAME fill in the forms of GRID (its code). It is shown this once.

    The second line is the way to be signed in at once, behind the page's address.
    """
    from pipelines.journal import open_journal  # noqa: PLC0415
    from pipelines.tokens import Tokens  # noqa: PLC0415

    place, settings = load(home, config)
    who, giver, address = author(given), author(by), _address(public)
    with published(place, settings) as con:
        query = "SELECT count(*) FROM deliver.form WHERE grid_code = ?"
        if con.execute(query, [grid]).fetchall()[0][0] == 0:
            raise click.BadParameter("no form has gone to this grid", param_hint="GRID")
    with open_journal(settings.journal_url) as journal:
        made, text = Tokens(journal).make(grid, who, days, giver)
    until = made.expires_at.astimezone(ZoneInfo(settings.district.timezone))
    click.echo(text)
    click.echo(f"{address or ''}/sign-in#{text}")
    click.echo(f"token {made.token_id}: grid {grid}, {who}, until {until:%Y-%m-%d %H:%M}", err=True)


@fill.command("tokens")
@CONFIG
@HOME
def tokens(config: Path | None, home: Path | None) -> None:
    """List the tokens that were made."""
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415
    from pipelines.tokens import Tokens  # noqa: PLC0415

    _, settings = load(home, config)
    zone, now = ZoneInfo(settings.district.timezone), datetime.now(UTC)
    table = Table("编号", "网格", "使用人", "发出", "到期", "", show_edge=False)
    with open_journal(settings.journal_url) as journal:
        for found in Tokens(journal).all():
            state = "已停用" if found.is_revoked else "" if found.is_good(now) else "已到期"
            days = (f"{day.astimezone(zone):%Y-%m-%d}" for day in (found.made_at, found.expires_at))
            table.add_row(str(found.token_id), found.grid_code, found.author, *days, state)
    OUT.print(table)


@fill.command("revoke")
@click.argument("token_id", type=int)
@click.option("--author", "given", help="Who ends it (default: the login name).")
@CONFIG
@HOME
def revoke(token_id: int, given: str | None, config: Path | None, home: Path | None) -> None:
    """End a token at once (see `onegrid fill tokens`); phones that use it are out."""
    from pipelines.journal import open_journal  # noqa: PLC0415
    from pipelines.tokens import Tokens  # noqa: PLC0415

    _, settings = load(home, config)
    with open_journal(settings.journal_url) as journal:
        tokens = Tokens(journal)
        if tokens.get(token_id) is None:
            raise click.BadParameter("there is no such token", param_hint="TOKEN_ID")
        tokens.revoke(token_id, author(given))
    click.echo(f"{token_id} 已停用")


def _address(public: str | None) -> str | None:
    """The public address without a slash at its end.

    Raises:
        click.BadParameter: it is no https address, or has a path.
    """
    if public is None:
        return None
    parts = urlsplit(public)
    if parts.scheme != "https" or not parts.netloc or parts.path.strip("/") or parts.query:
        raise click.BadParameter("https://NAME is meant", param_hint="--public")
    return f"https://{parts.netloc}"
