"""A department's table from PostgreSQL to DuckDB, onegrid's pull beside pandas; and standardising.

    python -m benchmarks.sources [--rows 1000000] [--url postgresql+psycopg://...]
    python -m benchmarks.sources --rows 0 --residents 106000,425000

Makes a table of 15 columns in a schema of its own (and drops it), pulls it into an empty landing
zone, and pulls it again unchanged, whole and by its watermark. The alternative reads the same
columns with pandas.read_sql in chunks and inserts them into DuckDB, without keys, hashes and
versions. Every way runs in a process of its own. Prints Markdown; ratios count.

Standardising is measured on the first night of synthetic districts, of which each resident gives
some 2.35 records, from what has landed to all tables of `std`.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from datetime import date
from importlib import import_module
from pathlib import Path

import sqlalchemy as sa

from benchmarks.night import in_child, synthesise
from pipelines import run
from pipelines.config import Config, load_config
from pipelines.extract import keeping_children, postgresql, pull_source
from pipelines.home import Home
from pipelines.night import Night, open_night
from pipelines.store import lay_out
from schemas.district import District
from schemas.source import SourceColumn, SourceMap

URL = "postgresql+psycopg://postgres@127.0.0.1:5432/test"
SCHEMA, TABLE, CHUNK = "onegrid_benchmark", "member", 50_000
COLUMNS = {
    "member_no": "'M' || lpad(n::text, 10, '0')",
    "household_no": "'H' || lpad((n / 3)::text, 9, '0')",
    "name": "chr(24352 + (n % 40)::int) || chr(20000 + (n % 900)::int) || '伟'",
    "id_number": "'330199' || (19400101 + n % 700000)::text || lpad((n % 10000)::text, 4, '0')",
    "sex": "(1 + n % 2)::text",
    "birth_date": "date '1940-01-01' + (n % 30000)::int",
    "ethnic_group": "lpad((1 + n % 56)::text, 2, '0')",
    "phone": "'13' || lpad((n * 37 % 1000000000)::text, 9, '0')",
    "address": "'云溪镇' || (n % 90) || '组' || (n % 200) || '号'",
    "employer": "CASE WHEN n % 3 = 0 THEN NULL ELSE '云州' || (n % 5000) || '有限公司' END",
    "amount": "(n % 90000 / 100.0)::numeric(12, 2)",
    "children": "n % 4",
    "is_active": "n % 5 > 0",
    "since": "date '2010-01-01' + (n % 5000)::int",
    "updated_on": "timestamp '2024-01-01' + n % 900 * interval '1 day'",
}
SOURCE = SourceMap(
    source="member",
    label="参保人员",
    department="social_security",
    kind="database",
    database="office",
    table=f"{SCHEMA}.{TABLE}",
    key=("member_no",),
    natural_key=("name", "id_number"),
    observed="updated_on",
    purposes=("population",),
    columns={name: SourceColumn(aliases=(name,)) for name in COLUMNS},
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--url", default=os.environ.get("ONEGRID_TEST_POSTGRESQL", URL))
    parser.add_argument("--residents", default="", help="sizes of districts to standardise")
    options = parser.parse_args()
    if options.rows:
        pull_all_ways(options.url, options.rows)
    if options.residents:
        standardise_at([int(size) for size in options.residents.split(",")])


def pull_all_ways(url: str, rows_made: int) -> None:
    """Print how long each way takes."""
    make(url, rows_made)
    try:
        with tempfile.TemporaryDirectory(prefix="onegrid-sources-") as folder:
            plain = in_child(by_pandas, url, f"{folder}/pandas.duckdb")
            first = in_child(by_onegrid, url, folder, 1)
            again = in_child(by_onegrid, url, folder, 2)
            in_child(by_onegrid, url, f"{folder}/dated", 1, True, "updated_on")
            dated = in_child(by_onegrid, url, f"{folder}/dated", 2, True, "updated_on")
            rows = in_child(by_onegrid, url, f"{folder}/rows", 1, False)
    finally:
        drop(url)
    print(f"{rows_made:,} rows of {len(COLUMNS)} columns, PostgreSQL to DuckDB on one machine,")
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| way | seconds | rows/s | peak memory, MB | against pandas |")
    print("|---|---:|---:|---:|---:|")
    for label, (_, seconds, peak) in (
        ("pandas.read_sql in chunks, inserted", plain),
        ("onegrid: keys, hashes and versions", first),
        ("onegrid, the table unchanged", again),
        ("onegrid, unchanged, asked by its watermark", dated),
        ("onegrid as the first, through psycopg", rows),
    ):
        print(
            f"| {label} | {seconds:.1f} | {rows_made / seconds:,.0f} | {peak * 1024:,.0f} | "
            f"{plain[1] / seconds:.1f} × |"
        )


def make(url: str, rows: int) -> None:
    """The table, in a schema of its own."""
    values = ", ".join(f"{sql} AS {name}" for name, sql in COLUMNS.items())
    with sa.create_engine(url).begin() as con:
        con.exec_driver_sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        con.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        con.exec_driver_sql(
            f"CREATE TABLE {SCHEMA}.{TABLE} AS SELECT {values.replace('%', '%%')} "
            f"FROM generate_series(1::bigint, {rows}) n"
        )
        con.exec_driver_sql(f"ALTER TABLE {SCHEMA}.{TABLE} ADD PRIMARY KEY (member_no)")


def drop(url: str) -> None:
    """Leave the server as it was."""
    with sa.create_engine(url).begin() as con:
        con.exec_driver_sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def by_pandas(url: str, target: str) -> int:
    """Read in chunks, insert each; the rows."""
    import duckdb
    import pandas as pd

    rows = 0
    query = sa.text(f"SELECT {', '.join(COLUMNS)} FROM {SCHEMA}.{TABLE}")
    engine = sa.create_engine(url).execution_options(stream_results=True)
    with duckdb.connect(target) as con, engine.connect() as source:
        for chunk in pd.read_sql(query, source, chunksize=CHUNK):
            con.register("chunk", chunk)
            create = "CREATE TABLE member AS" if not rows else "INSERT INTO member"
            con.execute(f"{create} SELECT * FROM chunk")
            con.unregister("chunk")
            rows += len(chunk)
    return rows


def by_onegrid(
    url: str, folder: str, number: int, as_arrow: bool = True, watermark: str | None = None
) -> int:
    """A night's pull, as Arrow from the driver or through psycopg; the rows that it holds."""
    if not as_arrow:
        postgresql.is_plain = lambda types: False
    home = Home.at(Path(folder) / "home")
    config = Config(
        district=District(name="试验镇", township_code="330199101", databases={}),
        sources={"member": SOURCE.model_copy(update={"watermark": watermark})},
        forms={},
        databases={"office": url},
        ledgers=home.inbox,
        journal_url="sqlite://",
        fingerprint="benchmark",
    )
    before = number - 1
    night = Night(home, config, number, date(2026, 11, 22 + number), before, before, is_full=False)
    night.folder.mkdir(parents=True, exist_ok=True)
    with night.open() as con:
        lay_out(con)
    return int(pull_source(night, "member")["rows_pulled"])


def standardise_at(sizes: list[int]) -> None:
    """Print what standardising takes in districts of so many residents."""
    print("| records | seconds | seconds a million | peak memory, MB |")
    print("|---:|---:|---:|---:|")
    for residents in sizes:
        with tempfile.TemporaryDirectory(prefix="onegrid-standardise-") as folder:
            in_child(synthesise, folder, residents, 1, 1)
            night, *_ = in_child(landed_night, folder)
            (records, seconds), _, peak = in_child(standardised, night)
            print(
                f"| {records:,} | {seconds:.1f} | {seconds / records * 1e6:.1f} | "
                f"{peak * 1024:,.0f} |"
            )


def landed_night(root: str) -> Night:
    """The first night of a district, its sources pulled and mirrored."""
    home = Home.at(root)
    night = open_night(home, load_config(home), full=False)
    with night.keep_landed_open(), keeping_children():
        for source in night.config.sources:
            run.pull(night, source)
    run.do(night, "mirror_raw")
    return night


def standardised(night: Night) -> tuple[int, float]:
    """Records of the night, and the seconds that standardising took."""
    for module in ("pipelines.standardise", "pandas"):  # the engine asks for it; the pulls had it
        import_module(module)
    with night.keep_open():
        start = time.perf_counter()
        run.do(night, "standardise")
        seconds = time.perf_counter() - start
        with night.open() as con:
            ((records,),) = con.execute("SELECT count(*) FROM std.record").fetchall()
    return records, seconds


if __name__ == "__main__":
    main()
