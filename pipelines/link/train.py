"""Train the model once, freeze it, and find it again: nights use the frozen one.

A model is a folder ``models/link-<version>/``: ``parameters.json``, one Parquet file of term
frequencies a column, and ``crowd.parquet`` with the keys too common to compare by. The version is a
hash of the parameters.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from splink import DuckDBAPI, Linker

from pipelines.home import Home
from pipelines.link import model
from pipelines.link.blocking import BLOCK_LIMIT, RULES, evidence_sql, keys_sql
from pipelines.store import count

ENOUGH_RECORDS = 3_000
"""With fewer records a sample says too little: the model keeps its starting parameters."""
_RANDOM_RECORDS = 2_000
_JOINED_RECORDS = 60_000
_HASHES = 1_000_000

for _name in ("splink", "splink.internals"):
    logging.getLogger(_name).setLevel(logging.ERROR)


@dataclass(frozen=True)
class Model:
    """A frozen model and the folder that holds it."""

    version: str
    folder: Path
    prior: float
    parameters: model.Parameters

    def terms(self, column: str) -> Path:
        """Parquet file of the term frequencies of `column`."""
        return self.folder / f"terms_{column}.parquet"

    @property
    def crowd(self) -> Path:
        """Parquet file of (rule, key hash): keys that too many records share."""
        return self.folder / "crowd.parquet"


def find_model(home: Home, version: str | None = None) -> Model | None:
    """The model of that version, or the newest; None: there is none."""
    folders = [home.models / version] if version else sorted(home.models.glob("link-*"))
    found = [_load(folder) for folder in folders if (folder / "parameters.json").exists()]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def train(con: duckdb.DuckDBPyConnection, home: Home, *, night: int, seed: int) -> Model:
    """Fit on the records of the night's file and freeze the result under `home.models`.

    Reads `std.record`, `link.standing` and the temporary table ``candidate``. The same input and
    seed give the same version.
    """
    records = count(con, "SELECT count(*) FROM std.record")
    prior = _prior(con, records)
    parameters = model.defaults()
    if records >= ENOUGH_RECORDS:
        _samples(con, records, seed)
        parameters = _fit(con, prior)
        for table in ("sample_random", "sample_joined"):
            con.execute(f"DROP TABLE {table}")
    return _freeze(con, home, prior, parameters, night)


def _prior(con: duckdb.DuckDBPyConnection, records: int) -> float:
    """Chance that two records are one person, from those whose ID numbers tell."""
    held, pairs = con.execute(
        """SELECT coalesce(sum(n), 0), coalesce(sum(n * (n - 1) / 2), 0)
        FROM (SELECT count(*) AS n FROM link.standing
            WHERE held_id IS NOT NULL AND NOT is_open GROUP BY held_id)"""
    ).fetchall()[0]
    if held < 100 or pairs < 10:
        return 1.0 / max(records, 10)
    return round(float(pairs / (held * (held - 1) / 2)), 12)


def _samples(con: duckdb.DuckDBPyConnection, records: int, seed: int) -> None:
    """Two samples by hash, so that they do not depend on threads or the order of rows.

    Candidates at random tell how often different people agree; records that one ID number joins
    tell how often one person's records do.
    """
    columns = (
        "record_id, name_key, name_pinyin, former_name, sex, birth_day, birth_month, birth_year, "
        "birth_text, birth_number, phones, village_code, dwelling_key, building_key, id_text, hub"
    )
    share = _HASHES * _RANDOM_RECORDS // records
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE sample_random AS SELECT {columns} FROM candidate
        WHERE md5_number_lower(record_id || '/{seed}') % {_HASHES} < {share} ORDER BY record_id
        """
    )
    share = _HASHES * _JOINED_RECORDS // records
    stated = f"""NOT is_open AND NOT from_id
        AND md5_number_lower(hub || '/{seed}') % {_HASHES} < {share}"""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE sample_joined AS
        SELECT {columns} FROM ({evidence_sql(stated)}) ORDER BY record_id
        """
    )
    for table in ("sample_random", "sample_joined"):
        for term in model.TERMS:
            con.execute(f"ALTER TABLE {table} ADD COLUMN tf_{term} DOUBLE")


def _fit(con: duckdb.DuckDBPyConnection, prior: float) -> model.Parameters:
    """u from random pairs, m from the pairs that tier 1 joined.

    Expectation maximisation is not used: within households it takes families for persons.
    """
    linker = _linker(con, "sample_random", model.defaults(), prior)
    linker.training.estimate_u_using_random_sampling(
        max_pairs=1e9, min_count_per_level=None, num_chunks=1
    )
    parameters = _read(linker, model.defaults(), least=1e-7)
    linker = _linker(con, "sample_joined", parameters, prior)
    linker.training.estimate_m_from_label_column("hub")
    return _read(linker, parameters, least=1e-4)


def _linker(
    con: duckdb.DuckDBPyConnection, table: str, parameters: model.Parameters, prior: float
) -> Linker:
    api = DuckDBAPI(con)
    return Linker(api.register(table), model.settings(parameters, prior))


def _read(linker: Linker, before: model.Parameters, *, least: float) -> model.Parameters:
    """What Splink learned, rounded; what it could not observe stays as it was."""
    learned: dict[str, Any] = linker.misc.save_model_to_json()
    parameters: model.Parameters = {}
    for spec, trained in zip(model.COMPARISONS, learned["comparisons"], strict=True):
        levels = [x for x in trained["comparison_levels"] if not x.get("is_null_level")]
        values = {}
        for level, found in zip(spec.levels, levels, strict=True):
            m, u = before[spec.name][level.name]
            if not level.fixed:
                m = _observed(found.get("m_probability"), m, least)
                u = _observed(found.get("u_probability"), u, least)
            values[level.name] = (m, u)
        parameters[spec.name] = values
    return parameters


def _observed(value: object, before: float, least: float) -> float:
    if not isinstance(value, float) or value <= least:
        return before
    return float(f"{min(value, 0.99999):.6g}")


def _freeze(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    prior: float,
    parameters: model.Parameters,
    night: int,
) -> Model:
    beside = home.models / "training"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    digest = hashlib.sha256(json.dumps([prior, parameters], sort_keys=True).encode())
    for term in model.TERMS:
        con.execute(
            f"""COPY (
                SELECT {term}, count(*) / sum(count(*)) OVER () AS tf_{term}
                FROM candidate WHERE {term} IS NOT NULL GROUP BY {term} ORDER BY {term}
            ) TO '{beside}/terms_{term}.parquet'"""
        )
        total = con.execute(
            f"""SELECT count(*), sum(hash({term}, tf_{term}) % 1000003)
            FROM '{beside}/terms_{term}.parquet'"""
        ).fetchall()[0]
        digest.update(repr(total).encode())
    con.execute(
        f"""COPY (
            SELECT * FROM ({
            " UNION ALL ".join(
                f'''SELECT {number} AS rule, key FROM ({keys_sql(rule)})
                GROUP BY key HAVING count(*) * count(*) FILTER (is_open) > {BLOCK_LIMIT}'''
                for number, rule in enumerate(RULES)
            )
        }) ORDER BY ALL
        ) TO '{beside}/crowd.parquet'"""
    )
    version = f"link-{digest.hexdigest()[:12]}"
    body = {"version": version, "night": night, "prior": prior, "parameters": parameters}
    (beside / "parameters.json").write_text(json.dumps(body, indent=1), "utf-8")
    folder = home.models / version
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    return _load(folder)[1]


def _load(folder: Path) -> tuple[tuple[int, str], Model]:
    body = json.loads((folder / "parameters.json").read_text("utf-8"))
    parameters = {
        comparison: {level: (pair[0], pair[1]) for level, pair in levels.items()}
        for comparison, levels in body["parameters"].items()
    }
    found = Model(body["version"], folder, body["prior"], parameters)
    return (body["night"], body["version"]), found
