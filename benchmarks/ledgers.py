"""How fast ledgers are read, beside what calamine alone needs, and in how much memory.

    python -m benchmarks.ledgers [--rows 100000] [--books 300]

The first figure reads one large ``.xlsx`` of 20 columns, saved as Excel saves (shared strings), by
turns with calamine alone and as the night reads it, and compares the best turns. The second has the
night's child processes read many village workbooks in one run and watches their memory.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import python_calamine as calamine

from pipelines.config import load_config
from pipelines.extract.readers import Task, read_all
from pipelines.extract.workbook import read_workbook
from pipelines.home import Home
from pipelines.synth import xlsx
from schemas.source import SourceMap

TODAY = date(2026, 11, 23)
TURNS = 5
HEADS = (
    "序号 户号 姓名 曾用名 性别 出生日期 身份证号 民族 与户主关系 婚姻状况 文化程度 政治面貌 "
    "联系电话 现住址 户籍地址 户口性质 居住类型 工作单位 医疗保险 养老保险"
).split()


def main() -> None:
    """Make the workbooks, read them, print the figures."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--books", type=int, default=300)
    options.add_argument("--book-rows", type=int, default=1_500)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="onegrid-ledgers-") as name:
        folder = Path(name)
        source = load_config(Home(folder)).sources["ledger_population"]
        if asked.rows:
            _ratio(folder, source, asked.rows)
        if asked.books:
            _many(folder, source, asked.books, asked.book_rows)


def _ratio(folder: Path, source: SourceMap, rows: int) -> None:
    path = make(folder / "东风村人口台账.xlsx", rows, seed=1)

    def alone() -> None:
        book = calamine.CalamineWorkbook.from_path(str(path))
        assert sum(1 for _ in book.get_sheet_by_index(0).iter_rows()) == rows + 2

    def whole() -> None:
        assert read_workbook(path, folder / "rows.parquet", source, TODAY)["rows"] == rows

    print(f"one workbook, {rows:,} rows x {len(HEADS)} columns, {path.stat().st_size / 1e6:.1f} MB")
    whole()  # what is imported and compiled once a process is no part of it
    best: dict[str, tuple[float, float]] = {}
    for _ in range(TURNS):
        for title, read in (("calamine alone", alone), ("read as a ledger", whole)):
            best[title] = min(best.get(title, (1e9, 1e9)), _timed(read))
    for title, (wall, processor) in best.items():
        print(f"  {title:18}{wall:6.2f} s, {processor:.2f} s of processor")
    (one, one_cpu), (two, two_cpu) = best["calamine alone"], best["read as a ledger"]
    print(f"  ratio {two / one:.2f} ({two_cpu / one_cpu:.2f} of processor time)")


def _many(folder: Path, source: SourceMap, books: int, rows: int) -> None:
    few = [make(folder / f"{n}村.xlsx", rows, seed=n) for n in range(10)]
    tasks = []
    for number in range(books):
        path = folder / f"village{number}.xlsx"
        path.hardlink_to(few[number % len(few)])
        tasks.append(Task(path, folder / f"{number}.parquet"))
    print(f"{books} workbooks of {rows:,} rows in one run")
    start, told = time.perf_counter(), []

    def done(number: int) -> None:
        if number % max(1, books // 6) == 0 and number < books:
            told.append(_memory())
            print(f"  {number:4} read, {time.perf_counter() - start:5.1f} s, {told[-1]:.0f} MB")

    answers = read_all(tasks, source, TODAY, done)
    assert all(answer["rows"] == rows for answer in answers)
    print(f"  memory of all readers, last over second: {told[-1] / told[1]:.2f}")


def _timed(read: Callable[[], None]) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    read()
    return time.perf_counter() - wall, time.process_time() - processor


def _memory() -> float:
    """Resident memory of all child processes, in megabytes."""
    pages = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                pages += int(stat.with_name("statm").read_text().split()[1])
        except OSError:  # it ended meanwhile
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def make(path: Path, rows: int, *, seed: int) -> Path:
    """A ledger of invented people, its texts in one list as Excel keeps them."""
    draw = random.Random(seed)
    words: dict[str, int] = {}
    lines = [_line(1, ["东风村人口台账 填报日期：2026年6月1日"], words), _line(2, HEADS, words)]
    for n in range(rows):
        lines.append(_line(n + 3, _person(draw, n), words))
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    texts = "".join(f"<si><t>{word}</t></si>" for word in words)
    xlsx.write(path, [xlsx.Sheet("人口")], "2026-06-01")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = (
        f'<worksheet xmlns="{main}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
    )
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{main}">{texts}</sst>'
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace(
        "</Relationships>",
        '<Relationship Id="rId9" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def _line(number: int, cells: list[str], words: dict[str, int]) -> str:
    inside = "".join(
        f'<c r="{xlsx.letter(place)}{number}" s="3" t="s">'
        f"<v>{words.setdefault(cell, len(words))}</v></c>"
        for place, cell in enumerate(cells)
        if cell
    )
    return f'<row r="{number}" spans="1:20">{inside}</row>'


def _person(draw: random.Random, n: int) -> list[str]:
    year, group = draw.randrange(1930, 2020), draw.randrange(1, 31)
    name = (
        draw.choice("赵钱孙李周吴郑王") + draw.choice("伟芳娜敏静丽强") + draw.choice("一二三国华")
    )
    address = f"东风村{group}组{draw.randrange(300)}号"
    return [
        *(str(n + 1), f"H{n // 3:06d}", name, "", draw.choice("男女"), f"{year}-06-01"),
        *(
            f"330199{year}0601{draw.randrange(10_000):04d}",
            "汉族",
            draw.choice(["户主", "配偶", "子"]),
        ),
        *(draw.choice(["已婚", "未婚"]), draw.choice(["初中", "高中", "小学"]), "群众"),
        *(f"13{draw.randrange(10**9):09d}", address, f"云溪镇{address}", "农业", "户在人在"),
        *(draw.choice(["", "务农", "云溪纺织厂"]), "城乡居民", "城乡居民"),
    ]


if __name__ == "__main__":
    main()
