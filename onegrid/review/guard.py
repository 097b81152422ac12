"""Who may see the page: one browser, through one link, from this page's own address."""

from __future__ import annotations

import hmac
import secrets
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from onegrid.review import texts
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
OPEN_PATHS = frozenset({"/review.css"})
"""What the page that refuses needs; it says nothing about anybody."""


@dataclass
class Session:
    """The secrets of one run of the command.

    Attributes:
        hosts: values of the Host header that are this page's own.
        link_token: opens the page once, see `admit`.
        form_token: what the page's own script sends with every change.
    """

    hosts: frozenset[str]
    link_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    _cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    _is_used: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def admit(self, token: str) -> bool:
        """Whether `token` opens the page; the right one does so a single time."""
        with self._lock:
            fits = hmac.compare_digest(token.encode(), self.link_token.encode())
            admitted = fits and not self._is_used
            self._is_used |= admitted
        return admitted

    def cookie_name(self, request: Request) -> str:
        """Cookies know no ports: two pages on one machine need two names."""
        return f"onegrid_review_{request.url.port or 80}"

    def knows(self, request: Request) -> bool:
        """Whether the browser was admitted before."""
        given = request.cookies.get(self.cookie_name(request), "")
        return hmac.compare_digest(given.encode(), self._cookie.encode())

    def let_in(self, request: Request, response: Response) -> None:
        """Let the browser come back without the link."""
        response.set_cookie(
            self.cookie_name(request), self._cookie, httponly=True, samesite="strict", path="/"
        )

    def is_own(self, request: Request) -> bool:
        """Whether a change was asked for by this page's own script."""
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc not in self.hosts:
            return False
        given = request.headers.get(FORM_HEADER, "")
        return hmac.compare_digest(given.encode(), self.form_token.encode())


Refuse = Callable[[Request, int, str], Response]


class Guard(BaseHTTPMiddleware):
    """Stands before every route: address, session, origin of changes, headers, silent errors."""

    def __init__(self, app: ASGIApp, session: Session, refuse: Refuse) -> None:
        super().__init__(app, self._guard)
        self._session = session
        self._refuse = refuse

    async def _guard(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await self._answer(request, call_next)
        response.headers.update(HEADERS)
        return response

    def _answer(self, request: Request, call_next: RequestResponseEndpoint) -> Awaitable[Response]:
        if request.headers.get("host", "") not in self._session.hosts:
            return _at_once(self._refuse(request, 403, texts.WRONG_HOST))
        token = request.query_params.get("token")
        is_knocking = request.method == "GET" and request.url.path == "/" and token is not None
        if request.url.path not in OPEN_PATHS and not self._session.knows(request):
            if not (is_knocking and self._session.admit(token or "")):
                return _at_once(self._refuse(request, 403, texts.FORBIDDEN))
        elif request.method not in {"GET", "HEAD"} and not self._session.is_own(request):
            return _at_once(self._refuse(request, 403, texts.WRONG_ORIGIN))
        return self._safely(request, call_next)

    async def _safely(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        try:
            return await call_next(request)
        except Exception as error:
            # A traceback, or a driver's message, may hold a value: neither reaches the terminal.
            first = (scrub(str(error)).strip().splitlines() or [""])[0]
            sys.stderr.write(f"onegrid: {type(error).__name__}: {first}\n")
            return self._refuse(request, 500, texts.FAILED)


async def _at_once(response: Response) -> Response:
    return response
