"""The sheets of a workbook before their rows: heads, hints, choices, protection, print set-up."""

from __future__ import annotations

from openpyxl import Workbook
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.deliver import layout, texts
from pipelines.deliver.layout import (
    CODE_ROW,
    FIRST_NEW_ROW,
    HEADER_ROW,
    LAST_LIST_ROW,
    LAST_NEW_ROW,
    LAST_TASK_ROW,
    end_columns,
    note_column,
    value_column,
)
from schemas.codes import code_list
from schemas.fields import FIELD
from schemas.forms import FormContract

_NOTE_WIDTH = 10.5


def code_columns(book: Workbook, sheet: Worksheet, contract: FormContract) -> dict[str, str]:
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
    cell.font = layout.font(10, bold=True, color="FFFFFF")
    cell.fill = layout.fill(layout.FILLS["head"])
    cell.border = layout.border(is_first=False)
    cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    sheet.column_dimensions[get_column_letter(column)].width = width


def task_sheet(sheet: Worksheet, names: dict[str, str]) -> None:
    """Set up the sheet that lists those with something to ask."""
    last = len(texts.TASK_COLUMNS)
    _banner(sheet, 1, last, "{{task_title}}", layout.font(16, bold=True))
    _banner(sheet, 2, last, "{{facts}}", layout.font(10))
    _banner(sheet, 3, last, "{{summary}}", layout.font(11, bold=True, color="375623"))
    _banner(sheet, 4, last, "{{confidential}}", layout.font(9, color=layout.DARK))
    for row, height in ((1, 32), (2, 22), (3, 36), (4, 20), (HEADER_ROW, 30)):
        sheet.row_dimensions[row].height = height
    sheet.row_dimensions[CODE_ROW].hidden = True
    widths = (6, 22, 11, 30, 44, 24, 7, 9)
    for column, (title, width) in enumerate(zip(texts.TASK_COLUMNS, widths, strict=True), 1):
        _header(sheet, HEADER_ROW, column, title, width)
    _choices(sheet, names["done"], f"G{HEADER_ROW + 1}:G{LAST_TASK_ROW}")
    done = FormulaRule(formula=[f'$G{HEADER_ROW + 1}<>""'], fill=layout.fill(layout.FILLS["good"]))
    area = f"A{HEADER_ROW + 1}:{get_column_letter(last)}{LAST_TASK_ROW}"
    sheet.conditional_formatting.add(area, done)
    _finish(sheet, get_column_letter(last), LAST_TASK_ROW, freeze=f"D{HEADER_ROW + 1}", pages=1)


def list_sheet(sheet: Worksheet, contract: FormContract, names: dict[str, str]) -> int:
    """Set up the list of all residents; the number of its columns."""
    first, result, remark, *hidden = HEADER_ROW + 1, *end_columns(contract)
    last_row = LAST_NEW_ROW if contract.new_rows else LAST_LIST_ROW
    visible = 4 + 2 * len(contract.items)
    _banner(sheet, 1, HEAD_COLUMNS, "{{list_title}}", layout.font(16, bold=True))
    _banner(sheet, 2, HEAD_COLUMNS, "{{facts}}", layout.font(10))
    _legend(sheet)
    _banner(sheet, 4, HEAD_COLUMNS, "{{confidential}}", layout.font(9, color=layout.DARK))
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
            _choices(sheet, names[field.codes], f"{letter}{first}:{letter}{last_row}")
        elif hint := _HINTS.get(field.name) or (field.type == "DATE" and _DATE_HINT):
            _hint(sheet, f"{letter}{first}:{letter}{last_row}", *hint)
        answered = FormulaRule(
            formula=[f'AND(${note}{first}="{texts.ASK}",LEN({letter}{first})>0)'],
            fill=layout.fill(layout.FILLS["good"]),
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
    checked = FormulaRule(formula=[f'${result}{first}<>""'], fill=layout.fill(layout.FILLS["good"]))
    sheet.conditional_formatting.add(f"A{first}:B{LAST_LIST_ROW}", checked)
    if contract.new_rows:
        _new_rows(sheet, note_column(len(contract.items) - 1))
    _finish(sheet, remark, LAST_LIST_ROW, freeze=f"D{first}", pages=3, last=hidden[-1])
    sheet.print_area = f"A1:{remark}{last_row}"
    return len(machine)


def _new_rows(sheet: Worksheet, last_letter: str) -> None:
    """What is filled in for somebody who is not on the list turns green too."""
    area = f"B{FIRST_NEW_ROW}:{last_letter}{LAST_NEW_ROW}"
    written = FormulaRule(
        formula=[f"LEN(B{FIRST_NEW_ROW})>0"], fill=layout.fill(layout.FILLS["good"])
    )
    sheet.conditional_formatting.add(area, written)
    _hint(sheet, f"B{FIRST_NEW_ROW}:B{LAST_NEW_ROW}", texts.PLACE_TITLE, texts.PLACE_HINT)


_DATE_HINT = (texts.DATE_TITLE, texts.DATE_HINT)
_HINTS = {
    "id_number": (texts.ID_TITLE, texts.ID_HINT),
    "phone": (texts.PHONE_TITLE, texts.PHONE_HINT),
}


_LEGEND_SPANS = (2, 2, 3, 2, 3)
HEAD_COLUMNS = sum(_LEGEND_SPANS)
"""Columns over which the lines at the head of the list reach."""


def _legend(sheet: Worksheet) -> None:
    column = 1
    for (state, words), span in zip(texts.LEGEND, _LEGEND_SPANS, strict=True):
        end = column + span - 1
        sheet.merge_cells(start_row=3, start_column=column, end_row=3, end_column=end)
        for offset in range(span):
            cell = sheet.cell(3, column + offset)
            cell.border = layout.border(is_first=False, is_framed=state == "ask")
            if state in layout.FILLS:
                cell.fill = layout.fill(layout.FILLS[state])
        cell = sheet.cell(3, column, words)
        cell.font = layout.font(9)
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


def guide_sheet(sheet: Worksheet) -> None:
    """Write how the workbook is used."""
    sheet.column_dimensions["A"].width = 5
    sheet.column_dimensions["B"].width = 92
    for row, (number, line) in enumerate(texts.GUIDE_LINES, start=1):
        sheet.row_dimensions[row].height = 26
        _text(sheet, row, 1, number)
        if line:
            _text(sheet, row, 2, line)
        for column in (1, 2):
            sheet.cell(row, column).font = (
                layout.font(16, bold=True) if row == 1 else layout.font(11)
            )
            sheet.cell(row, column).alignment = Alignment(vertical="center", wrap_text=row > 1)
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9
    sheet.page_setup.fitToHeight = 1
    sheet.sheet_properties.pageSetUpPr.fitToPage = True  # type: ignore[union-attr]
    _protect(sheet)


def issue_sheet(sheet: Worksheet) -> None:
    """Name the issue, with tokens for what differs."""
    sheet.sheet_state = "veryHidden"
    for row, (name, label) in enumerate(texts.META_LABELS, start=1):
        _text(sheet, row, 1, name)
        _text(sheet, row, 2, "{{" + name + "}}")
        _text(sheet, row, 3, label)
    _protect(sheet)
