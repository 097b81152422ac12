"""The workbook of a contract without its residents, made once by openpyxl and taken apart.

openpyxl knows styles, protection, validation and print set-up; it is too slow for a million rows.
So it writes one workbook per contract; every form is that workbook with rows spliced in. References
that reach to the last row carry a sentinel row number, texts that differ carry ``{{tokens}}``.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.deliver import layout, texts
from pipelines.deliver.archive import Packed, pack
from pipelines.deliver.layout import NEW_HEAD_ROW, STATES
from pipelines.deliver.newcomers import block
from pipelines.deliver.sheets import (
    HEAD_COLUMNS,
    code_columns,
    guide_sheet,
    issue_sheet,
    list_sheet,
    task_sheet,
)
from schemas.forms import FormContract

TASK_PART, LIST_PART = "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"
META_PART, BOOK_PART = "xl/worksheets/sheet5.xml", "xl/workbook.xml"
CORE_PART = "docProps/core.xml"


@dataclass(frozen=True)
class Template:
    """A contract's workbook, taken apart.

    Attributes:
        parts: name → content of every part that is the same in all forms of the contract or only
            needs tokens and sentinels replaced.
        styles: style name → number in styles.xml.
        columns: how many columns the list has.
    """

    contract: FormContract
    parts: dict[str, str]
    styles: dict[str, int]
    columns: int

    @cached_property
    def packed(self) -> dict[str, Packed]:
        """Every part compressed as it is, for the forms that change nothing in it."""
        return {name: pack(name, part.encode()) for name, part in self.parts.items()}

    @cached_property
    def new_rows(self) -> tuple[str, list[str]]:
        """The block for people who are not on the list, see `newcomers.block`."""
        return block(self.contract, self.styles)

    @cached_property
    def tasks(self) -> tuple[str, str]:
        """The task sheet before and after its rows."""
        return _split(self.parts[TASK_PART])

    @cached_property
    def list(self) -> tuple[str, str]:
        """The list before and after its rows."""
        return _split(self.parts[LIST_PART])


_built: dict[str, Template] = {}


def build_template(contract: FormContract) -> Template:
    """The template of a contract; built once in a process, since openpyxl takes its time."""
    key = contract.model_dump_json()
    if key not in _built:
        _built[key] = _build(contract)
    return _built[key]


def _build(contract: FormContract) -> Template:
    book = Workbook()
    tasks = book.active
    assert isinstance(tasks, Worksheet)
    tasks.title = texts.TASKS
    sheet = book.create_sheet(texts.LIST)
    guide_sheet(book.create_sheet(texts.GUIDE))
    codes = book.create_sheet(texts.CODES)
    codes.sheet_state = "hidden"
    issue_sheet(book.create_sheet(texts.ISSUE))
    palette = book.create_sheet()
    styles = _styles(palette)
    book.remove(palette)
    names = code_columns(book, codes, contract)
    task_sheet(tasks, names)
    columns = list_sheet(sheet, contract, names)
    stream = io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as archive:
        parts = {name: archive.read(name).decode() for name in sorted(archive.namelist())}
    for name in (TASK_PART, LIST_PART):
        parts[name] = _settled(parts[name])
    if contract.new_rows:
        parts[LIST_PART] = _with_new_head(parts[LIST_PART])
    # Excel writes the columns of a print title before its rows; openpyxl does not.
    parts[BOOK_PART] = re.sub(
        r"('[^'<]+'!\$\d+:\$\d+),('[^'<]+'!\$[A-Z]+:\$[A-Z]+)", r"\2,\1", parts[BOOK_PART]
    )
    return Template(contract, parts, styles, columns)


def _settled(xml: str) -> str:
    """Merged ranges in a fixed order: openpyxl keeps them in a set, whose order varies by run."""
    return re.sub(
        r"(?:<mergeCell ref=\"[^\"]+\" />)+",
        lambda match: "".join(sorted(re.findall(r"<mergeCell [^>]+>", match.group(0)))),
        xml,
    )


def _with_new_head(xml: str) -> str:
    """The cells of the block's head merged; openpyxl would write rows for them."""
    count = re.findall(r'<mergeCells count="(\d+)">', xml)[0]
    merged = "".join(
        f'<mergeCell ref="{first}{NEW_HEAD_ROW}:{last}{NEW_HEAD_ROW}" />'
        for first, last in (("A", "C"), ("D", get_column_letter(HEAD_COLUMNS)))
    )
    xml = xml.replace("</mergeCells>", f"{merged}</mergeCells>")
    return xml.replace(f'<mergeCells count="{count}">', f'<mergeCells count="{int(count) + 2}">')


def _split(xml: str) -> tuple[str, str]:
    head, end, tail = xml.partition("</sheetData>")
    return head, end + tail


def _styles(sheet: Worksheet) -> dict[str, int]:
    """Every style that rows use, by name: ``<kind>`` for later, ``<kind>/first`` for first rows."""
    found: dict[str, int] = {}

    def add(name: str, *, color: str = "000000", size: float = 10, fill: str | None = None,
            is_open: bool = False, is_framed: bool = False, bold: bool = False,
            number_format: str = "@", align: str = "left") -> None:  # fmt: skip
        for is_first in (False, True):
            cell = sheet.cell(1, len(found) + 1)
            cell.font = layout.font(size, bold=bold and is_first, color=color)
            cell.fill = layout.fill(fill) if fill else PatternFill()
            cell.border = layout.border(is_first=is_first, is_framed=is_framed)
            cell.protection = Protection(locked=not is_open)
            cell.number_format = number_format
            cell.alignment = Alignment(horizontal=align, vertical="center", wrap_text=True)
            found[name + ("/first" if is_first else "")] = cell.style_id

    for kind, number_format, size in (
        ("text", "@", 10),
        ("long", "@", 9),
        ("date", "yyyy-mm-dd", 10),
    ):
        for state in ("known", "waits"):
            add(
                f"{state}:{kind}",
                color=layout.DARK,
                fill=layout.FILLS[state],
                number_format=number_format,
                size=size,
            )
        written: dict[str, Any] = {"is_open": True, "number_format": number_format, "size": size}
        add(f"verify:{kind}", fill=layout.FILLS["verify"], **written)
        add(f"ask:{kind}", is_framed=True, **written)
        add(f"none:{kind}", **written)
        add(f"withheld:{kind}", color=layout.DARK, fill=layout.FILLS["withheld"])
        add(f"absent:{kind}", color=layout.GREY, fill=layout.FILLS["absent"])
    for state in STATES:
        color = {"ask": layout.RED, "verify": "9C5700"}.get(state, "7F7F7F")
        add(f"{state}:note", color=color, size=8, fill=layout.FILLS.get(state))
    add("number", color=layout.DARK, size=9, number_format="0", align="center")
    add("place", bold=True)
    add("answer", is_open=True, align="center")
    add("remark", is_open=True)
    add("hidden", color=layout.GREY, size=8)
    add("link", color="0563C1")
    add("ask_list", color=layout.RED)
    add("verify_list")
    add("new_head", bold=True, fill=layout.FILLS["verify"])
    return found


_TOKEN = re.compile(r"\{\{(\w+)\}\}")


def fill_tokens(xml: str, values: dict[str, str]) -> str:
    """Replace every ``{{token}}`` once; what a value itself holds is never looked at again."""
    return _TOKEN.sub(lambda match: values[match.group(1)], xml)
