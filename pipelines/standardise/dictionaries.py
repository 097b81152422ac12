"""Clean every distinct value once: raw spelling → canonical value, defect and masks, as a table.

Cost: one pass of Python over distinct values that are not plain (a million residents: about a
hundred and fifty thousand), none over rows. From `POOL_FROM` values on, a process a core shares
them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from multiprocessing import get_context
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from pipelines.privacy import mask
from pipelines.progress import tell
from pipelines.standardise.addresses import clean_address
from pipelines.standardise.coded import clean_code
from pipelines.standardise.dates import clean_date
from pipelines.standardise.defect import SEVERITY
from pipelines.standardise.id_cards import clean_id
from pipelines.standardise.names import clean_former_names, clean_name
from pipelines.standardise.numbers import clean_number
from pipelines.standardise.phones import clean_phone
from pipelines.standardise.plain import take_plain
from pipelines.standardise.text import is_junk, tidy
from pipelines.store import count
from schemas.fields import FIELDS, Field

POOL_FROM = 300_000
PLAIN_FROM = 1_000
"""With fewer values Python is done before SQL has been planned."""
_CHUNK = 50_000
_TURN_SECONDS = 0.0003
_pools: list[ProcessPoolExecutor] = []


class Context(NamedTuple):
    """What cleaners need besides the value: the business date and the villages of the register."""

    today: date
    villages: frozenset[str]


class Text(NamedTuple):
    """A free text; None if it says nothing."""

    value: str | None
    defect: str | None


def clean_text(raw: str) -> Text:
    """`raw` tidied; placeholders become empty."""
    text = tidy(raw)
    if is_junk(text):
        return Text(None, "placeholder")
    return Text(text, "spelling" if text != raw else None)


_S, _D = pa.string(), pa.date32()
_SQL_TYPES = {
    _S: "VARCHAR",
    _D: "DATE",
    pa.list_(_S): "VARCHAR[]",
    pa.bool_(): "BOOLEAN",
    pa.decimal128(18, 2): "DECIMAL(18, 2)",
}
_DEFECT_COLUMNS = ("defect", "severity", "old_masked", "new_masked")
_COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "name": {"value": _S, "former": _S, "surname": _S, "key": _S, "pinyin": _S, "shape": _S},
    "former": {"value": _S},
    "id": {"value": _S, "status": _S, "partial": _S, "birth": _D, "sex": _S},
    "date": {"value": _D, "precision": _S},
    "phone": {"values": pa.list_(_S)},
    "address": {
        "value": _S,
        "village": _S,
        "estate": _S,
        "building": _S,
        "unit": _S,
        "room": _S,
        "is_complete": pa.bool_(),
    },
    "number": {"value": pa.decimal128(18, 2)},
    "text": {"value": _S},
    "code": {"value": _S},
}


def kind_of(field: Field) -> str:
    """Which dictionary cleans a field: ``name``, ``id``, …, or ``code_<list>`` for coded ones."""
    if field.codes:
        return f"code_{field.codes}"
    special = {
        "name": "name",
        "former_name": "former",
        "id_number": "id",
        "phone": "phone",
        "address": "address",
        "children_count": "number",
    }
    return special.get(field.name, "date" if field.type == "DATE" else "text")


KINDS: tuple[str, ...] = tuple(dict.fromkeys(kind_of(field) for field in FIELDS))


def build(con: duckdb.DuckDBPyConnection, values_sql: dict[str, str], context: Context) -> int:
    """Temporary tables ``dict_<kind>`` for the distinct values that `values_sql` selects by kind.

    Columns: raw, the cleaner's result, defect, severity, old_masked, new_masked (masks only where
    there is a defect). A table that is there is added to. Python cleans what is not plain of one
    kind while the engine looks for what is plain of the next.

    Returns:
        the number of values cleaned.
    """
    total = 0
    there = _dictionaries(con)
    with ThreadPoolExecutor(1) as beside, _turns_are_short():
        waiting: list[tuple[str, str, int, Future[list[pa.Table]]]] = []
        for kind, selected in values_sql.items():
            known = f'"dict_{kind}"'
            if f"dict_{kind}" not in there:
                _lay_out(con, kind)
            found, values = _take_plain(con, kind, known, selected, context)
            total += found
            waiting.append((kind, known, found, beside.submit(_clean, kind, values, context)))
        for kind, known, found, cleaned in waiting:
            for table in cleaned.result():
                con.register("cleaned", table)
                con.execute(f"INSERT INTO {known} SELECT * FROM cleaned")
                con.unregister("cleaned")
            tell(f"clean {kind}", found, found)
    con.execute("DROP TABLE IF EXISTS to_clean")
    return total


@contextmanager
def _turns_are_short() -> Iterator[None]:
    """Statements come by the hundred: after each, Python that cleans beside lets go at once."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _take_plain(
    con: duckdb.DuckDBPyConnection, kind: str, known: str, values_sql: str, context: Context
) -> tuple[int, list[str]]:
    """Put what is plain into the dictionary `known`; how many values there were, what is left."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE to_clean AS SELECT DISTINCT v FROM ({values_sql}) t(v)
        WHERE v IS NOT NULL AND v NOT IN (SELECT raw FROM {known})"""
    )
    total = count(con, "SELECT count(*) FROM to_clean")
    if total >= PLAIN_FROM:
        take_plain(con, kind, known, context.today, context.villages)
    values = con.sql("SELECT v FROM to_clean").to_arrow_table().column(0).to_pylist()
    return total, values


def _lay_out(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Create the empty dictionary of `kind`."""
    family = "code" if kind.startswith("code_") else kind
    columns = {"raw": _S, **_COLUMNS[family], **dict.fromkeys(_DEFECT_COLUMNS, _S)}
    body = ", ".join(f'"{name}" {_SQL_TYPES[type_]}' for name, type_ in columns.items())
    con.execute(f'CREATE TEMP TABLE "dict_{kind}" ({body})')


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Drop every dictionary, and let the processes go that cleaned."""
    for table in _dictionaries(con):
        con.execute(f'DROP TABLE "{table}"')
    while _pools:
        _pools.pop().shutdown()


def _dictionaries(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Names of the dictionaries that are there."""
    found = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE temporary AND table_name LIKE 'dict%'"
    )
    return {name for (name,) in found.fetchall()}


def _clean(kind: str, values: list[str], context: Context) -> list[pa.Table]:
    chunks = [values[at : at + _CHUNK] for at in range(0, len(values), _CHUNK)]
    if len(values) < POOL_FROM:
        return [clean_values(kind, chunk, context) for chunk in chunks]
    if not _pools:
        # a process takes a second to start: one pool serves all kinds of a night
        _pools.append(ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")))
    tasks = ([kind] * len(chunks), chunks, [context] * len(chunks))
    return list(_pools[0].map(clean_values, *tasks))


def clean_values(kind: str, values: list[str], context: Context) -> pa.Table:
    """Clean distinct `values` of one kind into the columns described at `build`."""
    family = "code" if kind.startswith("code_") else kind
    columns = _COLUMNS[family]
    clean = _cleaner(kind, context)
    results = [clean(value) for value in values]
    parts = list(zip(*results, strict=True)) or [()] * (len(columns) + 1)
    *cleaned, defects = parts  # every cleaner's result ends with its defect
    data = {
        name: pa.array(part, type_)
        for (name, type_), part in zip(columns.items(), cleaned, strict=True)
    }
    data["defect"] = pa.array(defects, _S)
    data["severity"] = pa.array([SEVERITY[d] if d else None for d in defects], _S)
    data["old_masked"] = pa.array(
        [mask(v) if d else None for v, d in zip(values, defects, strict=True)], _S
    )
    data["new_masked"] = pa.array(
        [mask(_text(v)) if d else None for v, d in zip(cleaned[0], defects, strict=True)], _S
    )
    return pa.table({"raw": pa.array(values, _S), **data})


def _text(value: Any) -> str | None:
    if isinstance(value, tuple):
        return " ".join(value) or None
    return None if value is None else str(value)


def _cleaner(kind: str, context: Context) -> Callable[[str], Any]:
    if kind.startswith("code_"):
        listed = kind.removeprefix("code_")
        return lambda raw: clean_code(raw, listed)
    cleaners: dict[str, Callable[[str], Any]] = {
        "name": clean_name,
        "former": clean_former_names,
        "id": lambda raw: clean_id(raw, context.today),
        "date": lambda raw: clean_date(raw, context.today),
        "phone": clean_phone,
        "address": lambda raw: clean_address(raw, context.villages),
        "number": clean_number,
        "text": clean_text,
    }
    return cleaners[kind]
