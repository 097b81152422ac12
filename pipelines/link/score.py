"""Score what tier 1 left open, with the frozen model, into `link.pair`.

The score of a pair depends on its two records and the frozen model only, and what a record may be
compared by depends only on the records with the same ID number: so a night that scores what changed
ends in the same pairs as one that scores everything.
"""

from __future__ import annotations

import duckdb
from splink import DuckDBAPI, Linker

from pipelines.link import model
from pipelines.link.blocking import block, candidates
from pipelines.link.certain import stand
from pipelines.link.past import mark_touched, past
from pipelines.link.train import Model, find_model, train
from pipelines.night import Night
from pipelines.store import count

SLIP_WEIGHT = 45.0


def score_pairs(night: Night) -> dict[str, object]:
    """Join what is certain, compare what is open; fills `link.standing` and `link.pair`.

    Trains a model first when there is none; `meta.night.model_version` says which one was used.

    Returns:
        counts: pairs by tier and verdict, pairs compared by rule, and whether it trained.
    """
    with night.stage("score_pairs") as counts, night.open() as con, past(con, night):
        frozen = _model_of(con, night)
        _use(con, night, frozen)
        everything = mark_touched(con, night)
        counts.update(stand(con, everything=everything))
        candidates(con)
        if frozen is None:
            frozen = train(
                con, night.home, night=night.number, seed=night.config.district.linkage.seed
            )
            counts["trained"] = True
            _use(con, night, frozen)
        counts["model"] = frozen.version
        con.execute(f"CREATE OR REPLACE TEMP TABLE crowd AS FROM '{frozen.crowd}'")
        counts.update(block(con, everything=everything))
        _predict(con, frozen, night.config.district.linkage.review)
        _judge(con, night.config.district.linkage.accept)
        _explain_slips(con, everything=everything)
        _store(con, everything=everything)
        for tier, verdict, n in con.execute(
            "SELECT tier, verdict, count(*) FROM link.pair GROUP BY ALL ORDER BY ALL"
        ).fetchall():
            counts[f"{tier}_{verdict}"] = n
        counts["open_records"] = count(con, "SELECT count(*) FROM link.standing WHERE is_open")
    return counts


def _model_of(con: duckdb.DuckDBPyConnection, night: Night) -> Model | None:
    """The model of the night before where it is still there, so that a delta stays comparable."""
    rows = con.execute(
        "SELECT model_version FROM past_night WHERE night = ?", [night.previous]
    ).fetchall()
    before = rows[0][0] if rows else None
    return (find_model(night.home, before) if before else None) or find_model(night.home)


def _use(con: duckdb.DuckDBPyConnection, night: Night, frozen: Model | None) -> None:
    con.execute(
        "UPDATE meta.night SET model_version = ? WHERE night = ?",
        [frozen.version if frozen else None, night.number],
    )


def _predict(con: duckdb.DuckDBPyConnection, frozen: Model, least: float) -> None:
    """The temporary table ``scored``: Splink's view of the blocked pairs."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE compared AS
        SELECT * FROM candidate WHERE record_id IN (
            SELECT join_key_l FROM blocked UNION ALL SELECT join_key_r FROM blocked
        )
        """
    )
    for term in model.TERMS:
        con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE compared AS
            SELECT c.*, coalesce(t.tf_{term}, CASE WHEN c.{term} IS NOT NULL THEN
                (SELECT min(tf_{term}) FROM '{frozen.terms(term)}') END) AS tf_{term}
            FROM compared c LEFT JOIN '{frozen.terms(term)}' t USING ({term})
            """
        )
    columns = (
        "record_id, name_key, name_pinyin, former_name, sex, birth_day, birth_month, birth_year, "
        "birth_text, birth_number, phones, village_code, dwelling_key, building_key, id_text, "
        + ", ".join(f"tf_{term}" for term in model.TERMS)
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE splink_input AS SELECT {columns} FROM compared")
    api = DuckDBAPI(con)
    linker = Linker(api.register("splink_input"), model.settings(frozen.parameters, frozen.prior))
    for term in model.TERMS:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE terms_{term} AS SELECT NULL::VARCHAR AS {term}, "
            f"NULL::DOUBLE AS tf_{term} WHERE false"
        )
        linker.table_management.register_term_frequency_lookup(api.register(f"terms_{term}"), term)
    linker.table_management.register_blocked_pairs_for_predict(api.register("blocked"))
    predicted = linker.inference.predict(threshold_match_probability=least, warning_mode="never")
    gammas = ", ".join(f"gamma_{comparison.name}" for comparison in model.COMPARISONS)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE scored AS
        SELECT least(record_id_l, record_id_r) AS record_l,
            greatest(record_id_l, record_id_r) AS record_r,
            match_weight AS weight, match_probability AS probability,
            {model.reasons_sql()} AS reasons, {gammas}
        FROM {predicted.physical_name}
        """
    )
    predicted.drop_table_from_database_and_remove_from_cache()
    con.execute("DROP TABLE splink_input")


def _judge(con: duckdb.DuckDBPyConnection, accept: float) -> None:
    """Verdicts. Families share phone, dwelling, surname and, for twins, the birth date.

    So a pair joins by itself only when the name agrees and birth date or ID does too; what else
    scores high waits for a person.
    """
    named = model.gamma("name", "same", "sound", "former")
    likely_name = model.gamma("name", "one_character", "near_sound")
    born = model.gamma("birth", "same", "slip", "lunar", "month")
    numbered = model.gamma("id", "typo", "partial", "same")
    placed = model.gamma("place", "dwelling") + " OR " + model.gamma("phone", "shared")
    no_birth = "gamma_birth = -1"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE probable_pair AS
        SELECT s.record_l, s.record_r, 'probable' AS tier, round(s.weight, 4) AS weight,
            round(s.probability, 6) AS probability, s.reasons,
            CASE
                WHEN s.probability < {accept} THEN 'review'
                WHEN l.held_id <> r.held_id THEN 'refused'
                WHEN {model.gamma("sex", "else")} AND NOT {model.gamma("name", "same")}
                    THEN 'review'
                WHEN {named} AND ({born} OR {numbered}) THEN 'joined'
                WHEN {named} AND {no_birth} AND ({placed}) THEN 'joined'
                WHEN {likely_name} AND {numbered} THEN 'joined'
                ELSE 'review'
            END AS verdict
        FROM scored s
        JOIN compared l ON l.record_id = s.record_l JOIN compared r ON r.record_id = s.record_r
        """
    )
    for table in ("scored", "compared", "blocked"):
        con.execute(f"DROP TABLE {table}")


def _explain_slips(con: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    """The temporary table ``slip_pair``: two valid numbers that one slip of the pen explains.

    Name and birth date agree, one digit or two neighbours differ, nothing places the two records
    apart, and no other record supports the number that slipped.
    """
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE numbered AS
        SELECT c.record_id, c.held_id, c.holders, c.row_id, c.hub, c.name_key, c.name_pinyin,
            c.birth_text, c.sex, c.phones, c.village_code,
            left(c.held_id, 6) || right(c.held_id, 3) AS id_ends,
            CASE WHEN c.held_id IS NOT NULL THEN coalesce(c.birth_text,
                substr(c.held_id, 7, 4) || '-' || substr(c.held_id, 11, 2) || '-'
                || substr(c.held_id, 13, 2)) END AS born
        FROM candidate c WHERE c.held_id IS NOT NULL AND c.name_pinyin IS NOT NULL
        """
    )
    touched = "record_id IN (SELECT record_id FROM touched)"
    sides = [("true", "true")] if everything else [(touched, "true"), ("true", touched)]
    joins = " UNION ALL ".join(
        f"""
        SELECT s.record_id AS one, o.record_id AS other
        FROM (SELECT * FROM numbered WHERE holders = 1 AND {left}) s
        JOIN (SELECT * FROM numbered WHERE {right}) o
            ON s.name_pinyin = o.name_pinyin AND s.{key} = o.{key}
        WHERE s.held_id <> o.held_id AND s.row_id <> o.row_id
            AND damerau_levenshtein(s.held_id, o.held_id) = 1
            AND (s.name_key = o.name_key OR s.born = o.born)
            AND (s.sex IS NULL OR o.sex IS NULL OR s.sex = o.sex)
            AND (s.village_code IS NULL OR o.village_code IS NULL
                OR s.village_code = o.village_code OR list_has_any(s.phones, o.phones))
        """
        for left, right in sides
        for key in ("born", "id_ends")
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE slip_pair AS
        SELECT DISTINCT least(one, other) AS record_l, greatest(one, other) AS record_r,
            'probable' AS tier, {SLIP_WEIGHT}::DOUBLE AS weight, 0.999::DOUBLE AS probability,
            'ID numbers differ by one slip of the pen; name and birth date agree' AS reasons,
            'joined' AS verdict
        FROM ({joins})
        """
    )
    con.execute("DROP TABLE numbered")


def _store(con: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    con.execute("BEGIN")
    if everything:
        con.execute("DELETE FROM link.pair")
    else:
        con.execute(
            """DELETE FROM link.pair WHERE record_l IN (SELECT record_id FROM touched)
            OR record_r IN (SELECT record_id FROM touched)"""
        )
    con.execute("DELETE FROM link.pair WHERE tier = 'decision'")
    con.execute(
        """
        INSERT INTO link.pair
        SELECT * FROM certain_pair
        UNION ALL SELECT * FROM slip_pair
        UNION ALL SELECT * FROM probable_pair ANTI JOIN slip_pair USING (record_l, record_r)
        """
    )
    con.execute("COMMIT")
    for table in ("certain_pair", "slip_pair", "probable_pair", "candidate"):
        con.execute(f"DROP TABLE IF EXISTS {table}")
