"""The routes of the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from onegrid.fill import texts
from onegrid.fill.desk import Desk, Gone, is_answered, still_open
from onegrid.fill.door import SIGN_IN_FORM, Door, Visit
from onegrid.fill.sent import Refused
from onegrid.web.guard import Guard
from onegrid.web.parts import body, static, templates

LARGEST_BODY = 200_000
_PACKAGE = "onegrid.fill"


def make_app(desk: Desk, door: Door) -> Starlette:
    """The page of `desk`, for whom `door` lets in."""
    pages = _Pages(desk, door)
    door.refuse = pages.refuse

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        desk.close()

    return Starlette(
        routes=[
            Route("/", pages.households),
            Route("/household/{key}", pages.household),
            Route("/newcomer", pages.newcomer),
            Route("/send", pages.send, methods=["POST"]),
            Route("/sign-in", pages.sign_in_page),
            Route("/sign-in", pages.sign_in, methods=["POST"]),
            Route("/sign-out", pages.sign_out, methods=["POST"]),
            Route("/fill.css", static(_PACKAGE, "fill.css", "text/css")),
            Route("/fill.js", static(_PACKAGE, "fill.js", "text/javascript")),
            Route("/worker.js", static(_PACKAGE, "worker.js", "text/javascript")),
            Route("/offline", pages.offline),
        ],
        middleware=[Middleware(Guard, door=door)],
        exception_handlers={
            HTTPException: pages.wrong_address,
            Gone: pages.gone,
            Refused: pages.refused,
        },
        lifespan=lifespan,
        max_body_size=LARGEST_BODY,
    )


class _Pages:
    def __init__(self, desk: Desk, door: Door) -> None:
        self._desk = desk
        self._door = door
        self._templates = templates(_PACKAGE)
        self._templates.globals |= {
            "district": desk.config.district.name,
            "ways": texts.WAYS,
            "is_answered": is_answered,
            "still_open": still_open,
        }

    # Pages

    def households(self, request: Request) -> Response:
        """任务清单: the households in walking order, with what is still missing."""
        visit = _visit(request)
        sheet, progress = self._desk.households(visit)
        added = self._desk.new_names(visit)
        return self._page("list.html.jinja", request, sheet=sheet, progress=progress, added=added)

    def household(self, request: Request) -> Response:
        """One household, with everybody in it."""
        page = self._desk.household(_visit(request), request.path_params["key"])
        return self._page("household.html.jinja", request, page=page, today=self._desk.today)

    def newcomer(self, request: Request) -> Response:
        """Somebody who is on no form."""
        page = self._desk.newcomer(_visit(request), request.query_params.get("household"))
        return self._page("newcomer.html.jinja", request, page=page, today=self._desk.today)

    def sign_in_page(self, request: Request) -> Response:
        """Where a token is typed; the script sends one that came with the link."""
        return self._page("sign_in.html.jinja", request, form_token=SIGN_IN_FORM)

    def offline(self, request: Request) -> Response:
        """What stands for a page that a phone without connection has not kept."""
        return self._page("offline.html.jinja", request)

    # Changes

    async def sign_in(self, request: Request) -> Response:
        """Let a phone in that has a token."""
        given = (await body(request)).get("token")
        text = given if isinstance(given, str) else ""
        visit, reason = await run_in_threadpool(self._door.sign_in, request, text)
        if visit is None:
            return JSONResponse({"said": reason}, 429 if reason == texts.WAIT else 403)
        await run_in_threadpool(self._desk.trace, visit, "in", visit.grid)
        response = JSONResponse({"to": "/"})
        self._door.let_in(request, response, visit)
        return response

    async def sign_out(self, request: Request) -> Response:
        """Take the cookie back."""
        visit = _visit(request)
        await run_in_threadpool(self._desk.trace, visit, "out", visit.grid)
        response = JSONResponse({"to": "/sign-in"})
        self._door.sign_out(request, response)
        return response

    async def send(self, request: Request) -> Response:
        """Take what was filled in; answers with what is to be mended."""
        sent = await run_in_threadpool(self._desk.send, _visit(request), await body(request))
        messages = [vars(message) for message in sent.messages]
        return JSONResponse({"said": sent.said, "mend": messages})

    # What goes wrong

    def refuse(self, request: Request, status: int, message: str) -> Response:
        """A page, or for the page's own script a line, that says what is wrong."""
        if request.method == "POST":
            return JSONResponse({"said": message}, status)
        return self._page("wrong.html.jinja", request, status=status, message=message)

    def wrong_address(self, request: Request, error: Exception) -> Response:
        """Addresses and methods that are not there, and contents that are none."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        message = texts.WRONG_CONTENT if status in {400, 413} else texts.NOT_FOUND
        return self.refuse(request, status, message)

    def gone(self, request: Request, _: Exception) -> Response:
        """A household that is not on the grid's forms."""
        return self.refuse(request, 404, texts.NOT_FOUND)

    def refused(self, request: Request, error: Exception) -> Response:
        """What was sent and not kept."""
        return self.refuse(request, 422, str(error))

    def _page(
        self, template: str, request: Request, status: int = 200, **values: object
    ) -> Response:
        visit = getattr(request.state, "visit", None)
        values = {"visit": visit, "form_token": visit.form_token if visit else "", **values}
        html = self._templates.get_template(template).render(status=status, **values)
        return HTMLResponse(html, status)


def _visit(request: Request) -> Visit:
    visit: Visit = request.state.visit
    return visit
