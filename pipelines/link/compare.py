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
from pipelines.store import count

EVIDENCE = ", ".join(COLUMNS)
"""Columns that the comparisons look at."""
PAIRS_AT_ONCE = 6_000_000
"""Of so many pairs and their records a few gigabytes are enough."""

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
    gather_evidence(con, "evidence", terms=terms)
    _level(con)
    con.execute("DROP TABLE evidence")
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
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE scored AS
        WITH __splink__df_comparison_vectors AS (FROM levelled) {steps}
        SELECT least(record_id_l, record_id_r) AS record_l,
            greatest(record_id_l, record_id_r) AS record_r,
            match_weight AS weight, match_probability AS probability,
            {model.reasons_sql()} AS reasons, {gammas}
        FROM {weighing[-1]["output_table_name"]}
        """
    )
    con.execute("DROP TABLE levelled")


def _level(con: duckdb.DuckDBPyConnection) -> None:
    """The temporary table ``levelled``: the pairs of ``blocked``, see `tally.levels_sql`.

    It is a table because Splink would work out a level again wherever its weight stands in a sum.
    Evidence is wide, and a join holds it twice: many pairs are looked at in parts.

    Cost: each part reads the evidence once.
    """
    parts = max(1, -(-count(con, "SELECT count(*) FROM blocked") // PAIRS_AT_ONCE))
    whole = levels_sql("evidence")
    if parts == 1:
        con.execute(f"CREATE OR REPLACE TEMP TABLE levelled AS {whole}")
        return
    con.execute(f"CREATE OR REPLACE TEMP TABLE levelled AS FROM ({whole}) LIMIT 0")
    for part in range(parts):
        tell("compare", part, parts)
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE pair_part AS
            FROM blocked WHERE hash(join_key_l) % {parts} = {part}"""
        )
        con.execute(
            """CREATE OR REPLACE TEMP TABLE evidence_part AS FROM evidence SEMI JOIN (
                SELECT join_key_l AS record_id FROM pair_part
                UNION SELECT join_key_r FROM pair_part) USING (record_id)"""
        )
        con.execute(f"INSERT INTO levelled {levels_sql('evidence_part', 'pair_part')}")
    for table in ("pair_part", "evidence_part"):
        con.execute(f"DROP TABLE {table}")


def gather_evidence(
    con: duckdb.DuckDBPyConnection, table: str, *, terms: Mapping[str, str]
) -> None:
    """The temporary table `table`: what the comparisons look at, of the records of ``blocked``."""
    con.execute(
        """CREATE OR REPLACE TEMP TABLE compared AS
        SELECT join_key_l AS record_id FROM blocked UNION SELECT join_key_r FROM blocked"""
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
