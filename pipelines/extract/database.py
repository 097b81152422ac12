"""Stream a table or view of a department's database into DuckDB, batch by batch, as text."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from pipelines.errors import SourceHeld
from pipelines.extract import postgresql, sqlite, texts
from pipelines.extract.patience import patient
from pipelines.extract.resume import Course, order_of
from pipelines.extract.server import (
    as_drawn,
    by_name,
    cause,
    engine_of,
    find_table,
    is_unencoded,
    limit,
    may_pass,
    plain_sql,
    tables,
)
from pipelines.extract.values import array
from schemas.source import SourceMap

_TRIES = 3
_WAIT_SECONDS = 1.0
_GRACE_SECONDS = 15.0
"""For the server to say itself that a statement took too long."""


@dataclass
class Reading:
    """How a table is read, and what was found on the way.

    Attributes:
        batch_rows: rows at a time.
        seconds: after which the server gives the statement up.
        since: only rows from this day on are asked for, and those without a watermark.
        in_order: rows are asked for in the order of the key, whatever that costs the server.
        by_value: every value is looked at, because some are bytes that are no text.
        hashes_only: only the rows' hashes are asked for; nothing comes where the server has none.
        hashes: only rows that have one of these hashes are asked for; None: all.
        columns: name and type of every column the table shows.
        is_partial: the rows were asked for by watermark; False where its type allows none.
        course: how far it came.
        breaks: how often the connection broke and the reading went on.
    """

    batch_rows: int
    seconds: int = 1_800
    since: date | None = None
    in_order: bool = False
    by_value: bool = False
    hashes_only: bool = False
    hashes: Sequence[int] | None = None
    columns: list[tuple[str, str]] = field(default_factory=list)
    is_partial: bool = False
    course: Course = field(default_factory=Course)
    breaks: int = 0

    @property
    def goes_by_hashes(self) -> bool:
        """Whether it is of use only where the server hashes its rows."""
        return self.hashes_only or self.hashes is not None

    def begin_anew(self) -> None:
        """Forget what came."""
        self.course, self.is_partial = Course(), False


def stream(source: SourceMap, url: str, reading: Reading) -> Generator[pa.RecordBatch]:
    """Batches of the source's rows: its map's columns in order, all text, missing ones NULL.

    The last column, of `postgresql.ROW_HASH`, is the row's hash as the server itself makes it, or
    NULL where it makes none. Of the same row it makes the same, until the server is another.

    Only listed columns are selected, in one read-only statement, so the batches are of one moment.
    Where the connection breaks, it goes on behind the last key that came if the table is drawn in
    the order of its key (see `resume`), with rows of the new moment.

    Raises:
        SourceHeld: the database, the table or a required column is not there; transient where the
            database does not answer, or broke off and cannot be gone on with.
    """
    if reading.hashes is not None and not reading.hashes:
        return
    database = source.database or ""
    try:
        engine = engine_of(sa.make_url(url))
    except (sa.exc.ArgumentError, ModuleNotFoundError) as error:
        raise SourceHeld(
            source.source, texts.not_a_database(database, type(error).__name__)
        ) from None
    course, tries = reading.course, 0
    try:
        while True:
            known = course.rows
            try:
                for batch in _attempt(source, engine, reading):
                    course.note(batch)
                    yield _with_hash(batch)
            except (sa.exc.OperationalError, sa.exc.InterfaceError, sqlite3.OperationalError) as e:
                tries = tries + 1 if course.rows == known else 1
                if not (may_pass(e) and course.goes_on and tries <= _TRIES):
                    raise _unreachable(source, reading, e) from None
                reading.breaks += 1
            else:
                break
            time.sleep(_WAIT_SECONDS * 2 ** (tries - 1))
        if not course.is_whole:
            raise SourceHeld(source.source, texts.moved_on(database), transient=True)
    except SourceHeld:
        raise
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        raise SourceHeld(source.source, texts.not_a_database(database, cause(error))) from None
    except Exception as error:  # drivers raise what they like at bytes that they do not expect
        raise SourceHeld(
            source.source, texts.not_a_database(database, type(error).__name__)
        ) from None
    finally:
        engine.dispose()


def schema_of(source: SourceMap, reading: Reading) -> pa.Schema:
    """What the batches of `stream` are like."""
    names = [] if reading.hashes_only else source.columns
    return pa.schema([*((name, pa.string()) for name in names), (postgresql.ROW_HASH, pa.int64())])


def _with_hash(batch: pa.RecordBatch) -> pa.RecordBatch:
    if postgresql.ROW_HASH in batch.schema.names:
        return batch
    return batch.append_column(postgresql.ROW_HASH, pa.nulls(batch.num_rows, pa.int64()))


def _unreachable(source: SourceMap, reading: Reading, error: Exception) -> SourceHeld:
    say = texts.broken_off if reading.course.rows else texts.unreachable
    reason = say(source.database or "", cause(error))
    return SourceHeld(source.source, reason, transient=may_pass(error))


def _attempt(source: SourceMap, engine: sa.Engine, reading: Reading) -> Generator[pa.RecordBatch]:
    """What is left to draw, from a server that is not waited for without end."""
    batches = _stream(source, engine, reading)
    if engine.dialect.name == "sqlite":
        return batches
    return patient(batches, reading.seconds + _GRACE_SECONDS)


def _stream(source: SourceMap, engine: sa.Engine, reading: Reading) -> Generator[pa.RecordBatch]:
    with engine.connect() as con:
        if engine.dialect.name in {"mysql", "mariadb"}:
            con.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
            limit(con, reading.seconds)
            con.rollback()
        elif con.dialect.name == "postgresql":
            con.exec_driver_sql(f"SET LOCAL statement_timeout = {reading.seconds * 1000:d}")
        statement, types = _statement(source, con, reading)
        names = list(source.columns)
        if reading.goes_by_hashes and con.dialect.name != "postgresql":
            return
        if (plain := _plain_file(source, con, reading, statement, types)) is not None:
            try:
                yield from sqlite.stream(*plain, names, reading.batch_rows)
            except sqlite3.OperationalError as error:
                reading.by_value = sqlite.UNDECODABLE in str(error)
                raise
            return
        if (
            con.dialect.name == "postgresql"
            and postgresql.is_plain(types)
            and not is_unencoded(con)
        ):
            hashed = postgresql.told(
                con,
                statement,
                types,
                hashes_only=reading.hashes_only,
                hashes=reading.hashes,
            )
            con.rollback()
            if hashed is not None:
                schema = schema_of(source, reading)
                yield from postgresql.stream(
                    engine.url, plain_sql(hashed, con), schema, seconds=reading.seconds
                )
            return
        if reading.goes_by_hashes:
            return
        driver = con.connection.driver_connection
        try:
            fetch = _opened(con, statement, reading.batch_rows)
            while rows := fetch(reading.batch_rows):
                yield pa.record_batch([array(v) for v in zip(*rows, strict=True)], names=names)
        except BaseException:
            if (result := getattr(driver, "_result", None)) is not None:
                # PyMySQL would read what is left to its end, broken or not
                result.unbuffered_active = False
                con.invalidate()
            raise


def _plain_file(
    source: SourceMap,
    con: sa.Connection,
    reading: Reading,
    statement: sa.Select,
    types: Sequence[sa.types.TypeEngine],
) -> tuple[Path, str] | None:
    """The file and the SQL where rows can be taken as Arrow from SQLite itself."""
    if con.dialect.name != "sqlite" or reading.by_value:
        return None
    sql = plain_sql(statement, con)
    connection = con.connection.driver_connection
    # what a view computes is of any type, whatever its first row is declared as
    is_view = by_name(source.table or "", sa.inspect(con).get_view_names()) is not None
    doubtful = [
        name
        for name, type_ in zip(source.columns, types, strict=True)
        if is_view or not isinstance(type_, sa.String)
    ]
    if connection is None or not sqlite.is_plain(connection, sql, doubtful):
        return None
    ((_, _, file),) = connection.execute("PRAGMA database_list").fetchall()
    return Path(file), sql


def _opened(
    con: sa.Connection, statement: sa.Select, batch_rows: int
) -> Callable[[int], Sequence[Any]]:
    """What fetches so many rows at a time, without holding all of them."""
    if con.dialect.name == "sqlite":
        # its driver streams anyway; a Row object for every row would cost a third of the time
        cursor = con.connection.cursor()
        cursor.execute(plain_sql(statement, con))
        fetch: Callable[[int], Sequence[Any]] = cursor.fetchmany
        return fetch
    options = {"stream_results": True, "max_row_buffer": batch_rows}
    return con.execution_options(**options).execute(statement).fetchmany


def _statement(
    source: SourceMap, con: sa.Connection, reading: Reading
) -> tuple[sa.Select, list[sa.types.TypeEngine]]:
    """The SELECT over the columns that are there and the rows that are left, and their types."""
    if (place := find_table(con, source.table or "")) is None:
        reason = texts.table_missing(source.database or "", source.table or "", tables(con))
        raise SourceHeld(source.source, reason)
    found = {str(c["name"]): c["type"] for c in sa.inspect(con).get_columns(*place)}
    reading.columns[:] = [(name, str(type_)) for name, type_ in found.items()]
    table = sa.table(place[0], *map(sa.column, found, found.values()), schema=place[1]).alias("t")
    types: list[sa.types.TypeEngine] = []
    selected: list[sa.ColumnElement] = []
    matches: dict[str, str] = {}
    missing: list[str] = []
    for name, column in source.columns.items():
        match = next((m for a in (*column.aliases, name) if (m := by_name(a, found))), None)
        if match is None:
            if column.required or name in source.key:
                missing.append(f"{name}（{'／'.join(column.aliases)}）")
            selected.append(sa.null().label(name))
            types.append(sa.String())
            continue
        matches[name] = match
        selected.append(as_drawn(con, match, found[match]).label(name))
        types.append(found[match])
    if missing:
        reason = texts.column_missing(source.table or "", missing, list(found))
        raise SourceHeld(source.source, reason)
    statement = sa.select(*selected).select_from(table)
    dated = matches.get(source.watermark or "")
    if dated and reading.since and isinstance(found[dated], sa.Date | sa.DateTime):
        day = sa.literal(reading.since, sa.Date)
        statement = statement.where(sa.or_(table.c[dated] >= day, table.c[dated].is_(None)))
        reading.is_partial = True
    return _in_order(
        source, con, reading, statement, place=place, table=table, matches=matches
    ), types


def _in_order(
    source: SourceMap,
    con: sa.Connection,
    reading: Reading,
    statement: sa.Select,
    *,
    place: tuple[str, str | None],
    table: sa.FromClause,
    matches: Mapping[str, str],
) -> sa.Select:
    """`statement` by the key, where that is known to help; behind the last one that came."""
    course = reading.course
    if course.rows:
        is_same = course.columns == tuple(reading.columns)
        if not is_same or (rest := course.rest(con, statement, table)) is None:
            raise SourceHeld(source.source, texts.moved_on(source.database or ""), transient=True)
        statement = rest
    elif con.dialect.name != "sqlite" and not reading.hashes_only:
        course.columns = tuple(reading.columns)
        places = {matches[name]: list(source.columns).index(name) for name in source.key}
        course.order = order_of(con, table, place, places, is_wanted=reading.in_order)
    return statement.order_by(*(table.c[name] for name, _ in course.order))
