"""Which records a night must look at again: what changed, and what that is tied to."""

from __future__ import annotations

import duckdb

from pipelines.night import Night
from pipelines.store import count

_READ = """record_id, source, source_key, village_code, village_name, former_name, sex,
    birth_date, birth_precision, birth_from_id, id_number, id_status, id17, id_partial, phones,
    surname, name_key, name_pinyin, name_shape, address_key, dwelling_key"""
"""Columns of `std.record` that linkage reads of the records that are touched."""


def looks_at_everything(con: duckdb.DuckDBPyConnection, night: Night) -> bool:
    """Whether every record is touched: in a full night, and in one with another model."""
    return night.is_full or night.base == 0 or _model_changed(con, night)


def mark_touched(con: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    """Fill the temporary table ``touched`` with the records whose pairs may have changed.

    These are the new, changed and vanished records, those of the same household in its source, and
    all that hold, or held, the same ID number as one of these. It stays empty when all are.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE touched (record_id BIGINT)")
    if everything:
        return
    con.execute(
        """
        INSERT INTO touched
        WITH changed AS (
            SELECT number, unit FROM link.tie SEMI JOIN delta.record USING (record_id)
            UNION SELECT number, unit FROM past_tie SEMI JOIN delta.record USING (record_id)
        ), mate AS (
            SELECT record_id, number FROM link.tie WHERE unit IN (SELECT unit FROM changed)
        ), known AS (
            SELECT number FROM changed UNION SELECT number FROM mate
        )
        SELECT record_id FROM delta.record
        UNION SELECT record_id FROM mate
        UNION SELECT record_id FROM link.tie SEMI JOIN known USING (number)
        """
    )


def tie(con: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    """Fill `link.tie` for the records that changed, or for all."""
    con.execute("BEGIN")
    changed = "" if everything else "WHERE record_id IN (SELECT record_id FROM delta.record)"
    con.execute(f"DELETE FROM link.tie {changed}")
    con.execute(
        f"""INSERT INTO link.tie
        SELECT record_id, id17::BIGINT, CASE WHEN household_key IS NOT NULL
                THEN hash(household_key, village_code) ELSE hash(source, source_key) END,
            CASE WHEN name_pinyin IS NOT NULL AND (household_key IS NOT NULL OR role <> 'self')
                THEN hash(name_pinyin) END
        FROM std.record {changed}"""
    )
    con.execute("COMMIT")


def look_at(con: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    """The relation ``looked_at``: the touched records of `std.record`, read once, or all."""
    if everything:
        con.execute("CREATE OR REPLACE TEMP VIEW looked_at AS FROM std.record")
    else:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE looked_at AS
            SELECT {_READ} FROM std.record SEMI JOIN touched USING (record_id)"""
        )


def look_away(con: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    """Drop ``looked_at``."""
    con.execute(f"DROP {'VIEW' if everything else 'TABLE'} looked_at")


def _model_changed(con: duckdb.DuckDBPyConnection, night: Night) -> bool:
    return not count(
        con,
        """SELECT count(*) FROM meta.night n, past_night p
        WHERE n.night = ? AND p.night = ? AND n.model_version = p.model_version""",
        night.number,
        night.base,
    )
