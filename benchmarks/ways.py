"""Ways of linking the same cleaned records; each leaves the table ``main.found``.

Every way gets the folder of a night that holds `std.record` and nothing of linkage, and returns the
seconds it took from there to ``found(record_id, cluster)``, and how many of them training took.
"""

from __future__ import annotations

import time
from dataclasses import replace

import duckdb
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


def answer(work: str, root: str, share: float) -> int:
    """The most valuable `share` of the review items is answered from the truth; cluster again.

    Returns the number of items answered.
    """
    night = _night(work, Home.at(root))
    with night.open() as con:
        rows = con.execute(
            """SELECT record_l, record_r, l.person_id = r.person_id
            FROM link.review v JOIN main.known l ON l.record_id = v.record_l
            JOIN main.known r ON r.record_id = v.record_r ORDER BY value DESC, review_id
            LIMIT (SELECT ceil(count(*) * ?)::BIGINT FROM link.review)""",
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


def recordlinkage(work: str, root: str) -> tuple[float, float]:
    """Python Record Linkage Toolkit: five blocks, string distances, its ECM classifier."""
    import pandas as pd
    import recordlinkage as toolkit
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    with _night(work, Home.at(root)).open() as con:
        start = time.perf_counter()
        rows = con.execute(
            """SELECT record_id, name_key, name_pinyin, surname, sex, village_code, dwelling_key,
                coalesce(id_number, id_partial) AS id_text, CAST(birth_date AS VARCHAR) AS birth,
                phones[1] AS phone FROM std.record ORDER BY record_id"""
        ).df()
        people = rows.set_index("record_id").astype(object)
        people = people.where(people.notna(), None)
        index = toolkit.Index()
        for keys in ("id_text", ["name_pinyin", "birth"], ["phone", "surname"],
                     ["dwelling_key", "name_pinyin"], ["name_pinyin", "village_code"]):  # fmt: skip
            index.block(keys)
        pairs = index.index(people)
        compare = toolkit.Compare()
        for name in ("name_key", "name_pinyin", "sex", "phone", "dwelling_key"):
            compare.exact(name, name, label=name)
        compare.string("birth", "birth", method="levenshtein", threshold=0.85, label="birth")
        compare.string("id_text", "id_text", method="levenshtein", threshold=0.85, label="id_text")
        vectors = compare.compute(pairs, people)
        before = time.perf_counter()
        matches = toolkit.ECMClassifier(binarize=0.5).fit_predict(vectors)
        trained = time.perf_counter() - before
        place = pd.Series(range(len(people)), index=people.index)
        one, other = (place[matches.get_level_values(side)].to_numpy() for side in (0, 1))
        _, label = connected_components(
            coo_array(([1] * len(one), (one, other)), shape=(len(people), len(people))), False
        )
        seconds = time.perf_counter() - start
        found = pd.DataFrame({"record_id": people.index.to_numpy(), "cluster": label})
        con.register("labelled", found)
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
