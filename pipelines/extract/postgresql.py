"""Rows of PostgreSQL as Arrow batches, without a Python object for every value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec

import pyarrow as pa
import sqlalchemy as sa

from pipelines.extract.server import KEEPALIVE

_BATCH_BYTES = 32 << 20
_HASHES_ROWS_SINCE = (14,)
ROW_HASH = "src_hash"
"""What the column is called that holds a row's hash as its own server makes it."""

_HASHED_AS_IT_IS = (sa.Integer, sa.Date, sa.DateTime, sa.Uuid, sa.Boolean)
_TEXTS = (sa.String, sa.Integer, sa.Numeric, sa.Float, sa.Date, sa.DateTime, sa.Uuid, sa.Boolean)


def is_plain(types: Sequence[sa.types.TypeEngine]) -> bool:
    """Whether the server itself spells these types as `values.text` does, and the carrier is there.

    The extra ``postgresql`` brings it; without it rows come through psycopg, slower and the same.
    """
    return find_spec("adbc_driver_postgresql") is not None and all(
        isinstance(type_, _TEXTS) and not isinstance(type_, sa.REAL | sa.LargeBinary)
        for type_ in types
    )


def told(
    con: sa.Connection,
    statement: sa.Select,
    types: Sequence[sa.types.TypeEngine],
    *,
    hashes_only: bool,
    hashes: Sequence[int] | None,
) -> sa.Select | None:
    """`statement` with its columns as text, and then the server's own hash of what they say.

    Nothing is spelled for the hash where equal values have one spelling. Texts are compared byte by
    byte, whatever their collation calls equal. A server of another version may hash otherwise, and
    one that is too old does not hash rows; there the hash is NULL.

    Args:
        con: a connection to the server.
        statement: selects columns of a table.
        types: of the columns.
        hashes_only: leave the columns out.
        hashes: only rows that have one of these; None: all.

    Returns:
        None where it is all about hashes, and the server makes none.
    """
    hashed: sa.ColumnElement[int] = sa.cast(sa.null(), sa.BigInteger)
    columns = [column.element for column in statement.selected_columns]
    if (con.dialect.server_version_info or (0,)) >= _HASHES_ROWS_SINCE:
        row = sa.func.row(*map(_hashed, columns, types))
        hashed = sa.func.hash_record_extended(row, 0, type_=sa.BigInteger())
        if hashes is not None:
            listed = ",".join(str(int(number)) for number in hashes)
            # the server looks constants up in a table of them, however many there are
            known: sa.ColumnElement = sa.literal_column(f"'{{{listed}}}'::bigint[]")
            statement = statement.where(hashed == sa.any_(known))
    elif hashes_only or hashes is not None:
        return None
    spelled = () if hashes_only else map(_spelled, columns, types)
    return statement.with_only_columns(*spelled, hashed)


def _spelled(column: sa.ColumnElement, type_: sa.types.TypeEngine) -> sa.ColumnElement:
    """`column` as text, as `values.text` spells it, or as a number that `stream` makes one of."""
    if isinstance(type_, sa.Boolean):
        return sa.cast(column, sa.Integer)
    if isinstance(type_, sa.Integer):
        return column
    written = sa.cast(column, sa.Text)
    return sa.func.nullif(written, "NaN") if isinstance(type_, sa.Float) else written


def _hashed(column: sa.ColumnElement, type_: sa.types.TypeEngine) -> sa.ColumnElement:
    has_zone = isinstance(type_, sa.DateTime) and type_.timezone
    if isinstance(type_, _HASHED_AS_IT_IS) and not has_zone:
        return column.clause if isinstance(column, sa.Cast) else column
    return sa.collate(sa.cast(column, sa.Text), "C")


def stream(
    url: sa.URL, statement: str, schema: pa.Schema, *, seconds: int
) -> Iterator[pa.RecordBatch]:
    """Batches of what `statement` selects.

    Args:
        url: of SQLAlchemy.
        statement: one SELECT; its batches are of one moment.
        schema: what its columns are called, and the types they are wanted in.
        seconds: after which the server gives the statement up.

    Raises:
        sa.exc.DBAPIError: the server does not answer, or gave up.
    """
    import adbc_driver_postgresql.dbapi as adbc  # noqa: PLC0415  (an extra)

    query = {"connect_timeout": "10", **KEEPALIVE, **url.query, "client_encoding": "UTF8"}
    plain = url.set(drivername="postgresql", query=query).render_as_string(hide_password=False)
    try:
        with adbc.connect(plain) as con, con.cursor() as cursor:
            cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            cursor.execute(f"SET statement_timeout = {seconds * 1000:d}")
            cursor.adbc_statement.set_options(
                **{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
            )
            cursor.execute(statement)
            for batch in cursor.fetch_record_batch():
                yield pa.record_batch(batch.columns, names=schema.names).cast(schema)
    except (adbc.Error, OSError, pa.ArrowException) as error:  # the latter two between batches
        raise sa.exc.OperationalError("", None, error) from None
