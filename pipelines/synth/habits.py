"""The habits of each village: its header words, order of columns, titles, dates and totals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

# Header words by column; those with a line break stand so in real ledgers.
WORDS: dict[str, tuple[str, ...]] = {
    "household_no": ("户号", "户编号", "户序号"),
    "name": ("姓名", "姓  名", "本人姓名", "居民姓名", "人员姓名"),
    "former_name": ("曾用名", "又名"),
    "sex": ("性别", "性\n别", "性别"),
    "birth_date": ("出生日期", "出生年月", "出生\n年月日", "出生年月日"),
    "id_number": ("身份证号", "身份证号码", "公民身份号码", "身份证\n号码", "证件号码"),
    "ethnic_group": ("民族", "族别"),
    "relation": ("与户主关系", "与户主\n关系", "家庭关系", "与户主的关系"),
    "marital_status": ("婚姻状况", "婚姻状态", "婚否"),
    "education": ("文化程度", "学历", "文化\n程度"),
    "political_status": ("政治面貌", "政治\n面貌"),
    "phone": ("联系电话", "联系方式", "手机号码", "联系\n电话", "电话"),
    "address": ("现住址", "居住地址", "家庭住址", "现居住地址", "详细地址"),
    "hukou_address": ("户籍地址", "户籍所在地", "户籍地"),
    "hukou_type": ("户口性质", "户口类型", "户口类别"),
    "residence_type": ("居住类型", "人员类别", "居住情况"),
    "employer": ("工作单位", "单位或职业", "就业单位"),
    "medical_insurance": ("医疗保险", "医保", "医疗保险情况"),
    "pension_insurance": ("养老保险", "养老保险情况", "养老"),
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "ledger_population": tuple(WORDS),
    "ledger_migrant": (
        "name", "sex", "id_number", "ethnic_group", "education", "marital_status", "phone",
        "address", "hukou_address", "employer",
    ),
    "ledger_grid": (
        "household_no", "name", "sex", "id_number", "relation", "phone", "address",
        "residence_type", "employer", "political_status",
    ),
}  # fmt: skip
# Columns a village may do without.
OPTIONAL = {
    "former_name": 0.6, "birth_date": 0.15, "ethnic_group": 0.2, "marital_status": 0.2,
    "education": 0.2, "political_status": 0.3, "hukou_type": 0.4, "employer": 0.4,
    "medical_insurance": 0.3, "pension_insurance": 0.3, "hukou_address": 0.3, "household_no": 0.3,
}  # fmt: skip
MIGRANT_WORDS = {
    "name": ("姓名", "承租人姓名", "承租人"),
    "phone": ("联系电话", "承租人电话", "手机号码"),
    "address": ("暂住地址", "出租房屋地址", "现住址"),
    "hukou_address": ("户籍地址", "户籍所在地", "原籍地址"),
}
INSTRUCTIONS = {
    "name": "必填", "sex": "必填：男/女", "birth_date": "YYYY-MM-DD", "id_number": "必填，18位",
    "phone": "11位手机号", "relation": "按户口簿",
}  # fmt: skip
_FOLDERS = {"ledger_population": "population", "ledger_migrant": "migrant", "ledger_grid": "grid"}
_FILES = {
    "ledger_population": ("人口台账", "人口信息台账", "居民花名册"),
    "ledger_migrant": ("出租房屋及流动人口台账", "流动人口台账"),
    "ledger_grid": ("网格台账", "网格台账（2025）"),
}


@dataclass(frozen=True)
class Habit:
    """How one village keeps one ledger.

    Attributes:
        source, village, file: which; the file is relative to the inbox.
        filled: the date it says it was filled in on.
        first_row: first row of data, from 1.
        header_row: row of the header words.
        block: after so many rows of data comes a 小计 row; 0: none.
        groups: a row of merged group titles stands above the header.
        instructions: a row of instructions stands under it.
        merges: number and address of a household are written once, in merged cells.
        sheets: number of sheets with data (grid ledgers: one a grid, whatever this says).
        birth_style: 0–6, see `ledgers.lay_out`.
        address_style: which length of the address.
        date_style: how that date is written.
        seed: for the order and the words of columns.
        lines: rows that stand between two blocks of data.
        abreast: so many people stand in a row, in tables side by side.
        mess: the kinds of mess that are switched on, see `kinds`; None: habits as above.
    """

    source: str
    village: int
    file: str
    filled: date
    first_row: int
    header_row: int
    block: int
    groups: bool
    instructions: bool
    merges: bool
    sheets: int
    birth_style: int
    address_style: int
    date_style: int
    seed: int
    lines: int = 1
    abreast: int = 1
    mess: tuple[str, ...] | None = None


def habit(source: str, village: int, name: str, *, number: int, seed: int, today: date) -> Habit:
    """The habit of village number `village`; with `number` > 1 filled in again on `today`."""
    own = [seed, village, list(COLUMNS).index(source)]
    rng = np.random.default_rng(own)
    groups = bool(rng.random() < 0.25)
    instructions = bool(rng.random() < 0.25)
    header_row = 3 + groups
    back = int(rng.integers(5, 200))
    filled = today if number > 1 else date(2026, 11, 20) - timedelta(days=back)
    if source == "ledger_grid" and number == 1:
        filled = date(2025, 12, 1) + timedelta(days=back % 28)
    prefix = f"{village + 1:02d}-" if rng.random() < 0.2 else ""
    stem = _FILES[source][int(rng.integers(0, len(_FILES[source])))]
    return Habit(
        source=source,
        village=village,
        file=f"{_FOLDERS[source]}/{prefix}{name}{stem}.xlsx",
        filled=filled,
        first_row=header_row + 1 + instructions,
        header_row=header_row,
        block=int(rng.integers(80, 400)) if rng.random() < 0.4 else 0,
        groups=groups,
        instructions=instructions,
        merges=bool(rng.random() < 0.3) and source == "ledger_population",
        sheets=1 if source == "ledger_migrant" else int(rng.integers(2, 4)),
        birth_style=int(rng.integers(0, 7)),
        address_style=int(rng.integers(0, 3)),
        date_style=int(rng.integers(0, 3)),
        seed=int(rng.integers(0, 2**31)),
    )


def layout(own: Habit, sheet: int) -> list[tuple[str, str]]:
    """(column, header word) in the order of sheet number `sheet`; sheets differ in order."""
    rng = np.random.default_rng([own.seed])
    words = WORDS | (MIGRANT_WORDS if own.source == "ledger_migrant" else {})
    kept = [c for c in COLUMNS[own.source] if rng.random() >= OPTIONAL.get(c, 0.0)]
    if own.merges and "household_no" not in kept:
        kept.insert(0, "household_no")
    chosen = [(c, words[c][int(rng.integers(0, len(words[c])))]) for c in kept]
    if sheet % 2 and len(chosen) > 5:
        chosen[-1], chosen[-2] = chosen[-2], chosen[-1]
    swap = int(rng.integers(1, len(chosen) - 1))
    chosen[swap], chosen[swap + 1] = chosen[swap + 1], chosen[swap]
    return chosen
