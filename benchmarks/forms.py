"""Forms over three nights: what workers are still asked, how right the rest is, and how fast.

    python benchmarks/forms.py --residents 20000

Between the nights the synthetic district's grid workers fill every workbook in and return it
(`workers.py`). Then the last night's forms are drawn again beside plain openpyxl writing the same
texts without any format, and the returned workbooks are taken in beside python-calamine reading
them. Every timed step runs in a process of its own. Prints Markdown; ratios count.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.night import in_child, synthesise

SAMPLE = 20
"""Workbooks that plain openpyxl writes, to compare with: it would need minutes for all."""


MEMORY = "400MB"
"""What DuckDB may take while forms are drawn; Arrow and Python need as much again."""


def night(root: str) -> None:
    """One night, without Dagster."""
    from pipelines.config import load_config
    from pipelines.home import Home
    from pipelines.run import run_night

    home = Home.at(root)
    run_night(home, load_config(home))


def work(root: str, folder: str) -> tuple[int, int]:
    """The workers fill in what lies in the forms folder; workbooks and cells."""
    from benchmarks.workers import fill_in
    from pipelines.home import Home

    return fill_in(Home.at(root), Path(folder))


def take(root: str, folder: str) -> dict[str, int]:
    """Take returned workbooks in; what became of their cells."""
    from pipelines.config import load_config
    from pipelines.home import Home
    from pipelines.intake import take_files
    from pipelines.journal import open_journal

    home = Home.at(root)
    config = load_config(home)
    counts: dict[str, int] = {"workbooks": 0, "refused": 0}
    with open_journal(config.journal_url) as journal:
        for receipt in take_files(home, config, journal, sorted(Path(folder).iterdir())):
            counts["workbooks"] += 1
            counts["refused"] += receipt.refused is not None
            for name, n in receipt.counts.items():
                counts[name] = counts.get(name, 0) + n
    return counts


def only_read(folder: str) -> int:
    """Read the same workbooks with python-calamine, and do nothing with them; the rows."""
    from python_calamine import CalamineWorkbook

    rows = 0
    for path in sorted(Path(folder).iterdir()):
        book = CalamineWorkbook.from_path(str(path))
        rows += sum(len(book.get_sheet_by_name(name).to_python()) for name in book.sheet_names)
    return rows


def draw(root: str, folder: str) -> int:
    """Draw every form of the published night again; the residents on them."""
    import duckdb

    from pipelines.config import load_config
    from pipelines.deliver import render_all
    from pipelines.home import Home

    home = Home.at(root)
    limits = {"memory_limit": MEMORY, "temp_directory": f"{folder}.spill"}
    with duckdb.connect(str(home.published), read_only=True, config=limits) as con:
        render_all(con, Path(folder), load_config(home))
        return int(con.execute("SELECT count(*) FROM deliver.form_row").fetchall()[0][0])


def plain_openpyxl(root: str, folder: str) -> int:
    """Write the texts of a sample of the workbooks with openpyxl; residents a second."""
    from openpyxl import Workbook
    from python_calamine import CalamineWorkbook

    from pipelines.home import Home

    rows = 0
    found = sorted(Home.at(root).forms.rglob("*.xlsx"), key=lambda p: p.stat().st_size)
    paths = found[:: max(len(found) // SAMPLE, 1)]
    Path(folder).mkdir()
    sheets = [
        {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
        for book in (CalamineWorkbook.from_path(str(path)) for path in paths)
    ]
    begin = time.perf_counter()
    for number, content in enumerate(sheets):
        book = Workbook(write_only=True)
        for name, lines in content.items():
            sheet = book.create_sheet(name)
            for line in lines:
                sheet.append(line)
        book.save(Path(folder) / f"{number}.xlsx")
        rows += sum(isinstance(line[0], float) for line in content["核查表"])
    return round(rows / (time.perf_counter() - begin))


def judged(root: str) -> list[str]:
    """Known and right cells of all forms, against the truth of the day."""
    from benchmarks.cells import ALL, judge
    from pipelines.home import Home

    return judge(Home.at(root), ALL)


def shares(root: str) -> dict[str, int]:
    """Cells of the published night by state."""
    import duckdb

    states = ("required", "known", "verify", "ask", "waits", "withheld")
    sums = ", ".join(f"sum({state}_cells)::BIGINT" for state in states)
    with duckdb.connect(f"{root}/published/onegrid.duckdb", read_only=True) as con:
        return dict(
            zip(states, con.execute(f"SELECT {sums} FROM deliver.form").fetchall()[0], strict=True)
        )


def drawing(root: str, folder: Path) -> str:
    """How fast the published forms are drawn, against plain openpyxl."""
    residents, seconds, peak = in_child(draw, root, str(folder / "drawn"))
    plain, _, _ = in_child(plain_openpyxl, root, str(folder / "plain"))
    return (
        f"- drawing: {residents:,} rows in {seconds:.1f} s, {residents / seconds:,.0f} a second, "
        f"{peak:.2f} GB; plain openpyxl {plain:,}: **{residents / seconds / plain:.1f} ×**\n"
    )


def main() -> None:
    """Run the benchmark and print its section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work; kept afterwards")
    parser.add_argument("--home", help="only draw the forms that a home has published")
    arguments = parser.parse_args()
    if arguments.home:
        with tempfile.TemporaryDirectory(prefix="onegrid-forms-") as drawn:
            print(drawing(arguments.home, Path(drawn)))
        return
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="onegrid-forms-"))
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    root = str(folder / "home")
    print(f"### {arguments.residents:,} residents, three nights (seed {arguments.seed})\n")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    lines = []
    for day in (1, 2, 3):
        in_child(synthesise, root, arguments.residents, arguments.seed, day)
        in_child(night, root)
        cells, _, _ = in_child(shares, root)
        known = cells["known"] / cells["required"]
        lines.append(
            f"| {day} | {cells['required']:,} | {known:.1%} | "
            + " | ".join(f"{cells[name]:,}" for name in ("verify", "ask", "waits", "withheld"))
            + " |"
        )
        back = str(folder / f"back{day}")
        (books, written), _, _ = in_child(work, root, back)
        if day == 3:
            break
        said, took, peak = in_child(take, root, back)
        rows, reading, _ = in_child(only_read, back)
        lines[-1] += f" {books:,} | {written:,} | {said['refused']} | {took / reading:.2f} |"
    print("| night | required | known | to verify | asked | waits | withheld ", end="")
    print("| workbooks returned | cells written | refused | intake ÷ calamine |")
    print("|---:|" + "---:|" * 10)
    print("\n".join(lines), end=" | | | |\n\n")
    print(f"Intake of {rows:,} rows: {took:.1f} s, {peak:.2f} GB; reading alone {reading:.1f} s.\n")
    print(drawing(root, folder))
    print("\n".join(in_child(judged, root)[0]))
    if arguments.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
