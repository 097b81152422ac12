"""Start a page: where it listens, what it calls itself, and no word of what is asked."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress

import click
import uvicorn
from starlette.applications import Starlette

from pipelines.errors import OnegridError


def listen(host: str, port: int, *, exposed: bool) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Args:
        host, port: where.
        exposed: allow a host that other machines can reach.

    Raises:
        OnegridError: the port is taken, or the host is not allowed.
    """
    if not is_loopback(host) and not exposed:
        raise OnegridError(
            f"--host {host} lets other machines reach residents' records; "
            "add --exposed if that is meant, or leave --host out"
        )
    if host in {"0.0.0.0", "::", ""}:
        raise OnegridError(
            f"--host {host} stands for every address; name the one that people will type"
        )
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


def addresses(host: str, port: int) -> tuple[str, frozenset[str]]:
    """What a page at `host` is called, and all values of the Host header that are its own."""
    names = {host, "localhost"} if is_loopback(host) else {host}
    return _address(host, port), frozenset(_address(name, port) for name in names)


def run(app: Starlette, listener: socket.socket, host: str) -> None:
    """Serve until ctrl-c; says so if other machines can read along."""
    if not is_loopback(host):
        port = listener.getsockname()[1]
        click.echo(
            f"warning: {_address(host, port)} is reachable from other machines and is not "
            "encrypted; use a network that you trust, or a proxy with TLS",
            err=True,
        )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
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


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(host: str, port: int) -> str:
    return f"{f'[{host}]' if ':' in host else host}:{port}"
