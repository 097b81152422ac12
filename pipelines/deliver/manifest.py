"""Names of the workbooks, and the two lists that say which are in force."""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.deliver import texts
from pipelines.home import MANIFEST
from schemas.forms import FormContract

_UNSAFE = re.compile(r"[^\w（）()-]+")
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)
_LONGEST_BYTES = 120
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")


def safe_name(text: str | None) -> str:
    """A name for one step of a path, from any text: never empty, hidden, reserved or a path.

    A name that had to be changed carries a short hash of the original, so that two texts never
    share a name.
    """
    original = text or ""
    kept = _UNSAFE.sub("_", unicodedata.normalize("NFC", original)).strip("_-")
    while len(kept.encode()) > _LONGEST_BYTES:
        kept = kept[:-1]
    if _RESERVED.match(kept):
        kept = ""
    if kept and kept == original:
        return kept
    digest = hashlib.sha256(original.encode()).hexdigest()[:8]
    return f"{kept or texts.UNNAMED}_{digest}"


def register_grids(con: duckdb.DuckDBPyConnection) -> None:
    """The temporary table grid_called(grid_code, village, grid_name) of all grids."""
    con.execute("""CREATE OR REPLACE TEMP TABLE grid_called AS
        SELECT r.grid_code, coalesce(d.village_name, r.village_code, '') AS village,
            coalesce(d.grid_name, '') AS grid_name
        FROM (SELECT grid_code, min(village_code) AS village_code
            FROM master.resident GROUP BY grid_code) r
        LEFT JOIN (SELECT grid_code, min(village_name) AS village_name, min(grid_name) AS grid_name
            FROM master.dwelling GROUP BY grid_code) d ON d.grid_code = r.grid_code""")


def register_file_names(
    con: duckdb.DuckDBPyConnection, contract: FormContract, period: str
) -> None:
    """The temporary table file_name(grid_code, village, grid_name, file) of a form's grids.

    After `register_grids`.
    """
    rows = con.execute(
        """SELECT grid_code, village, grid_name FROM grid_called
        WHERE grid_code IN (SELECT grid_code FROM deliver.form_row WHERE form = ?)
        ORDER BY grid_code""",
        [contract.form],
    ).fetchall()
    files = [
        f"{safe_name(village)}/{safe_name(grid)}_{safe_name(contract.title)}_{period}.xlsx"
        for grid, village, _ in rows
    ]
    grids, villages, names = zip(*rows, strict=True) if rows else ((), (), ())
    table = pa.table(
        {
            name: pa.array(column, pa.string())
            for name, column in (
                ("grid_code", grids),
                ("village", villages),
                ("grid_name", names),
                ("file", files),
            )
        }
    )
    con.register("file_name_rows", table)
    con.execute("CREATE OR REPLACE TEMP TABLE file_name AS SELECT * FROM file_name_rows")
    con.unregister("file_name_rows")


def write_manifests(
    con: duckdb.DuckDBPyConnection,
    contracts: dict[str, FormContract],
    folder: Path,
    drawn: dict[str, tuple[str, int]] | None = None,
) -> int:
    """Write manifest.sha256 and manifest.csv of all forms in force. Returns their number.

    A form whose contract has been taken away since is in force no more. `drawn` has hash and size
    by form_id where a workbook was drawn again and may differ from what was published.
    """
    rows = con.execute(
        """SELECT coalesce(g.village, ''), f.grid_code, coalesce(g.grid_name, ''), f.form, f.period,
            f.version, i.issued_on, i.due_on, f.residents, f.required_cells, f.known_cells,
            f.verify_cells, f.ask_cells, f.waits_cells, f.withheld_cells, f.file,
            f.form_id, f.file_sha256
        FROM deliver.form f LEFT JOIN deliver.issue i USING (form_id)
        LEFT JOIN (SELECT grid_code, min(village_name) AS village, min(grid_name) AS grid_name
            FROM master.dwelling GROUP BY grid_code) g ON g.grid_code = f.grid_code
        WHERE list_contains(?, f.form) ORDER BY f.file""",
        [list(contracts)],
    ).fetchall()
    rows = [(*row[:-2], (drawn or {}).get(row[-2], (row[-1], 0))[0]) for row in rows]
    folder.mkdir(parents=True, exist_ok=True)
    sums = "".join(f"{row[-1]}  {row[-2]}\n" for row in rows)
    (folder / MANIFEST).write_text(sums, "utf-8")
    with (folder / "manifest.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(texts.MANIFEST_COLUMNS)
        for row in rows:
            titled = (*row[:3], contracts[row[3]].title, *row[4:])
            writer.writerow([_harmless(value) for value in titled])
    return len(rows)


def _harmless(value: object) -> object:
    """A text that no spreadsheet takes for a formula when it opens the CSV."""
    if isinstance(value, str) and value.startswith(_FORMULA_START):
        return "'" + value
    return value
