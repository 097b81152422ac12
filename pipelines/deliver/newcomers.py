"""The block of blank rows below the list, for people whom no department has listed (新增人员)."""

from __future__ import annotations

from pipelines.deliver import texts
from pipelines.deliver.layout import end_columns, note_column, value_column
from schemas.fields import FIELD
from schemas.forms import FormContract

_ROW = "\0"


def block(contract: FormContract, styles: dict[str, int]) -> tuple[str, list[str]]:
    """XML of the head and of the blank rows, each to be given its row number by `numbered`."""
    if not contract.new_rows:
        return "", []
    head = (
        f'<row r="{_ROW}" ht="48" customHeight="1"><c r="A{_ROW}" s="{styles["new_head"]}" '
        f't="inlineStr"><is><t>{texts.NEW_HEAD}</t></is></c></row>'
    )
    return head, [_blank(contract, styles, number) for number in range(1, contract.new_rows + 1)]


def numbered(row: str, number: int) -> str:
    """A row of `block` at its place."""
    return row.replace(_ROW, str(number))


def _blank(contract: FormContract, styles: dict[str, int], number: int) -> str:
    """Only the name is framed as to be filled in: of the rest one suffices."""
    said = texts.NEW_ROW.format(number=number)
    cells = [
        f'<c r="A{_ROW}" s="{styles["number"]}" t="inlineStr"><is><t>{said}</t></is></c>',
        f'<c r="B{_ROW}" s="{styles["none:text"]}"/>',
    ]
    for place, item in enumerate(contract.items):
        kind = "date" if FIELD[item.field].type == "DATE" else "text"
        state = "ask" if item.field == "name" else "none"
        cells += [
            f'<c r="{value_column(place)}{_ROW}" s="{styles[f"{state}:{kind}"]}"/>',
            f'<c r="{note_column(place)}{_ROW}" s="{styles["absent:note"]}"/>',
        ]
    result, remark = end_columns(contract)[:2]
    cells += [
        f'<c r="{result}{_ROW}" s="{styles["absent:text"]}"/>',
        f'<c r="{remark}{_ROW}" s="{styles["remark"]}"/>',
    ]
    return f'<row r="{_ROW}" ht="26" customHeight="1">{"".join(cells)}</row>'
