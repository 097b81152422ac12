"""No block of pairs may explode: which blocks are left out, and what that means for a delta night.

A key that too many records share is left out, and so are the largest blocks of a rule that would
exceed its budget. Which ones depends on the records alone, so a night that looks at what changed
leaves out the same blocks as one that looks at everything.
"""

from __future__ import annotations

import duckdb

from pipelines.link.blocking import RULES, SLIP_RULES, keys_sql
from pipelines.store import count

BLOCK_LIMIT = 40_000
"""Most pairs of one block: its open records × its records."""
RULE_BUDGET = 20
"""Most pairs of one rule for each open record that has its keys."""
LEAST_BUDGET = 1_000_000
"""Pairs that a rule may always have."""


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
            FROM ({keys_sql(rule)})
            WHERE key IN (SELECT key FROM ({keys_sql(rule)}) WHERE asks)
            GROUP BY key HAVING records > 1
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
    crowded = {rule for (rule,) in con.execute("SELECT DISTINCT rule FROM crowd").fetchall()}
    for rule in (*RULES, *SLIP_RULES):
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
        rule = next(rule for rule in (*RULES, *SLIP_RULES) if rule.name == name)
        con.execute(
            f"""INSERT INTO wakened SELECT DISTINCT record_id FROM ({keys_sql(rule)})
            WHERE asks AND key IN (SELECT key FROM turned WHERE rule = '{name}')"""
        )
    con.execute("DROP TABLE turned")
