"""Form contracts: what a form asks, of whom, for which purpose."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from schemas.contract import Contract
from schemas.fields import FIELD
from schemas.source import Purpose


class FormItem(Contract):
    """One field on a form.

    Attributes:
        field: canonical field.
        required: an empty cell is asked (需填) only where it is required.
        fresh_days: overrides the field's own freshness for this form.
        ages: youngest and oldest whom the item concerns, in completed years; for others the cell is
            not on the form. Where the birth date is unknown the item concerns the resident.
        width: column width in characters.
    """

    field: str
    required: bool = True
    fresh_days: int | None = None
    ages: tuple[int, int] = (0, 200)
    width: int = 12


class FormContract(Contract):
    """A form that goes to every grid.

    Attributes:
        form: identifier.
        title: Chinese title, also in the file's name.
        purpose: only sources that serve this purpose may fill its cells.
        legal_basis: why the office may ask, printed on the form.
        period: ``month``, ``quarter`` or ``year``; a form is renewed within it as it changes.
        due_days: days from the issue to the return.
        target: SQL condition over `master.resident` (alias r): who is asked.
        items: the fields in order.
        seconds_per_cell: estimate of the time one cell costs a grid worker (asking and writing).
    """

    form: str
    title: str
    purpose: Purpose
    legal_basis: str
    period: Literal["month", "quarter", "year"] = "month"
    due_days: int = 14
    target: str = "TRUE"
    items: tuple[FormItem, ...]
    seconds_per_cell: float = 20.0

    @model_validator(mode="after")
    def _fields_exist(self) -> FormContract:
        for item in self.items:
            if item.field not in FIELD:
                raise ValueError(f"unknown field {item.field!r}")
        return self
