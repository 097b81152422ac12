"""What stands before every route of a page: address, admission, origin of changes, headers."""

from __future__ import annotations

import hmac
import sys
from typing import Protocol
from urllib.parse import urlsplit

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from onegrid.web import texts
from pipelines.privacy import scrub

FORM_HEADER = "x-onegrid-form"
"""Header that a page's own script sends with every change; other sites cannot set it."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Door(Protocol):
    """Who may see a page; `hosts` are the values of the Host header that are its own."""

    @property
    def hosts(self) -> frozenset[str]:
        """The page's own addresses."""

    async def turn_away(self, request: Request) -> Response | None:
        """The answer to a request that may not come in; None: it may."""

    def is_own(self, request: Request) -> bool:
        """Whether a change was asked for by this page's own script, see `is_from_here`."""

    def refuse(self, request: Request, status: int, message: str) -> Response:
        """How the page says that something is wrong."""


class Guard(BaseHTTPMiddleware):
    """Lets through what comes to this address, is let in, and changes things from this page.

    All answers carry `HEADERS`; what goes wrong inside is not told to anybody in detail.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        super().__init__(app, self._guard)
        self._door = door

    async def _guard(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await self._answer(request, call_next)
        response.headers.update(HEADERS)
        return response

    async def _answer(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        door = self._door
        try:
            if request.headers.get("host", "") not in door.hosts:
                return door.refuse(request, 403, texts.WRONG_HOST)
            if (refused := await door.turn_away(request)) is not None:
                return refused
            if request.method not in {"GET", "HEAD"} and not door.is_own(request):
                return door.refuse(request, 403, texts.WRONG_ORIGIN)
            return await call_next(request)
        except Exception as error:
            # A traceback, or a driver's message, may hold a value: neither reaches the terminal.
            first = (scrub(str(error)).strip().splitlines() or [""])[0]
            sys.stderr.write(f"onegrid: {type(error).__name__}: {first}\n")
            return door.refuse(request, 500, texts.FAILED)


def is_from_here(request: Request, hosts: frozenset[str], form_token: str) -> bool:
    """Whether a request's origin is one of `hosts`, and it carries the page's own `form_token`."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in hosts:
        return False
    return same(request.headers.get(FORM_HEADER, ""), form_token)


def same(given: str, secret: str) -> bool:
    """Whether two texts are the same, in a time that does not tell how nearly."""
    return hmac.compare_digest(given.encode(), secret.encode())
