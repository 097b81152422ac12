"""Pull one source into the landing zone, or say that it is held back."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.answers import Answers
from pipelines.errors import SourceHeld
from pipelines.extract import (
    database,
    drift,
    hashes,
    increment,
    landing,
    ledger,
    returned,
    texts,
    versions,
)
from pipelines.inbox import Arrived, take_ledgers, write_receipts
from pipelines.inbox.arrival import forget_originals
from pipelines.inbox.texts import still_arriving
from pipelines.journal import open_journal
from pipelines.night import Night
from pipelines.progress import tell
from schemas.source import SourceMap

_Taking = Callable[[duckdb.DuckDBPyConnection, Night, SourceMap, str], int]


def pull_source(night: Night, source: str) -> dict[str, Any]:
    """Bring what `source` holds now into the landing zone, in one transaction.

    May be repeated within a night: the end is the same. A source that is broken changes nothing.

    Returns:
        Counts: rows pulled, new, changed, vanished (against the last published night), and for
        ledgers files read, skipped and quarantined.

    Raises:
        SourceHeld: the source cannot be used tonight; transient where trying again may help.
        KeyError: the configuration has no such source.
    """
    contract = night.config.sources[source]
    with night.stage(f"pull_{source}") as counts:
        start = time.perf_counter()
        with night.open_landed() as con:
            landing.prepare(con, contract)
            arrived = None
            if contract.kind == "workbook":
                arrived = take_ledgers(night, contract) if night.config.ledgers.is_dir() else None
                status, details = ledger.pull_ledgers(
                    con, _at(night, contract, arrived), contract, arrived.closed if arrived else ()
                )
                details["files_waiting"] = arrived.waiting if arrived else 0
            elif contract.kind == "returns":
                status, details = "ok", _pull_returns(con, night, contract)
            else:
                status, details = "ok", _pull_database(con, night, contract)
            totals = landing.count_changes(con, night, source)
            landing.log_pull(
                con,
                night,
                source,
                status=status,
                reason=None,
                counts=totals,
                seconds=time.perf_counter() - start,
            )
            con.execute("COMMIT")
            if arrived is not None:
                write_receipts(con, night, contract, arrived)
                forget_originals(con, night.home, night.config.district.keep_originals)
        counts |= {
            "source": source,
            "status": status,
            "rows_pulled": totals.pulled,
            "rows_new": totals.new,
            "rows_changed": totals.changed,
            "rows_vanished": totals.vanished,
            **details,
        }
    return counts


def hold_source(night: Night, source: str, reason_zh: str) -> dict[str, Any]:
    """Keep what was landed of `source` before this night, and why nothing newer came."""
    contract = night.config.sources[source]
    with night.stage(f"pull_{source}") as counts:
        with night.open_landed() as con:
            landing.prepare(con, contract)
            con.execute("BEGIN")
            landing.rewind(con, night, source)
            for table in ("ledger_file", "ledger_finding"):
                landing.rewind(con, night, table, f"source = '{source}'")
            totals = landing.count_changes(con, night, source)
            landing.log_pull(
                con, night, source, status="held", reason=reason_zh, counts=totals, seconds=0.0
            )
            con.execute("COMMIT")
        counts |= {
            "source": source,
            "status": "held",
            "reason": reason_zh,
            "rows_pulled": totals.pulled,
        }
    return counts


def _at(night: Night, source: SourceMap, arrived: Arrived | None) -> Night:
    """The night whose ledgers are those that have arrived.

    Raises:
        SourceHeld: all that lies there is still being copied.
    """
    if arrived is None:
        return night
    if arrived.waiting and not any(arrived.root.iterdir()):
        raise SourceHeld(source.source, still_arriving(arrived.waiting), transient=True)
    return replace(night, config=replace(night.config, ledgers=arrived.root))


def _pull_returns(con: Any, night: Night, source: SourceMap) -> dict[str, int]:
    """Take the answers from the journal as they stand now; leaves the transaction open."""
    with open_journal(night.config.journal_url) as journal:
        table = returned.rows(Answers(journal).all(), source)
    con.register("drawn", table)
    try:
        rows = versions.from_database("(SELECT *, NULL::BIGINT AS src_hash FROM drawn)")
        repeated = versions.key(con, night, source, rows)
    finally:
        con.unregister("drawn")
    con.execute("BEGIN")
    landing.rewind(con, night, source.source)
    versions.merge(con, night, source)
    return {"duplicate_keys": repeated}


def _pull_database(con: Any, night: Night, source: SourceMap) -> dict[str, Any]:
    """Draw the table through DuckDB and merge it; leaves the transaction open."""
    limits = night.config.district.limits
    asked = increment.since(con, night, source)
    reading = database.Reading(limits.batch_rows, limits.statement_seconds, asked)
    take, found = versions.key, None
    if is_first := asked is None and versions.is_first(con, night, source):
        take = versions.land_first
    elif asked is None and increment.keys_stand(con, night, source):
        take = versions.key_changes
        found = _draw_changed(con, night, source, reading)
    try:
        drawn, repeated = found or _draw(con, night, source, reading, take)
        if repeated and (reading.is_partial or take is versions.key_changes):
            # what shares its key is told apart by all rows of the key, not by some of them
            reading.begin_anew()
            reading.since, take = None, versions.key
            drawn, repeated = _draw(con, night, source, reading, take)
    except SourceHeld:
        if reading.columns:
            con.execute("BEGIN")
            drift.keep_columns(con, night, source, reading.columns)
            con.execute("COMMIT")
        raise
    if is_first:
        changed = drift.keep_columns(con, night, source, reading.columns)
    else:
        con.execute("BEGIN")
        changed = drift.keep_columns(con, night, source, reading.columns)
        con.execute("COMMIT")  # they are worth knowing even where the rows are too few
        con.execute("BEGIN")
        landing.rewind(con, night, source.source)
        if take is versions.key_changes:
            versions.merge_changes(con, night, source)
        else:
            asked_for = "source_key IN (SELECT source_key FROM incoming)"
            versions.merge(con, night, source, asked_for if reading.is_partial else "true")
    increment.keep(con, night, source, asked if reading.is_partial else None)
    told: dict[str, Any] = {"duplicate_keys": repeated, "rows_drawn": drawn}
    if reading.is_partial and asked:
        told["drawn_since"] = asked.isoformat()
    if reading.breaks:
        told["went_on_after_breaks"] = reading.breaks
    if changed:
        told["columns_changed"] = "；".join(changed)
    return told


def _draw_changed(
    con: Any, night: Night, source: SourceMap, reading: database.Reading
) -> tuple[int, int] | None:
    """As `_draw`, where the server tells which rows changed; None: all of them must be drawn."""
    if not hashes.stand(con, night, source):
        return None
    drawn = None
    with suppress(SourceHeld):  # what is wrong with more than the hashes shows when all are drawn
        reading.hashes_only = True
        told, _ = _draw_once(con, night, source, reading, hashes.keep)
        reading.begin_anew()
        reading.hashes_only = False
        reading.hashes = hashes.list_unknown(con, night, source) if told else None
        if reading.hashes is not None:
            drawn = _draw_once(con, night, source, reading, hashes.key_unknown)
    reading.hashes_only, reading.hashes = False, None
    reading.begin_anew()
    return drawn


def _draw(
    con: Any, night: Night, source: SourceMap, reading: database.Reading, take: _Taking
) -> tuple[int, int]:
    """Land or key what the database holds; its rows, and how many share their key.

    What broke off and cannot be gone on with is drawn anew at once, this time in the order of its
    key, whatever that costs the server: another break will not throw it back. So is what turned
    out to hold bytes that are no text.
    """
    was_by_value = reading.by_value
    try:
        return _draw_once(con, night, source, reading, take)
    except SourceHeld as held:
        course = reading.course
        if reading.by_value == was_by_value and not (
            held.transient and course.rows and not course.order and not reading.in_order
        ):
            raise
    reading.begin_anew()
    reading.in_order = reading.by_value == was_by_value
    return _draw_once(con, night, source, reading, take)


def _draw_once(
    con: Any, night: Night, source: SourceMap, reading: database.Reading, take: _Taking
) -> tuple[int, int]:
    failures: list[BaseException] = []
    rows = 0

    def batches() -> Generator[pa.RecordBatch]:
        nonlocal rows
        url = night.config.databases[source.database or ""]
        try:
            for batch in database.stream(source, url, reading):
                yield batch
                rows += batch.num_rows
                tell(texts.task(source.label), rows)
        except Exception as error:
            failures.append(error)
            raise

    schema = database.schema_of(source, reading)
    with closing(batches()) as drawn:
        con.register("drawn", pa.RecordBatchReader.from_batches(schema, drawn))
        try:
            if take is versions.land_first:
                con.execute("BEGIN")
                landing.rewind(con, night, source.source)
            repeated = take(con, night, source, versions.from_database("drawn"))
        except (duckdb.Error, SourceHeld):
            with suppress(duckdb.TransactionException):  # there is one only on the first pull
                con.execute("ROLLBACK")
            if failures:  # DuckDB would tell it in words of its own
                raise failures[0] from None
            raise
        finally:
            con.unregister("drawn")
    return rows, repeated
