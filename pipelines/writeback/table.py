"""A target's table: looked at before anything is sent, then written in batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from pipelines.errors import TargetHeld
from pipelines.writeback import texts
from pipelines.writeback.changes import Row
from pipelines.writeback.content import Item
from schemas.targets import TargetContract

_FITS: dict[str, tuple[type[sa.types.TypeEngine[Any]], ...]] = {
    "text": (sa.String,),
    "date": (sa.Date, sa.DateTime, sa.String),
    "integer": (sa.Integer, sa.Numeric, sa.String),
    "boolean": (sa.Boolean, sa.Integer, sa.Numeric, sa.String),
}
"""Kinds of a value → types of a column that take it."""


class TargetTable:
    """The table of a contract in its database."""

    def __init__(self, engine: sa.Engine, contract: TargetContract, columns: list[Item]) -> None:
        """Look at the table.

        Raises:
            TargetHeld: it is not there, or is not what the contract says.
            sqlalchemy.exc.DBAPIError: the database does not answer.
        """
        self._contract, self._items = contract, columns
        schema, _, name = contract.table.rpartition(".")
        inspector = sa.inspect(engine)
        if not inspector.has_table(name, schema=schema or None):
            raise TargetHeld(contract.target, texts.no_table(contract.table))
        self.table = sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=engine)
        self._check(inspector, name, schema or None)
        self._dialect = engine.dialect.name
        self._upsert = self._upsert_statement()

    def _check(self, inspector: sa.Inspector, name: str, schema: str | None) -> None:
        contract, columns = self._contract, self.table.columns
        hold = contract.target
        if missing := [name for name in contract.written() if name not in columns]:
            raise TargetHeld(hold, texts.no_column(contract.table, missing, columns.keys()))
        unique = [
            [column.name for column in self.table.primary_key.columns],
            *(found["column_names"] for found in inspector.get_unique_constraints(name, schema)),
            *(i["column_names"] for i in inspector.get_indexes(name, schema) if i["unique"]),
        ]
        if [contract.key] not in unique:
            raise TargetHeld(hold, texts.key_not_unique(contract.table, contract.key))
        wrong = [
            f"{item.column}（{item.label}：{texts.KINDS[item.kind]}）"
            for item in self._items
            if not isinstance(columns[item.column].type, _FITS[item.kind])
        ]
        if wrong:
            raise TargetHeld(hold, texts.wrong_type(contract.table, wrong))
        written = set(contract.written())
        needed = [
            column.name
            for column in columns
            if column.name not in written
            and not column.nullable
            and column.server_default is None
            and not (column.autoincrement is True or column.computed or column.identity)
            and not (column.primary_key and isinstance(column.type, sa.Integer))
        ]
        if needed:
            raise TargetHeld(hold, texts.not_filled(contract.table, needed))

    def problems(self) -> dict[str, tuple[str, str]]:
        """Field → SQL condition over ``{value}`` for what does not fit its column, and why."""
        found = {}
        for item in self._items:
            type_ = self.table.columns[item.column].type
            length = getattr(type_, "length", None)
            conditions, said = [], []
            if item.kind == "text" and isinstance(length, int):
                conditions.append(f"length({{value}}) > {length}")
                said.append(texts.too_long(item.label, length))
            if not self.table.columns[item.column].nullable:
                conditions.append("{value} IS NULL")
                said.append(texts.empty(item.label))
            if conditions:
                found[item.field] = (" OR ".join(conditions), "；".join(said))
        return found

    def write(self, con: sa.Connection, rows: Sequence[Row], first: int) -> None:
        """Write rows of one action, numbered from `first` on; saying it twice changes nothing."""
        if rows[0].action == "upsert":
            told = [
                self.told(row) | self._about(row, first + place) for place, row in enumerate(rows)
            ]
            if self._upsert is None:
                self._update_or_insert(con, told)
            else:
                con.execute(self._upsert, told)
            return
        for place, row in enumerate(rows):
            key = self.table.columns[self._contract.key]
            values = self.told(row) | self._about(row, first + place)
            con.execute(sa.update(self.table).where(key == row.resident_id).values(values))

    def read(self, engine: sa.Engine, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What the target holds of `keys`: key → column → value, of the columns it is told of."""
        columns = [self.table.columns[name] for name in self._contract.written()]
        key = self.table.columns[self._contract.key]
        with engine.connect() as con:
            rows = con.execute(sa.select(*columns).where(key.in_(keys))).mappings()
            return {row[self._contract.key]: dict(row) for row in rows}

    def told(self, row: Row) -> dict[str, Any]:
        """Column → value that `row` sets, but for the columns that say something about the row."""
        return self._mark(row) if row.action == "mark" else self._values(row)

    def _values(self, row: Row) -> dict[str, Any]:
        contract = self._contract
        told: dict[str, Any] = {contract.key: row.resident_id, **contract.constants}
        for item, value in zip(self._items, row.values, strict=True):
            told[item.column] = self._fitting(item.column, value)
        told[contract.mark.column] = contract.mark.active
        if contract.mark.merged_into:
            told[contract.mark.merged_into] = None
        return told

    def _mark(self, row: Row) -> dict[str, Any]:
        mark = self._contract.mark
        told: dict[str, Any] = {mark.column: mark.value(row.reason)}  # type: ignore[arg-type]
        if mark.merged_into:
            told[mark.merged_into] = row.merged_into
        return told | {self._contract.columns[name].column: None for name in mark.clears}

    def _about(self, row: Row, number: int) -> dict[str, Any]:
        contract = self._contract
        about: dict[str, Any] = {contract.digest: row.digest} if contract.digest else {}
        return about | ({contract.version: number} if contract.version else {})

    def _fitting(self, column: str, value: object) -> object:
        """A value as its column takes it."""
        type_ = self.table.columns[column].type
        if isinstance(type_, sa.String) and value is not None and not isinstance(value, str):
            return value.isoformat() if isinstance(value, date) else str(value)
        if isinstance(value, bool) and not isinstance(type_, sa.Boolean):
            return int(value)
        return value

    def _upsert_statement(self) -> sa.Executable | None:
        """INSERT that updates where the key is there; None: the database has none we know."""
        contract, columns = self._contract, self.table.columns
        names = [name for name in contract.written() if name != contract.key]
        fields = {item.column for item in self._items}

        def kept(new: Any) -> dict[str, Any]:
            return {
                name: sa.func.coalesce(new[name], columns[name])
                if contract.empty == "keep" and name in fields
                else new[name]
                for name in names
            }

        if self._dialect == "postgresql":
            into = postgresql.insert(self.table)
            return into.on_conflict_do_update(
                index_elements=[contract.key], set_=kept(into.excluded)
            )
        if self._dialect == "sqlite":
            onto = sqlite.insert(self.table)
            return onto.on_conflict_do_update(
                index_elements=[contract.key], set_=kept(onto.excluded)
            )
        if self._dialect in {"mysql", "mariadb"}:
            over = mysql.insert(self.table)
            return over.on_duplicate_key_update(kept(over.inserted))
        return None

    def _update_or_insert(self, con: sa.Connection, told: list[dict[str, Any]]) -> None:
        contract = self._contract
        fields = {item.column for item in self._items}
        for row in told:
            kept = {
                name: value
                for name, value in row.items()
                if name != contract.key
                and not (contract.empty == "keep" and name in fields and value is None)
            }
            key = self.table.columns[contract.key]
            updated = con.execute(
                sa.update(self.table).where(key == row[contract.key]).values(kept)
            )
            if not updated.rowcount:
                con.execute(sa.insert(self.table).values(row))
