"""Townships, villages, grids and dwellings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

Array = np.ndarray[Any, Any]
RESIDENTS_PER_GRID = 1000
TOWNSHIP_NAMES = ("云溪", "青石", "临湖", "白马", "双桥", "金鹤", "石梁", "沙浦", "龙泉", "凤凰")
_FIRST = "柳石桃梅竹松枫杏莲荷桂兰清白青金银龙凤鹤云星月南北东西上下前后大小新古长双三五九洪沈钱"
_SECOND = "溪桥塘湾岭坞墩浦潭坪埠渡桥头畈园岩井亭河泉滨台洲堰山"
_ESTATES = (
    "翠苑 和睦 金桂 锦绣 阳光 滨江 紫荆 丁香 天安 文景 嘉和 德信 玉兰 新城 府东 绿洲 康乐 怡景"
)
_AGAIN = ("", "新", "老", "上", "下")
"""What stands before a village's name where all names have been given away once, twice, …."""
_NUMERALS = "一二三四五六七八九十"


def draw_places(rng: np.random.Generator, residents: int) -> dict[str, Array]:
    """The grids, one entry a grid: codes and names from the township down.

    About 1,000 residents a grid, 3 to 8 grids a village, up to 40 villages a township; six
    villages of ten are urban communities (社区) with blocks of flats.
    """
    grids = max(3, round(residents / RESIDENTS_PER_GRID))
    sizes: list[int] = []
    while sum(sizes) < grids:
        sizes.append(int(rng.integers(3, 9)))
    sizes[-1] -= sum(sizes) - grids
    if sizes[-1] < 3 and len(sizes) > 1:
        sizes[-2] += sizes.pop()
    village = np.repeat(np.arange(len(sizes)), sizes)
    number = np.concatenate([np.arange(size) for size in sizes]) + 1
    pairs = [a + b for a in _FIRST for b in dict.fromkeys(_SECOND) if a != b]
    stems = np.array(pairs, dtype=object)[rng.permutation(len(pairs))]
    villages = len(sizes)
    urban = rng.random(villages) < 0.6
    if villages > 1:
        urban[0], urban[1] = True, False
    township = np.arange(villages) // 40
    within = np.arange(villages) % 40 + 1
    township_code = np.array([f"330199{101 + t}" for t in township], dtype=object)
    township_name = np.array(
        [
            TOWNSHIP_NAMES[t] + "镇" if t < len(TOWNSHIP_NAMES) else f"第{t + 1}镇"
            for t in township.tolist()
        ],
        dtype=object,
    )
    code = np.array(
        [
            f"{t}{w if u else 200 + w:03d}"
            for t, w, u in zip(township_code, within, urban, strict=True)
        ],
        dtype=object,
    )
    name = np.array(
        [
            _AGAIN[i // len(stems)] + stems[i % len(stems)] + ("社区" if urban[i] else "村")
            for i in range(villages)
        ],
        dtype=object,
    )
    return {
        "township_code": township_code[village],
        "township_name": township_name[village],
        "village": village,
        "village_code": code[village],
        "village_name": name[village],
        "urban": urban[village],
        "grid_code": np.array(
            [f"{c}{n:03d}" for c, n in zip(code[village], number, strict=True)], dtype=object
        ),
        "grid_name": np.array(
            [
                f"{v}第{_NUMERALS[n - 1] if n <= 10 else n}网格"
                for v, n in zip(name[village], number, strict=True)
            ],
            dtype=object,
        ),
        "grid_number": number,
    }


def dwellings(grids: dict[str, Array], grid: Array, index: Array) -> pa.Table:
    """Addresses of the dwellings number `index` (from 0) of grid `grid`.

    Blocks have 3 units of 11 floors with two flats each; rural grids have five groups. Each
    dwelling has its address in four lengths, as the offices write them.
    """
    estates = np.array(_ESTATES.split(), dtype=object)
    urban = grids["urban"][grid]
    number = grids["grid_number"][grid]
    # Two grids share an estate, so that blocks, not names, tell them apart.
    estate = estates[(grids["village"][grid] * 5 + (number - 1) // 2) % len(estates)] + "小区"
    building = (index // 66 + 1 + np.where(number % 2 == 0, 40, 0)).astype(str).astype(object)
    unit = (index % 66 // 22 + 1).astype(str).astype(object)
    room = ((index % 22 // 2 + 1) * 100 + index % 2 + 1).astype(str).astype(object)
    group = ((number - 1) * 5 + index % 5 + 1).astype(str).astype(object)
    house = (index // 5 + 1).astype(str).astype(object)
    village = grids["village_name"][grid]
    long = np.where(
        urban,
        estate + building + "幢" + unit + "单元" + room + "室",
        group + "组" + house + "号",
    )
    short = np.where(
        urban, estate + building + "-" + unit + "-" + room, group + "组" + house + "号"
    )
    town = grids["township_name"][grid]
    return pa.table(
        {
            "dwelling": pa.array(np.arange(len(grid), dtype=np.int64)),
            "grid": pa.array(grid.astype(np.int64)),
            "address_short": pa.array(short, pa.string()),
            "address_village": pa.array(village + long, pa.string()),
            "address_town": pa.array(town + village + long, pa.string()),
            "address_full": pa.array("浙江省杭州市云州县" + town + village + long, pa.string()),
        }
    )
