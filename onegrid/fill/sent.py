"""What a phone sends, checked before it becomes entries: shape, length, and whose grid it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from onegrid.fill import texts
from onegrid.fill.door import Visit
from pipelines.config import Config
from pipelines.deliver.texts import RESULTS
from pipelines.intake import Entry, Line

LONGEST_VALUE, LONGEST_REMARK = 1_000, 500
MOST_MEMBERS, MOST_ROWS = 200, 20
_SUBMISSION = re.compile(r"[A-Za-z0-9-]{8,64}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
NEW = "new"
"""Stands for the identifier of somebody who is on no form."""
REFUSED = "拒答"
"""Said of a person, it concerns every form that has something to ask."""


class Refused(Exception):
    """Something that was not kept; the message goes to the worker (Chinese)."""


def entries_of(sent: dict[str, Any], visit: Visit, config: Config, now: datetime) -> list[Entry]:
    """The entries of what was sent, one for each issue of a form.

    `sent` is ``{"submission": …, "members": [{"resident_id": …, "result", "died_on", "remark",
    "rows": [{"form_id", "version", "row_id", "digest", "answers": {…}, "right": […]}]}]}``.
    Somebody who is on no form has the resident_id `NEW`, one row without row_id, and comes alone.

    Raises:
        Refused: it is nothing like that, too long, empty, or of another grid.
    """
    submission = _text(sent.get("submission"), 64)
    if not _SUBMISSION.fullmatch(submission):
        raise Refused(texts.WRONG_CONTENT)
    lines: dict[tuple[str, int], list[Line]] = {}
    members = _list(sent.get("members"), MOST_MEMBERS)
    if any(member.get("resident_id") == NEW for member in members):
        lines = _newcomer(members, visit, config)
        members = []
    for member in members:
        result = _text(member.get("result"), 10) or None
        if result is not None and result not in RESULTS:
            raise Refused(texts.MESSAGES["unknown_result"])
        died_on = _text(member.get("died_on"), 20) or None
        remark = _text(member.get("remark"), LONGEST_REMARK) or None
        for number, row in enumerate(_list(member.get("rows"), MOST_ROWS)):
            is_first = number == 0
            line = Line(
                row_id=_text(row.get("row_id"), 120),
                resident_id=_text(member.get("resident_id"), 32),
                digest=_text(row.get("digest"), 64),
                answers=_answers(row.get("answers")),
                right=frozenset(_list(row.get("right"), 100, _field)),
                result=result if is_first or result == REFUSED else None,
                died_on=died_on if is_first else None,
                remark=remark if is_first else None,
            )
            if not line.row_id:
                raise Refused(texts.OTHER_GRID)
            issue = _issue(row, line, visit, config)
            if line.answers or line.right or line.result or line.remark:
                lines.setdefault(issue, []).append(line)
    if not lines:
        raise Refused(texts.NOTHING_SAID)
    return [
        Entry(form_id, version, visit.author, now, "web", submission, tuple(said))
        for (form_id, version), said in lines.items()
    ]


def _newcomer(
    members: list[dict[str, Any]], visit: Visit, config: Config
) -> dict[tuple[str, int], list[Line]]:
    """The line of somebody who is on no form; the address is written beside the form's items.

    Raises:
        Refused: more than that came, or nothing was said.
    """
    rows = [row for member in members for row in _list(member.get("rows"), 1)]
    if len(members) != 1 or len(rows) != 1 or rows[0].get("row_id"):
        raise Refused(texts.WRONG_CONTENT)
    said = _answers(rows[0].get("answers"))
    if not said:
        raise Refused(texts.NOTHING_SAID)
    line = Line(
        row_id="",
        resident_id="",
        digest="",
        answers={name: text for name, text in said.items() if name != "address"},
        remark=_text(members[0].get("remark"), LONGEST_REMARK) or None,
        place=said.get("address"),
    )
    return {_issue(rows[0], line, visit, config): [line]}


def _issue(row: dict[str, Any], line: Line, visit: Visit, config: Config) -> tuple[str, int]:
    """Form and version of a row, which must be of the visitor's own grid.

    Raises:
        Refused: it is another grid's, or no form has such fields.
    """
    form_id, version = _text(row.get("form_id"), 96), row.get("version")
    row_form = line.row_id.rpartition("#")[0] if line.row_id else form_id
    if not form_id.endswith(f"-{visit.grid}") or row_form != form_id:
        raise Refused(texts.OTHER_GRID)
    if not isinstance(version, int) or not 0 < version < 1_000_000:
        raise Refused(texts.WRONG_CONTENT)
    contract = config.forms.get(form_id.split("-", 1)[0])
    if contract is None or not {*line.answers, *line.right} <= {i.field for i in contract.items}:
        raise Refused(texts.STALE_FORM)
    return form_id, version


def _answers(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 100:
        raise Refused(texts.WRONG_CONTENT)
    answers = {_field(name): _text(said, LONGEST_VALUE) for name, said in value.items()}
    return {name: said for name, said in answers.items() if said}


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(texts.WRONG_CONTENT)
    return value


def _list(value: object, most: int, each: Callable[[object], Any] = _object) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise Refused(texts.WRONG_CONTENT)
    return [each(part) for part in value]


def _field(value: object) -> str:
    return _text(value, 32)


def _text(value: object, most: int) -> str:
    """A text without control characters and blanks around it; nothing is the empty text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(texts.WRONG_CONTENT)
    if len(value) > most:
        raise Refused(texts.LONG_TEXT.format(most=most))
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a character
        raise Refused(texts.WRONG_CONTENT) from None
    return _CONTROLS.sub(" ", value).strip()
