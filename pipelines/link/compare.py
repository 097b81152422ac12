"""Splink's view of pairs: which level each comparison reaches, and the match weight."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import duckdb
from splink.internals.dialects import SplinkDialect
from splink.internals.predict import predict_from_comparison_vectors_sqls

from pipelines.link import model
from pipelines.link.blocking import evidence_sql
from pipelines.link.context import SHARED_PHONES, context_sql
from pipelines.link.levels import COLUMNS
from pipelines.link.tally import levels_sql
from pipelines.progress import tell
from pipelines.store import count, parts_of

EVIDENCE = ", ".join(COLUMNS)
"""Columns that the comparisons look at."""
PAIR_BYTES = 2_000
"""What a pair and the evidence of its records take while they are looked at."""

for _name in ("splink", "splink.internals"):
    logging.getLogger(_name).setLevel(logging.ERROR)


def compare(
    con: duckdb.DuckDBPyConnection,
    parameters: model.Parameters,
    prior: float,
    *,
    terms: Mapping[str, str],
    least: float | None = None,
) -> None:
    """The temporary table ``scored``: the pairs of ``blocked``, seen with a model.

    Columns: record_l, record_r, weight, probability, reasons, and ``gamma_<comparison>``.

    Args:
        con: holds ``blocked`` in the shape that Splink takes, and the records' `link.standing`.
        parameters, prior: the model.
        terms: column → relation with its term frequencies; a value that is not in it counts as
            rare as the rarest one that is. Without an entry there is no adjustment. The entry
            `SHARED_PHONES` has the telephones that several names share.
        least: pairs with a smaller match probability are left out.
    """
    settings = model.settings(parameters, prior).get_settings("duckdb")
    weighing = predict_from_comparison_vectors_sqls(
        settings.column_info_settings.unique_id_input_columns,
        settings.core_model_settings,
        SplinkDialect.from_string("duckdb"),
        threshold_match_probability=least,
        training_mode=True,  # keeps the levels
    )
    steps = "".join(f", {step['output_table_name']} AS ({step['sql']})" for step in weighing)
    gammas = ", ".join(f"gamma_{comparison.name}" for comparison in model.COMPARISONS)
    weighed = f"""
        WITH __splink__df_comparison_vectors AS (FROM levelled) {steps}
        SELECT least(record_id_l, record_id_r) AS record_l,
            greatest(record_id_l, record_id_r) AS record_r,
            match_weight AS weight, match_probability AS probability,
            {model.reasons_sql()} AS reasons, {gammas}
        FROM {weighing[-1]["output_table_name"]}"""
    parts = parts_of(con, count(con, "SELECT count(*) FROM blocked"), PAIR_BYTES)
    for part in range(parts):
        tell("compare", part, parts)
        _level(con, "blocked" if parts == 1 else _part_of_pairs(con, part, parts), terms)
        makes = "INSERT INTO scored" if part else "CREATE OR REPLACE TEMP TABLE scored AS"
        con.execute(f"{makes} {weighed}")
    for table in ("levelled", "pair_part"):
        con.execute(f"DROP TABLE IF EXISTS {table}")


def _part_of_pairs(con: duckdb.DuckDBPyConnection, part: int, parts: int) -> str:
    """The temporary table ``pair_part``, whose name is returned: one part of ``blocked``."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE pair_part AS
        FROM blocked WHERE hash(join_key_l) % {parts} = {part}"""
    )
    return "pair_part"


def _level(con: duckdb.DuckDBPyConnection, pairs: str, terms: Mapping[str, str]) -> None:
    """The temporary table ``levelled``: `pairs` and their levels, see `tally.levels_sql`.

    It is a table because Splink would work out a level again wherever its weight stands in a sum.

    Cost: one pass over the records, which keeps those of `pairs`; evidence is wide, and a join
    holds it twice, so never all of a large district's is there at once.
    """
    gather_evidence(con, "evidence", terms=terms, pairs=pairs)
    con.execute(f"CREATE OR REPLACE TEMP TABLE levelled AS {levels_sql('evidence', pairs)}")
    con.execute("DROP TABLE evidence")


def gather_evidence(
    con: duckdb.DuckDBPyConnection, table: str, *, terms: Mapping[str, str], pairs: str = "blocked"
) -> None:
    """The temporary table `table`: what the comparisons look at, of the records of `pairs`."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE compared AS
        SELECT join_key_l AS record_id FROM {pairs} UNION SELECT join_key_r FROM {pairs}"""
    )
    chosen = "(FROM std.record SEMI JOIN compared USING (record_id))"
    records = f"SELECT {EVIDENCE}, hub FROM ({evidence_sql('true', chosen)})"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS "
        + with_terms_sql(context_sql(records, terms.get(SHARED_PHONES)), terms)
    )
    con.execute("DROP TABLE compared")


def with_terms_sql(records: str, terms: Mapping[str, str]) -> str:
    """SQL of `records` with the frequency of each of their terms, ``tf_<column>``.

    A value that is not in `terms` counts as rare as the rarest one that is.
    """
    joins, columns = [], []
    for term in model.TERMS:
        if term not in terms:
            columns.append(f"NULL::DOUBLE AS tf_{term}")
            continue
        columns.append(
            f"""coalesce({term}.tf_{term}, CASE WHEN given.{term} IS NOT NULL
                THEN (SELECT min(tf_{term}) FROM {terms[term]}) END) AS tf_{term}"""
        )
        joins.append(f"LEFT JOIN {terms[term]} {term} ON {term}.{term} = given.{term}")
    return f"SELECT given.*, {', '.join(columns)} FROM ({records}) given {' '.join(joins)}"
