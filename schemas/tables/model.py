"""What a table declaration consists of."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.fields import FIELDS

_HARDLY_REPEATED = frozenset(
    """address address_key dwelling_key household_key id17 id_number name name_key name_pinyin
    name_shape phone source_key""".split()
)
"""Texts of which the engine would make dictionaries that spare no room, for a quarter of the time
that it takes to write a table of records."""


@dataclass(frozen=True)
class Column:
    """A column: its DuckDB type and its meaning."""

    name: str
    type: str
    meaning: str

    @property
    def ddl(self) -> str:
        """As it stands in CREATE TABLE."""
        is_varied = self.type == "VARCHAR" and self.name in _HARDLY_REPEATED
        return f'"{self.name}" {self.type}{" USING COMPRESSION zstd" if is_varied else ""}'


@dataclass(frozen=True)
class Table:
    """A table: where it stands, what one row is, and its columns."""

    schema: str
    name: str
    grain: str
    label: str
    columns: tuple[Column, ...]

    @property
    def qualified(self) -> str:
        """``schema.name`` as used in SQL, quoted where the name is a keyword."""
        return (
            f'{self.schema}."{self.name}"'
            if self.name == "return"
            else f"{self.schema}.{self.name}"
        )

    def ddl(self) -> str:
        """CREATE TABLE statement, safe to repeat."""
        body = ", ".join(column.ddl for column in self.columns)
        return f"CREATE TABLE IF NOT EXISTS {self.qualified} ({body})"


def columns(text: str) -> tuple[Column, ...]:
    """Columns from lines of ``name TYPE meaning``."""
    rows = [line.split(maxsplit=2) for line in text.strip().splitlines()]
    return tuple(Column(name, type_, meaning.strip()) for name, type_, meaning in rows)


FIELD_COLUMNS = tuple(Column(f.name, f.type, f"{f.label}: {f.meaning}") for f in FIELDS)
