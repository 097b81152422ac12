"""Form contracts: what a form asks, of whom, for which purpose."""

from __future__ import annotations

from typing import Literal

from pydantic import Field as Key
from pydantic import model_validator

from schemas.contract import Contract
from schemas.fields import FIELD
from schemas.source import Purpose

_EVERYWHERE = (
    "name", "former_name", "sex", "birth_date", "id_number", "relation", "phone", "address",
    "hukou_address", "residence_type", "concern",
)  # fmt: skip
_BESIDES: dict[Purpose, tuple[str, ...]] = {
    "population": (
        "ethnic_group", "marital_status", "education", "political_status", "hukou_type",
        "employer", "pension_insurance", "medical_insurance", "school", "death_date",
    ),
    "assistance": (
        "marital_status", "hukou_type", "employer", "pension_insurance", "medical_insurance",
        "disability_type", "disability_grade", "health", "self_care", "assistance", "guardian",
    ),
    "elderly": (
        "marital_status", "pension_insurance", "medical_insurance", "health", "self_care",
        "old_age_allowance", "disability_type", "disability_grade", "children_count",
    ),
    "family_planning": (
        "marital_status", "hukou_type", "medical_insurance", "children_count", "school",
        "guardian",
    ),
    "migrant": (
        "ethnic_group", "marital_status", "education", "hukou_type", "employer",
        "pension_insurance", "medical_insurance", "arrival_date", "stay_reason", "landlord",
        "school",
    ),
}  # fmt: skip
COVERED = {purpose: (*_EVERYWHERE, *more) for purpose, more in _BESIDES.items()}
"""Fields that a form may ask for, by its purpose: what is not needed for it is not collected."""

IDENTIFYING = ("name", "sex", "birth_date")
"""Fields without which nobody knows whom a row is about."""

MASKED = ("id_number", "phone")
"""Fields of which a form may show less than it knows."""


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
        order: what several forms lack is asked by the one with the lowest number; the others wait
            for its answer.
        period: ``month``, ``quarter`` or ``year``; a form is renewed within it as it changes.
        due_days: days from the issue to the return.
        target: SQL condition over `master.resident` (alias r): who is asked. r.age is their age in
            completed years on the day of the night, NULL where the birth date is unknown.
        identifies: fields (of `IDENTIFYING`) shown whoever knows them, whatever their source may be
            used for.
        items: the fields in order.
        mask: what the form shows of a number in `MASKED`: all of it, all but its ``middle``, or its
            last four figures only. What is asked is written in full.
        encrypted: a grid's workbook opens with the grid's password only.
        seconds_per_cell: estimate of the time one cell costs a grid worker (asking and writing).
        new_rows: blank rows at the end of the list, for people who are not on it (新增人员).
    """

    form: str
    title: str
    purpose: Purpose
    legal_basis: str
    order: int = 50
    period: Literal["month", "quarter", "year"] = "month"
    due_days: int = 14
    target: str = "TRUE"
    identifies: tuple[Literal["name", "sex", "birth_date"], ...] = ("name",)
    items: tuple[FormItem, ...]
    mask: Literal["none", "middle", "tail"] = "none"
    encrypted: bool = False
    seconds_per_cell: float = 20.0
    new_rows: int = Key(default=0, ge=0, le=200)

    @model_validator(mode="after")
    def _fields_exist(self) -> FormContract:
        for item in self.items:
            if item.field not in FIELD:
                raise ValueError(f"unknown field {item.field!r}")
            if item.field not in COVERED[self.purpose]:
                raise ValueError(
                    f"the purpose {self.purpose!r} does not cover {item.field!r}; it covers "
                    + ", ".join(COVERED[self.purpose])
                )
        if len({item.field for item in self.items}) < len(self.items):
            raise ValueError("a field stands on the form twice")
        if self.new_rows and all(item.field != "name" for item in self.items):
            raise ValueError("rows for new residents need the item name")
        return self
