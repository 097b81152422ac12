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

from openpyxl import Workbook
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.deliver import texts
from pipelines.deliver.archive import Packed, pack
from schemas.codes import code_list
from schemas.fields import FIELD
from schemas.forms import FormContract

LAYOUT = 2
"""Raised whenever workbooks of the same content come to look different: forms are issued anew."""

HEADER_ROW = 6
CODE_ROW = 5
LAST_LIST_ROW, LAST_TASK_ROW = "999991", "999992"
TASK_PART, LIST_PART = "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"
META_PART, BOOK_PART = "xl/worksheets/sheet5.xml", "xl/workbook.xml"
CORE_PART = "docProps/core.xml"
STATES = ("known", "verify", "ask", "none", "withheld", "absent")
_NOTE_WIDTH = 10.5
_FONT = "微软雅黑"
_FILLS = {
    "known": "EFEFEF",
    "verify": "FFF2CC",
    "withheld": "D0D0D0",
    "absent": "EFEFEF",
    "head": "1F4E79",
    "good": "E2EFDA",
}
_GREY, _DARK, _RED = "BFBFBF", "595959", "C00000"


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
    def tasks(self) -> tuple[str, str]:
        """The task sheet before and after its rows."""
        return _split(self.parts[TASK_PART])

    @cached_property
    def list(self) -> tuple[str, str]:
        """The list before and after its rows."""
        return _split(self.parts[LIST_PART])


def build_template(contract: FormContract) -> Template:
    """The template of a contract."""
    book = Workbook()
    tasks = book.active
    assert isinstance(tasks, Worksheet)
    tasks.title = texts.TASKS
    sheet = book.create_sheet(texts.LIST)
    _guide(book.create_sheet(texts.GUIDE))
    codes = book.create_sheet(texts.CODES)
    codes.sheet_state = "hidden"
    _meta(book.create_sheet(texts.ISSUE))
    palette = book.create_sheet()
    styles = _styles(palette)
    book.remove(palette)
    names = _code_columns(book, codes, contract)
    _task_sheet(tasks, names)
    columns = _list_sheet(sheet, contract, names)
    stream = io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as archive:
        parts = {name: archive.read(name).decode() for name in sorted(archive.namelist())}
    for name in (TASK_PART, LIST_PART):
        parts[name] = _settled(parts[name])
    # Excel writes the columns of a print title before its rows; openpyxl does not.
    parts[BOOK_PART] = re.sub(
        r"('[^'<]+'!\$\d+:\$\d+),('[^'<]+'!\$[A-Z]+:\$[A-Z]+)", r"\2,\1", parts[BOOK_PART]
    )
    return Template(contract, parts, styles, columns)


def value_column(number: int) -> str:
    """Letters of the column with the value of item `number`; its 来源 is the next one."""
    return get_column_letter(3 + 2 * number)


def note_column(number: int) -> str:
    """Letters of the 来源 column of item `number`."""
    return get_column_letter(4 + 2 * number)


def end_columns(contract: FormContract) -> list[str]:
    """Letters of 核实结果, 备注 and the four hidden columns."""
    start = 3 + 2 * len(contract.items)
    return [get_column_letter(start + offset) for offset in range(6)]


def _settled(xml: str) -> str:
    """Merged ranges in a fixed order: openpyxl keeps them in a set, whose order varies by run."""
    return re.sub(
        r"(?:<mergeCell ref=\"[^\"]+\" />)+",
        lambda match: "".join(sorted(re.findall(r"<mergeCell [^>]+>", match.group(0)))),
        xml,
    )


def _split(xml: str) -> tuple[str, str]:
    head, end, tail = xml.partition("</sheetData>")
    return head, end + tail


def _font(size: float = 10, *, bold: bool = False, color: str = "000000") -> Font:
    return Font(name=_FONT, size=size, bold=bold, color=color)


def _fill(color: str) -> PatternFill:
    return PatternFill("solid", fgColor=color)


def _border(*, is_first: bool, is_framed: bool = False) -> Border:
    if is_framed:
        red = Side("medium", color=_RED)
        return Border(left=red, right=red, top=red, bottom=red)
    thin = Side("thin", color=_GREY)
    return Border(left=thin, right=thin, top=Side("medium", color=_DARK) if is_first else thin,
                  bottom=thin)  # fmt: skip


def _styles(sheet: Worksheet) -> dict[str, int]:
    """Every style that rows use, by name: ``<kind>`` for later, ``<kind>/first`` for first rows."""
    found: dict[str, int] = {}

    def add(name: str, *, color: str = "000000", size: float = 10, fill: str | None = None,
            is_open: bool = False, is_framed: bool = False, bold: bool = False,
            number_format: str = "@", align: str = "left") -> None:  # fmt: skip
        for is_first in (False, True):
            cell = sheet.cell(1, len(found) + 1)
            cell.font = _font(size, bold=bold and is_first, color=color)
            cell.fill = _fill(fill) if fill else PatternFill()
            cell.border = _border(is_first=is_first, is_framed=is_framed)
            cell.protection = Protection(locked=not is_open)
            cell.number_format = number_format
            cell.alignment = Alignment(horizontal=align, vertical="center", wrap_text=True)
            found[name + ("/first" if is_first else "")] = cell.style_id

    for kind, number_format in (("text", "@"), ("date", "yyyy-mm-dd")):
        add(f"known:{kind}", color=_DARK, fill=_FILLS["known"], number_format=number_format)
        add(f"verify:{kind}", fill=_FILLS["verify"], is_open=True, number_format=number_format)
        add(f"ask:{kind}", is_open=True, is_framed=True, number_format=number_format)
        add(f"none:{kind}", is_open=True, number_format=number_format)
        add(f"withheld:{kind}", color=_DARK, fill=_FILLS["withheld"])
        add(f"absent:{kind}", color=_GREY, fill=_FILLS["absent"])
    for state in STATES:
        color = {"ask": _RED, "verify": "9C5700"}.get(state, "7F7F7F")
        add(f"{state}:note", color=color, size=8, fill=_FILLS.get(state))
    add("number", color=_DARK, size=9, number_format="0", align="center")
    add("place", bold=True)
    add("answer", is_open=True, align="center")
    add("remark", is_open=True)
    add("hidden", color=_GREY, size=8)
    add("link", color="0563C1")
    add("ask_list", color=_RED)
    add("verify_list")
    return found


def _code_columns(book: Workbook, sheet: Worksheet, contract: FormContract) -> dict[str, str]:
    """Write the dictionary sheet; list name → named range, so that lists may be of any length."""
    offered = {"result": texts.RESULTS, "done": texts.DONE}
    for item in contract.items:
        if (name := FIELD[item.field].codes) is not None:
            codes = code_list(name)
            offered[name] = tuple(codes.values[code] for code in codes.offered or codes.values)
    names = {}
    for column, (name, labels) in enumerate(offered.items(), start=1):
        letter = get_column_letter(column)
        sheet.cell(1, column, name)
        for row, label in enumerate(labels, start=2):
            _text(sheet, row, column, label)
        names[name] = f"list_{name}"
        reference = f"'{texts.CODES}'!${letter}$2:${letter}${len(labels) + 1}"
        book.defined_names[names[name]] = DefinedName(names[name], attr_text=reference)
    return names


def _text(sheet: Worksheet, row: int, column: int, text: str) -> None:
    """Write a text as a text, whatever it begins with."""
    cell = sheet.cell(row, column, text)
    cell.data_type = "s"


def _banner(sheet: Worksheet, row: int, last_column: int, text: str, font: Font) -> None:
    sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=last_column)
    _text(sheet, row, 1, text)
    sheet.cell(row, 1).font = font
    sheet.cell(row, 1).alignment = Alignment(vertical="center", wrap_text=True)


def _header(sheet: Worksheet, row: int, column: int, text: str, width: float) -> None:
    cell = sheet.cell(row, column, text)
    cell.font = _font(10, bold=True, color="FFFFFF")
    cell.fill = _fill(_FILLS["head"])
    cell.border = _border(is_first=False)
    cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    sheet.column_dimensions[get_column_letter(column)].width = width


def _task_sheet(sheet: Worksheet, names: dict[str, str]) -> None:
    last = len(texts.TASK_COLUMNS)
    _banner(sheet, 1, last, "{{task_title}}", _font(16, bold=True))
    _banner(sheet, 2, last, "{{facts}}", _font(10))
    _banner(sheet, 3, last, "{{summary}}", _font(11, bold=True, color="375623"))
    _banner(sheet, 4, last, "{{confidential}}", _font(9, color=_DARK))
    for row, height in ((1, 32), (2, 22), (3, 36), (4, 20), (HEADER_ROW, 30)):
        sheet.row_dimensions[row].height = height
    sheet.row_dimensions[CODE_ROW].hidden = True
    widths = (6, 22, 11, 30, 44, 24, 7, 9)
    for column, (title, width) in enumerate(zip(texts.TASK_COLUMNS, widths, strict=True), 1):
        _header(sheet, HEADER_ROW, column, title, width)
    _choices(sheet, names["done"], f"G{HEADER_ROW + 1}:G{LAST_TASK_ROW}")
    done = FormulaRule(formula=[f'$G{HEADER_ROW + 1}<>""'], fill=_fill(_FILLS["good"]))
    area = f"A{HEADER_ROW + 1}:{get_column_letter(last)}{LAST_TASK_ROW}"
    sheet.conditional_formatting.add(area, done)
    _finish(sheet, get_column_letter(last), LAST_TASK_ROW, freeze=f"D{HEADER_ROW + 1}", pages=1)


def _list_sheet(sheet: Worksheet, contract: FormContract, names: dict[str, str]) -> int:
    first, result, remark, *hidden = HEADER_ROW + 1, *end_columns(contract)
    visible = 4 + 2 * len(contract.items)
    _banner(sheet, 1, sum(_LEGEND_SPANS), "{{list_title}}", _font(16, bold=True))
    _banner(sheet, 2, sum(_LEGEND_SPANS), "{{facts}}", _font(10))
    _legend(sheet)
    _banner(sheet, 4, sum(_LEGEND_SPANS), "{{confidential}}", _font(9, color=_DARK))
    for row, height in ((1, 32), (2, 22), (3, 24), (4, 20), (HEADER_ROW, 32)):
        sheet.row_dimensions[row].height = height
    sheet.row_dimensions[CODE_ROW].hidden = True
    _header(sheet, HEADER_ROW, 1, texts.ROW_NO, 6)
    _header(sheet, HEADER_ROW, 2, texts.PLACE, 20)
    machine = ["row_no", "place"]
    for number, item in enumerate(contract.items):
        field, column = FIELD[item.field], 3 + 2 * number
        _header(sheet, HEADER_ROW, column, field.label, item.width)
        _header(sheet, HEADER_ROW, column + 1, texts.SOURCE, _NOTE_WIDTH)
        machine += [field.name, f"{field.name}:source"]
        letter, note = value_column(number), note_column(number)
        area = f"{letter}{first}:{letter}{LAST_LIST_ROW}"
        if field.codes:
            _choices(sheet, names[field.codes], area)
        elif hint := _HINTS.get(field.name) or (field.type == "DATE" and _DATE_HINT):
            _hint(sheet, area, *hint)
        answered = FormulaRule(
            formula=[f'AND(${note}{first}="{texts.ASK}",LEN({letter}{first})>0)'],
            fill=_fill(_FILLS["good"]),
        )
        sheet.conditional_formatting.add(area, answered)
    for offset, (title, width) in enumerate(((texts.RESULT, 10), (texts.REMARK, 20))):
        _header(sheet, HEADER_ROW, visible - 1 + offset, title, width)
    for offset, title in enumerate(texts.HIDDEN):
        _header(sheet, HEADER_ROW, visible + 1 + offset, title, 12)
        sheet.column_dimensions[hidden[offset]].hidden = True
    machine += ["result", "remark", "row_id", "resident_id", "base_version", "digest"]
    for column, name in enumerate(machine, start=1):
        _text(sheet, CODE_ROW, column, name)
    _choices(sheet, names["result"], f"{result}{first}:{result}{LAST_LIST_ROW}")
    checked = FormulaRule(formula=[f'${result}{first}<>""'], fill=_fill(_FILLS["good"]))
    sheet.conditional_formatting.add(f"A{first}:B{LAST_LIST_ROW}", checked)
    _finish(sheet, remark, LAST_LIST_ROW, freeze=f"D{first}", pages=3, last=hidden[-1])
    return len(machine)


_DATE_HINT = (texts.DATE_TITLE, texts.DATE_HINT)
_HINTS = {
    "id_number": (texts.ID_TITLE, texts.ID_HINT),
    "phone": (texts.PHONE_TITLE, texts.PHONE_HINT),
}


_LEGEND_SPANS = (2, 2, 3, 2, 3)


def _legend(sheet: Worksheet) -> None:
    column = 1
    for (state, words), span in zip(texts.LEGEND, _LEGEND_SPANS, strict=True):
        end = column + span - 1
        sheet.merge_cells(start_row=3, start_column=column, end_row=3, end_column=end)
        for offset in range(span):
            cell = sheet.cell(3, column + offset)
            cell.border = _border(is_first=False, is_framed=state == "ask")
            if state in _FILLS:
                cell.fill = _fill(_FILLS[state])
        cell = sheet.cell(3, column, words)
        cell.font = _font(9)
        cell.alignment = Alignment(horizontal="center", vertical="center", shrink_to_fit=True)
        column += span


def _choices(sheet: Worksheet, name: str, area: str) -> None:
    rule = DataValidation("list", formula1=name, allow_blank=True, sqref=area)
    rule.errorTitle, rule.error = texts.WRONG_TITLE, texts.WRONG_LIST
    rule.showErrorMessage = True
    sheet.add_data_validation(rule)


def _hint(sheet: Worksheet, area: str, title: str, words: str) -> None:
    rule = DataValidation(sqref=area, allow_blank=True)
    rule.promptTitle, rule.prompt, rule.showInputMessage = title, words, True
    sheet.add_data_validation(rule)


def _finish(
    sheet: Worksheet, letter: str, last_row: str, *, freeze: str, pages: int, last: str = ""
) -> None:
    """Freeze, filter, protect, and set the sheet up for A4 landscape."""
    sheet.freeze_panes = freeze
    sheet.auto_filter.ref = f"A{HEADER_ROW}:{last or letter}{last_row}"
    sheet.print_area = f"A1:{letter}{last_row}"
    sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
    if pages > 1:
        sheet.print_title_cols = "A:C"
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9
    sheet.page_setup.fitToWidth = pages
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True  # type: ignore[union-attr]
    sheet.print_options.horizontalCentered = True
    margins = sheet.page_margins
    margins.left = margins.right = 0.4
    margins.top, margins.bottom, margins.header, margins.footer = 0.5, 0.6, 0.3, 0.3
    sheet.oddFooter.left.text = texts.FOOTER_LEFT  # type: ignore[union-attr]
    sheet.oddFooter.right.text = texts.FOOTER_PAGE  # type: ignore[union-attr]
    _protect(sheet)


def _protect(sheet: Worksheet) -> None:
    """Against slips, without password: filtering and column widths stay free."""
    sheet.protection.sheet = True
    sheet.protection.autoFilter = False
    sheet.protection.formatColumns = False
    sheet.protection.formatRows = False


def _guide(sheet: Worksheet) -> None:
    sheet.column_dimensions["A"].width = 5
    sheet.column_dimensions["B"].width = 92
    for row, (number, line) in enumerate(texts.GUIDE_LINES, start=1):
        sheet.row_dimensions[row].height = 26
        _text(sheet, row, 1, number)
        if line:
            _text(sheet, row, 2, line)
        for column in (1, 2):
            sheet.cell(row, column).font = _font(16, bold=True) if row == 1 else _font(11)
            sheet.cell(row, column).alignment = Alignment(vertical="center", wrap_text=row > 1)
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True  # type: ignore[union-attr]
    _protect(sheet)


def _meta(sheet: Worksheet) -> None:
    sheet.sheet_state = "veryHidden"
    for row, (name, label) in enumerate(texts.META_LABELS, start=1):
        _text(sheet, row, 1, name)
        _text(sheet, row, 2, "{{" + name + "}}")
        _text(sheet, row, 3, label)
    _protect(sheet)


_TOKEN = re.compile(r"\{\{(\w+)\}\}")


def fill_tokens(xml: str, values: dict[str, str]) -> str:
    """Replace every ``{{token}}`` once; what a value itself holds is never looked at again."""
    return _TOKEN.sub(lambda match: values[match.group(1)], xml)
