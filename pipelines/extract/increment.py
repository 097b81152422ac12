"""From when on a database is asked for rows: since its watermark, or now and then for all.

A source's clock is never trusted: the watermark never runs ahead of the day of the last pull, it is
taken back by an overlap, and every few nights all rows are compared. That night finds rows that
came late, were changed without a new date, or vanished.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import duckdb

from pipelines import store
from pipelines.extract.keys import key_sql
from pipelines.extract.versions import alive_before
from pipelines.night import Night
from schemas.source import SourceMap


def since(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap) -> date | None:
    """The day from which on rows are asked for; None: all of them.

    All are asked for where the map names no watermark or was changed, nothing has landed, rows
    share their keys, or the full compare is due.
    """
    if source.watermark is None:
        return None
    draws = con.execute(
        "SELECT since, drawn_on, map_hash FROM main.draw WHERE source = ? AND since_night < ? "
        "ORDER BY since_night DESC LIMIT ?",
        [source.source, night.number, source.compare_every],
    ).fetchall()
    last_full = next((n for n, draw in enumerate(draws) if draw[0] is None), None)
    if last_full is None or last_full + 1 >= source.compare_every:
        return None
    if draws[0][2] != _hash(source):
        return None
    column = store.quote(source.watermark)
    ((newest, has_repeated),) = con.execute(f"""
        SELECT max(TRY_CAST(left({column}, 10) AS DATE)),
            bool_or(regexp_matches(source_key, '~[0-9]+$'))
        {alive_before(night, source)}""").fetchall()
    if newest is None or has_repeated:
        return None
    day: date = min(newest, date.fromisoformat(draws[0][1]))
    return day - timedelta(days=source.overlap_days)


def keys_stand(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap) -> bool:
    """Whether rows that are alive have the keys that they would get tonight, and share none."""
    draws = con.execute(
        "SELECT map_hash FROM main.draw WHERE source = ? AND since_night < ? "
        "ORDER BY since_night DESC LIMIT 1",
        [source.source, night.number],
    ).fetchall()
    return draws == [(_hash(source),)] and not store.count(
        con,
        f"""SELECT count(*) {alive_before(night, source)}
            AND contains(source_key, '~') AND regexp_matches(source_key, '~[0-9]+$')""",
    )


def keep(
    con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, asked: date | None
) -> None:
    """Keep what this night asked for; an earlier attempt's row is replaced."""
    con.execute(
        "DELETE FROM main.draw WHERE source = ? AND since_night = ?", [source.source, night.number]
    )
    con.execute(
        "INSERT INTO main.draw VALUES (?, ?, ?, ?, ?, NULL)",
        [
            source.source,
            asked.isoformat() if asked else None,
            night.business_date.isoformat(),
            _hash(source),
            night.number,
        ],
    )


def _hash(source: SourceMap) -> str:
    told = f"{source.model_dump_json()} {key_sql(source)}"
    return hashlib.md5(told.encode(), usedforsecurity=False).hexdigest()
