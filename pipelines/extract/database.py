"""Stream a table or view of a department's database into DuckDB, batch by batch, as text."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from pipelines.errors import SourceHeld
from pipelines.extract import postgresql, sqlite, texts
from pipelines.extract.values import text
from pipelines.privacy import scrub
from schemas.source import SourceMap

_URL = re.compile(r"\w[\w+]*://\S+")


@dataclass
class Reading:
    """How a table is read, and what was found on the way.

    Attributes:
        batch_rows: rows at a time.
        seconds: after which the server gives the statement up.
        since: only rows from this day on are asked for, and those without a watermark.
        columns: name and type of every column the table shows.
        is_partial: the rows were asked for by watermark; False where its type allows none.
    """

    batch_rows: int
    seconds: int = 1_800
    since: date | None = None
    columns: list[tuple[str, str]] = field(default_factory=list)
    is_partial: bool = False


def stream(source: SourceMap, url: str, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Batches of the source's rows: its map's columns in order, all text, missing ones NULL.

    Only listed columns are selected, in one read-only statement, so the batches are of one moment.
    A stream that breaks is begun anew: another moment's rows would not fit those that came.

    Raises:
        SourceHeld: the database, the table or a required column is not there; transient where the
            database does not answer.
    """
    database = source.database or ""
    try:
        engine = _engine(sa.make_url(url))
    except (sa.exc.ArgumentError, ModuleNotFoundError) as error:
        raise SourceHeld(
            source.source, texts.not_a_database(database, type(error).__name__)
        ) from None
    try:
        yield from _stream(source, engine, reading)
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sqlite3.OperationalError) as error:
        raise SourceHeld(
            source.source,
            texts.unreachable(database, _cause(error)),
            transient=_may_pass(error),
        ) from None
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        raise SourceHeld(source.source, texts.not_a_database(database, _cause(error))) from None
    finally:
        engine.dispose()


def _stream(source: SourceMap, engine: sa.Engine, reading: Reading) -> Iterator[pa.RecordBatch]:
    with engine.connect() as con:
        if engine.dialect.name in {"mysql", "mariadb"}:
            con.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
            _limit(con, reading.seconds)
            con.rollback()
        elif con.dialect.name == "postgresql":
            con.exec_driver_sql(f"SET LOCAL statement_timeout = {reading.seconds * 1000:d}")
        statement, types = _statement(source, con, reading)
        names = list(source.columns)
        if (plain := _plain_file(con, statement, names)) is not None:
            yield from sqlite.stream(*plain, names, reading.batch_rows)
            return
        if con.dialect.name == "postgresql" and postgresql.is_plain(types):
            columns = zip(statement.selected_columns, types, strict=True)
            cast = statement.with_only_columns(
                *(postgresql.spelled(c.element, t).label(c.name) for c, t in columns)
            )
            con.rollback()
            yield from postgresql.stream(
                engine.url, _sql(cast, con), names, seconds=reading.seconds
            )
            return
        fetch = _opened(con, statement, reading.batch_rows)
        while rows := fetch(reading.batch_rows):
            yield pa.record_batch([_array(v) for v in zip(*rows, strict=True)], names=names)


def _plain_file(
    con: sa.Connection, statement: sa.Select, names: Sequence[str]
) -> tuple[Path, str] | None:
    """The file and the SQL where rows can be taken as Arrow from SQLite itself."""
    if con.dialect.name != "sqlite":
        return None
    sql = _sql(statement, con)
    connection = con.connection.driver_connection
    if connection is None or not sqlite.is_plain(connection, sql, names):
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
        cursor.execute(_sql(statement, con))
        fetch: Callable[[int], Sequence[Any]] = cursor.fetchmany
        return fetch
    options = {"stream_results": True, "max_row_buffer": batch_rows}
    return con.execution_options(**options).execute(statement).fetchmany


def _array(values: Sequence[object]) -> pa.Array:
    try:
        return pa.array(values, type=pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeError):
        if all(value is None or value.__class__ is int for value in values):
            return _integers(values)
        cleaned = (text(value) for value in values)
        return pa.array(
            [v.encode("utf-8", "replace").decode() if v else v for v in cleaned], type=pa.string()
        )


def _integers(values: Sequence[object]) -> pa.Array:
    try:
        return pa.array(values, type=pa.int64()).cast(pa.string())
    except (pa.ArrowInvalid, OverflowError):
        return pa.array([text(value) for value in values], type=pa.string())


def _sql(statement: sa.Select, con: sa.Connection) -> str:
    """As text; the only value in it is a day of ours."""
    return str(statement.compile(con, compile_kwargs={"literal_binds": True}))


def _limit(con: sa.Connection, seconds: int) -> None:
    """Let the server end what takes longer; MariaDB and MySQL call it differently."""
    is_mariadb = getattr(con.dialect, "is_mariadb", False)
    name, value = (
        ("max_statement_time", seconds) if is_mariadb else ("max_execution_time", seconds * 1000)
    )
    con.exec_driver_sql(f"SET SESSION {name} = {value:d}")


def _statement(
    source: SourceMap, con: sa.Connection, reading: Reading
) -> tuple[sa.Select, list[sa.types.TypeEngine]]:
    """The SELECT over the columns that are there, and their types."""
    if (place := find_table(con, source.table or "")) is None:
        reason = texts.table_missing(source.database or "", source.table or "", tables(con))
        raise SourceHeld(source.source, reason)
    table, schema = place
    inspector = sa.inspect(con)
    found = {str(c["name"]): c["type"] for c in inspector.get_columns(table, schema)}
    reading.columns[:] = [(name, str(type_)) for name, type_ in found.items()]
    types: list[sa.types.TypeEngine] = []
    later: sa.ColumnElement | None = None
    selected: list[sa.ColumnElement] = []
    missing: list[str] = []
    for name, column in source.columns.items():
        match = next((m for a in (*column.aliases, name) if (m := _by_name(a, found))), None)
        if match is None:
            if column.required or name in source.key:
                missing.append(f"{name}（{'／'.join(column.aliases)}）")
            selected.append(sa.null().label(name))
            types.append(sa.String())
            continue
        selected.append(as_drawn(con, match, found[match]).label(name))
        types.append(found[match])
        if name == source.watermark and isinstance(found[match], sa.Date | sa.DateTime):
            later = sa.column(match)
    if missing:
        reason = texts.column_missing(source.table or "", missing, list(found))
        raise SourceHeld(source.source, reason)
    statement = sa.select(*selected).select_from(sa.table(table, schema=schema))
    if later is not None and reading.since is not None:
        day = sa.literal(reading.since, sa.Date)
        statement = statement.where(sa.or_(later >= day, later.is_(None)))
        reading.is_partial = True
    return statement, types


@contextmanager
def opened(url: str, error: type[Exception], say: Callable[[str], str]) -> Iterator[sa.Connection]:
    """A connection that only reads; what goes wrong is raised as `error` in the words of `say`."""
    try:
        engine = _engine(sa.make_url(url))
    except (sa.exc.ArgumentError, ModuleNotFoundError) as wrong:
        raise error(say(type(wrong).__name__)) from None
    try:
        with engine.connect() as con:
            yield con
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as wrong:
        raise error(say(_cause(wrong))) from None
    finally:
        engine.dispose()


def tables(con: sa.Connection, schema: str | None = None) -> list[str]:
    """Names of the tables and views."""
    inspector = sa.inspect(con)
    return sorted([*inspector.get_table_names(schema), *inspector.get_view_names(schema)])


def find_table(con: sa.Connection, wanted: str) -> tuple[str, str | None] | None:
    """Name and schema of a table or view that is given as ``name`` or ``schema.name``."""
    schema, _, name = wanted.rpartition(".")
    table = _by_name(name, tables(con, schema or None))
    return (table, schema or None) if table is not None else None


def as_drawn(con: sa.Connection, column: str, type_: sa.types.TypeEngine) -> sa.ColumnElement:
    """A column of a table as it is selected."""
    value: sa.ColumnElement = sa.column(column)
    if con.dialect.name == "postgresql" and isinstance(type_, sa.Date | sa.DateTime):
        return sa.cast(value, sa.Text)  # the driver refuses years and 'infinity' that SQL has
    return value


def _by_name(wanted: str, names: Collection[str]) -> str | None:
    folded = {unicodedata.normalize("NFKC", name).casefold(): name for name in names}
    if wanted in names:
        return wanted
    return folded.get(unicodedata.normalize("NFKC", wanted).casefold())


_REFUSED = frozenset((1044, 1045, 1049, 1142, 1143, 1698, 1969, 3024))
"""MySQL and MariaDB: no access, no such database, and the statement took too long."""


def _may_pass(error: Exception) -> bool:
    """Whether trying again may help: not where the account is refused or the time is up."""
    cause = getattr(error, "orig", None) or error
    state = str(getattr(cause, "sqlstate", None) or "")
    words = str(cause).casefold()
    refused = ("authentication failed", "no password", "does not exist", "login failed")
    number = cause.args[0] if getattr(cause, "args", None) else None
    return not (
        state.startswith(("28", "3D", "42"))
        or state == "57014"
        or number in _REFUSED
        or any(word in words for word in (*refused, "statement timeout"))
    )


def _engine(url: sa.URL) -> sa.Engine:
    kind = url.get_backend_name()
    if kind == "sqlite":
        path = Path(url.database or "").absolute()

        def connect() -> sqlite3.Connection:
            # mode=ro: a path that is not there must not become an empty database
            # and the batches are drawn by whichever of DuckDB's threads wants one, one at a time
            connection = sqlite3.connect(
                sqlite.uri(path), uri=True, timeout=30, check_same_thread=False
            )
            connection.execute("PRAGMA query_only = ON")
            return connection

        return sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)
    arguments: dict[str, object] = {}
    options: dict[str, object] = {}
    if kind == "postgresql":
        arguments = {"connect_timeout": 10}
        options = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
    elif kind in {"mysql", "mariadb"}:
        arguments = {"connect_timeout": 10, "charset": "utf8mb4"}
    return sa.create_engine(
        url, connect_args=arguments, execution_options=options, poolclass=sa.NullPool
    )


def _cause(error: Exception) -> str:
    """The driver's first line, without statement, address or anything personal."""
    cause = getattr(error, "orig", None) or error
    if sqlite.UNDECODABLE in str(cause):
        return sqlite.UNDECODABLE
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return scrub(_URL.sub("…", lines[0]))[:200]
