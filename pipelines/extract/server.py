"""A department's database server: a connection that only reads, and what its errors mean."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from pipelines.extract import sqlite
from pipelines.privacy import scrub

KEEPALIVE = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "5"}
"""For PostgreSQL's library: a network that is gone is noticed within two minutes, not two hours."""

_URL = re.compile(r"\w[\w+]*://\S+")
_REFUSED = frozenset((1044, 1045, 1049, 1142, 1143, 1698, 1969, 3024))
"""MySQL and MariaDB: no access, no such database, and the statement took too long."""


@contextmanager
def opened(url: str, error: type[Exception], say: Callable[[str], str]) -> Iterator[sa.Connection]:
    """A connection that only reads; what goes wrong is raised as `error` in the words of `say`."""
    try:
        engine = engine_of(sa.make_url(url))
    except (sa.exc.ArgumentError, ModuleNotFoundError) as wrong:
        raise error(say(type(wrong).__name__)) from None
    try:
        with engine.connect() as con:
            yield con
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as wrong:
        raise error(say(cause(wrong))) from None
    finally:
        engine.dispose()


def engine_of(url: sa.URL) -> sa.Engine:
    """Opens connections that only read, where the database knows how, and keeps none of them."""
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
        # where the server knows no encoding, names of its own must still come as text
        arguments = {"connect_timeout": 10, "client_encoding": "UTF8", **KEEPALIVE}
        options = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
    elif kind in {"mysql", "mariadb"}:
        arguments = {"connect_timeout": 10, "charset": "utf8mb4"}
    return sa.create_engine(
        url, connect_args=arguments, execution_options=options, poolclass=sa.NullPool
    )


def tables(con: sa.Connection, schema: str | None = None) -> list[str]:
    """Names of the tables and views."""
    inspector = sa.inspect(con)
    return sorted([*inspector.get_table_names(schema), *inspector.get_view_names(schema)])


def find_table(con: sa.Connection, wanted: str) -> tuple[str, str | None] | None:
    """Name and schema of a table or view that is given as ``name`` or ``schema.name``."""
    said, _, name = wanted.rpartition(".")
    schema = by_name(said, sa.inspect(con).get_schema_names()) if said else None
    if said and schema is None:
        return None
    table = by_name(name, tables(con, schema))
    return (table, schema) if table is not None else None


def by_name(wanted: str, names: Collection[str]) -> str | None:
    """The one of `names` that is `wanted`, whatever its case and width."""
    folded = {unicodedata.normalize("NFKC", name).casefold(): name for name in names}
    if wanted in names:
        return wanted
    return folded.get(unicodedata.normalize("NFKC", wanted).casefold())


def as_drawn(con: sa.Connection, column: str, type_: sa.types.TypeEngine) -> sa.ColumnElement:
    """A column of a table as it is selected."""
    value: sa.ColumnElement = sa.column(column)
    if con.dialect.name == "postgresql" and isinstance(type_, sa.Date | sa.DateTime):
        return sa.cast(value, sa.Text)  # the driver refuses years and 'infinity' that SQL has
    if is_unencoded(con) and isinstance(type_, sa.String):
        return sa.func.convert_to(sa.cast(value, sa.Text), "SQL_ASCII")
    return value


def is_unencoded(con: sa.Connection) -> bool:
    """Whether the server keeps bytes and does not know what characters they are."""
    if con.dialect.name != "postgresql":
        return False
    if "encoding" not in con.info:  # asked for every column, told once a connection
        con.info["encoding"] = con.exec_driver_sql("SHOW server_encoding").scalar_one()
    return bool(con.info["encoding"] == "SQL_ASCII")


def plain_sql(statement: sa.Select, con: sa.Connection) -> str:
    """As text for a driver that takes no values; they are a day of ours, or a key that came."""
    kind: Callable[..., sa.Dialect] = type(con.dialect)
    plain = kind(paramstyle="named")  # others double the percent signs
    return str(statement.compile(dialect=plain, compile_kwargs={"literal_binds": True}))


def limit(con: sa.Connection, seconds: int) -> None:
    """Let the server end what takes longer; MariaDB and MySQL call it differently."""
    is_mariadb = getattr(con.dialect, "is_mariadb", False)
    name, value = (
        ("max_statement_time", seconds) if is_mariadb else ("max_execution_time", seconds * 1000)
    )
    con.exec_driver_sql(f"SET SESSION {name} = {value:d}")


def may_pass(error: Exception) -> bool:
    """Whether trying again may help: not where the account is refused or the time is up."""
    told = getattr(error, "orig", None) or error
    state = str(getattr(told, "sqlstate", None) or "")
    words = str(told).casefold()
    refused = ("authentication failed", "no password", "does not exist", "login failed")
    number = told.args[0] if getattr(told, "args", None) else None
    return not (
        state.startswith(("28", "3D", "42"))
        or state == "57014"
        or number in _REFUSED
        or any(word in words for word in (*refused, "statement timeout"))
    )


def cause(error: Exception) -> str:
    """The driver's first line, without statement, address or anything personal."""
    told = getattr(error, "orig", None) or error
    if sqlite.UNDECODABLE in str(told):
        return sqlite.UNDECODABLE
    lines = str(told).strip().splitlines() or [type(told).__name__]
    return scrub(_URL.sub("…", lines[0]))[:200]
