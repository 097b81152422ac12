"""The block of blank rows below the list, for people whom no department has listed (新增人员)."""

from __future__ import annotations

from pipelines.deliver import texts
from pipelines.deliver.layout import ROW_HEIGHT, end_columns, kind_of, note_column, value_column
from schemas.fields import FIELD
from schemas.forms import FormContract

_ROW = "\0"


def block(contract: FormContract, styles: dict[str, int]) -> tuple[str, list[str]]:
    """XML of the head and of the blank rows, each to be given its row number by `numbered`."""
    if not contract.new_rows:
        return "", []
    words = "".join(
        f'<c r="{letter}{_ROW}" s="{styles[style]}" t="inlineStr"><is><t>{said}</t></is></c>'
        for letter, style, said in (
            ("A", "new_head/first", texts.NEW_TITLE),
            ("D", "new_head", texts.NEW_HEAD),
        )
    )
    head = f'<row r="{_ROW}" ht="48" customHeight="1">{words}</row>'
    return head, [_blank(contract, styles, number) for number in range(1, contract.new_rows + 1)]


def numbered(row: str, number: int) -> str:
    """A row of `block` at its place."""
    return row.replace(_ROW, str(number))


def _blank(contract: FormContract, styles: dict[str, int], number: int) -> str:
    """A row; only the name is framed as to be filled in: of the rest one suffices."""
    said = texts.NEW_ROW.format(number=number)
    cells = [
        f'<c r="A{_ROW}" s="{styles["number"]}" t="inlineStr"><is><t>{said}</t></is></c>',
        f'<c r="B{_ROW}" s="{styles["none:text"]}"/>',
    ]
    for place, item in enumerate(contract.items):
        kind = kind_of(FIELD[item.field])
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
    return f'<row r="{_ROW}" ht="{ROW_HEIGHT}" customHeight="1">{"".join(cells)}</row>'
