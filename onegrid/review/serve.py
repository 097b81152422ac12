"""Start the page: an address, and a link that opens it once."""

from __future__ import annotations

import click

from onegrid.review.app import make_app
from onegrid.review.desk import Desk
from onegrid.review.guard import Session
from onegrid.web.serve import addresses, listen, run
from pipelines.config import Config
from pipelines.home import Home


def serve(home: Home, config: Config, author: str, host: str, port: int, *, exposed: bool) -> None:
    """Serve the page until ctrl-c.

    Args:
        home, config: whose queue.
        author: stands beside every decision and view.
        host, port: where; port 0 takes a free one.
        exposed: allow a host that other machines can reach.

    Raises:
        OnegridError: nothing is published, the port is taken, or the host is not allowed.
    """
    listener = listen(host, port, exposed=exposed)
    desk = Desk(home, config, author)
    address, hosts = addresses(host, listener.getsockname()[1])
    session = Session(hosts)
    app = make_app(desk, session)
    click.echo(f"http://{address}/?token={session.link_token}")
    click.echo(f"reviewer {author}; the link works once; ctrl-c ends it")
    run(app, listener, host)
