"""Start the page: an address, a link that opens it once, and no word of what is asked."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress

import click
import uvicorn

from onegrid.review.app import make_app
from onegrid.review.desk import Desk
from onegrid.review.guard import Session
from pipelines.config import Config
from pipelines.errors import OnegridError
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
    is_local = _is_loopback(host)
    if not is_local and not exposed:
        raise OnegridError(
            f"--host {host} lets other machines reach residents' records; "
            "add --exposed if that is meant, or leave --host out"
        )
    if host in {"0.0.0.0", "::", ""}:
        raise OnegridError(
            f"--host {host} stands for every address; name the one that the reviewer will type"
        )
    listener = _listen(host, port)
    desk = Desk(home, config, author)
    port = listener.getsockname()[1]
    names = {host, "localhost"} if is_local else {host}
    hosts = {f"{f'[{name}]' if ':' in name else name}:{port}" for name in names}
    session = Session(frozenset(hosts))
    address = f"{f'[{host}]' if ':' in host else host}:{port}"
    if not is_local:
        click.echo(
            f"warning: {address} is reachable from other machines and is not encrypted; "
            "use a network that you trust, or a proxy with TLS",
            err=True,
        )
    click.echo(f"http://{address}/?token={session.link_token}")
    click.echo(f"reviewer {author}; the link works once; ctrl-c ends it")
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(desk, session),
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            ws="none",
            proxy_headers=False,
            timeout_graceful_shutdown=3,
        )
    )
    with suppress(KeyboardInterrupt):  # how the page is meant to be ended
        server.run(sockets=[listener])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        raise OnegridError(
            f"{host}:{port} cannot be listened on ({error.strerror}); choose another --port"
        ) from error
    return listener
