"""What departments wrote into their defect books, put in the place of what their rows say.

A correction holds for the version of the row that it was made for: once the source says something
else, the source's word counts again.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines import store
from pipelines.corrections import Corrections
from pipelines.extract.keys import version_sql
from pipelines.journal import open_journal
from pipelines.night import Night
from pipelines.privacy import mask
from pipelines.standardise.defect import SEVERITY
from pipelines.store import quote
from schemas.fields import FIELD

_TYPES = {
    "answer_id": pa.int64(),
    "record_id": pa.int64(),
    "source": pa.string(),
    "source_key": pa.string(),
    "field": pa.string(),
    "row_hash": pa.int64(),
    "value": pa.string(),
    "handler": pa.string(),
    "answered_on": pa.date32(),
}


def list_corrections(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Bring std.correction up to the journal, and rows whose corrections changed to ``todo``."""
    with open_journal(night.config.journal_url) as journal:
        said = [answer for answer in Corrections(journal).values() if answer.field in FIELD]
    con.register(
        "said",
        pa.table(
            {name: pa.array([getattr(s, name) for s in said], kind)
             for name, kind in _TYPES.items()}
        ),
    )  # fmt: skip
    con.execute("CREATE OR REPLACE TEMP TABLE correction AS FROM said LIMIT 0")
    spoken_of = {answer.source for answer in said}
    for source in night.config.sources.values():
        if source.persons and source.source in spoken_of:
            con.execute(
                f"""INSERT INTO correction SELECT s.* FROM said s
                SEMI JOIN (FROM raw.{quote(source.source)} WHERE until_night IS NULL
                    AND source_key IN (SELECT source_key FROM said
                        WHERE source = '{source.source}')) r
                    ON r.source_key = s.source_key
                    AND s.row_hash = {version_sql(source, "r")}
                WHERE s.source = '{source.source}'"""
            )
    con.unregister("said")
    if night.base:
        # from the file of that night, not from what an interrupted attempt at this one left
        con.register("former_correction", _before(night))
        con.execute(
            """INSERT INTO todo SELECT DISTINCT source, source_key FROM (
                (FROM correction EXCEPT FROM former_correction)
                UNION ALL (FROM former_correction EXCEPT FROM correction)
            ) ANTI JOIN todo USING (source, source_key)"""
        )
        con.unregister("former_correction")
    con.execute("DELETE FROM std.correction")
    con.execute("INSERT INTO std.correction FROM correction ORDER BY record_id, field")
    con.execute("DROP TABLE correction")


def _before(night: Night) -> pa.Table:
    """What was corrected in the night that this one started from."""
    file, limits = night.home.night_file(night.base), night.config.district.limits
    with store.connect(file, limits, night.folder / "spill", read_only=True) as con:
        return con.sql("FROM std.correction").to_arrow_table()


def correct(con: duckdb.DuckDBPyConnection) -> None:
    """Put the corrected values into ``intake``; what stood there is kept in ``corrected``."""
    con.execute(
        """CREATE OR REPLACE TEMP TABLE corrected
        (record_id BIGINT, field VARCHAR, was VARCHAR, value VARCHAR)"""
    )
    for (field,) in con.execute("SELECT DISTINCT field FROM std.correction").fetchall():
        named = f"(SELECT record_id, value FROM std.correction WHERE field = '{field}') c"
        con.execute(
            f"""INSERT INTO corrected SELECT record_id, '{field}', i.{quote(field)}, c.value
            FROM intake i JOIN {named} USING (record_id)"""
        )
        con.execute(
            f"""UPDATE intake SET {quote(field)} = c.value FROM {named}
            WHERE intake.record_id = c.record_id"""
        )


def note_corrections(con: duckdb.DuckDBPyConnection) -> None:
    """A `std.defect` row for every value that a department corrected."""
    rows = con.execute("FROM corrected ORDER BY record_id, field").fetchall()
    if rows:
        con.executemany(
            f"""INSERT INTO std.defect SELECT record_id, source, department, ?, 'corrected',
            '{SEVERITY["corrected"]}', ?, ? FROM intake WHERE record_id = ?""",
            [(field, mask(was), mask(value), record) for record, field, was, value in rows],
        )
    con.execute("DROP TABLE corrected")
