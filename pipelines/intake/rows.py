"""The rows of a return, whatever way it came: what `judge` compares with the rows that went out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

IDENTIFIERS = ("row_id", "resident_id", "base_version", "digest", "result", "remark", "place")
_LIST = pa.list_(pa.string())


def version_in(text: str) -> int:
    """The version that a form says it has; 0, which no form has: it says none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def rows_table(
    numbers: Sequence[int],
    cells: Mapping[str, Sequence[str | None]],
    *,
    died_on: Sequence[str | None] | None = None,
    answered: Sequence[list[str]] | None = None,
    confirmed: Sequence[list[str]] | None = None,
) -> pa.Table:
    """The rows of one return.

    Args:
        numbers: of the rows, as the worker sees them.
        cells: by name: those of `IDENTIFIERS` and of fields. A row without row_id is somebody who
            was not on the form; only there ``place`` (户) says anything.
        died_on: day of a death as written, where it has a place of its own beside the remark.
        answered: fields of each row that the worker spoke of. None: a sheet came back whole, and
            every cell of it counts, the emptied ones too.
        confirmed: fields of each row that the worker called right one by one.

    Returns:
        sheet_row, those of `IDENTIFIERS`, died_on, answered, confirmed, ``f_<field>`` for the rest.
    """
    nothing = [None] * len(numbers)
    data = {"sheet_row": pa.array(numbers, pa.int32())}
    for name in IDENTIFIERS:
        data[name] = pa.array(cells.get(name, nothing), pa.string())
    data["died_on"] = pa.array(died_on or nothing, pa.string())
    data["answered"] = pa.array(answered or nothing, _LIST)
    data["confirmed"] = pa.array(confirmed or nothing, _LIST)
    for name, values in cells.items():
        if name not in IDENTIFIERS:
            data[f"f_{name}"] = pa.array(values, pa.string())
    return pa.table(data)
