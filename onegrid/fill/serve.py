"""Start the page on which forms are filled in."""

from __future__ import annotations

from urllib.parse import urlsplit

import click

from onegrid.fill.app import make_app
from onegrid.fill.desk import Desk
from onegrid.fill.door import Door
from onegrid.web.serve import addresses, listen, run
from pipelines.config import Config
from pipelines.home import Home


def serve(
    home: Home, config: Config, host: str, port: int, *, exposed: bool, public: str | None
) -> None:
    """Serve the page until ctrl-c.

    Args:
        home, config: whose forms.
        host, port: where; port 0 takes a free one.
        exposed: allow a host that other machines can reach.
        public: https address by which a proxy makes the page known.

    Raises:
        OnegridError: nothing is published, the port is taken, or the host is not allowed.
    """
    listener = listen(host, port, exposed=exposed)
    desk = Desk(home, config)
    address, hosts = addresses(host, listener.getsockname()[1])
    if public is not None:
        hosts |= {urlsplit(public).netloc}
    door = Door(desk.tokens, hosts, is_proxied=public is not None)
    app = make_app(desk, door)
    click.echo(public or f"http://{address}/")
    click.echo("`onegrid fill token GRID --author NAME` lets somebody in; ctrl-c ends it")
    run(app, listener, host)
