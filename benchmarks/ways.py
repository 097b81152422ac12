"""Ways of linking the same cleaned records; each leaves the table ``main.found``.

Every way gets the folder of a night that holds `std.record` and nothing of linkage, and returns the
seconds it took from there to ``found(record_id, cluster)``, and how many of them training took.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink import comparison_library as cl

from benchmarks.measure import fairness, measure, weak_spots
from pipelines import store
from pipelines.config import load_config
from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.link import cluster_records, queue_reviews, score_pairs
from pipelines.night import Night
from pipelines.synth.trace import trace

_THRESHOLDS = (0.5, 0.9, 0.95, 0.99, 0.999)
_DEDUPE_BLOCKS = ("(wholeFieldPredicate,", "(sameSevenCharStartPredicate,", "(suffixArray,")
_LABELS = 500
"""Pairs that a very patient person would label."""


def prepare(work: str, root: str, most: int | None = None) -> int:
    """A first night in `work` with the records of the published night of `root`, and the truth.

    With `most`, only the records of so many persons (by number). Returns the number of records.
    """
    home = Home.at(root)
    night = _night(work, home)
    night.folder.mkdir(parents=True)
    with night.open() as con:
        store.lay_out(con)
        con.execute(
            "INSERT INTO meta.night VALUES (1, ?, 0, true, now(), 'benchmark', NULL)",
            [night.business_date],
        )
        trace(con, home)
        con.execute("CREATE TABLE main.known AS FROM traced")
        con.execute("CREATE TABLE main.person AS FROM truth.person")
        if most is not None:
            con.execute("DELETE FROM main.known WHERE person_id > ?", [most])
        con.execute(
            "INSERT INTO std.record BY NAME FROM home.std.record "
            + ("" if most is None else "SEMI JOIN main.known USING (record_id)")
        )
        con.execute("INSERT INTO std.benefit BY NAME FROM home.std.benefit")
        con.execute("INSERT INTO delta.record SELECT record_id, 'new' FROM std.record")
        return store.count(con, "SELECT count(*) FROM std.record")


def _night(work: str, home: Home) -> Night:
    place = Home.at(work)
    config = load_config(home)
    # what came back on forms is tied to residents by people, and there is none of it in a trial
    sources = {name: s for name, s in config.sources.items() if s.kind != "returns"}
    config = replace(config, sources=sources, journal_url=f"sqlite:///{place.journal}")
    with duckdb.connect(str(home.published), read_only=True) as con:
        day = con.execute("SELECT max(business_date) FROM meta.night").fetchall()[0][0]
    return Night(place, config, 1, day, base=0, previous=0, is_full=True)


def exact(work: str, root: str) -> tuple[float, float]:
    """Records with the same ID number are one."""
    with _night(work, Home.at(root)).open() as con:
        start = time.perf_counter()
        con.execute(
            """CREATE TABLE main.found AS
            SELECT record_id, coalesce(id17, record_id::VARCHAR) AS cluster FROM std.record"""
        )
        return time.perf_counter() - start, 0.0


def onegrid(work: str, root: str) -> tuple[float, float]:
    """The stages of a night."""
    night = _night(work, Home.at(root))
    start = time.perf_counter()
    for stage in (score_pairs, cluster_records, queue_reviews):
        stage(night)
    seconds = time.perf_counter() - start
    _found(night)
    with night.open() as con:
        ((trained,),) = con.execute(
            "SELECT counts ->> 'trained_seconds' FROM meta.stage WHERE stage = 'score_pairs'"
        ).fetchall()
    return seconds, float(trained)


def take_clusters(work: str, root: str) -> None:
    """What the night in the published file of `root` linked, as if it had been linked here."""
    home = Home.at(root)
    with _night(work, home).open() as con:
        con.execute(f"ATTACH '{home.published}' AS home (READ_ONLY)")
        con.execute(
            """CREATE TABLE main.found AS
            SELECT record_id, resident_id AS cluster FROM home.link.cluster"""
        )
        con.execute(
            """INSERT INTO std.defect FROM home.std.defect
            WHERE kind IN ('id_slip', 'id_borrowed')"""
        )


def answer(work: str, root: str, share: float, of: str) -> int:
    """The most valuable review items are answered from the truth; cluster again.

    As many as `share` of the rows of the table `of`. Returns the number of items answered.
    """
    night = _night(work, Home.at(root))
    with night.open() as con:
        rows = con.execute(
            f"""SELECT record_l, record_r, l.person_id = r.person_id
            FROM link.review v JOIN main.known l ON l.record_id = v.record_l
            JOIN main.known r ON r.record_id = v.record_r ORDER BY value DESC, review_id
            LIMIT (SELECT ceil(count(*) * ?)::BIGINT FROM {of})""",
            [share],
        ).fetchall()
        con.execute("DROP TABLE main.found")
    with open_journal(night.config.journal_url) as journal:
        for low, high, same in rows:
            journal.decide(low, high, "always" if same else "never", "truth", "benchmark")
    for stage in (cluster_records, queue_reviews):
        stage(night)
    _found(night)
    return len(rows)


def _found(night: Night) -> None:
    with night.open() as con:
        con.execute(
            """CREATE TABLE main.found AS
            SELECT record_id, resident_id AS cluster FROM link.cluster"""
        )


def splink(work: str, root: str) -> tuple[float, float]:
    """Splink alone, as a careful user would set it up.

    Cleaned columns, pinyin, term frequencies, seven blocking rules, expectation maximisation, and
    the best of several thresholds by the truth, which is more than a user would know.
    """
    with _night(work, Home.at(root)).open() as con:
        start = time.perf_counter()
        con.execute(
            """
            CREATE TEMP TABLE people AS
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
        linker = Linker(DuckDBAPI(con).register("people"), settings)
        linker.training.estimate_probability_two_random_records_match(rules[:2], recall=0.9)
        linker.training.estimate_u_using_random_sampling(max_pairs=1e7, seed=1)
        for rule in (block_on("name_key", "birth"), block_on("id_text")):
            linker.training.estimate_parameters_using_expectation_maximisation(
                rule, estimate_without_term_frequencies=True
            )
        trained = time.perf_counter() - start
        edges = linker.inference.predict(threshold_match_probability=_THRESHOLDS[0])
        seconds = time.perf_counter() - start
        best, cost = 0.0, 0.0
        for threshold in _THRESHOLDS:
            start = time.perf_counter()
            clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
                edges, threshold_match_probability=threshold
            )
            took = time.perf_counter() - start
            con.execute(
                f"""CREATE OR REPLACE TEMP TABLE tried AS
                SELECT unique_id AS record_id, cluster_id AS cluster
                FROM {clusters.physical_name}"""
            )
            result = measure(con, "tried")["f1"]
            if result > best:
                best, cost = result, took
                con.execute("CREATE OR REPLACE TABLE main.found AS FROM tried")
        return seconds + cost, trained


def dedupe(work: str, root: str) -> tuple[float, float]:
    """The library dedupe, taught by a sample of its own candidate pairs, labelled from the truth.

    It learns its blocks and its classifier from them, and clusters at the threshold that it
    proposes; of its blocks it gets the simple ones.
    """
    import os
    import random

    # its classifier is fitted in a blink; starting processes for that takes minutes
    os.environ["LOKY_MAX_CPU_COUNT"] = "1"
    import dedupe as library
    import numpy as np

    with _night(work, Home.at(root)).open() as con:
        start = time.perf_counter()
        columns = ["record_id", "name_key", "name_pinyin", "sex", "dwelling_key", "id_text",
                   "birth", "phone"]  # fmt: skip
        rows = con.execute(
            """SELECT record_id, name_key, name_pinyin, sex, dwelling_key,
                coalesce(id_number, id_partial), CAST(birth_date AS VARCHAR), phones[1]
            FROM std.record ORDER BY record_id"""
        ).fetchall()
        people = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
        person = dict(con.execute("SELECT record_id, person_id FROM main.known").fetchall())
        random.seed(1)
        np.random.seed(1)
        asked = library.variables
        exact = [asked.Exact(name, has_missing=True) for name in ("sex", "phone", "dwelling_key")]
        alike = [
            asked.ShortString(name, has_missing=True)
            for name in ("name_key", "name_pinyin", "birth", "id_text")
        ]
        for variable in (*alike, *exact):
            # Blocks that hold half of all records, such as a sex, make it compare all with all:
            # two thousand persons took eleven gigabytes and five minutes.
            variable.predicates = [
                predicate
                for predicate in variable.predicates
                if variable.field != "sex" and predicate.__name__.startswith(_DEDUPE_BLOCKS)
            ]
        linker = library.Dedupe([*alike, *exact])
        linker.prepare_training(people)
        candidates = linker.active_learner.candidates
        told: dict[str, list[Any]] = {"match": [], "distinct": []}
        for pair in random.sample(candidates, min(_LABELS, len(candidates))):
            one, other = (person[record["record_id"]] for record in pair)
            told["match" if one == other else "distinct"].append(pair)
        linker.mark_pairs(told)
        linker.train(index_predicates=False)
        trained = time.perf_counter() - start
        found = [
            (record, number)
            for number, (members, _) in enumerate(linker.partition(people))
            for record in members
        ]
        seconds = time.perf_counter() - start
        record_ids, clusters = zip(*found, strict=True)
        con.register("labelled", pa.table({"record_id": record_ids, "cluster": clusters}))
        con.execute("CREATE TABLE main.found AS FROM labelled")
        con.unregister("labelled")
        return seconds, trained


def result(work: str, root: str) -> dict[str, float]:
    """`measure.measure` of what the way found."""
    with _night(work, Home.at(root)).open() as con:
        return measure(con, "main.found")


def closer_look(
    work: str, root: str
) -> tuple[list[tuple[str, str, int, int, int]], dict[str, list[tuple[str, int]]]]:
    """`measure.fairness` and `measure.weak_spots` of what the way found."""
    with _night(work, Home.at(root)).open() as con:
        return fairness(con, "main.found"), weak_spots(con, "main.found")


def splink_alone(home: Home) -> float:
    """Seconds that Splink alone takes from the cleaned records of `home` to clusters."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        prepare(folder, str(home.root))
        return splink(folder, str(home.root))[0]
