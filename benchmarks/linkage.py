"""Linkage against its alternatives, on the same cleaned records of one home, in one run.

    python benchmarks/linkage.py --home var

The home is a synthetic district with a published night and the truth beside it. Alternatives: the
exact join on valid ID numbers, and Splink alone as a careful user would set it up (cleaned columns,
pinyin, term frequencies, seven blocking rules, the best of several thresholds).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import duckdb
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink import comparison_library as cl

from benchmarks.truth import trace
from pipelines import store
from pipelines.config import load_config
from pipelines.home import Home
from pipelines.link import cluster_records, queue_reviews, score_pairs
from pipelines.night import Night

_THRESHOLDS = (0.5, 0.9, 0.95, 0.99, 0.999)


def main() -> None:
    """Print one line for each way of linking."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args()
    home = Home.at(options.home)
    print("| way | precision | recall | F1 | residents whole | seconds |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, link in (("exact ID", _exact), ("Splink alone", _splink), ("onegrid", _onegrid)):
            work = Home.at(Path(folder) / name.replace(" ", "_"))
            night = _night(work, home)
            with night.open() as con:
                _keep_truth(con, home)
            best, seconds = link(night)
            cells = " | ".join(f"{value:.5f}" for value in best)
            print(f"| {name} | {cells} | {seconds:.1f} |")


def splink_alone(home: Home) -> float:
    """Seconds that Splink alone takes from the cleaned records of `home` to clusters."""
    with tempfile.TemporaryDirectory() as folder:
        night = _night(Home.at(Path(folder)), home)
        with night.open() as con:
            _keep_truth(con, home)
        return _splink(night)[1]


def _night(work: Home, home: Home) -> Night:
    """A first night with the records of the published one."""
    config = replace(load_config(home), journal_url=f"sqlite:///{work.journal}")
    with duckdb.connect(str(home.published), read_only=True) as con:
        business_date = con.execute("SELECT max(business_date) FROM meta.night").fetchall()[0][0]
    night = Night(work, config, 1, business_date, base=0, previous=0, is_full=True)
    night.folder.mkdir(parents=True)
    with night.open() as con:
        store.lay_out(con)
        con.execute(
            "INSERT INTO meta.night VALUES (1, ?, 0, true, now(), 'benchmark', NULL)",
            [business_date],
        )
        con.execute(f"ATTACH '{home.published}' AS given (READ_ONLY)")
        con.execute("INSERT INTO std.record BY NAME FROM given.std.record")
        con.execute("INSERT INTO std.benefit BY NAME FROM given.std.benefit")
        con.execute("INSERT INTO delta.record SELECT record_id, 'new' FROM std.record")
    return night


def _exact(night: Night) -> tuple[tuple[float, ...], float]:
    with night.open() as con:
        start = time.perf_counter()
        con.execute(
            """CREATE TEMP TABLE found AS
            SELECT record_id, coalesce(id17, record_id::VARCHAR) AS cluster FROM std.record"""
        )
        seconds = time.perf_counter() - start
        return _measure(con, "found"), seconds


def _splink(night: Night) -> tuple[tuple[float, ...], float]:
    with night.open() as con:
        start = time.perf_counter()
        con.execute(
            """
            CREATE TEMP TABLE person AS
            SELECT record_id AS unique_id, name_key, name_pinyin, surname, sex, village_code,
                dwelling_key, coalesce(id_number, id_partial) AS id_text,
                CAST(birth_date AS VARCHAR) AS birth, phones[1] AS phone
            FROM std.record
            """
        )
        rules = [
            block_on("id_text"), block_on("name_key", "birth"), block_on("name_pinyin", "birth"),
            block_on("phone", "surname"), block_on("dwelling_key", "name_pinyin"),
            block_on("birth", "dwelling_key"),
            block_on("name_key", "village_code", "substr(birth, 1, 4)"),
        ]  # fmt: skip
        settings = SettingsCreator(
            link_type="dedupe_only",
            comparisons=[
                cl.ExactMatch("name_key").configure(term_frequency_adjustments=True),
                cl.ExactMatch("name_pinyin"),
                cl.LevenshteinAtThresholds("birth", [1, 2]),
                cl.LevenshteinAtThresholds("id_text", [1, 2]),
                cl.ExactMatch("sex"),
                cl.ExactMatch("phone"),
                cl.ExactMatch("dwelling_key"),
            ],
            blocking_rules_to_generate_predictions=rules,
            retain_matching_columns=False,
        )
        linker = Linker(DuckDBAPI(con).register("person"), settings)
        linker.training.estimate_probability_two_random_records_match(rules[:2], recall=0.9)
        linker.training.estimate_u_using_random_sampling(max_pairs=1e7, seed=1)
        for rule in (block_on("name_key", "birth"), block_on("id_text")):
            linker.training.estimate_parameters_using_expectation_maximisation(
                rule, estimate_without_term_frequencies=True
            )
        edges = linker.inference.predict(threshold_match_probability=_THRESHOLDS[0])
        seconds = time.perf_counter() - start
        best: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
        cost = 0.0
        for threshold in _THRESHOLDS:
            start = time.perf_counter()
            clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
                edges, threshold_match_probability=threshold
            )
            took = time.perf_counter() - start
            con.execute(
                f"""CREATE OR REPLACE TEMP TABLE found AS
                SELECT unique_id AS record_id, cluster_id AS cluster
                FROM {clusters.physical_name}"""
            )
            result = _measure(con, "found")
            if result[2] > best[2]:
                best, cost = result, took
        return best, seconds + cost


def _onegrid(night: Night) -> tuple[tuple[float, ...], float]:
    start = time.perf_counter()
    for stage in (score_pairs, cluster_records, queue_reviews):
        stage(night)
    seconds = time.perf_counter() - start
    with night.open() as con:
        con.execute(
            """CREATE TEMP TABLE found AS
            SELECT record_id, resident_id AS cluster FROM link.cluster"""
        )
        return _measure(con, "found"), seconds


def _keep_truth(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    trace(con, home)
    con.execute("CREATE OR REPLACE TABLE main.known_person AS FROM traced")


def _measure(con: duckdb.DuckDBPyConnection, table: str) -> tuple[float, ...]:
    """Pairwise precision, recall and F1, and the share of residents exactly whole."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE judged AS
        SELECT t.person_id AS person, f.cluster, count(*) AS records
        FROM {table} f JOIN main.known_person t USING (record_id)
        GROUP BY ALL
        """
    )
    right, found, real, whole, people = con.execute(
        """
        WITH cluster AS (SELECT cluster, sum(records) AS n FROM judged GROUP BY cluster),
        person AS (SELECT person, sum(records) AS n FROM judged GROUP BY person)
        SELECT (SELECT sum(records * (records - 1) / 2) FROM judged),
            (SELECT sum(n * (n - 1) / 2) FROM cluster),
            (SELECT sum(n * (n - 1) / 2) FROM person),
            (SELECT count(*) FROM judged j JOIN cluster c USING (cluster)
                JOIN person p USING (person) WHERE j.records = c.n AND j.records = p.n),
            (SELECT count(*) FROM person)
        """
    ).fetchall()[0]
    precision, recall = right / max(found, 1), right / max(real, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return precision, recall, f1, whole / max(people, 1)


if __name__ == "__main__":
    main()
