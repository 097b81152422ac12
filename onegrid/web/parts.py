"""Parts that the applications behind the pages share."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response


def static(package: str, name: str, kind: str) -> Callable[[Request], Response]:
    """A route's answer: the file `name` of the folder ``pages`` of `package`."""
    text = (files(package) / "pages" / name).read_text("utf-8")

    def serve(_: Request) -> Response:
        return Response(text, media_type=kind)

    return serve


def templates(package: str) -> Environment:
    """The templates of `package`: escaped, and strict about names."""
    return Environment(
        loader=PackageLoader(package, "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


async def body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent.

    Raises:
        HTTPException: 400, it is something else.
    """
    try:
        sent = await request.json()
    except (ValueError, RecursionError):
        raise HTTPException(400) from None
    if not isinstance(sent, dict):
        raise HTTPException(400)
    return sent
