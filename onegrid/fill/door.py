"""Who may fill in: whoever has a token, for the grid of that token, until it ends."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from onegrid.fill import texts
from onegrid.web.guard import FORM_HEADER, is_from_here
from pipelines.tokens import Token, Tokens

OPEN_PATHS = frozenset({"/sign-in", "/fill.css", "/fill.js", "/worker.js", "/offline"})
"""What somebody needs who is not in yet; it says nothing about anybody."""
SIGN_IN_FORM = "sign-in"
"""What the sign-in page's own script sends as form token: there is no session to have one."""
STAYS = timedelta(hours=12)
"""How long a phone stays signed in."""
MOST_WRONG, WITHIN = 8, 900.0
"""Wrong tokens from one address within so many seconds; after that it has to wait."""
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Visit:
    """A phone that is signed in.

    Attributes:
        token: with which.
        until: when the cookie ends.
        form_token: what the pages' own script sends with every change.
    """

    token: Token
    until: datetime
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def grid(self) -> str:
        """The only grid that may be seen."""
        return self.token.grid_code

    @property
    def author(self) -> str:
        """Whose answers these are."""
        return self.token.author


class Slow:
    """Counts wrong tokens by address; forgets them after `WITHIN` seconds."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def must_wait(self, address: str) -> bool:
        """Whether `address` was wrong too often lately."""
        with self._lock:
            return len(self._recent(address)) >= MOST_WRONG

    def was_wrong(self, address: str) -> None:
        """Count one more."""
        with self._lock:
            recent = self._recent(address)
            recent.append(time.monotonic())
            self._wrong[address] = recent
            if len(self._wrong) > _MOST_REMEMBERED:
                for other in list(self._wrong)[: _MOST_REMEMBERED // 2]:
                    del self._wrong[other]

    def _recent(self, address: str) -> deque[float]:
        times = self._wrong.get(address, deque())
        while times and times[0] < time.monotonic() - WITHIN:
            times.popleft()
        return times


Refuse = Callable[[Request, int, str], Response]


class Door:
    """Tokens, cookies, and who comes in by them.

    Args:
        tokens: of the journal.
        hosts: values of the Host header that are this page's own.
        is_proxied: a proxy stands before the page: it speaks TLS, so cookies are marked for that,
            and names the phone's address as the last one in ``X-Forwarded-For``.
    """

    def __init__(self, tokens: Tokens, hosts: frozenset[str], *, is_proxied: bool = False) -> None:
        self.hosts = hosts
        self._tokens = tokens
        self._is_proxied = is_proxied
        self._visits: dict[str, Visit] = {}
        self._slow = Slow()
        self._lock = threading.Lock()
        self.refuse: Refuse = lambda _, status, message: PlainTextResponse(message, status)

    def sign_in(self, request: Request, text: str) -> tuple[Visit | None, str]:
        """Whoever typed `text`, or why they may not come in; `let_in` gives them a cookie."""
        address = self._address(request)
        if self._slow.must_wait(address):
            return None, texts.WAIT
        token, now = self._tokens.find(text), datetime.now(UTC)
        if token is None:
            self._slow.was_wrong(address)
            return None, texts.WRONG_TOKEN
        if not token.is_good(now):
            self._slow.was_wrong(address)
            return None, texts.ENDED_TOKEN
        return Visit(token, min(now + STAYS, token.expires_at)), ""

    def let_in(self, request: Request, response: Response, visit: Visit) -> None:
        """Give a phone its cookie."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            now = datetime.now(UTC)
            self._visits = {key: v for key, v in self._visits.items() if v.until > now}
            self._visits[secret] = visit
        response.set_cookie(
            self._cookie_name(request),
            secret,
            max_age=max(0, int((visit.until - datetime.now(UTC)).total_seconds())),
            httponly=True,
            samesite="strict",
            secure=self._is_proxied,
            path="/",
        )

    def sign_out(self, request: Request, response: Response) -> None:
        """Take the cookie back; it opens nothing any more, wherever it is kept."""
        with self._lock:
            self._visits.pop(request.cookies.get(self._cookie_name(request), ""), None)
        response.delete_cookie(self._cookie_name(request), path="/")

    def visit(self, request: Request) -> Visit | None:
        """Who asks; None: somebody whose cookie or token does not count, or counts no more."""
        visit = self._visits.get(request.cookies.get(self._cookie_name(request), ""))
        now = datetime.now(UTC)
        if visit is None or visit.until <= now:
            return None
        token = self._tokens.get(visit.token.token_id)
        return visit if token is not None and token.is_good(now) else None

    async def turn_away(self, request: Request) -> Response | None:
        """Whoever is not signed in is shown where to do that."""
        if request.url.path in OPEN_PATHS:
            return None
        request.state.visit = await run_in_threadpool(self.visit, request)
        if request.state.visit is not None:
            return None
        if request.method == "GET":
            return RedirectResponse("/sign-in", 303)
        return self.refuse(request, 401, texts.SIGN_IN_AGAIN)

    def is_own(self, request: Request) -> bool:
        """Whether a change was asked for by a page of ours, as this phone was given it."""
        if request.url.path == "/sign-in":
            return is_from_here(request, self.hosts, SIGN_IN_FORM)
        visit: Visit = request.state.visit
        return FORM_HEADER in request.headers and is_from_here(
            request, self.hosts, visit.form_token
        )

    def _cookie_name(self, request: Request) -> str:
        """Cookies know no ports: two pages on one machine need two names."""
        return f"onegrid_fill_{request.url.port or 80}"

    def _address(self, request: Request) -> str:
        named = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        if self._is_proxied and named:
            return named[:64]
        return request.client.host if request.client else ""
