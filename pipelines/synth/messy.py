# ruff: noqa: E501  tables of words read better unbroken
"""Write a ledger that is plain but for the kinds of mess that are switched on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.synth import elsewise, xlsx
from pipelines.synth.guests import GUESTS, has_guests
from pipelines.synth.habits import COLUMNS, MIGRANT_WORDS, WORDS, Habit

_BLOCK = 12
_DEEP = 3
_TOGETHER = {"phone": ("联系方式", "手机"), "address": ("住址情况", "现住址")}
_INSTRUCTIONS = {
    "name": "必填",
    "sex": "男/女",
    "id_number": "必填，18位数字",
    "birth_date": "格式：YYYY-MM-DD",
}
Path_ = tuple[str, ...]
Column = tuple[str, Path_]


def plain_habit(own: Habit, kinds: frozenset[str]) -> Habit:
    """`own` with none of a village's habits but `kinds`."""
    on = kinds.__contains__
    depth = _DEEP if on("header_rows") else 2 if has_guests(replace(own, mess=tuple(kinds))) else 1
    header = 1 + on("title_rows") + on("unit_line")
    lines = on("total_rows") + depth * on("page_headers") + (2 + depth) * on("stacked_tables")
    folder, _, stem = own.file.rpartition("/")
    if on("village_sheets"):
        stem = f"全镇台账{own.village + 1:04d}.xlsx"
    return replace(
        own,
        file=f"{folder}/{elsewise.renamed(stem, kinds)}",
        header_row=header,
        first_row=header + depth + 2 * on("instruction_row"),
        block=_BLOCK if lines else 0,
        lines=lines or 1,
        abreast=2 if on("side_by_side") else 1,
        groups=False,
        instructions=on("instruction_row"),
        merges=on("merged_household"),
        sheets=2 if on("sheet_order") and own.source == "ledger_population" else 1,
        birth_style=0,
        address_style=0 if on("village_sheets") else 2,
        date_style=0,
        mess=tuple(sorted(kinds)),
    )


def write(
    rows: pa.Table,
    own: Habit,
    village: str,
    town: str,
    inbox: Path,
    *,
    title: Callable[[int], str],
) -> None:
    """Write one ledger; `title` gives the title of a sheet by its number."""
    kinds = frozenset(own.mess or ())
    sheets = []
    for number in sorted(set(rows["sheet_no"].to_pylist())):
        part = rows.filter(pc.equal(rows["sheet_no"], number)).combine_chunks()
        sheets.append(
            _Page(part, own, number=number, title=title(number), whose=f"{town}{village}").sheet()
        )
    path = inbox / own.file
    xlsx.write(
        path,
        sheets,
        own.filled.isoformat(),
        styles=xlsx.STYLES_WITH_MARKS if "strike_colour" in kinds else xlsx.STYLES,
        counts_from_1904="days_1904" in kinds,
    )
    elsewise.rewrite(path, kinds)


class _Page:
    """One sheet."""

    def __init__(self, part: pa.Table, own: Habit, *, number: int, title: str, whose: str) -> None:
        self._part, self._own, self._whose = part, own, whose
        self._kinds = frozenset(own.mess or ())
        self._sheet = xlsx.Sheet(title)
        self._columns = self._ordered(number % 2)
        self._depth = own.first_row - own.header_row - 2 * own.instructions

    def sheet(self) -> xlsx.Sheet:
        kinds, own, sheet = self._kinds, self._own, self._sheet
        last = own.header_row
        if "title_rows" in kinds:
            sheet.line(1, [f"{self._whose}人口信息台账（{own.filled.year}年）"], 1, 32)
            sheet.merges.append(f"A1:{xlsx.letter(len(self._columns))}1")
        if "unit_line" in kinds:
            day = f"填报日期：{_spoken(own.filled)}"
            sheet.line(last - 1, [f"单位：{self._whose}委员会", None, None, day], 5)
        self._header(last, self._columns)
        if own.instructions:
            told = [_INSTRUCTIONS.get(name, "") for name, _ in self._columns]
            sheet.line(last + self._depth, [None, *told], 5)
            count = [str(n) for n in range(1, len(self._columns) + 2)]
            sheet.line(last + self._depth + 1, [*count], 5)
        self._body()
        sheet.widths = [6.0] + [14.0] * len(self._columns)
        if "hidden" in kinds:
            sheet.hidden_columns = {len(self._columns)}
        if "wrong_dimension" in kinds:
            sheet.dimension = "A1:A1"
        return sheet

    def _ordered(self, turn: int) -> list[Column]:
        """The columns with the paths of their header words; odd turns have another order."""
        own, kinds = self._own, self._kinds
        words = WORDS | (MIGRANT_WORDS if own.source == "ledger_migrant" else {})
        names = [name for name in COLUMNS[own.source] if name != "former_name"]
        columns: list[Column] = [
            (name, (_strange(words[name][-1]) if "header_synonyms" in kinds else words[name][0],))
            for name in names
        ]
        if turn:
            columns = [*columns[2:][::-1], *columns[:2]]
        if "header_rows" in kinds:
            columns = [
                (name, path if "header_synonyms" in kinds else _TOGETHER.get(name, path))
                for name, path in columns
            ]
            half = len(columns) // 2
            columns = [
                (name, ("基本信息" if place < half else "其他信息", *path))
                for place, (name, path) in enumerate(columns)
            ]
        if has_guests(own):
            over = ("家庭成员",) if "header_rows" in kinds else ()
            columns += [
                (name, (*over, group, word))
                for group, own_ in GUESTS.items()
                for name, word in own_
            ]
        if "amounts" in kinds:
            columns.append(("amount", ("家庭年收入",)))
        return columns

    def _header(self, row: int, columns: list[Column]) -> None:
        """The header's rows from `row` on; side by side twice."""
        width = len(columns) + 2
        for left in range(0, self._own.abreast * width, width):
            paths = [("序号",), *(path for _, path in columns)]
            for level in range(self._depth):
                words = [path[level] if level < len(path) else None for path in paths]
                upper = [path[: level + 1] for path in paths]
                shown = [
                    word if place == 0 or len(paths[place]) <= level + 1
                    or upper[place] != upper[place - 1] else None
                    for place, word in enumerate(words)
                ]  # fmt: skip
                self._sheet.line(row + level, [*[None] * left, *shown], 2, 30)
                self._merge_groups(row, level, left, paths)

    def _merge_groups(self, row: int, level: int, left: int, paths: list[Path_]) -> None:
        place = 0
        while place < len(paths):
            path, stop = paths[place], place + 1
            if len(path) == level + 1:
                if level + 1 < self._depth:
                    at = xlsx.letter(left + place)
                    self._sheet.merges.append(f"{at}{row + level}:{at}{row + self._depth - 1}")
            elif len(path) > level + 1:
                while stop < len(paths) and paths[stop][: level + 1] == path[: level + 1]:
                    stop += 1
                if stop - place > 1:
                    first, last = xlsx.letter(left + place), xlsx.letter(left + stop - 1)
                    self._sheet.merges.append(f"{first}{row + level}:{last}{row + level}")
            place = stop

    def _body(self) -> None:
        part, own, kinds = self._part, self._own, self._kinds
        count = part.num_rows
        step = own.block * own.abreast if own.block else max(count, 1)
        for turn, start in enumerate(range(0, count, step)):
            block = part.slice(start, step)
            columns = self._columns
            if "stacked_tables" in kinds and turn % 2:
                columns = columns[::-1]
            self._rows(block, columns)
            end = int(block["row_no"][-1].as_py()) + 1
            if len(block) < step or not own.block:
                continue
            if "total_rows" in kinds:
                self._sheet.line(end, ["小计", f"{len(block)}人"], 3)
                end += 1
            if "page_headers" in kinds:
                self._header(end, columns)
            if "stacked_tables" in kinds:
                self._sheet.line(end + 1, [f"{self._whose}第{turn + 2}组"], 1)
                self._header(end + 2, self._columns if turn % 2 else self._columns[::-1])
        end = int(part["row_no"][-1].as_py()) + 1
        if count and own.block and count % step == 0:
            end += own.lines
        if "total_rows" in kinds:
            self._sheet.line(end, ["合计", f"{count}人"], 3)
        if "signature" in kinds:
            self._sheet.line(
                end + 1, ["制表人：王某某        审核人：陈某某        单位（盖章）："], 5
            )
        self._mark()

    def _rows(self, block: pa.Table, columns: list[Column]) -> None:
        """The rows of a block; side by side in two halves."""
        halves = [
            block.take(pa.array(range(n, len(block), self._own.abreast)))
            for n in range(self._own.abreast)
        ]
        numbers = halves[0]["row_no"].combine_chunks()
        body: list[tuple[pa.Array, pa.Array | None, int]] = []
        for left, half in enumerate(halves):
            if left:
                body.append((pa.nulls(len(numbers), pa.string()), None, 3))
            index = pc.cast(pc.add(half["i"].combine_chunks(), 1), pa.string())
            body.append((_longer(index, len(numbers)), None, 3))
            for name, _ in columns:
                values, numeric, style = self._values(half, name)
                body.append((
                    _longer(values, len(numbers)),
                    None if numeric is None else pc.fill_null(_longer(numeric, len(numbers)), False),
                    style,
                ))  # fmt: skip
        self._sheet.body(numbers, body)

    def _values(self, half: pa.Table, name: str) -> tuple[pa.Array, pa.Array | None, int]:
        if name == "amount":
            amounts = [f"{1 + n % 90},{n % 10}00元" for n in half["i"].to_pylist()]
            return pa.array(amounts, pa.string()), None, 3
        values = pc.cast(half[name].combine_chunks(), pa.string())
        numeric, style = None, 3
        if name == "id_number":
            numeric, style = half["id_is_number"].combine_chunks(), 6
        elif name == "birth_date":
            numeric, style = half["birth_is_number"].combine_chunks(), 3
        if name in ("household_no", "address") and {"fill_down", "merged_household"} & self._kinds:
            values = self._once(half, values, name)
        return values, numeric, style

    def _once(self, half: pa.Table, values: pa.Array, name: str) -> pa.Array:
        """What belongs to a household is written on its first row; an address then as 同上."""
        same = _as_above(half, ("household", "address"))
        same &= np.array(half["relation"].to_pylist(), dtype=object) != "户主"
        if "merged_household" in self._kinds and self._own.abreast == 1:
            place = 1 + [column for column, _ in self._columns].index(name)
            if "stacked_tables" in self._kinds:
                return values  # the place of the column changes from table to table
            self._sheet.merges += _runs(half["row_no"].to_pylist(), same, xlsx.letter(place))
            return pc.if_else(pa.array(same), None, values)
        if name == "household_no":
            return pc.if_else(pa.array(same), None, values)
        return pc.if_else(pa.array(same), "同上", values)

    def _mark(self) -> None:
        """Strike rows out, colour and hide them: the marks are columns of the rows."""
        kinds, part = self._kinds, self._part
        marks = part["mark"].to_pylist()
        numbers = part["row_no"].to_pylist()
        by_row = {number: mark for number, mark in zip(numbers, marks, strict=True) if mark}
        if not {"strike_colour", "hidden"} & kinds or self._own.abreast > 1:
            return
        for place, (number, plain) in enumerate(self._sheet.rows):
            text = plain
            if (mark := by_row.get(number)) and "strike_colour" in kinds and mark != "hidden":
                style = xlsx.STRUCK if mark == "struck" else xlsx.RED
                text = text.replace('s="3"', f's="{style}"').replace('s="6"', f's="{style}"')
            if mark == "hidden" and "hidden" in kinds:
                text = text.replace(">", ' hidden="1">', 1)
            self._sheet.rows[place] = (number, text)


def _strange(word: str) -> str:
    """A header word with a line break in its middle, and a bracket behind it."""
    half = len(word) // 2
    return f"{word[:half]}\n{word[half:]}（必填）"


def _as_above(rows: pa.Table, columns: tuple[str, ...]) -> np.ndarray:
    same = np.zeros(len(rows), dtype=bool)
    if len(rows) > 1:
        same[1:] = True
        for name in columns:
            values = np.array(rows[name].to_pylist(), dtype=object)
            same[1:] &= values[1:] == values[:-1]
    return same


def _runs(numbers: list[int], same: np.ndarray, letter: str) -> list[str]:
    merges, start = [], 0
    for index in range(1, len(numbers) + 1):
        if index == len(numbers) or not same[index]:
            if index - start > 1:
                merges.append(f"{letter}{numbers[start]}:{letter}{numbers[index - 1]}")
            start = index
    return merges


def _longer(values: pa.Array, count: int) -> pa.Array:
    lacking = count - len(values)
    return pa.concat_arrays([values, pa.nulls(lacking, values.type)]) if lacking else values


def _spoken(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
