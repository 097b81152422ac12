"""Kinds of defects that cleaners report; docs/defects.md explains each of them to people."""

from __future__ import annotations

from typing import Literal

Severity = Literal["info", "warning", "error"]

SEVERITY: dict[str, Severity] = {
    # any field
    "spelling": "info",
    "placeholder": "info",
    "masked": "error",
    "unreadable": "error",
    "corrected": "info",
    # names
    "former_name_split": "info",
    "note_removed": "warning",
    "character_recoded": "info",
    "character_lost": "error",
    # ID numbers
    "id_upgraded": "info",
    "id_check_digit": "error",
    "id_birth": "error",
    "id_length": "error",
    "id_other_document": "warning",
    "id_masked": "error",
    "id_damaged": "error",
    "id_contradicts_birth": "warning",
    "id_contradicts_sex": "warning",
    # dates
    "date_lunar": "info",
    "date_month_only": "info",
    "date_year_only": "info",
    "date_serial": "warning",
    "date_two_digit_year": "warning",
    "date_ambiguous": "warning",
    "date_impossible": "error",
    "date_future": "error",
    "date_no_year": "error",
    # telephones
    "phone_several": "info",
    "phone_no_area": "warning",
    "phone_length": "error",
    # addresses
    "address_incomplete": "warning",
    # codes
    "code_unknown": "error",
}
