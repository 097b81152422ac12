"""`onegrid review`: the command that starts the page."""

from __future__ import annotations

from pathlib import Path

import click

from onegrid.options import CONFIG, HOME, author, load


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8765, show_default=True)
@click.option("--author", "given", help="Who decides (default: the login name).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--exposed", is_flag=True, help="Allow a --host that other machines can reach.")
@CONFIG
@HOME
def review(  # noqa: PLR0917
    port: int, given: str | None, host: str, exposed: bool, config: Path | None, home: Path | None
) -> None:
    """Settle doubtful matches on a local page; the next night obeys.

    Every decision and every view is kept in the journal, with who and when.
    """
    from onegrid.review.serve import serve  # noqa: PLC0415

    serve(*load(home, config), author(given), host, port, exposed=exposed)
