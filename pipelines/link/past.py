"""The night before, and which records this night must look at again.

Everything incremental is computed from the file of the night before, never from what an
interrupted attempt at this night left behind: a stage may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from pipelines.link.blocking import RULES, SLIP_RULES
from pipelines.link.context import UNIT
from pipelines.night import Night
from pipelines.store import count, escape

_PAST_TABLES = {
    "past_record": (
        "std.record",
        "record_id BIGINT, id17 VARCHAR, source VARCHAR, source_key VARCHAR, role VARCHAR, "
        "household_key VARCHAR, village_code VARCHAR",
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
        + ", ".join(
            f"{rule.name} UINTEGER{'[]' if rule.explode else ''}" for rule in (*RULES, *SLIP_RULES)
        ),
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


def mark_touched(con: duckdb.DuckDBPyConnection, night: Night) -> bool:
    """Fill the temporary table ``touched`` with the records whose pairs may have changed.

    These are the new, changed and vanished records, those of the same household in its source, and
    all that hold, or held, the same ID number as one of these. A full night, or one with another
    model, looks at every record.

    Returns:
        Whether every record is touched; ``touched`` then stays empty.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE touched (record_id BIGINT)")
    if night.is_full or night.base == 0 or _model_changed(con, night):
        return True
    con.execute(
        f"""
        INSERT INTO touched
        WITH living AS (
            SELECT record_id, id17, {UNIT} AS unit FROM std.record
        ), changed AS (
            SELECT id17, unit FROM living SEMI JOIN delta.record USING (record_id)
            UNION SELECT id17, {UNIT} FROM past_record SEMI JOIN delta.record USING (record_id)
        ), mate AS (
            SELECT record_id, id17 FROM living WHERE unit IN (SELECT unit FROM changed)
        ), number AS (
            SELECT id17 FROM changed UNION SELECT id17 FROM mate
        )
        SELECT record_id FROM delta.record
        UNION SELECT record_id FROM mate
        UNION SELECT record_id FROM living SEMI JOIN number USING (id17)
        """
    )
    return False


def _model_changed(con: duckdb.DuckDBPyConnection, night: Night) -> bool:
    return not count(
        con,
        """SELECT count(*) FROM meta.night n, past_night p
        WHERE n.night = ? AND p.night = ? AND n.model_version = p.model_version""",
        night.number,
        night.base,
    )
