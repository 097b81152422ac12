"""Draw the review workbook."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
from openpyxl import Workbook
from openpyxl.styles import Alignment, NamedStyle, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.cell_range import CellRange
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.deliver.handout import (
    clean_text,
    one_page_wide,
    pack_book,
    write_batch,
    write_guide,
    write_text,
)
from pipelines.deliver.layout import FILLS, border, fill, font
from pipelines.journal import Journal
from pipelines.reviewbook import texts
from pipelines.reviewbook.items import LAYOUT, Item, open_items, row_digest
from schemas.district import District
from schemas.fields import FIELD

HEADER_ROW = 5
COLUMNS = tuple(texts.HEADERS)
COLUMN = {name: place for place, name in enumerate(COLUMNS, start=1)}
HIDDEN = ("side", "record", "word", "content", "digest")
TOGETHER = ("number", "why", "differing", "verdict", "reason")
"""Columns that stand once for an item, over both rows."""
DIGESTED = tuple(name for name in COLUMNS if name not in ("verdict", "reason", "digest"))
META = ("kind", "layout", "township", "district", "night")
KIND = "onegrid review-book"

_WIDTHS = {
    "number": 5,
    "review_id": 18.5,
    "why": 30,
    "source": 13,
    "role": 7,
    "observed": 11,
    "name": 11,
    "former_name": 9,
    "sex": 5,
    "birth_date": 11.5,
    "id_number": 20.5,
    "phone": 13,
    "address": 26,
    "note": 20,
    "differing": 11,
    "verdict": 13,
    "reason": 24,
}
_ROW_HEIGHT = 45.0
_CENTRED = ("number", "sex", "verdict")


@dataclass(frozen=True)
class Book:
    """A workbook to hand out: its bytes, and the items in it."""

    content: bytes
    items: tuple[str, ...]
    night: int


def make_book(
    con: duckdb.DuckDBPyConnection,
    journal: Journal,
    district: District,
    *,
    village: str | None = None,
    most: int | None = None,
) -> Book:
    """The queue as a workbook; the same queue and answers make the same bytes.

    Args:
        con: a published file, read only.
        journal: what has been answered since is left out.
        district: whose queue it is.
        village: only items of which one resident lives in this village (12 digits).
        most: at most so many items, the most valuable.
    """
    ((night, day),) = con.execute(
        "SELECT max(night), arg_max(business_date, night) FROM meta.night"
    ).fetchall()
    items = open_items(con, journal, village=village, most=most)
    book = Workbook()
    for style in _styles():
        book.add_named_style(style)
    _queue(book.active, items, district, night, day)  # type: ignore[arg-type]
    write_guide(book.create_sheet(texts.GUIDE), texts.GUIDE_LINES)
    values = (KIND, str(LAYOUT), district.township_code, district.name, str(night))
    write_batch(book.create_sheet(texts.BATCH), dict(zip(META, values, strict=True)))
    return Book(pack_book(book, day), tuple(item.review_id for item in items), night)


def _styles() -> list[NamedStyle]:
    """Looks of a cell, ``<kind>_<row of the item>_<alignment>``, in the colours of the forms."""
    fonts = {"plain": font(), "differs": font(bold=True), "answer": font(bold=True)}
    fonts["head"] = font(bold=True, color="FFFFFF")
    fills = {"differs": fill(FILLS["verify"]), "head": fill(FILLS["head"])}
    return [
        NamedStyle(
            f"{kind}_{place}_{align}",
            font=letters,
            fill=fills.get(kind, PatternFill()),
            border=border(is_first=place == 0, is_framed=kind == "answer"),
            alignment=Alignment(horizontal=align, vertical="center", wrap_text=True),
            number_format="@",
            protection=Protection(locked=kind != "answer"),
        )
        for kind, letters in fonts.items()
        for place in (0, 1)
        for align in ("left", "center")
    ]


def _queue(sheet: Worksheet, items: list[Item], district: District, night: int, day: date) -> None:
    sheet.title = texts.QUEUE
    words = (
        texts.TITLE.format(district=district.name),
        texts.FACTS.format(day=day, night=night, items=len(items)),
        texts.LEGEND,
        texts.CONFIDENTIAL,
    )
    for row, line in enumerate(words, start=1):
        write_text(sheet.cell(row, 1), line)
        sheet.cell(row, 1).font = font(16 if row == 1 else 10, bold=row == 1)
    for name, place in COLUMN.items():
        write_text(sheet.cell(HEADER_ROW, place), texts.HEADERS[name], "head_0_center")
        dimension = sheet.column_dimensions[get_column_letter(place)]
        dimension.width = _WIDTHS.get(name, 10)
        dimension.hidden = name in HIDDEN
    sheet.row_dimensions[HEADER_ROW].height = 24
    for number, item in enumerate(items):
        _item(sheet, HEADER_ROW + 1 + 2 * number, number + 1, item)
    _answers(sheet, HEADER_ROW + max(2 * len(items), 1))
    sheet.freeze_panes = f"{get_column_letter(COLUMN['source'])}{HEADER_ROW + 1}"
    sheet.protection.sheet = True
    sheet.protection.formatColumns = False
    sheet.protection.formatRows = False
    sheet.sheet_view.zoomScale = 90
    one_page_wide(sheet, sheet.PAPERSIZE_A3)
    sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
    sheet.oddFooter.center.text = texts.FOOTER  # type: ignore[union-attr]
    sheet.page_margins.left = sheet.page_margins.right = 0.3


def _item(sheet: Worksheet, row: int, number: int, item: Item) -> None:
    differing = "、".join(FIELD[name].label for name in item.differing) or texts.NO_DIFFERENCE
    once = {
        "number": str(number),
        "why": item.why,
        "differing": differing,
    }
    rows = []
    for place, side in enumerate(item.sides):
        cells = {name: once.get(name, "") if place == 0 else "" for name in TOGETHER}
        cells |= side.shown
        cells |= {
            "review_id": item.review_id,
            "side": "LR"[place],
            "record": str(side.record_id),
            "word": str(item.word),
            "content": item.content,
        }
        rows.append({name: clean_text(value) for name, value in cells.items()})
    digest = row_digest(row[name] for row in rows for name in DIGESTED)
    for place, cells in enumerate(rows):
        for name in COLUMNS:
            kind = "plain"
            if name in ("verdict", "reason"):
                kind = "answer"
            elif name in item.differing:
                kind = "differs"
            align = "center" if name in _CENTRED else "left"
            style = f"{kind}_{place}_{align}"
            value = digest if name == "digest" else cells[name]
            write_text(sheet.cell(row + place, COLUMN[name]), value, style)
        sheet.row_dimensions[row + place].height = _ROW_HEIGHT
    for name in TOGETHER:
        # `merge_cells` compares every range with all before it
        letter = get_column_letter(COLUMN[name])
        sheet.merged_cells.ranges.add(CellRange(f"{letter}{row}:{letter}{row + 1}"))


def _answers(sheet: Worksheet, last: int) -> None:
    listed = ",".join(texts.VERDICTS)
    verdict = DataValidation("list", formula1=f'"{listed}"', allow_blank=True)
    verdict.promptTitle, verdict.prompt = texts.LIST_TITLE, texts.LIST_HINT
    verdict.errorTitle, verdict.error = texts.WRONG_TITLE, texts.WRONG_LIST
    reason = DataValidation(
        "textLength", operator="lessThanOrEqual", formula1="200", allow_blank=True
    )
    reason.promptTitle, reason.prompt = texts.REASON_TITLE, texts.REASON_HINT
    for name, validation in (("verdict", verdict), ("reason", reason)):
        validation.showInputMessage = validation.showErrorMessage = True
        letter = get_column_letter(COLUMN[name])
        validation.add(f"{letter}{HEADER_ROW + 1}:{letter}{last}")
        sheet.add_data_validation(validation)
