"""Splink's view of pairs: which level each comparison reaches, and the match weight."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import duckdb
from splink import DuckDBAPI, Linker

from pipelines.link import model
from pipelines.link.blocking import evidence_sql
from pipelines.link.context import SHARED_PHONES, context_sql
from pipelines.link.levels import COLUMNS

EVIDENCE = ", ".join(COLUMNS)
"""Columns that the comparisons look at."""

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
    blocked = "SELECT join_key_l FROM blocked UNION ALL SELECT join_key_r FROM blocked"
    compared = f"SELECT {EVIDENCE}, hub FROM ({evidence_sql(f'record_id IN ({blocked})')})"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE splink_input AS "
        + with_terms_sql(context_sql(compared, terms.get(SHARED_PHONES)), terms)
    )
    api = DuckDBAPI(con)
    # what Splink would check here are settings that this project's own tests check
    linker = Linker(
        api.register("splink_input"), model.settings(parameters, prior), validate_settings=False
    )
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
