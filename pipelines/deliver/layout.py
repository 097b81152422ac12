"""Where things stand on the sheets of a workbook, and what they look like."""

from __future__ import annotations

from openpyxl.styles import Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from schemas.fields import Field
from schemas.forms import FormContract

LAYOUT = 5
"""Raised whenever workbooks of the same content come to look different, or their digests: forms are
issued anew."""

HEADER_ROW = 6
CODE_ROW = 5
LAST_LIST_ROW, LAST_TASK_ROW = "999991", "999992"
NEW_HEAD_ROW, FIRST_NEW_ROW, LAST_NEW_ROW = "999993", "999994", "999995"
"""Sentinels: last rows of the list and of the tasks; head and rows for 新增人员 below the list."""
STATES = ("known", "verify", "ask", "none", "waits", "withheld", "absent")
_FONT = "微软雅黑"
FILLS = {
    "known": "EFEFEF",
    "verify": "FFF2CC",
    "waits": "EFEFEF",
    "withheld": "D0D0D0",
    "absent": "EFEFEF",
    "head": "1F4E79",
    "good": "E2EFDA",
}
GREY, DARK, RED = "BFBFBF", "595959", "C00000"


LONG = ("address", "hukou_address", "employer", "landlord", "guardian", "school", "concern")
"""Fields that often take two lines: written smaller."""
ROW_HEIGHT = 30
"""Of a row of the list: two lines of `LONG`."""


def kind_of(field: Field) -> str:
    """Which of the styles of a state the cells of a field have."""
    if field.type == "DATE":
        return "date"
    return "long" if field.name in LONG else "text"


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


def font(size: float = 10, *, bold: bool = False, color: str = "000000") -> Font:
    """The font of a cell."""
    return Font(name=_FONT, size=size, bold=bold, color=color)


def fill(color: str) -> PatternFill:
    """A plain background."""
    return PatternFill("solid", fgColor=color)


def border(*, is_first: bool, is_framed: bool = False) -> Border:
    """The lines around a cell: heavier above the first row of a household."""
    if is_framed:
        red = Side("medium", color=RED)
        return Border(left=red, right=red, top=red, bottom=red)
    thin = Side("thin", color=GREY)
    return Border(left=thin, right=thin, top=Side("medium", color=DARK) if is_first else thin,
                  bottom=thin)  # fmt: skip
