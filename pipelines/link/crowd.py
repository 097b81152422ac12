"""No block of pairs may explode: which blocks are left out, and what that means for a delta night.

A key that too many records share is left out, and so are the largest blocks of a rule that would
exceed its budget. Which ones depends on the records alone, so a night that looks at what changed
leaves out the same blocks as one that looks at everything.
"""

from __future__ import annotations

import duckdb

from pipelines.link.blocking import gather_neighbours, keyed_sql, keys_sql
from pipelines.link.rules import ALL_RULES, Rule
from pipelines.store import count

BLOCK_LIMIT = 40_000
"""Most pairs of one block: its open records × its records."""
RULE_BUDGET = 20
"""Most pairs of one rule for each open record that has its keys."""
LEAST_BUDGET = 1_000_000
"""Pairs that a rule may always have."""


def find_crowd(con: duckdb.DuckDBPyConnection, *, everything: bool = True) -> dict[str, int]:
    """The temporary tables ``crowd`` and ``budget``: blocks that are too large, and all sizes.

    Columns: as of `link.crowd` and `link.budget`. Reads ``candidate``; a night that does not look
    at everything reads ``touched`` and what the night before found, and counts only the blocks that
    came, went or changed.

    Returns:
        blocks_skipped, and pairs_skipped (counted as open records × records).
    """
    con.execute(
        """CREATE OR REPLACE TEMP TABLE crowd
        (rule VARCHAR, key UINTEGER, records BIGINT, open_records BIGINT, pairs BIGINT)"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE budget (rule VARCHAR, most BIGINT, pairs BIGINT,
        open_records BIGINT, compared_up_to BIGINT)"""
    )
    followed = set() if everything else _follow(con)
    for rule in ALL_RULES:
        if rule.name not in followed:
            _count_anew(con, rule)
    return {
        "blocks_skipped": count(con, "SELECT count(*) FROM crowd"),
        "pairs_skipped": count(con, "SELECT sum(pairs) FROM crowd"),
    }


def _count_anew(con: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE block_size AS
        SELECT key, count(*) AS records, count(*) FILTER (asks) AS open_records,
            records * open_records AS pairs
        FROM ({keys_sql(rule)})
        WHERE key IN (SELECT key FROM ({keys_sql(rule)}) WHERE asks)
        GROUP BY key HAVING records > 1
        """
    )
    sizes = con.execute(
        f"""SELECT {_most_sql("pairs")} AS most, sum(pairs), sum(open_records)
        FROM block_size GROUP BY most ORDER BY most"""
    ).fetchall()
    limit = _set_budget(con, rule.name, sizes)
    con.execute(
        f"""INSERT INTO crowd SELECT '{rule.name}', key, records, open_records, pairs
        FROM block_size WHERE pairs > {limit}"""
    )


def _follow(con: duckdb.DuckDBPyConnection) -> set[str]:
    """What `_count_anew` finds, from the night before; leaves ``neighbour`` of what is touched.

    Returns:
        the rules of which it can be told from that.
    """
    con.execute(
        """CREATE OR REPLACE TEMP TABLE went AS
        FROM past_candidate WHERE record_id IN (SELECT record_id FROM touched)"""
    )
    gather_neighbours(con, "touched", gone="went")
    names = ", ".join(f"'{rule.name}'" for rule in ALL_RULES)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE moved_block AS
        WITH moved AS (
            SELECT rule, key, sum(n) AS more, sum(n) FILTER (asks) AS more_open
            FROM (SELECT rule, key, asks, 1 AS n FROM neighbour WHERE is_near
                UNION ALL SELECT rule, key, asks, -1 FROM ({keyed_sql("went")}))
            GROUP BY rule, key HAVING more <> 0 OR more_open <> 0
        ), now AS (
            SELECT rule, key, count(*) AS n, count(*) FILTER (asks) AS n_open
            FROM neighbour GROUP BY rule, key
        )
        SELECT ([{names}])[rule + 1] AS rule, key,
            coalesce(n, 0) AS records, coalesce(n_open, 0) AS open_records,
            CASE WHEN records > 1 THEN records * open_records ELSE 0 END AS pairs,
            records - more AS past_records, open_records - coalesce(more_open, 0) AS past_open,
            CASE WHEN past_records > 1 THEN past_records * past_open ELSE 0 END AS past_pairs
        FROM moved LEFT JOIN now USING (rule, key)
        """
    )
    past: dict[str, list[tuple[int, int]]] = {}
    for rule, most, limit in con.execute(
        "SELECT DISTINCT rule, most, compared_up_to FROM past_budget"
    ).fetchall():
        past.setdefault(rule, []).append((most, limit))
    sizes: dict[str, Sizes] = {}
    for rule, *size in con.execute(
        f"""
        SELECT rule, most, sum(pairs), sum(open_records) FROM (
            SELECT rule, most, pairs, open_records FROM past_budget
            UNION ALL SELECT rule, {_most_sql("pairs")}, pairs, open_records
            FROM moved_block WHERE pairs > 0
            UNION ALL SELECT rule, {_most_sql("past_pairs")}, -past_pairs, -past_open
            FROM moved_block WHERE past_pairs > 0
        ) GROUP BY rule, most HAVING sum(pairs) > 0 ORDER BY rule, most
        """
    ).fetchall():
        sizes.setdefault(rule, []).append(tuple(size))
    followed = {
        rule
        for rule, known in past.items()
        if {most for most, _ in known} <= {0, *_ladder()}
        and _limit(sizes.get(rule, [])) >= known[0][1]
    }
    limits = [(rule, _set_budget(con, rule, sizes.get(rule, []))) for rule in sorted(followed)]
    if limits:
        con.execute(
            f"""
            INSERT INTO crowd
            SELECT rule, key, records, open_records, pairs FROM (
                FROM past_crowd ANTI JOIN moved_block USING (rule, key)
                UNION ALL SELECT rule, key, records, open_records, pairs FROM moved_block
            ) JOIN (VALUES {", ".join(str(limit) for limit in limits)}) limited (rule, most)
                USING (rule)
            WHERE pairs > most
            """
        )
    for table in ("went", "moved_block"):
        con.execute(f"DROP TABLE {table}")
    return followed


Sizes = list[tuple[int, int, int]]
"""Upper limit of the pairs of a block, pairs of all such blocks, open records of these."""


def _set_budget(con: duckdb.DuckDBPyConnection, rule: str, sizes: Sizes) -> int:
    limit = _limit(sizes)
    if sizes:
        rows = ", ".join(f"('{rule}', {', '.join(map(str, row))}, {limit})" for row in sizes)
        con.execute(f"INSERT INTO budget VALUES {rows}")
    return limit


def _limit(sizes: Sizes) -> int:
    """Most pairs of a block of this rule, so that the rule keeps to its budget."""
    budget = max(LEAST_BUDGET, RULE_BUDGET * sum(asking for *_, asking in sizes))
    for limit in _ladder():
        if sum(pairs for most, pairs, _ in sizes if 0 < most <= limit) <= budget:
            return limit
    return 0


def _ladder() -> list[int]:
    """The limits that are tried, the largest first."""
    steps = [BLOCK_LIMIT]
    while steps[-1] > 1:
        steps.append(steps[-1] // 2)
    return steps


def _most_sql(pairs: str) -> str:
    steps = " ".join(f"WHEN {pairs} <= {step} THEN {step}" for step in _ladder()[::-1])
    return f"CASE {steps} ELSE 0 END"


def remember_crowd(con: duckdb.DuckDBPyConnection) -> None:
    """Keep ``budget`` and ``crowd``, this with the sources whose records it is made of."""
    con.execute("DELETE FROM link.budget")
    con.execute("INSERT INTO link.budget FROM budget ORDER BY ALL")
    con.execute("DELETE FROM link.crowd")
    crowded = {rule for (rule,) in con.execute("SELECT DISTINCT rule FROM crowd").fetchall()}
    for rule in ALL_RULES:
        if rule.name not in crowded:
            continue
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
        rule = next(rule for rule in ALL_RULES if rule.name == name)
        con.execute(
            f"""INSERT INTO wakened SELECT DISTINCT record_id FROM ({keys_sql(rule)})
            WHERE asks AND key IN (SELECT key FROM turned WHERE rule = '{name}')"""
        )
    con.execute("DROP TABLE turned")
