"""Pairs that are worth comparing, found by the keys of `pipelines.link.rules`.

A pair has at least one open record. Records that stand for others (`link.standing.is_profile`) take
the place of all that agree with them, so a resident with five equal records is compared once.

No block may explode: `pipelines.link.crowd` says which ones are left out.
"""

from __future__ import annotations

import duckdb

from pipelines.link.lunar import lunar_days_sql
from pipelines.link.rules import ALL_RULES, RULES, Rule
from pipelines.progress import tell
from pipelines.store import count

_LOWER = 2**32 - 1
"""Half of a hash is enough for a key."""
_HASHED = {
    "name_key": "name_hash", "name_pinyin": "sound_hash", "village": "village_hash",
    "surname_sound": "surname_hash", "door": "door",
}  # fmt: skip
"""Columns that several rules use → what holds their hash already."""

_EVIDENCE = """
    SELECT record_id, s.hub, s.is_open, s.held_id, s.holders,
        coalesce(r.birth_from_id, false) AND r.id17 IS NOT NULL AS from_id,
        is_open AND from_id AS borrowed,
        r.row_id, r.name_key, r.name_pinyin, r.name_shape, r.surname, r.former_name,
        r.name_hash, r.sound_hash, r.surname_hash, r.village_hash, r.village,
        CASE WHEN NOT borrowed THEN r.sex END AS sex,
        CASE WHEN NOT borrowed AND r.birth_precision IN ('day', 'lunar') THEN r.birth_date END
            AS birth_day,
        CASE WHEN NOT borrowed AND r.birth_precision <> 'year'
            THEN year(r.birth_date) * 12 + month(r.birth_date) END AS birth_month,
        CASE WHEN NOT borrowed THEN year(r.birth_date) END AS birth_year,
        year(birth_day) * 100 + day(birth_day) AS birth_yearday,
        least(month(birth_day), day(birth_day)) * 100 + greatest(month(birth_day), day(birth_day))
            AS birth_monthday,
        CAST(birth_day AS VARCHAR) AS birth_text,
        date_diff('day', DATE '1900-01-01', birth_day) AS birth_number,
        CASE WHEN len(r.phones) = 0 THEN NULL
            WHEN len(r.phones) = 1 AND r.phones[1] LIKE '1%' THEN r.phones
            ELSE list_transform(r.phones, lambda p: CASE WHEN p NOT LIKE '0%' THEN p
                ELSE substr(p, CASE WHEN p[2] IN ('1', '2') THEN 4 ELSE 5 END) END)
            END AS phones,
        r.door, r.building_key, r.estate_key,
        CASE WHEN s.is_open THEN r.id_left ELSE r.id_number END AS id_text,
        CASE WHEN s.is_open AND length(id_text) = 18 AND r.birth_date IS NULL
            THEN TRY_CAST(substr(id_text, 7, 4) || '-' || substr(id_text, 11, 2) || '-'
                || substr(id_text, 13, 2) AS DATE) END AS birth_hint,
        CASE WHEN s.is_open AND contains(left(id_text, 14), '*') THEN NULL
            ELSE left(id_text, 14) END AS id_head,
        CASE WHEN s.is_open AND (length(id_text) <> 18
            OR contains(left(id_text, 6) || right(id_text, 4), '*')) THEN NULL
            ELSE left(id_text, 6) || right(id_text, 4) END AS id_mask,
        CASE WHEN s.is_open AND (length(id_text) <> 18 OR contains(right(id_text, 4), '*'))
            THEN NULL ELSE right(id_text, 4) END AS id_tail,
        left(s.held_id, 6) || right(s.held_id, 3) AS held_ends,
        CASE WHEN s.held_id IS NOT NULL THEN coalesce(birth_day, TRY_CAST(substr(s.held_id, 7, 4)
            || '-' || substr(s.held_id, 11, 2) || '-' || substr(s.held_id, 13, 2) AS DATE)) END
            AS born_held
    FROM link.standing s JOIN (
        SELECT *, hash(source, source_key) AS row_id,
            coalesce(village_code, village_name) AS village,
            CASE WHEN name_key IS NOT NULL THEN hash(name_key) END AS name_hash,
            CASE WHEN name_pinyin IS NOT NULL THEN hash(name_pinyin) END AS sound_hash,
            CASE WHEN name_pinyin IS NOT NULL THEN hash(split_part(name_pinyin, ' ', 1)) END
                AS surname_hash,
            CASE WHEN village IS NOT NULL THEN hash(village) END AS village_hash,
            CASE WHEN id17 IS NULL AND length(replace(id_partial, '*', '')) >= 6
                THEN id_partial END AS id_left,
            CASE WHEN regexp_matches(address_key, '^[^|]*[|][^|]+[|][^|]+[|][^|]*[|][^|]')
                THEN hash(substr(address_key, strpos(address_key, '|') + 1))
                WHEN dwelling_key IS NOT NULL THEN hash(dwelling_key) END AS door,
            CASE WHEN regexp_matches(address_key, '^[^|]*[|][^|]*[|][^|]')
                THEN hash(regexp_extract(address_key, '^[^|]*[|][^|]*[|][^|]+')) END
                AS building_key,
            CASE WHEN regexp_matches(address_key, '^[^|]*[|][^|]')
                THEN hash(regexp_extract(address_key, '^[^|]*[|][^|]+')) END AS estate_key
        FROM {records}
    ) r USING (record_id)
    WHERE {condition}
"""
# What several keys are made of stands below the join: above it DuckDB would put its SQL into each
# of them, and parse an address seven times.


def candidates_sql(records: str = "std.record") -> str:
    """Those of `records` that are compared, and their keys: rows of `link.candidate`.

    A key is NULL where a part of it is missing. Two blocks may share a number by chance, which
    costs some comparisons and joins nobody. Month and day are the same either way round; who has a
    number was born on a day of the solar calendar, which an open record may give by the lunar one.
    """
    keys = ", ".join(f"{_key(rule)} AS {rule.name}" for rule in ALL_RULES)
    return f"""SELECT record_id, hub, row_id, is_open, holders, {keys}
        FROM (
            SELECT e.*, CASE WHEN is_open THEN birth_text ELSE d.lunar END AS birth_lunar
            FROM ({evidence_sql("is_profile", records)}) e
            LEFT JOIN ({lunar_days_sql()}) d USING (birth_day)
        )"""


def find_candidates(con: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    """Fill `link.candidate` for the touched records, or for all; ``candidate`` is a view of it.

    Reads ``looked_at``.
    """
    con.execute("BEGIN")
    everything = everything or not count(con, "SELECT count(*) FROM link.candidate")
    chosen = "true" if everything else "record_id IN (SELECT record_id FROM touched)"
    con.execute(f"DELETE FROM link.candidate WHERE {chosen}")
    read = "std.record" if everything else "looked_at"
    con.execute(f"INSERT INTO link.candidate {candidates_sql(read)}")
    con.execute("COMMIT")
    con.execute("CREATE OR REPLACE TEMP VIEW candidate AS FROM link.candidate")


def evidence_sql(condition: str, records: str = "std.record") -> str:
    """Those of `records` under `condition`, with what is known for comparing them.

    Conditions on the texts of few records belong into `records`: this parses the addresses of all.

    What was read from an ID number that is another's is no evidence. The village is its code, or
    its name where the register does not know it; the door is the room of an estate, whose village
    people often leave out, or else the dwelling.
    """
    return _EVIDENCE.format(condition=condition, records=records)


def _key(rule: Rule) -> str:
    parts = [
        _HASHED.get(key, f"CASE WHEN {key} IS NOT NULL THEN hash({key}) END")
        for key in rule.keys
        if key != "phone"
    ]
    if rule.explode:
        parts.append("hash(phone)")
    mixed = parts[0]
    for part in parts[1:]:
        mixed = f"xor({mixed}, {part})"
    key = f"({mixed} & {_LOWER})::UINTEGER"
    if not rule.explode:
        return key
    present = " AND ".join(f"{part} IS NOT NULL" for part in parts[:-1])
    return f"CASE WHEN {present} THEN list_transform(phones, lambda phone: {key}) END"


def gather_neighbours(con: duckdb.DuckDBPyConnection, scope: str, gone: str | None = None) -> None:
    """The temporary table ``neighbour``: candidates that share a key with a record of `scope`.

    Columns: rule (its number), record_id, hub, row_id, asks, key, and is_near (is in `scope`).

    Args:
        con: the night's file; reads ``candidate``.
        scope: table of record_ids.
        gone: more rows like a candidate's, whose keys are looked for as well.
    """
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE near AS
        FROM candidate WHERE record_id IN (SELECT record_id FROM {scope})"""
    )
    asked = " UNION ALL ".join(keyed_sql(records) for records in ("near", gone) if records)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE asked_key AS SELECT DISTINCT rule, key FROM ({asked})"
    )
    wanted = "key IN (SELECT key FROM asked_key WHERE rule = {})"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE neighbour AS
        SELECT *, record_id IN (SELECT record_id FROM near) AS is_near
        FROM ({keyed_sql("candidate", wanted)})
        """
    )
    con.execute("DROP TABLE asked_key")
    con.execute("DROP TABLE near")


def block(con: duckdb.DuckDBPyConnection, *, everything: bool) -> dict[str, int]:
    """The temporary table ``blocked``: pairs to compare, in the shape that Splink takes.

    Reads ``candidate`` and ``crowd``; with `everything` false, ``neighbour`` for those pairs only
    one of which is near.

    Returns:
        pairs that each rule was the first to find.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE found (rule UTINYINT, record_l BIGINT, record_r BIGINT)"
    )
    if everything:
        for number, rule in enumerate(RULES):
            tell("compare", number, len(RULES))
            con.execute(
                f"INSERT INTO found SELECT {number}, record_l, record_r FROM ({pairs_sql(rule)})"
            )
    else:
        con.execute(
            f"""INSERT INTO found SELECT rule, record_l, record_r
            FROM ({near_pairs_sql()}) WHERE rule < {len(RULES)}"""
        )
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
    return {**counted, "pairs": sum(counted.values())}


def keys_sql(rule: Rule, records: str = "candidate") -> str:
    """Those of `records` that have the keys of `rule`: record, hub, row, ``asks`` and ``key``."""
    key = f"unnest({rule.name})" if rule.explode else rule.name
    return f"""SELECT record_id, hub, row_id, {rule.asks} AS asks, {key} AS key
        FROM {records} WHERE {rule.name} IS NOT NULL"""


def keyed_sql(records: str, chosen: str = "true") -> str:
    """What `keys_sql` selects of `records`, for all rules; before it stands the rule's number.

    Args:
        records: a relation like ``candidate``.
        chosen: condition on ``key``; ``{}`` is the number of the rule.
    """
    return " UNION ALL ".join(
        f"""SELECT {number}::UTINYINT AS rule, * FROM ({keys_sql(rule, records)})
        WHERE {chosen.format(number)}"""
        for number, rule in enumerate(ALL_RULES)
    )


def pairs_sql(rule: Rule) -> str:
    """Pairs (record_l, record_r) of a rule, without its crowded blocks; one may come twice."""
    return f"""
        SELECT least(o.record_id, c.record_id) AS record_l,
            greatest(o.record_id, c.record_id) AS record_r
        FROM (
            SELECT * FROM ({keys_sql(rule)}) WHERE asks
                AND key NOT IN (SELECT key FROM crowd WHERE rule = '{rule.name}')
        ) o JOIN ({keys_sql(rule)}) c USING (key)
        WHERE o.hub <> c.hub AND o.row_id <> c.row_id
        """


def near_pairs_sql() -> str:
    """Pairs (rule, record_l, record_r) of ``neighbour``, one of which is near; as `pairs_sql`."""
    sides = " UNION ALL ".join(
        f"""SELECT rule, least(o.record_id, c.record_id) AS record_l,
            greatest(o.record_id, c.record_id) AS record_r
        FROM (FROM open WHERE {asking}) o JOIN (FROM neighbour WHERE {asked}) c USING (rule, key)
        WHERE o.hub <> c.hub AND o.row_id <> c.row_id"""
        for asking, asked in (("is_near", "true"), ("NOT is_near", "is_near"))
    )
    numbers = ", ".join(f"({number}, '{rule.name}')" for number, rule in enumerate(ALL_RULES))
    return f"""
        WITH open AS (
            FROM neighbour ANTI JOIN (
                SELECT number AS rule, key FROM crowd
                JOIN (VALUES {numbers}) named (number, name) ON name = crowd.rule
            ) USING (rule, key) WHERE asks
        )
        {sides}
        """
