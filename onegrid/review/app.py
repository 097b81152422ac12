"""The routes of the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from onegrid.review import texts
from onegrid.review.compare import age, hidden
from onegrid.review.desk import Desk, Gone, Refused
from onegrid.review.guard import Session
from onegrid.review.queue import Filter
from onegrid.review.waterfall import chance
from onegrid.web.guard import Guard
from onegrid.web.parts import body as read_body
from onegrid.web.parts import static, templates
from pipelines.explain.records import KEY_FIELDS, readable
from pipelines.explain.texts import REASONS
from pipelines.link.texts import TIER_LABELS
from pipelines.report.texts import REVIEW_LABELS
from schemas.fields import FIELD

PAGE = 100
"""Items on a page of the queue, and words on the page of what was decided."""
LARGEST_BODY = 10_000


def make_app(desk: Desk, session: Session) -> Starlette:
    """The page of `desk`, open to the browser that `session` admits."""
    pages = _Pages(desk, session)
    session.refuse = pages.refuse

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        desk.close()

    return Starlette(
        routes=[
            Route("/", pages.queue),
            Route("/item/{review_id}", pages.item),
            Route("/item/{review_id}/numbers", pages.numbers, methods=["POST"]),
            Route("/item/{review_id}/decide", pages.decide, methods=["POST"]),
            Route("/resident/{resident_id}", pages.resident),
            Route("/resident/{resident_id}/numbers", pages.resident_numbers, methods=["POST"]),
            Route("/undo", pages.undo, methods=["POST"]),
            Route("/decided", pages.decided),
            Route("/review.css", static("onegrid.review", "review.css", "text/css")),
            Route("/review.js", static("onegrid.review", "review.js", "text/javascript")),
        ],
        middleware=[Middleware(Guard, door=session)],
        exception_handlers={
            HTTPException: pages.wrong_address,
            Gone: pages.gone,
            Refused: pages.refused,
        },
        lifespan=lifespan,
        max_body_size=LARGEST_BODY,
    )


class _Pages:
    def __init__(self, desk: Desk, session: Session) -> None:
        self._desk = desk
        self._session = session
        self._templates = templates("onegrid.review")
        self._templates.filters["chance"] = chance
        self._templates.globals |= {
            "district": desk.config.district.name,
            "author": desk.author,
            "form_token": session.form_token,
            "texts": texts,
            "tier_labels": TIER_LABELS,
            "reason_labels": REVIEW_LABELS,
            "age": lambda birth: age(birth, desk.today),
            "link": _link,
            "readable": readable,
            "hidden": hidden,
            "kept_apart": REASONS,
            "key_fields": KEY_FIELDS,
            "fields": FIELD,
            "filtered": lambda reason, village: _link("/", Filter(reason, village)),
        }

    # Pages

    def queue(self, request: Request) -> Response:
        """The queue; the link from the terminal ends here, too."""
        if "token" in request.query_params:
            # A page of our own that moves on: a strict cookie is not sent on a redirect that
            # began on somebody else's page.
            response = self._page("enter.html.jinja")
            self._session.let_in(request, response)
            return response
        wanted = _wanted(request)
        page = self._desk.queue(wanted)
        number = _whole(request.query_params.get("p")) or 1
        pages = max(1, -(-len(page.items) // PAGE))
        number = min(number, pages)
        shown = page.items[(number - 1) * PAGE : number * PAGE]
        return self._page(
            "queue.html.jinja", page=page, shown=shown, wanted=wanted, number=number, pages=pages
        )

    def item(self, request: Request) -> Response:
        """One item."""
        wanted = _wanted(request)
        page = self._desk.item(request.path_params["review_id"], wanted)
        return self._page("item.html.jinja", page=page, wanted=wanted, table=page.table)

    def resident(self, request: Request) -> Response:
        """One resident: records, why they are together, history, where each value is from."""
        page = self._desk.resident(request.path_params["resident_id"])
        return self._page("resident.html.jinja", page=page, found=page.found)

    def decided(self, _: Request) -> Response:
        """What was decided, newest first."""
        return self._page("decided.html.jinja", words=self._desk.decided(PAGE))

    # Changes

    def numbers(self, request: Request) -> Response:
        """The table with numbers unmasked."""
        table = self._desk.numbers(request.path_params["review_id"])
        return self._page("table.html.jinja", table=table)

    def resident_numbers(self, request: Request) -> Response:
        """What is known of the resident, with numbers unmasked."""
        page = self._desk.resident(request.path_params["resident_id"], unmasked=True)
        return self._page("known.html.jinja", page=page, found=page.found)

    async def decide(self, request: Request) -> Response:
        """Keep a word; answers with where to go on."""
        body = await read_body(request)
        said = body.get("verdict")
        if said not in {"always", "never", "unsure"}:
            raise HTTPException(400)
        wanted = Filter(str(body.get("r", "")), str(body.get("v", "")))
        after = await run_in_threadpool(
            self._desk.decide,
            request.path_params["review_id"],
            said,
            str(body.get("reason", "")),
            _whole(body.get("seen")),
            wanted,
        )
        to = _link(f"/item/{after.review_id}" if after else "/", wanted)
        return JSONResponse({"to": to, "said": texts.KEPT.format(verdict=texts.VERDICTS[said])})

    async def undo(self, request: Request) -> Response:
        """Withdraw a word; answers with where to go on."""
        body = await read_body(request)
        word, item = await run_in_threadpool(self._desk.undo, _whole(body.get("number")))
        wanted = Filter(str(body.get("r", "")), str(body.get("v", "")))
        to = _link(f"/item/{item.review_id}" if item else "/", wanted)
        said = texts.UNDONE.format(verdict=texts.VERDICTS[word.verdict])
        return JSONResponse({"to": to, "said": said})

    # What goes wrong

    def refuse(self, request: Request, status: int, message: str) -> Response:
        """A page, or for the page's own script a line, that says what is wrong."""
        if request.method == "POST":
            return JSONResponse({"said": message}, status)
        return self._page("wrong.html.jinja", status=status, message=message)

    def wrong_address(self, request: Request, error: Exception) -> Response:
        """Addresses and methods that are not there."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        return self.refuse(request, status, texts.NOT_FOUND)

    def gone(self, request: Request, _: Exception) -> Response:
        """An item that is not, or no longer, in the queue."""
        return self.refuse(request, 404, texts.NOT_FOUND)

    def refused(self, request: Request, error: Exception) -> Response:
        """A change that was not kept."""
        return self.refuse(request, 409, str(error))

    def _page(self, template: str, status: int = 200, **values: object) -> Response:
        html = self._templates.get_template(template).render(status=status, **values)
        return HTMLResponse(html, status)


def _wanted(request: Request) -> Filter:
    return Filter(request.query_params.get("r", ""), request.query_params.get("v", ""))


def _link(path: str, wanted: Filter, **more: object) -> str:
    """An address of this page that keeps the filter."""
    query = urlencode({**wanted.query, **more})
    return f"{path}?{query}" if query else path


def _whole(value: object) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None
