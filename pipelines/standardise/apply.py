"""Standardise a night: what changed in raw.* becomes records, defects, facts and quarantine."""

from __future__ import annotations

import duckdb

from pipelines.night import Night
from pipelines.standardise.corrections import correct, list_corrections, note_corrections
from pipelines.standardise.dictionaries import Context, forget
from pipelines.standardise.facts import write_facts
from pipelines.standardise.intake import gather, list_todo
from pipelines.standardise.records import build_dictionaries, write_defects, write_records
from pipelines.standardise.register import place_dwellings, villages
from pipelines.store import count, quote

_BY_RECORD = ("std.defect", "std.benefit", "std.insurance", "std.family")


def standardise(night: Night) -> dict[str, object]:
    """Bring std.* up to raw.*, and list in delta.record what the night must look at.

    Cost: rows that changed since the night's base; everything in a full night, or when the
    register's villages changed, because addresses are read against them. May be repeated.

    Returns:
        counts of records, defects and quarantined rows after the night, and of the changes.
    """
    with night.stage("standardise") as counts, night.open() as con:
        con.execute("BEGIN")
        everything = place_dwellings(con, night) or night.base == 0
        con.execute(
            "CREATE OR REPLACE TEMP TABLE former AS SELECT record_id, source, source_key "
            "FROM std.record WHERE false"
        )
        list_todo(con, night, everything=everything)
        list_corrections(con, night)
        if everything:
            con.execute("INSERT INTO former SELECT record_id, source, source_key FROM std.record")
            for table in ("std.record", *_BY_RECORD):
                con.execute(f"DELETE FROM {table}")
            con.execute("DELETE FROM std.quarantine WHERE source IN (SELECT source FROM todo)")
        else:
            _clear_touched(con)
            _point_at_rows(con, night)
        gather(con, night, everything=everything)
        correct(con)
        context = Context(night.business_date, villages(con))
        counts["distinct_values"] = build_dictionaries(con, context)
        write_records(con, night)
        write_defects(con)
        note_corrections(con)
        _drop_strangers(con)
        write_facts(con)
        _list_changes(con)
        forget(con)
        con.execute("COMMIT")
        for name, table in (
            ("records", "std.record"),
            ("defects", "std.defect"),
            ("corrected", "std.correction"),
            ("quarantined", "std.quarantine"),
            ("dwellings", "std.dwelling"),
            ("changes", "delta.record"),
        ):
            counts[name] = count(con, f"SELECT count(*) FROM {table}")
    return counts


def _clear_touched(con: duckdb.DuckDBPyConnection) -> None:
    """Take away what the rows to do had become before."""
    con.execute(
        """INSERT INTO former SELECT record_id, source, source_key FROM std.record
        SEMI JOIN todo USING (source, source_key)"""
    )
    con.execute("DELETE FROM std.record WHERE record_id IN (SELECT record_id FROM former)")
    for table in _BY_RECORD:
        con.execute(f"DELETE FROM {table} WHERE record_id IN (SELECT record_id FROM former)")
    con.execute(
        """DELETE FROM std.quarantine q WHERE EXISTS (
            FROM todo t WHERE t.source = q.source AND t.source_key = q.source_key)"""
    )


def _point_at_rows(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Quarantined ledger rows are where the file in the inbox has them now."""
    for source in night.config.sources.values():
        if source.kind == "workbook":
            con.execute(
                f"""UPDATE std.quarantine q SET file = r.file, sheet = r.sheet, row_no = r.row_no
                FROM raw.{quote(source.source)} r
                WHERE q.source = '{source.source}' AND q.source_key = r.source_key
                    AND r.until_night IS NULL"""
            )


def _drop_strangers(con: duckdb.DuckDBPyConnection) -> None:
    """Defects of persons that went into quarantine have no record to belong to."""
    con.execute(
        """DELETE FROM std.defect WHERE record_id IN (
            SELECT record_id FROM intake ANTI JOIN std.record USING (record_id))"""
    )


def _list_changes(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("DELETE FROM delta.record")
    con.execute(
        """
        INSERT INTO delta.record
        SELECT record_id, CASE WHEN f.record_id IS NULL THEN 'new' ELSE 'changed' END
        FROM (SELECT record_id FROM std.record SEMI JOIN intake USING (record_id)) n
        LEFT JOIN former f USING (record_id)
        UNION ALL
        SELECT record_id, 'gone' FROM former ANTI JOIN std.record USING (record_id)
        """
    )
    for table in ("former", "intake", "todo", "fact_intake"):
        con.execute(f"DROP TABLE {table}")
