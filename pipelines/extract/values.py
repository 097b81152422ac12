"""One value of a source as text. What a spreadsheet or a driver lost stays visible as lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal

import pyarrow as pa

_EXACT_DIGITS = 1e15  # a double, and Excel, keeps 15 decimal digits


def text(value: object) -> str | None:
    """`value` as text: dates in ISO, whole numbers without a point.

    A whole number too long for a double is given as the double's own spelling
    (``1.1010119900307853e+17``), so that nobody takes its last digits for digits of an ID.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if abs(value) < _EXACT_DIGITS and value.is_integer():
            return str(int(value))
        return repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes | bytearray | memoryview):
        return _decoded(bytes(value))
    return str(value)


def cell(value: object) -> str | None:
    """A cell of a workbook as text, without surrounding blanks; None for an empty one."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _EXACT_DIGITS:
        return repr(float(value))
    return text(value)


def _decoded(value: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return value.decode(encoding)
        except UnicodeDecodeError:
            continue
    return value.hex()


def array(values: Sequence[object]) -> pa.Array:
    """What a driver gave of a column, as text."""
    try:
        return pa.array(values, type=pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeError):
        if all(value is None or value.__class__ is int for value in values):
            return _integers(values)
        cleaned = (text(value) for value in values)
        return pa.array(
            [v.encode("utf-8", "replace").decode() if v else v for v in cleaned], type=pa.string()
        )


def _integers(values: Sequence[object]) -> pa.Array:
    try:
        return pa.array(values, type=pa.int64()).cast(pa.string())
    except (pa.ArrowInvalid, OverflowError):
        return pa.array([text(value) for value in values], type=pa.string())
