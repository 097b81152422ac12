"""Which pairs are worth comparing: named rules, each an equality of keys.

A pair has at least one open record. Records that stand for others (`link.standing.is_profile`) take
the place of all that agree with them, so a resident with five equal records is compared once.

No block may explode: a key that too many records share is left out (`find_crowd`), and so are the
largest blocks of a rule that would exceed its budget. Which ones depends on the records alone, so
a night that looks at what changed leaves out the same blocks as one that looks at everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from pipelines.progress import tell
from pipelines.store import count

BLOCK_LIMIT = 40_000
"""Most pairs of one block: its open records × its records."""
RULE_BUDGET = 20
"""Most pairs of one rule for each open record that has its keys."""
LEAST_BUDGET = 1_000_000
"""Pairs that a rule may always have."""


@dataclass(frozen=True)
class Rule:
    """Records are compared when all `keys` (SQL over ``candidate``) are equal and not NULL.

    One of the two fulfils `asks`.
    """

    name: str
    keys: tuple[str, ...]
    explode: bool = False
    asks: str = "is_open"


RULES: tuple[Rule, ...] = (
    Rule("name_birth", ("name_key", "birth_day")),
    Rule("sound_birth", ("name_pinyin", "birth_day")),
    Rule("name_dwelling", ("name_pinyin", "dwelling_key")),
    Rule("name_phone", ("name_pinyin", "phone"), explode=True),
    Rule("birth_dwelling", ("birth_day", "dwelling_key")),
    Rule("birth_phone", ("birth_day", "phone"), explode=True),
    Rule("name_year_village", ("name_pinyin", "birth_year", "village_code")),
    Rule("name_year", ("name_key", "birth_year")),
    Rule("birth_village", ("birth_day", "village_code")),
    Rule("name_monthday", ("name_key", "birth_monthday")),
    Rule("name_village", ("name_key", "village_code")),
    Rule("id_head", ("id_head", "surname_sound")),
    Rule("id_mask", ("id_mask", "surname_sound")),
    Rule("id_tail", ("id_tail", "name_pinyin")),
)

SLIP_RULES: tuple[Rule, ...] = (
    Rule("slip_birth", ("name_pinyin", "born_held"), asks="holders = 1"),
    Rule("slip_ends", ("name_pinyin", "held_ends"), asks="holders = 1"),
)
"""Two numbers that one slip explains are looked for here, see `score`."""

_CANDIDATE = """
    SELECT s.record_id, s.hub, s.is_open, s.held_id, s.holders,
        hash(r.source, r.source_key) AS row_id,
        r.name_key, r.name_pinyin, r.name_shape, r.surname, r.former_name,
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
        CASE WHEN len(r.phones) = 0 THEN NULL
            WHEN len(r.phones) = 1 AND r.phone LIKE '1%' THEN r.phones
            ELSE list_transform(r.phones, lambda p: CASE WHEN p NOT LIKE '0%' THEN p
                ELSE substr(p, CASE WHEN p[2] IN ('1', '2') THEN 4 ELSE 5 END) END)
            END AS phones,
        r.village_code, r.dwelling_key,
        CASE WHEN split_part(r.address_key, '|', 3) <> ''
            THEN array_to_string(string_split(r.address_key, '|')[1:3], '|') END AS building_key,
        CASE WHEN split_part(r.address_key, '|', 2) <> ''
            THEN array_to_string(string_split(r.address_key, '|')[1:2], '|') END AS estate_key,
        CASE WHEN NOT s.is_open THEN r.id_number
            WHEN r.id17 IS NULL AND length(replace(r.id_partial, '*', '')) >= 6
            THEN r.id_partial END AS id_text,
        CASE WHEN s.is_open AND length(id_text) = 18 AND r.birth_date IS NULL
            THEN TRY_CAST(substr(id_text, 7, 4) || '-' || substr(id_text, 11, 2) || '-'
                || substr(id_text, 13, 2) AS DATE) END AS birth_hint,
        CASE WHEN NOT contains(left(id_text, 14), '*') THEN left(id_text, 14) END AS id_head,
        CASE WHEN length(id_text) = 18 AND NOT contains(left(id_text, 6) || right(id_text, 4), '*')
            THEN left(id_text, 6) || right(id_text, 4) END AS id_mask,
        CASE WHEN length(id_text) = 18 AND NOT contains(right(id_text, 4), '*')
            THEN right(id_text, 4) END AS id_tail,
        left(s.held_id, 6) || right(s.held_id, 3) AS held_ends,
        CASE WHEN s.held_id IS NOT NULL THEN coalesce(birth_text, substr(s.held_id, 7, 4) || '-'
            || substr(s.held_id, 11, 2) || '-' || substr(s.held_id, 13, 2)) END AS born_held
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


def find_crowd(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The temporary table ``crowd``: the blocks that are too large to be compared.

    Columns: rule, key, records, open_records, pairs. Reads ``candidate``.

    Returns:
        blocks_skipped, and pairs_skipped (counted as open records × records).
    """
    con.execute(
        """CREATE OR REPLACE TEMP TABLE crowd
        (rule VARCHAR, key UBIGINT, records BIGINT, open_records BIGINT, pairs BIGINT)"""
    )
    for rule in (*RULES, *SLIP_RULES):
        con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE block_size AS
            SELECT key, count(*) AS records, count(*) FILTER (asks) AS open_records,
                records * open_records AS pairs
            FROM ({keys_sql(rule)}) GROUP BY key HAVING records > 1 AND open_records > 0
            """
        )
        con.execute(
            f"""INSERT INTO crowd SELECT '{rule.name}', key, records, open_records, pairs
            FROM block_size WHERE pairs > ?""",
            [_limit(con)],
        )
    con.execute("DROP TABLE block_size")
    return {
        "blocks_skipped": count(con, "SELECT count(*) FROM crowd"),
        "pairs_skipped": count(con, "SELECT sum(pairs) FROM crowd"),
    }


def _limit(con: duckdb.DuckDBPyConnection) -> int:
    """Most pairs of a block of this rule, so that the rule keeps to its budget."""
    asking = count(con, "SELECT sum(open_records) FROM block_size")
    budget = max(LEAST_BUDGET, RULE_BUDGET * asking)
    limit = BLOCK_LIMIT
    while count(con, "SELECT sum(pairs) FROM block_size WHERE pairs <= ?", limit) > budget:
        limit //= 2
    return limit


def remember_crowd(con: duckdb.DuckDBPyConnection) -> None:
    """Keep ``crowd`` in `link.crowd`, with the sources whose records it is made of."""
    con.execute("DELETE FROM link.crowd")
    for rule in (*RULES, *SLIP_RULES):
        con.execute(
            f"""
            INSERT INTO link.crowd
            SELECT rule, key, any_value(c.records), any_value(open_records), any_value(pairs),
                list(source ORDER BY n DESC, source)
            FROM (
                SELECT key, source, count(*) AS n FROM ({keys_sql(rule)})
                JOIN std.record USING (record_id)
                WHERE key IN (SELECT key FROM crowd WHERE rule = '{rule.name}') GROUP BY ALL
            ) JOIN (FROM crowd WHERE rule = '{rule.name}') c USING (key)
            GROUP BY ALL ORDER BY ALL
            """
        )


def mark_wakened(con: duckdb.DuckDBPyConnection) -> None:
    """The temporary table ``wakened``: records whose block has been left out, or let in, since.

    They did not change, but their pairs may. Reads ``past_crowd``.
    """
    con.execute(
        """CREATE OR REPLACE TEMP TABLE turned AS
        (SELECT rule, key FROM crowd EXCEPT SELECT rule, key FROM past_crowd)
        UNION ALL (SELECT rule, key FROM past_crowd EXCEPT SELECT rule, key FROM crowd)"""
    )
    con.execute("CREATE OR REPLACE TEMP TABLE wakened (record_id BIGINT)")
    for (name,) in con.execute("SELECT DISTINCT rule FROM turned ORDER BY rule").fetchall():
        rule = next(rule for rule in (*RULES, *SLIP_RULES) if rule.name == name)
        con.execute(
            f"""INSERT INTO wakened SELECT DISTINCT record_id FROM ({keys_sql(rule)})
            WHERE asks AND key IN (SELECT key FROM turned WHERE rule = '{name}')"""
        )
    con.execute("DROP TABLE turned")


def block(con: duckdb.DuckDBPyConnection, scope: str | None = None) -> dict[str, int]:
    """The temporary table ``blocked``: pairs to compare, in the shape that Splink takes.

    Reads ``candidate`` and ``crowd``.

    Args:
        con: the night's file.
        scope: table of record_ids, one of which must be in a pair; None: all pairs.

    Returns:
        pairs that each rule was the first to find.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE found (rule UTINYINT, record_l BIGINT, record_r BIGINT)"
    )
    for number, rule in enumerate(RULES):
        tell("compare", number, len(RULES))
        con.execute(f"INSERT INTO found {_rule_sql(number, rule, scope)}")
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
    """Candidates that have the keys of `rule`: record, household of evidence, ``asks``, ``key``."""
    origin = "(SELECT *, unnest(phones) AS phone FROM candidate)" if rule.explode else "candidate"
    present = " AND ".join(f"{key} IS NOT NULL" for key in rule.keys)
    return f"""SELECT record_id, hub, row_id, {rule.asks} AS asks,
        hash({", ".join(rule.keys)}) AS key FROM {origin} WHERE {present}"""


def _rule_sql(number: int, rule: Rule, scope: str | None) -> str:
    """Pairs of one rule; with a scope, only pairs with a record of it."""
    within = f"record_id IN (SELECT record_id FROM {scope})"
    sides = [("asks", "true")] if scope is None else [(f"asks AND {within}", "true"),
                                                      ("asks", within)]  # fmt: skip
    return " UNION ALL ".join(
        f"""
        SELECT {number}, least(o.record_id, c.record_id), greatest(o.record_id, c.record_id)
        FROM (
            SELECT * FROM ({keys_sql(rule)}) WHERE {left}
                AND key NOT IN (SELECT key FROM crowd WHERE rule = '{rule.name}')
        ) o JOIN (SELECT * FROM ({keys_sql(rule)}) WHERE {right}) c USING (key)
        WHERE o.hub <> c.hub AND o.row_id <> c.row_id
        """
        for left, right in sides
    )
