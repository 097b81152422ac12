# ruff: noqa: E501  SQL reads better unbroken
"""The ledgers of the villages as real workbooks."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.synth import messy, xlsx
from pipelines.synth.guests import has_guests, invite, seated
from pipelines.synth.habits import INSTRUCTIONS, Habit, layout
from pipelines.synth.spoil import MARK, spoiled

_BIRTH = """CASE
    WHEN birth_fate = 'lunar' THEN printf('农历%d年%d月%d', birth_y, birth_m, birth_d)
    WHEN birth_m = 0 THEN birth_y::VARCHAR
    WHEN hb.birth_style = 0 THEN printf('%04d-%02d-%02d', birth_y, birth_m, birth_d)
    WHEN hb.birth_style = 1 THEN printf('%d.%d.%d', birth_y, birth_m, birth_d)
    WHEN hb.birth_style = 2 THEN printf('%d年%d月%d日', birth_y, birth_m, birth_d)
    WHEN hb.birth_style = 3 THEN printf('%04d%02d%02d', birth_y, birth_m, birth_d)
    WHEN hb.birth_style = 4 THEN printf('%d/%d/%d', birth_y, birth_m, birth_d)
    WHEN hb.birth_style = 5 AND birth_fate <> 'lunar unmarked'
        THEN date_diff('day', DATE '1899-12-30', make_date(birth_y, birth_m, birth_d))::VARCHAR
    ELSE printf('%d.%02d', birth_y, birth_m) END"""
_SLOT = "CASE WHEN p.relation = '户主' THEN 0 ELSE 1 END"


def rows_query(source: str) -> str:
    """SQL for the rows of a ledger, before they are laid out on sheets; reads seen and person."""
    return f"""
    SELECT s.row_id, s.person_id, s.household, g.village, g.grid_number, {_SLOT} AS rank,
        coalesce(s.written_dwelling, p.dwelling) AS position,
        (p.household * 31 % 100000)::VARCHAR AS household_no, s.name, p.former_name,
        s.sex, s.birth_y, s.birth_m, s.birth_d, s.birth_fate, s.id_number, s.id_fate = 'excel' AS id_is_number,
        if(p.ethnic_group = '汉族' AND s.k % 3 = 0, '汉', p.ethnic_group) AS ethnic_group, p.relation,
        p.marital_status, p.education, if(s.k % 4 = 0 AND p.political_status = '中共党员', '党员',
            p.political_status) AS political_status,
        s.phone, d.address_short, d.address_village, d.address_town,
        coalesce(p.home_address, own.address_town) AS hukou_address, p.hukou_type, p.residence_type,
        p.employer, CASE WHEN u(s.k, 'medical known') < 0.8 THEN p.medical_insurance END AS medical_insurance,
        CASE WHEN u(s.k, 'pension known') < 0.8 THEN p.pension_insurance END AS pension_insurance
    FROM seen s JOIN person p USING (person_id)
    LEFT JOIN dwelling d ON d.dwelling = s.written_dwelling
    JOIN dwelling own ON own.dwelling = p.dwelling
    JOIN grid g ON g.grid = coalesce(d.grid, own.grid)
    WHERE s.source = '{source}'"""


def lay_out(con: duckdb.DuckDBPyConnection, source: str, habits: list[Habit]) -> None:
    """Make the table sheet_<source>: every row with its file, sheet and row number."""
    rows = [{**asdict(own), "mess": None} for own in habits]
    con.register("habit_rows", pa.Table.from_pylist(rows))
    invite(con, source, [own.village for own in habits if has_guests(own)])
    grid = source == "ledger_grid"
    sheet_no = (
        "grid_number - 1"
        if grid
        else "((grid_number - 1) * hb.sheets // (SELECT max(grid_number) FROM grid g WHERE g.village = r.village))"
    )
    con.execute(
        f"""CREATE OR REPLACE TABLE sheet_{source} AS
        WITH placed AS (
            SELECT r.* EXCLUDE (former_name), hb.file, hb.first_row, hb.block, hb.lines, hb.abreast, {_BIRTH} AS birth_date,
                hb.birth_style = 5 AND birth_m > 0 AND birth_y >= 1901 AND birth_fate NOT IN ('lunar', 'lunar unmarked')
                    AS birth_is_number, former_name,
                CASE hb.address_style WHEN 0 THEN address_short WHEN 1 THEN address_village
                    ELSE address_town END AS address,
                ({sheet_no})::INT AS sheet_no
            FROM rows_{source} r JOIN habit_rows hb USING (village)
            WHERE row_id NOT IN (SELECT row_id FROM guest WHERE source = '{source}')
        ), ranked AS (
            SELECT *, row_number() OVER (PARTITION BY village, sheet_no ORDER BY position, household, rank, row_id) - 1 AS i
            FROM placed
        )
        SELECT * EXCLUDE (lines, abreast), (first_row + i // abreast
            + if(block > 0, i // abreast // greatest(block, 1) * lines, 0))::INT AS row_no, NULL::VARCHAR AS mark FROM ranked
        ORDER BY village, sheet_no, row_no, i"""
    )
    con.unregister("habit_rows")
    if any(own.mess is not None for own in habits):
        _spoil(con, source, habits)


def _spoil(con: duckdb.DuckDBPyConnection, source: str, habits: list[Habit]) -> None:
    """Let the rows of the villages that have kinds of mess be as those have them."""
    villages: dict[tuple[str, ...], list[int]] = {}
    for own in habits:
        if own.mess is not None:
            villages.setdefault(own.mess, []).append(own.village)
    parts = []
    for kinds, numbers in sorted(villages.items()):
        chosen = f"village IN ({', '.join(map(str, numbers))})"
        rows = spoiled(f"(SELECT * FROM sheet_{source} WHERE {chosen})", kinds)
        if "person_groups" in kinds and source == "ledger_population":
            rows = seated(source, rows)
        parts.append(f"SELECT * REPLACE ({MARK} AS mark) FROM {rows}")
    spoilt = ", ".join(str(number) for numbers in villages.values() for number in numbers)
    parts.append(f"SELECT * FROM sheet_{source} WHERE village NOT IN ({spoilt})")
    con.execute(
        f"""CREATE OR REPLACE TABLE sheet_{source} AS {" UNION ALL BY NAME ".join(parts)}
        ORDER BY village, sheet_no, row_no, i"""
    )


def sheet_title(source: str, sheet: int, seed: int) -> str:
    """Title of sheet number `sheet`; the truth names sheets by it, too."""
    if source == "ledger_migrant":
        return ("流动人口", "外来人口登记", "承租人")[seed % 3]
    if source == "ledger_grid":
        return f"第{sheet + 1}网格"
    return (("常住人口", "人口信息", "居民")[seed % 3]) + f"（{'一二三'[sheet]}）"


def village_title(own: Habit, village: str) -> str | None:
    """The title of the only sheet, where it is the village's name."""
    return village if own.mess and "village_sheets" in own.mess else None


def write_workbook(rows: pa.Table, own: Habit, village: str, town: str, inbox: Path) -> None:
    """Write one ledger of one village."""
    sheets = [_notes()] if own.seed % 4 == 0 else []
    for number in sorted(set(rows["sheet_no"].to_pylist())):
        part = rows.filter(pc.equal(rows["sheet_no"], number)).combine_chunks()
        sheets.append(_sheet(part, own, number, village, town))
    if own.source == "ledger_migrant":
        sheets.append(_houses(rows, village))
    xlsx.write(inbox / own.file, sheets, own.filled.isoformat())


def _column(part: pa.Table, name: str) -> pa.Array:
    values = part[name]
    return pc.cast(
        values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values, pa.string()
    )


def _sheet(part: pa.Table, own: Habit, number: int, village: str, town: str) -> xlsx.Sheet:
    columns = layout(own, number)
    sheet = xlsx.Sheet(sheet_title(own.source, number, own.seed))
    width = len(columns) + 1
    last = xlsx.letter(width - 1)
    sheet.widths = [6.0] + [
        {"id_number": 21.0, "address": 34.0, "hukou_address": 34.0, "employer": 22.0}.get(c, 12.0)
        for c, _ in columns
    ]
    what = {
        "ledger_population": "人口信息台账",
        "ledger_migrant": "出租房屋及流动人口台账",
        "ledger_grid": f"第{number + 1}网格居民台账",
    }[own.source]
    year = own.filled.year
    sheet.line(1, [f"{town}{village}{what}（{year}年）"], 1, 32)
    sheet.merges.append(f"A1:{last}1")
    sheet.line(
        2,
        [
            f"填报单位：{village}{'居民' if village.endswith('社区') else '村民'}委员会    填报日期：{_day(own.filled, own.date_style)}"
        ],
        5,
    )
    sheet.merges.append(f"A2:{last}2")
    if own.groups:
        half = width // 2
        group = ["基本信息"] + [None] * (half - 1) + ["其他信息"] + [None] * (width - half - 1)
        sheet.line(3, group, 2)
        sheet.merges += [f"A3:{xlsx.letter(half - 1)}3", f"{xlsx.letter(half)}3:{last}3"]
    sheet.line(own.header_row, ["序号", *(word for _, word in columns)], 2, 30)
    if own.instructions:
        sheet.line(own.header_row + 1, [None, *(INSTRUCTIONS.get(c, "") for c, _ in columns)], 5)
    rows = part["row_no"].combine_chunks()
    index = pc.cast(pc.add(part["i"].combine_chunks(), 1), pa.string())
    everywhere = pc.fill_null(pc.is_valid(index), True)
    body: list[tuple[pa.Array, pa.Array | None, int]] = [(index, everywhere, 3)]
    same = _same_household(part) if own.merges else None
    for name, _ in columns:
        values, numeric, style = _column(part, name), None, 3
        if name == "id_number":
            numeric, style = part["id_is_number"].combine_chunks(), 6
        elif name == "birth_date":
            numeric, style = part["birth_is_number"].combine_chunks(), 4
        if same is not None and name in ("household_no", "address"):
            values = pc.if_else(same, pa.scalar(None, pa.string()), values)
        body.append((values, numeric, style))
    sheet.body(rows, body)
    if same is not None:
        _merge_households(
            sheet,
            part,
            same,
            [i for i, (c, _) in enumerate(columns, 1) if c in ("household_no", "address")],
        )
    total = part.num_rows
    end = own.first_row + total + (total // own.block if own.block else 0)
    if own.block:
        for number_of_block in range(total // own.block):
            row = own.first_row + (number_of_block + 1) * (own.block + 1) - 1
            sheet.line(row, ["小计", f"{own.block}人"], 3)
    sheet.line(end, ["合计", f"{total}人"], 3)
    sheet.line(end + 1, ["制表人：王某某        审核人：陈某某        单位（盖章）："], 5)
    sheet.merges.append(f"A{end + 1}:{last}{end + 1}")
    return sheet


def _same_household(part: pa.Table) -> pa.Array:
    """Where a row belongs to the household and address of the row above, without a row between."""
    con = duckdb.connect()
    con.register("part", part)
    found = con.sql(
        "SELECT coalesce(household = lag(household) OVER w AND address = lag(address) OVER w "
        "AND row_no = lag(row_no) OVER w + 1, FALSE) AS same FROM part WINDOW w AS (ORDER BY row_no) "
        "ORDER BY row_no"
    ).to_arrow_table()
    con.close()
    return found["same"].combine_chunks()


def _merge_households(
    sheet: xlsx.Sheet, part: pa.Table, same: pa.Array, columns: list[int]
) -> None:
    rows, flags = part["row_no"].to_pylist(), same.to_pylist()
    start = 0
    for i in range(1, len(rows) + 1):
        if i == len(rows) or not flags[i]:
            if i - start > 1:
                sheet.merges += [
                    f"{xlsx.letter(c)}{rows[start]}:{xlsx.letter(c)}{rows[i - 1]}" for c in columns
                ]
            start = i


def _notes() -> xlsx.Sheet:
    sheet = xlsx.Sheet("填表说明", widths=[60.0])
    for row, text in enumerate(
        ("填表说明", "1. 一人一行，不得合并姓名。", "2. 身份证号请用文本格式。"), 1
    ):
        sheet.line(row, [text], 5)
    return sheet


def _houses(rows: pa.Table, village: str) -> xlsx.Sheet:
    sheet = xlsx.Sheet("出租房屋", widths=[6.0, 36.0, 12.0])
    sheet.line(1, [f"{village}出租房屋登记表"], 1, 32)
    sheet.line(2, ["序号", "房屋地址", "承租人数"], 2)
    counts = rows["address"].drop_null().value_counts()
    places = sorted((str(c["values"]), int(c["counts"])) for c in counts.to_pylist())
    for row, (address, people) in enumerate(places, 3):
        sheet.line(row, [str(row - 2), address, str(people)], 3)
    return sheet


def _day(day: date, style: int) -> str:
    if style == 0:
        return f"{day.year}年{day.month}月{day.day}日"
    return day.strftime("%Y-%m-%d") if style == 1 else f"{day.year}.{day.month}.{day.day}"


def write_messy(rows: pa.Table, own: Habit, village: str, town: str, inbox: Path) -> None:
    """Write one ledger of one village with the kinds of mess of its habit."""

    def title(number: int) -> str:
        return village_title(own, village) or sheet_title(own.source, number, own.seed)

    messy.write(rows, own, village, town, inbox, title=title)


def run_job(file: Path) -> None:
    """Write the workbooks of a job: rows in an Arrow file, and where each workbook's rows lie."""
    job: dict[str, Any] = json.loads(file.read_text("utf-8"))
    with pa.memory_map(job["rows"]) as source:
        rows = pa.ipc.open_file(source).read_all()
        for item in job["workbooks"]:
            habit = item["habit"]
            mess = None if habit["mess"] is None else tuple(habit["mess"])
            own = Habit(**{**habit, "filled": date.fromisoformat(habit["filled"]), "mess": mess})
            part = rows.slice(item["offset"], item["length"])
            if own.mess is None:
                write_workbook(part, own, item["village"], item["town"], Path(job["inbox"]))
            else:
                write_messy(part, own, item["village"], item["town"], Path(job["inbox"]))
