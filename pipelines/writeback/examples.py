"""What a push would write, for a person to look at: a few rows, value by value, masked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

import duckdb
import sqlalchemy as sa

from pipelines.privacy import mask
from pipelines.writeback.changes import Row, rows_to_send
from pipelines.writeback.content import Item
from pipelines.writeback.table import TargetTable
from schemas.fields import FIELD
from schemas.targets import TargetContract


@dataclass(frozen=True)
class Difference:
    """A column that a row would change: its name in words, what the target holds, what it will."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Example:
    """One row that would be sent.

    Attributes:
        resident_id: whom it is about.
        kind: ``new`` and ``changed`` by what the target holds now; ``lost``: a mark for a row that
            the target no longer has.
        differences: in the order of the contract; personal values are masked. Empty: the target
            holds all of it already.
    """

    resident_id: str
    kind: Literal["new", "changed", "mark", "lost"]
    differences: tuple[Difference, ...]


def read_examples(
    con: duckdb.DuckDBPyConnection,
    engine: sa.Engine,
    table: TargetTable,
    contract: TargetContract,
    columns: Iterable[Item],
    *,
    most: int,
) -> list[Example]:
    """Up to `most` rows of each kind of change, beside what the target holds now.

    Args:
        con: the published file, with the temporary table ``change``.
        engine, table, contract, columns: of the target, which is only read.
        most: rows of a kind.
    """
    rows = [row for batch in rows_to_send(con, contract, 1_000, most=most) for row in batch]
    held = table.read(engine, [row.resident_id for row in rows])
    items = {item.column: item for item in columns}
    return [_example(row, held.get(row.resident_id), table, contract, items) for row in rows]


def _example(
    row: Row,
    held: Mapping[str, object] | None,
    table: TargetTable,
    contract: TargetContract,
    items: Mapping[str, Item],
) -> Example:
    if row.action == "mark":
        kind: Literal["new", "changed", "mark", "lost"] = "lost" if held is None else "mark"
    else:
        kind = "new" if held is None else "changed"
    differences = []
    for name, value in table.told(row).items():
        before, after = _text(held and held[name]), _text(value)
        if contract.empty == "keep" and row.action == "upsert" and name in items and not after:
            continue
        if name != contract.key and before != after:
            item = items.get(name)
            differences.append(
                Difference(item.label if item else name, _shown(before, item), _shown(after, item))
            )
    return Example(row.resident_id, kind, tuple(differences) if kind != "lost" else ())


def _text(value: object) -> str:
    """A value as it is compared, whatever type the database gives it."""
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, bool) or (isinstance(value, Decimal) and value == value.to_integral()):
        value = int(value)
    return "" if value is None else str(value)


def _shown(text: str, item: Item | None) -> str:
    """Codes, places and what the contract itself writes tell nothing of a person; values do."""
    is_value = item is not None and item.field in FIELD and not FIELD[item.field].codes
    return (mask(text) or "") if is_value else text
