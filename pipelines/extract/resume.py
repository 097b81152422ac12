"""Go on with a table that broke off, behind the last key that came.

Nothing is taken on trust: neither that the key is unique and filled, nor that the server compares
as it sorts, nor that the table stood still. Before and after going on rows are counted, and where
they do not add up the pull begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import sqlalchemy as sa

_ORDERED = (sa.String, sa.Integer, sa.Numeric)


@dataclass
class Course:
    """How far a table was drawn.

    Attributes:
        order: the columns it is drawn by, and their places in a batch; empty: as they come.
        rows: how many came.
        last: the key of the last of them; None: nothing came, or it had none.
        columns: what the table showed when its first row came.
    """

    order: tuple[tuple[str, int], ...] = ()
    rows: int = 0
    last: tuple[str, ...] | None = None
    columns: tuple[tuple[str, str], ...] = ()
    _due: int | None = field(default=None, repr=False)

    @property
    def goes_on(self) -> bool:
        """Whether what is left can be asked for."""
        return bool(self.order) and self.last is not None

    def note(self, batch: pa.RecordBatch) -> None:
        """Keep that `batch` came."""
        if not batch.num_rows:
            return
        self.rows += batch.num_rows
        key = [batch.column(place)[-1].as_py() for _, place in self.order]
        self.last = tuple(key) if key and None not in key else None

    def rest(
        self, con: sa.Connection, statement: sa.Select, table: sa.FromClause
    ) -> sa.Select | None:
        """`statement` over the rows of `table` that did not come; None: they cannot be told."""
        before, after = self._sides(table)
        marked = statement.with_only_columns(
            sa.func.count(),
            sa.func.sum(sa.case((before, 1), else_=0)),
            sa.func.sum(sa.case((after, 1), else_=0)),
        ).order_by(None)
        total, came, left = con.execute(marked).one()
        if came != self.rows or came + left != total:
            return None
        self._due = self.rows + int(left)
        return statement.where(after)

    @property
    def is_whole(self) -> bool:
        """Whether as many rows came as were left when the pull went on."""
        return self._due is None or self._due == self.rows

    def _sides(self, table: sa.FromClause) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
        """Conditions: up to the last key, and behind it; a row without key meets neither."""
        assert self.last is not None
        before: sa.ColumnElement[bool] = sa.true()
        after: sa.ColumnElement[bool] = sa.false()
        for (name, _), text in reversed(list(zip(self.order, self.last, strict=True))):
            column = table.c[name]
            value = _value(column, text)
            before = sa.or_(column < value, sa.and_(column == value, before))
            after = sa.or_(column > value, sa.and_(column == value, after))
        return before, after


def order_of(
    con: sa.Connection,
    table: sa.FromClause,
    place: tuple[str, str | None],
    key: Mapping[str, int],
    *,
    is_wanted: bool,
) -> tuple[tuple[str, int], ...]:
    """By which columns to draw a table so that it can be gone on with; see `Course`.

    By its key where an index makes that cheap, or where `is_wanted`: else a server would sort a
    table for the case that its connection breaks.

    Args:
        table: to be selected from.
        place: its name and schema.
        key: columns that name a row → places in a batch.
        is_wanted: sort in any case.
    """
    kinds = [table.c[name].type for name in key]
    if not all(isinstance(k, _ORDERED) and not isinstance(k, sa.Float) for k in kinds):
        return ()
    if (found := _indexed(con, *place, list(key))) is None:
        if not is_wanted:
            return ()
        found = list(key)
    return tuple((name, key[name]) for name in found)


def _indexed(
    con: sa.Connection, table: str, schema: str | None, key: Sequence[str]
) -> list[str] | None:
    """The key in the order of an index that begins with it."""
    inspector = sa.inspect(con)
    try:
        found: list[Sequence[str | None]] = [
            inspector.get_pk_constraint(table, schema)["constrained_columns"],
            *(c["column_names"] for c in inspector.get_unique_constraints(table, schema)),
            *(index["column_names"] for index in inspector.get_indexes(table, schema)),
        ]
    except (sa.exc.NoSuchTableError, NotImplementedError):  # a view, or a dialect that cannot tell
        return None
    for names in found:
        if set(names[: len(key)]) == set(key):
            return [str(name) for name in names[: len(key)]]
    return None


def _value(column: sa.ColumnElement, text: str) -> sa.ColumnElement:
    if isinstance(column.type, sa.Integer):
        return sa.literal(int(text), column.type)
    if isinstance(column.type, sa.Numeric):
        return sa.literal(Decimal(text), column.type)
    return sa.literal(text, sa.String())
