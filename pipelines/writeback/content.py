"""What a target should hold, as SQL over the published file: who, with which values.

A value that the purpose does not allow is not in it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pipelines.deliver.content import SEPARATOR, Sources, literal
from pipelines.deliver.states import people_sql
from schemas.codes import code_list
from schemas.fields import FIELD
from schemas.targets import PLACES, TargetColumn, TargetContract, Value

Kind = Literal["text", "date", "integer", "boolean"]
_TYPES: dict[Kind, str] = {
    "text": "VARCHAR",
    "date": "DATE",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
}
_TAG = 4
"""Digits of a tag. It only counts changes by field; what is sent is decided by the digest."""


@dataclass(frozen=True)
class Item:
    """A column that a field fills: its name at the target, and SQL of its value as `kind`."""

    field: str
    label: str
    column: str
    kind: Kind
    sql: str


def items(contract: TargetContract, sources: Sources) -> list[Item]:
    """The contract's columns in order; r is `master.resident`, p is `master.provenance`."""
    return [_item(name, column, contract, sources) for name, column in contract.columns.items()]


def kind_of(values: list[Value]) -> Kind:
    """The kind of column that takes all of `values` as they are."""
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return "integer"
    return "text"


def text_of(value: Value) -> str:
    """A value of a contract as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def shape(contract: TargetContract) -> str:
    """A few digits that change when columns are added, taken away or renamed: all is sent anew."""
    said = [
        contract.table,
        contract.key,
        [(name, column.column) for name, column in contract.columns.items()],
        contract.constants,
        contract.mark.model_dump(mode="json"),
        [contract.digest, contract.version],
    ]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()[:8]


def wanted_sql(contract: TargetContract, columns: list[Item], day: date, problem: str) -> str:
    """SELECT of one row for every resident who should be in force at the target.

    Columns: resident_id, digest, tags (`shape`, then four digits a column) and problem (why the
    target cannot take the row, NULL: it can).

    Args:
        contract, columns: of the target.
        day: business date of the published night.
        problem: SQL over the aliases v0, v1, … of the columns' values.
    """
    tags = " || ".join(
        f"left(md5(resident_id || '{item.column}' || {SEPARATOR} || coalesce(t{number}, "
        f"{SEPARATOR})), {_TAG})"
        for number, item in enumerate(columns)
    )
    told = ", ".join(
        f"coalesce(t{number}, {SEPARATOR}), {SEPARATOR}" for number in range(len(columns))
    )
    texts = ", ".join(f"CAST(v{number} AS VARCHAR) AS t{number}" for number in range(len(columns)))
    return f"""SELECT resident_id, md5(concat('{shape(contract)}', {told})) AS digest,
            '{shape(contract)}' || {tags} AS tags, {problem} AS problem
        FROM (SELECT *, {texts} FROM ({rows_sql(contract, columns, day)}))"""


def rows_sql(contract: TargetContract, columns: list[Item], day: date) -> str:
    """SELECT of resident_id and the values v0, v1, … of whoever is in force for the target."""
    values = ", ".join(
        f"CAST({item.sql} AS {_TYPES[item.kind]}) AS v{number}"
        for number, item in enumerate(columns)
    )
    return f"""SELECT r.resident_id, {values}
        FROM {people_sql(day)} r
        LEFT JOIN master.provenance p ON p.resident_id = r.resident_id
        WHERE r.death_date IS NULL AND {lives_sql(contract)} AND ({contract.residents})"""


def lives_sql(contract: TargetContract) -> str:
    """SQL condition over r: lives in one of the contract's grids, as far as anybody knows."""
    inside = " OR ".join(f"starts_with(r.grid_code, {literal(code)})" for code in contract.grids)
    return f"""(r.grid_code IS NOT NULL AND ({inside or "TRUE"})
        AND (r.resident_id, r.grid_code) NOT IN (
            SELECT (resident_id, grid_code) FROM deliver.way_out WHERE stays_off))"""


def _item(name: str, column: TargetColumn, contract: TargetContract, sources: Sources) -> Item:
    if name in PLACES:
        kind: Kind = "boolean" if name == "is_head" else "text"
        return Item(name, PLACES[name], column.column, kind, f'r."{name}"')
    field = FIELD[name]
    served = ", ".join(map(str, sources.serving(contract.purpose))) or "NULL"
    allowed = f'p."{name}_source" IN ({served})'
    if name in contract.identifies:
        allowed = f'p."{name}_source" IS NOT NULL'
    sql = f'CASE WHEN {allowed} THEN r."{name}" END'
    kinds: dict[str, Kind] = {"DATE": "date", "INTEGER": "integer"}
    kind = kinds.get(field.type, "text")
    if field.codes and column.codes is not None:
        codes: dict[str, Value] = dict(code_list(field.codes).values)
        if column.codes != "labels":
            codes = dict(column.codes)
        fallback = [column.otherwise] if column.otherwise is not None else []
        kind = kind_of([*codes.values(), *fallback])
        cases = " ".join(
            f"WHEN {literal(code)} THEN {literal(text_of(value))}" for code, value in codes.items()
        )
        # An empty value stays empty: "otherwise" is for codes that have no translation.
        cases += "".join(f" WHEN {sql} THEN {literal(text_of(value))}" for value in fallback)
        sql = f"CASE {sql} {cases} END"
    elif column.format is not None:
        sql, kind = f"strftime({sql}, {literal(column.format)})", "text"
    return Item(name, field.label, column.column, kind, sql)
