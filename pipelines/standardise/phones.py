"""Telephone numbers: several in a cell, landlines, country codes; digits only."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipelines.standardise.text import is_junk, tidy

_MOBILE = re.compile(r"1[3-9]\d{9}")
_LANDLINE = re.compile(r"0(?:10|2\d|[3-9]\d{2})\d{7,8}")
_LOCAL = re.compile(r"[2-8]\d{6,7}")
# 13800138000 is the operator's own number; the others are what stands where there is none.
_PLACEHOLDER = re.compile(r"(\d)\1+|1[3-9]\d(\d)\2{7}|13800138000|0\d{2,3}(\d)\3{6,7}|12345678\d*")
_SEPARATOR = re.compile(r"[,;、/|\\&]+|或者?|和|及|(?<=\d) +(?=1[3-9]\d{9}(?!\d)|0\d{2,3}-?\d{7})")
_INSIDE = re.compile(r"(?<=\d)[\s\-.()]+(?=\d)")
_RUN = re.compile(r"\d+")
_EXTENSION = re.compile(r"^(\(?0\d{2,3}\)?[- ]?\d{7,8})(?:-|转)\d{1,6}$")


class Phone(NamedTuple):
    """All numbers of a cell, the first of which is the resident's; `defect` as in `SEVERITY`."""

    values: tuple[str, ...]
    defect: str | None


def clean_phone(raw: str) -> Phone:
    """The numbers in `raw`."""
    if len(raw) == 11 and raw.isascii() and _MOBILE.fullmatch(raw) and not _is_placeholder(raw):
        return Phone((raw,), None)
    text = tidy(raw).removesuffix(".0")
    if is_junk(text):
        return Phone((), "placeholder")
    if "*" in text:
        return Phone((), "masked")
    found: list[str] = []
    for piece in _SEPARATOR.split(text):
        found += [number for number in _numbers(piece) if number not in found]
    if real := [number for number in found if not _is_placeholder(number)]:
        found = real
    elif found or _PLACEHOLDER.fullmatch(re.sub(r"\D", "", text)):
        return Phone((), "placeholder")
    if not found:
        return Phone((), "phone_length")
    if len(found) > 1:
        return Phone(tuple(found), "phone_several")
    if _LOCAL.fullmatch(found[0]):
        return Phone(tuple(found), "phone_no_area")
    return Phone(tuple(found), "spelling" if found[0] != raw else None)


def _is_placeholder(number: str) -> bool:
    # Almost no number ends like this; the expression is for those that do.
    return (number[-1] == number[-3] or number == "13800138000") and bool(
        _PLACEHOLDER.fullmatch(number)
    )


def _numbers(piece: str) -> list[str]:
    piece = piece.strip()
    if match := _EXTENSION.match(piece):
        piece = match.group(1)
    runs = _RUN.findall(_INSIDE.sub("", piece.replace("+", " ")))
    return [number for run in runs for number in _split(run)]


def _split(run: str) -> list[str]:
    run = run.removeprefix("0086")
    if len(run) > 11 and run.startswith("86") and run[2:3] in ("1", "0"):
        run = run[2:]
    if len(run) == 12 and _MOBILE.fullmatch(run[1:]) and run[0] == "0":
        run = run[1:]
    if _MOBILE.fullmatch(run) or _LANDLINE.fullmatch(run) or _LOCAL.fullmatch(run):
        return [run]
    if len(run) == 22 and _MOBILE.fullmatch(run[:11]) and _MOBILE.fullmatch(run[11:]):
        return [run[:11], run[11:]]
    return []
