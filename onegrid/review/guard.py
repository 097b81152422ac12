"""Who may see the page: one browser, through one link."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from onegrid.review import texts
from onegrid.web.guard import is_from_here, same

OPEN_PATHS = frozenset({"/review.css"})
"""What the page that refuses needs; it says nothing about anybody."""
Refuse = Callable[[Request, int, str], Response]


def _plainly(_: Request, status: int, message: str) -> Response:
    return PlainTextResponse(message, status)


@dataclass
class Session:
    """The secrets of one run of the command.

    Attributes:
        hosts: values of the Host header that are this page's own.
        link_token: opens the page once, see `admit`.
        form_token: what the page's own script sends with every change.
        refuse: how the page says that something is wrong.
    """

    hosts: frozenset[str]
    link_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    refuse: Refuse = field(default=_plainly, repr=False)
    _cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    _is_used: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def admit(self, token: str) -> bool:
        """Whether `token` opens the page; the right one does so a single time."""
        with self._lock:
            admitted = same(token, self.link_token) and not self._is_used
            self._is_used |= admitted
        return admitted

    def cookie_name(self, request: Request) -> str:
        """Cookies know no ports: two pages on one machine need two names."""
        return f"onegrid_review_{request.url.port or 80}"

    def knows(self, request: Request) -> bool:
        """Whether the browser was admitted before."""
        return same(request.cookies.get(self.cookie_name(request), ""), self._cookie)

    def let_in(self, request: Request, response: Response) -> None:
        """Let the browser come back without the link."""
        response.set_cookie(
            self.cookie_name(request), self._cookie, httponly=True, samesite="strict", path="/"
        )

    async def turn_away(self, request: Request) -> Response | None:
        """The answer to a browser that neither was admitted before nor has the link."""
        if request.url.path in OPEN_PATHS or self.knows(request):
            return None
        token = request.query_params.get("token")
        is_knocking = request.method == "GET" and request.url.path == "/" and token is not None
        if is_knocking and self.admit(token or ""):
            return None
        return self.refuse(request, 403, texts.FORBIDDEN)

    def is_own(self, request: Request) -> bool:
        """Whether a change was asked for by this page's own script."""
        return is_from_here(request, self.hosts, self.form_token)
