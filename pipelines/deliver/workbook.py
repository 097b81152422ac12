"""One grid's workbook: rows drawn by SQL, spliced into the template, zipped to the same bytes.

A cell's XML is a concatenation of texts, which DuckDB does for a million rows in seconds; the
strings stand in cells as inline strings, so nothing in them is ever taken for a formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from pipelines.deliver import texts
from pipelines.deliver.archive import archive, pack
from pipelines.deliver.layout import (
    HEADER_ROW,
    LAST_LIST_ROW,
    LAST_TASK_ROW,
    LAYOUT,
    STATES,
    end_columns,
    note_column,
    value_column,
)
from pipelines.deliver.template import (
    BOOK_PART,
    CORE_PART,
    LIST_PART,
    META_PART,
    TASK_PART,
    Template,
    fill_tokens,
)
from schemas.fields import FIELD
from schemas.forms import FormContract

_SHORT_LINE = 22.0
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


def xml_text(value: str) -> str:
    """SQL of a text as XML writes it."""
    return f"""CASE WHEN contains({value}, '&') OR contains({value}, '<') OR contains({value}, '>')
        THEN replace(replace(replace({value}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')
        ELSE {value} END"""


@dataclass(frozen=True)
class Sheet:
    """What one grid's workbook says beyond the contract: the head's words and the rows' XML."""

    words: dict[str, str]
    list_rows: bytes | memoryview
    residents: int
    task_rows: bytes | memoryview
    tasks: int
    links: bytes | memoryview


def list_row_sql(template: Template) -> str:
    """SQL of a list row's XML, over `content_sql` with texts as XML, ``n``, form_id and version.

    One flat concat and a CASE per item: every || would copy what stands before it.
    """
    styles = template.styles
    pieces = [
        """'<row r="', n, '" ht="26" customHeight="1">'""",
        _cell("A", _first(styles, "number"), "row_no::VARCHAR", kind="number"),
        _cell("B", _first(styles, "place"), "place"),
    ]
    for number, item in enumerate(template.contract.items):
        kind = "date" if FIELD[item.field].type == "DATE" else "text"
        pieces.append(_item(number, kind, styles))
    result, remark, *hidden = end_columns(template.contract)
    pieces += [
        _blank(result, _first(styles, "answer")),
        _blank(remark, _first(styles, "remark")),
        _cell(hidden[0], f"'{styles['hidden']}'", "form_id, '#', row_no"),
        _cell(hidden[1], f"'{styles['hidden']}'", "resident_id"),
        _cell(hidden[2], f"'{styles['hidden']}'", "version", kind="number"),
        _cell(hidden[3], f"'{styles['hidden']}'", "digest"),
        "'</row>'",
    ]
    return f"concat({', '.join(pieces)})"


def task_sql(contract: FormContract) -> tuple[str, str, str]:
    """SQL of what a resident is asked, of what is to be verified, and of their number."""
    asked, verified, counted = [], [], []
    for number, item in enumerate(contract.items):
        label = FIELD[item.field].label
        asked.append(f"CASE WHEN s{number} = 'ask' THEN '{label}' END")
        verified.append(f"CASE WHEN s{number} = 'verify' THEN '{label}：' || v{number} END")
        counted.append(f"coalesce(s{number} IN ('ask', 'verify'), FALSE)::INTEGER")
    return (
        f"concat_ws('、', {', '.join(asked)})",
        f"concat_ws('；', {', '.join(verified)})",
        " + ".join(counted) or "0",
    )


def task_row_sql(template: Template) -> str:
    """SQL of a task row's XML: task_no, n (its row), row_no, is_first, place, called, ..."""
    styles = template.styles
    # 14 and 23 Chinese characters fit on a line of these two columns.
    lines = "greatest(ceil(length(asked) / 14), ceil(length(verified) / 23), 1)"
    pieces = [
        f"""'<row r="', n, '" ht="', ({_SHORT_LINE} + 15 * ({lines} - 1))::DECIMAL(6,1),
        '" customHeight="1">'""",
        _cell("A", _first(styles, "number"), "task_no", kind="number"),
        _cell("B", _first(styles, "place"), "place"),
        _cell("C", _first(styles, "link"), "called"),
        _cell("D", _first(styles, "ask_list"), "asked"),
        _cell("E", _first(styles, "verify_list"), "verified"),
        _blank("F", _first(styles, "remark")),
        _blank("G", _first(styles, "answer")),
        _cell("H", _first(styles, "number"), f"row_no + {HEADER_ROW}", kind="number"),
        "'</row>'",
    ]
    return f"concat({', '.join(pieces)})"


def link_sql() -> str:
    """SQL of the link from a task to its row in the list."""
    return f"""concat('<hyperlink ref="C', task_no + {HEADER_ROW},
        '" location="''{texts.LIST}''!C', row_no + {HEADER_ROW}, '"/>')"""


def build_workbook(template: Template, sheet: Sheet) -> bytes:
    """The workbook's bytes; the same sheet always makes the same bytes."""
    last_list = str(HEADER_ROW + max(sheet.residents, 1))
    last_task = str(HEADER_ROW + max(sheet.tasks, 1))
    words = {name: escape(value, quote=False) for name, value in sheet.words.items()}
    words["layout"] = str(LAYOUT)

    def settle(xml: str) -> str:
        return xml.replace(LAST_LIST_ROW, last_list).replace(LAST_TASK_ROW, last_task)

    def around(
        parts: tuple[str, str], rows: bytes | memoryview, links: bytes | memoryview = b""
    ) -> bytes:
        head, tail = fill_tokens(settle(parts[0]), words), settle(parts[1])
        before, mark, after = tail.partition("<printOptions")
        linked = (b"<hyperlinks>", links, b"</hyperlinks>") if links else ()
        return b"".join(
            (head.encode(), rows, before.encode(), *linked, mark.encode(), after.encode())
        )

    task_rows = sheet.task_rows or _nothing_to_do(template)
    changed = {
        TASK_PART: lambda: around(template.tasks, task_rows, sheet.links),
        LIST_PART: lambda: around(template.list, sheet.list_rows),
        META_PART: lambda: fill_tokens(template.parts[META_PART], words).encode(),
        BOOK_PART: lambda: settle(template.parts[BOOK_PART]).encode(),
        CORE_PART: lambda: _CORE.format(title=words["list_title"], day=words["issued_on"]).encode(),
    }
    return archive(
        pack(name, changed[name]()) if name in changed else template.packed[name]
        for name in template.parts
    )


def _nothing_to_do(template: Template) -> bytes:
    style, row = template.styles["verify_list"], HEADER_ROW + 1
    words = f'<c r="E{row}" s="{style}" t="inlineStr"><is><t>{texts.NOTHING_TO_DO}</t></is></c>'
    return f'<row r="{row}" ht="40" customHeight="1">{words}</row>'.encode()


def _first(styles: dict[str, int], name: str) -> str:
    """SQL of a style's number: another one on the first row of a household."""
    return f"CASE WHEN is_first THEN '{styles[name + '/first']}' ELSE '{styles[name]}' END"


def _cell(column: str, style: str, text: str, *, kind: str = "text") -> str:
    """Arguments of concat that make one cell."""
    if kind == "number":
        return f"""'<c r="{column}', n, '" s="', {style}, '"><v>', {text}, '</v></c>'"""
    return f"""'<c r="{column}', n, '" s="', {style}, '" t="inlineStr"><is><t>', {text},
        '</t></is></c>'"""


def _blank(column: str, style: str) -> str:
    return f"""'<c r="{column}', n, '" s="', {style}, '"/>'"""


def _item(number: int, kind: str, styles: dict[str, int]) -> str:
    """SQL of the two cells of one item, by state."""
    value, note = value_column(number), note_column(number)
    branches = []
    for state in STATES:
        shown = _first(styles, f"{state}:{kind}")
        source = _cell(note, _first(styles, f"{state}:note"), f"n{number}")
        when = f"WHEN s{number} = '{state}' THEN" if state != "absent" else "ELSE"
        if state in ("known", "verify", "withheld"):
            cells = _cell(value, shown, f"v{number}")
        elif state == "waits":
            # what another form is asking may be known, only old
            cells = (
                f"CASE WHEN v{number} IS NULL THEN concat({_blank(value, shown)}) "
                f"ELSE concat({_cell(value, shown, f'v{number}')}) END"
            )
        else:
            cells = _blank(value, shown)
        branches.append(f"{when} concat({cells}, {source})")
    return f"CASE {' '.join(branches)} END"
