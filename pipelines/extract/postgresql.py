"""Rows of PostgreSQL as Arrow batches, without a Python object for every value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec

import pyarrow as pa
import sqlalchemy as sa

from pipelines.extract.server import KEEPALIVE

_BATCH_BYTES = 32 << 20
_TEXTS = (sa.String, sa.Integer, sa.Numeric, sa.Float, sa.Date, sa.DateTime, sa.Uuid, sa.Boolean)


def is_plain(types: Sequence[sa.types.TypeEngine]) -> bool:
    """Whether the server itself spells these types as `values.text` does, and the carrier is there.

    The extra ``postgresql`` brings it; without it rows come through psycopg, slower and the same.
    """
    return find_spec("adbc_driver_postgresql") is not None and all(
        isinstance(type_, _TEXTS) and not isinstance(type_, sa.REAL | sa.LargeBinary)
        for type_ in types
    )


def spelled(column: sa.ColumnElement, type_: sa.types.TypeEngine) -> sa.ColumnElement:
    """`column` as text, as `values.text` spells it."""
    if isinstance(type_, sa.Boolean):
        return sa.cast(sa.cast(column, sa.Integer), sa.Text)
    written = sa.cast(column, sa.Text)
    return sa.func.nullif(written, "NaN") if isinstance(type_, sa.Float) else written


def stream(
    url: sa.URL, statement: str, names: Sequence[str], *, seconds: int
) -> Iterator[pa.RecordBatch]:
    """Batches of what `statement` selects: the columns `names`, all text.

    Args:
        url: of SQLAlchemy.
        statement: one SELECT; its batches are of one moment.
        names: what the columns are called.
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
                yield pa.record_batch(batch.columns, names=list(names)).cast(
                    pa.schema([(name, pa.string()) for name in names])
                )
    except (adbc.Error, OSError, pa.ArrowException) as error:  # the latter two between batches
        raise sa.exc.OperationalError("", None, error) from None
