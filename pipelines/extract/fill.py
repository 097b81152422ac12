"""Fill down: merged cells, 'as above', and what is written once for a whole household."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_DITTO = [*"同上 同上。 上同 同前 〃 ″ \" ” “ '' ’’ ＂ 〞 ′′ ˮ .. … ……".split(), "同 上", "同  上"]
_HEADS = ["户主", "本人", "本人或户主", "户 主", "01", "02", "1", "0"]
_FEWEST, _SHARE = 2, 0.9


class MergedCells:
    """Areas of several rows: each says its value for all of them."""

    def __init__(self, areas: list[tuple[int, int, int]], keep_out: frozenset[int]) -> None:
        """`areas`: top and bottom row, from 1, and place; none of the places `keep_out`."""
        self._areas = sorted(area for area in areas if area[2] not in keep_out)
        self._tops = [area[0] for area in self._areas]
        self._tallest = max((bottom - top for top, bottom, _ in self._areas), default=0)
        self._held: dict[tuple[int, int], object] = {}

    def __bool__(self) -> bool:
        return bool(self._areas)

    def fill(self, start: int, rows: list[list[Any]]) -> dict[int, list[int]]:
        """Write the value into the empty cells of `rows`; place → numbers of the rows filled."""
        end = start + len(rows) - 1
        filled: dict[int, list[int]] = {}
        first = bisect_left(self._tops, start - self._tallest)
        for top, bottom, place in self._areas[first : bisect_left(self._tops, end + 1)]:
            if bottom < start or place >= len(rows[0]):
                continue
            if top >= start:
                self._held[top, place] = rows[top - start][place]
            value = self._held.get((top, place), "")
            if value == "":
                continue
            for number in range(max(top + 1, start), min(bottom, end) + 1):
                if rows[number - start][place] == "":
                    rows[number - start][place] = value
                    filled.setdefault(place, []).append(number)
        return filled


def say_again(column: pa.Array, above: str | None) -> tuple[pa.Array, np.ndarray | None]:
    """Replace 'as above' by what stands above; and where that was, None: nowhere.

    Args:
        column: texts.
        above: the last text before them.
    """
    is_ditto = pc.is_in(column, pa.array(_DITTO))
    if not pc.any(is_ditto).as_py():
        return column, None
    where = is_ditto.to_numpy(zero_copy_only=False)
    last = np.maximum.accumulate(np.where(where, 0, np.arange(1, len(column) + 1)))
    longer = pa.concat_arrays([pa.array([above], pa.string()), column])
    return longer.take(pa.array(last)), where


def is_written_once(number: pa.Array, relation: pa.Array) -> bool:
    """The household's number stands on the head's row, and the rows below it are left empty."""
    if not number.null_count or len(number) - number.null_count < _FEWEST:
        return False
    is_head = pc.is_in(relation, pa.array(_HEADS))
    written = pc.is_valid(number)
    heads = pc.mean(pc.cast(is_head.filter(written), pa.float64())).as_py()
    others = pc.mean(pc.cast(pc.invert(is_head).filter(pc.invert(written)), pa.float64())).as_py()
    return heads >= _SHARE and others >= _SHARE


def hand_down(column: pa.Array, gaps: pa.Array, above: str | None) -> tuple[pa.Array, np.ndarray]:
    """Fill the empty cells among `gaps` with what stands above; and which were filled."""
    longer = pa.concat_arrays([pa.array([above], pa.string()), column])
    filled = pc.fill_null_forward(longer).slice(1)
    where = pc.and_(pc.and_(gaps, pc.is_null(column)), pc.is_valid(filled))
    return pc.if_else(where, filled, column), where.to_numpy(zero_copy_only=False)
