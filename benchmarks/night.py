"""How long a night takes, against Splink alone linking the same cleaned records in the same run.

    python benchmarks/night.py --residents 1000000

Every step runs in a process of its own, so that its peak memory is its own. Writes a Markdown
section to standard output; `benchmarks/RESULTS.md` keeps the ones that count. Absolute seconds are
for orientation, the ratios count.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def in_child(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float, float]:
    """Result, seconds and peak memory (GB, the process and its largest child) of a call."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        result, seconds, peak = receiver.recv()
    except EOFError:
        process.join()
        raise SystemExit(f"{function.__name__} ended with {process.exitcode}") from None
    process.join()
    return result, seconds, peak


def _measured(sender: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    start = time.perf_counter()
    result = function(*arguments)
    seconds = time.perf_counter() - start
    usage = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, -1)]
    sender.send((result, seconds, max(usage) / 1024**2))


def synthesise(root: str, residents: int, seed: int, day: int) -> None:
    """Make the district, or move it on by a day."""
    from pipelines.home import Home
    from pipelines.synth import make_district

    make_district(Home.at(root), residents=residents, seed=seed, day=day)


def plain_night(root: str) -> dict[str, float]:
    """One night without Dagster. Returns the seconds of each stage."""
    from pipelines.config import load_config
    from pipelines.home import Home
    from pipelines.run import run_night

    home = Home.at(root)
    run_night(home, load_config(home))
    return stages(root)


def dagster_night(root: str) -> dict[str, float]:
    """The same night as the Dagster job. Returns the seconds of each stage."""
    import subprocess
    import sys

    subprocess.run([sys.executable, "-m", "onegrid", "run", "--home", root], check=True)
    return stages(root)


def stages(root: str) -> dict[str, float]:
    """Seconds by stage of the newest published night; the pulls of all sources are one."""
    import duckdb

    with duckdb.connect(f"{root}/published/onegrid.duckdb", read_only=True) as con:
        rows = con.execute(
            """SELECT CASE WHEN stage LIKE 'pull%' THEN 'pull' ELSE stage END, sum(seconds),
                min(finished_at)
            FROM meta.stage WHERE night = (SELECT max(night) FROM meta.night)
            GROUP BY 1 ORDER BY 3"""
        ).fetchall()
        records = con.execute("SELECT count(*) FROM std.record").fetchall()[0][0]
        grids = con.execute("SELECT count(DISTINCT grid_code) FROM deliver.form").fetchall()[0][0]
    return {**{name: seconds for name, seconds, _ in rows}, "#records": records, "#grids": grids}


def splink(root: str) -> float:
    """Seconds that Splink alone needs for the same cleaned records."""
    from benchmarks.ways import splink_alone
    from pipelines.home import Home

    return splink_alone(Home.at(root))


def main() -> None:
    """Run the benchmark and print its section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--with-dagster", action="store_true", help="also the first night as a job")
    parser.add_argument("--folder", type=Path, help="where to work; kept afterwards")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="onegrid-benchmark-"))
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    root = str(folder / "home")
    synth = arguments.residents, arguments.seed
    rows: list[tuple[str, float, float]] = []

    _, seconds, peak = in_child(synthesise, root, *synth, 1)
    rows.append(("synthetic district", seconds, peak))
    first, first_seconds, peak = in_child(plain_night, root)
    rows.append(("first night", first_seconds, peak))
    splink_seconds, _, splink_peak = in_child(splink, root)
    rows.append(("Splink alone, same cleaned records", splink_seconds, splink_peak))
    _, seconds, peak = in_child(synthesise, root, *synth, 2)
    rows.append(("synthetic district, day 2", seconds, peak))
    second, second_seconds, peak = in_child(plain_night, root)
    rows.append(("second night (about 1 % changed)", second_seconds, peak))
    if arguments.with_dagster:
        other = str(folder / "dagster")
        in_child(synthesise, other, *synth, 1)
        _, seconds, peak = in_child(dagster_night, other)
        rows.append(("first night as the Dagster job", seconds, peak))

    print(f"### {arguments.residents:,} residents, {first['#records']:,.0f} records, ", end="")
    print(f"{first['#grids']:,.0f} grids (seed {arguments.seed})\n")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| step | seconds | peak GB |\n|---|---:|---:|")
    for name, seconds, peak in rows:
        print(f"| {name} | {seconds:.1f} | {peak:.1f} |")
    print(f"\n- first night ÷ Splink alone: **{first_seconds / splink_seconds:.1f}**")
    print(f"- second night ÷ first: **1/{first_seconds / second_seconds:.1f}**")
    if arguments.with_dagster:
        print(f"- Dagster adds **{rows[-1][1] - first_seconds:.0f} s**")
    print("\n| stage | first night s | second night s |\n|---|---:|---:|")
    for name, seconds in first.items():
        if not name.startswith("#"):
            print(f"| {name} | {seconds:.1f} | {second.get(name, 0):.1f} |")
    if arguments.folder is None:
        shutil.rmtree(folder)
    else:
        (folder / "stages.json").write_text(json.dumps({"first": first, "second": second}))


if __name__ == "__main__":
    main()
