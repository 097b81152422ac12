"""Score what tier 1 left open, with the frozen model, into `link.pair`.

The score of a pair depends on its two records and the frozen model only, and what a record may be
compared by depends only on the records with the same ID number: so a night that scores what changed
ends in the same pairs as one that scores everything.
"""

from __future__ import annotations

import time

import duckdb

from pipelines.errors import ModelUnusable
from pipelines.journal import open_journal
from pipelines.link import frozen as frozen_models
from pipelines.link import model
from pipelines.link.blocking import (
    block,
    evidence_sql,
    find_candidates,
    gather_neighbours,
    near_pairs_sql,
    pairs_sql,
)
from pipelines.link.certain import stand
from pipelines.link.compare import compare
from pipelines.link.crowd import find_crowd, mark_wakened, remember_crowd
from pipelines.link.past import past
from pipelines.link.rules import RULES, SLIP_RULES
from pipelines.link.touched import look_at, look_away, looks_at_everything, mark_touched, tie
from pipelines.link.train import train
from pipelines.night import Night
from pipelines.store import count

SLIP_WEIGHT = 45.0
UNPLACED = 0.998
"""Match probability from which name and birth date alone join, with nothing that places the two
together: of namesakes born on one day the model is least sure, and a wrong union costs most."""

SLIPPED_NAME = ("look_alike", "lost", "swapped", "shortened")
"""Levels of a name to which a slip must have happened."""
NUMBERED = ("typo", "partial", "part", "same")
"""Levels of an ID number that tell one person from all others born on the day."""


def score_pairs(night: Night) -> dict[str, object]:
    """Join what is certain, compare what is open; fills `link.standing` and `link.pair`.

    Trains a model first when there is none; `meta.night.model_version` says which one was used.

    Returns:
        counts: pairs by tier and verdict, pairs compared by rule, and whether it trained.
    """
    with night.stage("score_pairs") as counts, night.open_for_linking() as con, past(con, night):
        frozen, problem = _model_of(con, night)
        if problem:
            counts["model_problem"] = problem
        _use(con, night, frozen)
        everything = looks_at_everything(con, night)
        tie(con, everything=everything)
        mark_touched(con, everything=everything)
        look_at(con, everything=everything)
        counts.update(stand(con, everything=everything))
        find_candidates(con, everything=everything)
        look_away(con, everything=everything)
        counts.update(find_crowd(con, everything=everything))
        if frozen is None:
            start = time.perf_counter()
            frozen = _train(con, night)
            counts["trained_seconds"] = round(time.perf_counter() - start, 3)
            _use(con, night, frozen)
        counts["model"] = frozen.version
        counts["model_night"] = frozen.night
        counts["open_share_trained"] = round(
            frozen.body["open_records"] / max(frozen.body["records"], 1), 4
        )
        mark_wakened(con)
        if not everything and count(con, "SELECT count(*) FROM wakened"):
            con.execute("CREATE OR REPLACE TEMP TABLE scope AS FROM touched UNION FROM wakened")
            gather_neighbours(con, "scope")
        counts.update(block(con, everything=everything))
        compare(
            con,
            frozen.parameters,
            frozen.prior,
            terms=frozen.terms,
            least=night.config.district.linkage.review,
        )
        _judge(con, night.config.district.linkage.accept)
        _explain_slips(con, everything=everything)
        _store(con, everything=everything)
        for tier, verdict, n in con.execute(
            "SELECT tier, verdict, count(*) FROM link.pair GROUP BY ALL ORDER BY ALL"
        ).fetchall():
            counts[f"{tier}_{verdict}"] = n
        counts["open_records"] = count(con, "SELECT count(*) FROM link.standing WHERE is_open")
    return counts


def _model_of(
    con: duckdb.DuckDBPyConnection, night: Night
) -> tuple[frozen_models.Model | None, str | None]:
    """The model in force, else that of the night before; and why none of them can be used.

    A night does not die of a broken model, since it can train one; but it says so.
    """
    rows = con.execute(
        "SELECT model_version FROM past_night WHERE night = ?", [night.previous]
    ).fetchall()
    version = frozen_models.in_force(night.home) or (rows[0][0] if rows else None)
    if version is None:
        return None, None
    try:
        return frozen_models.load(night.home, version), None
    except ModelUnusable as error:
        return None, str(error)


def _train(con: duckdb.DuckDBPyConnection, night: Night) -> frozen_models.Model:
    with open_journal(night.config.journal_url) as journal:
        decided = journal.decisions()
    trained = train(
        con,
        night.home,
        night=night.number,
        day=night.business_date,
        seed=night.config.district.linkage.seed,
        decided=[(low, high, verdict) for _, low, high, verdict, *_ in decided],
    )
    frozen_models.put_in_force(night.home, trained)
    return trained


def _use(con: duckdb.DuckDBPyConnection, night: Night, frozen: frozen_models.Model | None) -> None:
    con.execute(
        "UPDATE meta.night SET model_version = ? WHERE night = ?",
        [frozen.version if frozen else None, night.number],
    )


def _judge(con: duckdb.DuckDBPyConnection, accept: float) -> None:
    """Verdicts. Families share phone, dwelling, surname and, for twins, the birth date.

    So a pair joins by itself only when the name agrees and birth date or ID does too; what else
    scores high waits for a person. A name that agrees but for a slip needs the very birth date and
    the same telephone, dwelling or household; a name alone needs these and must be the very same.
    Namesakes whose families differ wait as well, or village and telephone (where few people are
    known no name is common), and from `UNPLACED` down those whom nothing places together.
    """
    same_name = model.gamma("name", "same", "former")
    named = model.gamma("name", "same", "sound", "former")
    slipped_name = model.gamma("name", *SLIPPED_NAME)
    likely_name = model.gamma("name", "one_character", "near_sound")
    day_of_number = model.gamma("id", "day")
    born = f"({model.gamma('birth', 'same', 'slip', 'lunar', 'month')} OR {day_of_number})"
    born_that_day = f"({model.gamma('birth', 'same', 'lunar')} OR {day_of_number})"
    numbered = model.gamma("id", *NUMBERED)
    placed = (
        f"({model.gamma('place', 'dwelling')} OR {model.gamma('phone', 'own', 'shared')} "
        f"OR {model.gamma('household', 'several', 'one')})"
    )
    other_family = f"{model.gamma('household', 'else')} AND NOT {placed}"
    other_place = f"{model.gamma('phone', 'else')} AND {model.gamma('place', 'else')}"
    own_phone_at_home = f"""{model.gamma("phone", "own")} AND (
        {model.gamma("place", "dwelling")} OR {model.gamma("household", "several", "one")})"""
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
                WHEN {numbered} AND ({named} OR {slipped_name} OR {likely_name}) THEN 'joined'
                WHEN {model.gamma("id", "rounded")} AND {named} THEN 'joined'
                WHEN {other_family} THEN 'review'
                WHEN {other_place} AND NOT {placed} THEN 'review'
                WHEN NOT {placed} AND s.probability < {UNPLACED} THEN 'review'
                WHEN {named} AND {born} THEN 'joined'
                WHEN {same_name} AND ({no_birth} OR {model.gamma("birth", "year", "hint")})
                    AND {placed} THEN 'joined'
                WHEN {model.gamma("name", "sound")} AND {no_birth} AND {own_phone_at_home}
                    AND {model.gamma("sex", "same")} THEN 'joined'
                WHEN {slipped_name} AND {born_that_day} AND {placed} THEN 'joined'
                ELSE 'review'
            END AS verdict
        FROM scored s
        JOIN link.standing l ON l.record_id = s.record_l
        JOIN link.standing r ON r.record_id = s.record_r
        """
    )
    for table in ("scored", "blocked"):
        con.execute(f"DROP TABLE {table}")


def _explain_slips(con: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    """The temporary table ``slip_pair``: two valid numbers that one slip of the pen explains.

    Name and birth date agree, one digit or two neighbours differ, nothing places the two records
    apart (neither villages nor both dwelling and telephones), and no other record supports the
    number that slipped.
    """
    pairs = (
        " UNION ALL ".join(pairs_sql(rule) for rule in SLIP_RULES)
        if everything
        else f"SELECT * FROM ({near_pairs_sql()}) WHERE rule >= {len(RULES)}"
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE slip_block AS
        SELECT DISTINCT record_l, record_r FROM ({pairs})
        JOIN link.standing l ON l.record_id = record_l
        JOIN link.standing r ON r.record_id = record_r
        WHERE damerau_levenshtein(l.held_id, r.held_id) = 1
        """
    )
    slipped = "record_id IN (SELECT unnest([record_l, record_r]) FROM slip_block)"
    evidence = evidence_sql("true", f"(FROM std.record WHERE {slipped})")
    con.execute(f"CREATE OR REPLACE TEMP TABLE slip_record AS {evidence}")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE slip_pair AS
        SELECT record_l, record_r,
            'probable' AS tier, {SLIP_WEIGHT}::DOUBLE AS weight, 0.999::DOUBLE AS probability,
            'ID numbers differ by one slip of the pen; name and birth date agree' AS reasons,
            'joined' AS verdict
        FROM slip_block
        JOIN slip_record s ON s.record_id = record_l JOIN slip_record o ON o.record_id = record_r
        WHERE s.name_pinyin = o.name_pinyin
            AND (s.name_key = o.name_key OR s.born_held = o.born_held)
            AND (s.sex IS NULL OR o.sex IS NULL OR s.sex = o.sex)
            AND (s.village IS NULL OR o.village IS NULL
                OR s.village = o.village OR list_has_any(s.phones, o.phones))
            AND (s.door <> o.door
                AND NOT list_has_any(s.phones, o.phones)) IS NOT TRUE
        """
    )
    for table in ("slip_block", "slip_record", "neighbour"):
        con.execute(f"DROP TABLE IF EXISTS {table}")


def _store(con: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    con.execute("BEGIN")
    if everything:
        con.execute("DELETE FROM link.pair")
    else:
        con.execute(
            """DELETE FROM link.pair WHERE record_l IN (SELECT record_id FROM touched)
            OR record_r IN (SELECT record_id FROM touched)"""
        )
        con.execute(
            """DELETE FROM link.pair WHERE tier = 'probable' AND (
                record_l IN (FROM wakened) OR record_r IN (FROM wakened))"""
        )
    con.execute("DELETE FROM link.pair WHERE tier = 'decision'")
    remember_crowd(con)
    con.execute(
        """
        INSERT INTO link.pair
        SELECT * FROM certain_pair
        UNION ALL SELECT * FROM slip_pair
        UNION ALL SELECT * FROM probable_pair ANTI JOIN slip_pair USING (record_l, record_r)
        """
    )
    con.execute("COMMIT")
    for table in ("certain_pair", "slip_pair", "probable_pair", "crowd", "budget", "wakened"):
        con.execute(f"DROP TABLE IF EXISTS {table}")
    con.execute("DROP VIEW candidate")
