"""Which pairs are worth comparing: named rules, each an equality of keys.

A pair has at least one open record. Records that stand for others (`link.standing.is_profile`) take
the place of all that agree with them, so a resident with five equal records is compared once.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from pipelines.progress import tell
from pipelines.store import count

BLOCK_LIMIT = 40_000
"""Open records × candidates sharing one key; a key above it is frozen as too common."""


@dataclass(frozen=True)
class Rule:
    """Records are compared when all `keys` (SQL over ``candidate``) are equal and not NULL."""

    name: str
    keys: tuple[str, ...]
    explode: bool = False


RULES: tuple[Rule, ...] = (
    Rule("name_birth", ("name_key", "birth_day")),
    Rule("sound_birth", ("name_pinyin", "birth_day")),
    Rule("name_dwelling", ("name_pinyin", "dwelling_key")),
    Rule("name_phone", ("name_pinyin", "phone"), explode=True),
    Rule("birth_dwelling", ("birth_day", "dwelling_key")),
    Rule("birth_phone", ("birth_day", "phone"), explode=True),
    Rule("name_year_village", ("name_pinyin", "birth_year", "village_code")),
    Rule("name_monthday", ("name_key", "birth_monthday")),
    Rule("name_village", ("name_key", "village_code")),
    Rule("id_head", ("id_head", "surname_sound")),
    Rule("id_mask", ("id_mask", "surname_sound")),
    Rule("id_tail", ("id_tail", "name_pinyin")),
)

_CANDIDATE = """
    SELECT s.record_id, s.hub, s.is_open, s.held_id, s.holders,
        hash(r.source, r.source_key) AS row_id,
        r.name_key, r.name_pinyin, r.former_name,
        split_part(r.name_pinyin, ' ', 1) AS surname_sound,
        CASE WHEN NOT borrowed_sex THEN r.sex END AS sex,
        CASE WHEN NOT borrowed AND r.birth_precision IN ('day', 'lunar') THEN r.birth_date END
            AS birth_day,
        CASE WHEN NOT borrowed AND r.birth_precision <> 'year'
            THEN year(r.birth_date) * 12 + month(r.birth_date) END AS birth_month,
        CASE WHEN NOT borrowed THEN year(r.birth_date) END AS birth_year,
        strftime(birth_day, '%m%d') AS birth_monthday,
        CAST(birth_day AS VARCHAR) AS birth_text,
        date_diff('day', DATE '1900-01-01', birth_day) AS birth_number,
        CASE WHEN len(r.phones) > 0 THEN r.phones END AS phones,
        r.village_code, r.dwelling_key,
        CASE WHEN split_part(r.address_key, '|', 3) <> ''
            THEN array_to_string(string_split(r.address_key, '|')[1:3], '|') END AS building_key,
        CASE WHEN NOT s.is_open THEN r.id_number
            WHEN r.id17 IS NULL AND length(replace(r.id_partial, '*', '')) >= 6
            THEN r.id_partial END AS id_text,
        CASE WHEN NOT contains(left(id_text, 14), '*') THEN left(id_text, 14) END AS id_head,
        CASE WHEN length(id_text) = 18 AND NOT contains(left(id_text, 6) || right(id_text, 4), '*')
            THEN left(id_text, 6) || right(id_text, 4) END AS id_mask,
        CASE WHEN length(id_text) = 18 AND NOT contains(right(id_text, 4), '*')
            THEN right(id_text, 4) END AS id_tail
    FROM (
        SELECT *, is_open AND from_id AS borrowed, borrowed AS borrowed_sex
        FROM link.standing JOIN (
            SELECT record_id, coalesce(birth_from_id, false) AND id17 IS NOT NULL AS from_id
            FROM std.record
        ) USING (record_id) WHERE {condition}
    ) s JOIN std.record r USING (record_id)
"""


def candidates(con: duckdb.DuckDBPyConnection) -> None:
    """The temporary table ``candidate``: records to compare, with keys and evidence."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE candidate AS {evidence_sql('is_profile')}")


def evidence_sql(condition: str) -> str:
    """Records of `link.standing` under `condition`, with what is known for comparing them.

    What was read from an ID number that is another's is no evidence.
    """
    return _CANDIDATE.format(condition=condition)


def block(con: duckdb.DuckDBPyConnection, *, everything: bool) -> dict[str, int]:
    """The temporary table ``blocked``: pairs to compare, in the shape that Splink takes.

    Reads ``candidate`` and ``crowd`` (rule, key): keys too common to compare by. They are frozen
    with the model, so that a block's growth does not change what an earlier night compared.

    Returns:
        pairs that each rule was the first to find.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE found (rule UTINYINT, record_l BIGINT, record_r BIGINT)"
    )
    for number, rule in enumerate(RULES):
        tell("compare", number, len(RULES))
        con.execute(f"INSERT INTO found {_rule_sql(number, rule, everything=everything)}")
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE blocked AS
        SELECT min(rule) AS match_key, record_l AS join_key_l, record_r AS join_key_r
        FROM found GROUP BY record_l, record_r
        """
    )
    con.execute("DROP TABLE found")
    counted = {
        RULES[int(key)].name: n
        for key, n in con.execute(
            "SELECT match_key, count(*) FROM blocked GROUP BY 1 ORDER BY 1"
        ).fetchall()
    }
    counted["pairs"] = count(con, "SELECT count(*) FROM blocked")
    return counted


def keys_sql(rule: Rule) -> str:
    """Candidates that have the keys of `rule`: record, household of evidence, and ``key``."""
    origin = "(SELECT *, unnest(phones) AS phone FROM candidate)" if rule.explode else "candidate"
    present = " AND ".join(f"{key} IS NOT NULL" for key in rule.keys)
    return f"""SELECT record_id, hub, row_id, is_open, hash({", ".join(rule.keys)}) AS key
        FROM {origin} WHERE {present}"""


def _rule_sql(number: int, rule: Rule, *, everything: bool) -> str:
    """Pairs of one rule; with less than everything, only pairs with a touched record."""
    touched = "record_id IN (SELECT record_id FROM touched)"
    sides = (
        [("is_open", "true")]
        if everything
        else [(f"is_open AND {touched}", "true"), ("is_open", touched)]
    )
    return " UNION ALL ".join(
        f"""
        SELECT {number}, least(o.record_id, c.record_id), greatest(o.record_id, c.record_id)
        FROM (
            SELECT * FROM ({keys_sql(rule)}) WHERE {left}
                AND key NOT IN (SELECT key FROM crowd WHERE rule = {number})
        ) o JOIN (SELECT * FROM ({keys_sql(rule)}) WHERE {right}) c USING (key)
        WHERE o.hub <> c.hub AND o.row_id <> c.row_id
        """
        for left, right in sides
    )
