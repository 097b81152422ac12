"""The night before.

Everything incremental is computed from the file of the night before, never from what an
interrupted attempt at this night left behind: a stage may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from pipelines.link.rules import ALL_RULES
from pipelines.night import Night
from pipelines.store import escape

_PAST_TABLES = {
    "past_tie": ("link.tie", "record_id BIGINT, number BIGINT, unit UBIGINT"),
    "past_record": (
        "std.record",
        "record_id BIGINT, source VARCHAR, role VARCHAR, name_pinyin VARCHAR, id17 VARCHAR, "
        "phones VARCHAR[], address_key VARCHAR, birth_date DATE, birth_precision VARCHAR",
    ),
    "past_pair": (
        "link.pair",
        "record_l BIGINT, record_r BIGINT, tier VARCHAR, weight DOUBLE, probability DOUBLE, "
        "reasons VARCHAR, verdict VARCHAR",
    ),
    "past_standing": (
        "link.standing",
        "record_id BIGINT, hub BIGINT, is_open BOOLEAN, is_profile BOOLEAN, held_id VARCHAR, "
        "holders INTEGER",
    ),
    "past_cluster": ("link.cluster", "record_id BIGINT, resident_id VARCHAR"),
    "past_identity": (
        "link.identity",
        "resident_id VARCHAR, anchor_record BIGINT, born_night INTEGER",
    ),
    "past_decision": ("link.decision", "record_l BIGINT, record_r BIGINT, verdict VARCHAR"),
    "past_review": ("link.review", "review_id VARCHAR, since_night INTEGER"),
    "past_candidate": (
        "link.candidate",
        "record_id BIGINT, hub BIGINT, row_id UBIGINT, is_open BOOLEAN, holders INTEGER, "
        + ", ".join(f"{rule.name} UINTEGER{'[]' if rule.explode else ''}" for rule in ALL_RULES),
    ),
    "past_crowd": (
        "link.crowd",
        "rule VARCHAR, key UBIGINT, records BIGINT, open_records BIGINT, pairs BIGINT",
    ),
    "past_budget": (
        "link.budget",
        "rule VARCHAR, most BIGINT, pairs BIGINT, open_records BIGINT, compared_up_to BIGINT",
    ),
    "past_night": ("meta.night", "night INTEGER, model_version VARCHAR"),
}


@contextmanager
def past(con: duckdb.DuckDBPyConnection, night: Night) -> Iterator[None]:
    """Views ``past_*`` of the last publication; they are empty when there is none."""
    file = night.home.night_file(night.previous)
    is_there = night.previous > 0 and file.exists()
    tables = set()
    if is_there:
        con.execute(f"ATTACH '{escape(file)}' AS past (READ_ONLY)")
        tables = {
            name
            for (name,) in con.execute(
                """SELECT schema_name || '.' || table_name FROM duckdb_tables()
                WHERE database_name = 'past'"""
            ).fetchall()
        }
    for view, (table, columns) in _PAST_TABLES.items():
        parts = [column.split() for column in columns.split(", ")]
        names = (
            ", ".join(f'"{name}"' for name, _ in parts)
            if table in tables  # the file of an older version may lack one
            else ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in parts)
        )
        origin = f"FROM past.{table}" if table in tables else "WHERE false"
        con.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT {names} {origin}")
    yield
    for view in _PAST_TABLES:
        con.execute(f"DROP VIEW {view}")
    if is_there:
        con.execute("DETACH past")
