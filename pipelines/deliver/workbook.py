"""One grid's workbook: its rows spliced into the template, zipped to the same bytes.

Texts stand in cells as inline strings, so nothing in them is ever taken for a formula.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from pipelines.deliver import texts
from pipelines.deliver.archive import archive, pack
from pipelines.deliver.layout import (
    FIRST_NEW_ROW,
    HEADER_ROW,
    LAST_LIST_ROW,
    LAST_NEW_ROW,
    LAST_TASK_ROW,
    LAYOUT,
    NEW_HEAD_ROW,
)
from pipelines.deliver.newcomers import numbered
from pipelines.deliver.template import (
    BOOK_PART,
    CORE_PART,
    LIST_PART,
    META_PART,
    TASK_PART,
    Template,
    fill_tokens,
)

_CORE = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    "<cp:coreProperties"
    ' xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<dc:title>{title}</dc:title><dc:creator>onegrid</dc:creator>"
    '<dcterms:created xsi:type="dcterms:W3CDTF">{day}T00:00:00Z</dcterms:created>'
    '<dcterms:modified xsi:type="dcterms:W3CDTF">{day}T00:00:00Z</dcterms:modified>'
    "</cp:coreProperties>"
)


_SENTINEL = re.compile(
    "|".join((LAST_LIST_ROW, LAST_TASK_ROW, NEW_HEAD_ROW, FIRST_NEW_ROW, LAST_NEW_ROW))
)


@dataclass(frozen=True)
class Sheet:
    """What one grid's workbook says beyond the contract: the head's words and the rows' XML."""

    words: dict[str, str]
    list_rows: bytes | memoryview
    residents: int
    task_rows: bytes | memoryview
    tasks: int
    links: bytes | memoryview


def build_workbook(template: Template, sheet: Sheet) -> bytes:
    """The workbook's bytes; the same sheet always makes the same bytes."""
    last_listed = HEADER_ROW + max(sheet.residents, 1)
    last = {
        LAST_LIST_ROW: str(last_listed),
        LAST_TASK_ROW: str(HEADER_ROW + max(sheet.tasks, 1)),
        NEW_HEAD_ROW: str(last_listed + 2),
        FIRST_NEW_ROW: str(last_listed + 3),
        LAST_NEW_ROW: str(last_listed + 2 + template.contract.new_rows),
    }
    words = {name: escape(value, quote=False) for name, value in sheet.words.items()}
    words["layout"] = str(LAYOUT)

    def settle(xml: str) -> str:
        return _SENTINEL.sub(lambda match: last[match.group()], xml)

    def around(
        parts: tuple[str, str],
        rows: bytes | memoryview,
        links: bytes | memoryview = b"",
        more: bytes = b"",
    ) -> bytes:
        head, tail = fill_tokens(settle(parts[0]), words), settle(parts[1])
        before, mark, after = tail.partition("<printOptions")
        linked = (b"<hyperlinks>", links, b"</hyperlinks>") if links else ()
        return b"".join(
            (head.encode(), rows, more, before.encode(), *linked, mark.encode(), after.encode())
        )

    task_rows = sheet.task_rows or _nothing_to_do(template)
    changed = {
        TASK_PART: lambda: around(template.tasks, task_rows, sheet.links),
        LIST_PART: lambda: around(
            template.list, sheet.list_rows, more=_new_rows(template, last_listed + 2)
        ),
        META_PART: lambda: fill_tokens(template.parts[META_PART], words).encode(),
        BOOK_PART: lambda: settle(template.parts[BOOK_PART]).encode(),
        CORE_PART: lambda: _CORE.format(title=words["list_title"], day=words["issued_on"]).encode(),
    }
    return archive(
        pack(name, changed[name]()) if name in changed else template.packed[name]
        for name in template.parts
    )


def _new_rows(template: Template, head_row: int) -> bytes:
    head, blanks = template.new_rows
    rows = [numbered(row, head_row + at) for at, row in enumerate((head, *blanks))]
    return "".join(rows).encode()


def _nothing_to_do(template: Template) -> bytes:
    style, row = template.styles["verify_list"], HEADER_ROW + 1
    words = f'<c r="E{row}" s="{style}" t="inlineStr"><is><t>{texts.NOTHING_TO_DO}</t></is></c>'
    return f'<row r="{row}" ht="40" customHeight="1">{words}</row>'.encode()
