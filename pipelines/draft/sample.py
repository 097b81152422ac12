"""A sample of an unknown table: its columns, what the database says of them, and some rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa

from pipelines.draft import texts
from pipelines.errors import OnegridError
from pipelines.extract import server
from pipelines.extract.values import text

ROWS = 2_000


class DraftImpossible(OnegridError):
    """There is nothing to draft a map from; the message says why and what to do."""


@dataclass(frozen=True)
class SampleColumn:
    """A column: its word, and for databases its comment, type and whether it is the key."""

    word: str
    comment: str = ""
    type: str = ""
    is_key: bool = False


@dataclass(frozen=True)
class Sample:
    """Some rows of a table, column by column.

    Attributes:
        name: table or file name.
        columns, values: the columns and, in the same order, their values as text.
        sheets: for workbooks, the titles of the sheets with these columns.
    """

    name: str
    columns: tuple[SampleColumn, ...]
    values: tuple[tuple[str | None, ...], ...]
    sheets: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows were looked at."""
        return len(self.values[0]) if self.values else 0


def tables(url: str) -> list[str]:
    """Tables and views of the database, without those of its own.

    Raises:
        DraftImpossible: it does not answer, or is none.
    """
    with server.opened(url, DraftImpossible, texts.no_database) as con:
        return server.tables(con)


def sample_table(url: str, table: str) -> Sample:
    """The first rows of a table or view (``schema.table`` too).

    Raises:
        DraftImpossible: the database does not answer, or has no such table.
    """
    with server.opened(url, DraftImpossible, texts.no_database) as con:
        found = server.find_table(con, table)
        if found is None:
            raise DraftImpossible(texts.no_table(table, server.tables(con)))
        name, schema = found
        inspector = sa.inspect(con)
        described = inspector.get_columns(name, schema)
        keys = inspector.get_pk_constraint(name, schema).get("constrained_columns") or []
        columns = tuple(
            SampleColumn(
                str(column["name"]),
                str(column.get("comment") or ""),
                str(column["type"]).split("(")[0].upper(),
                column["name"] in keys,
            )
            for column in described
        )
        drawn = (
            sa.null().label(c["name"])  # a photograph says nothing here, and weighs
            if isinstance(c["type"], sa.LargeBinary)
            else server.as_drawn(con, c["name"], c["type"])
            for c in described
        )
        query = sa.select(*drawn)
        query = query.select_from(sa.table(name, schema=schema)).limit(ROWS)
        rows = [tuple(row) for row in islice(con.execute(query), ROWS)]
    return Sample(table, columns, _across(rows, len(columns)))


def _across(rows: Sequence[Sequence[object]], width: int) -> tuple[tuple[str | None, ...], ...]:
    columns = zip(*rows, strict=True) if rows else [()] * width
    return tuple(tuple(text(value) for value in column) for column in columns)
