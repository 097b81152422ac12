"""The columns a database shows, night by night, and what changed of them."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from pipelines.extract import landing, texts
from pipelines.night import Night
from schemas.source import SourceMap
from schemas.tables import TABLE

NAME = "source_column"


def keep_columns(
    con: duckdb.DuckDBPyConnection,
    night: Night,
    source: SourceMap,
    seen: Iterable[tuple[str, str]],
) -> list[str]:
    """Let the live rows of ``source_column`` be the columns `seen` (name, type); what changed.

    May be repeated within a night. The caller holds the transaction.
    """
    columns = [column.name for column in TABLE[f"raw.{NAME}"].columns]
    rows: list[dict[str, object]] = [
        {"source": source.source, "column_name": name, "type": type_} for name, type_ in seen
    ]
    landing.rewind(con, night, NAME, f"source = '{source.source}'")
    landing.replace_state(con, night, NAME, columns=columns, source=source.source, rows=rows)
    return changes(con, f"main.{NAME}", night.number, source.source)


def changes(con: duckdb.DuckDBPyConnection, table: str, night: int, source: str) -> list[str]:
    """What changed of a source's columns in a night, in Chinese; nothing on the first one.

    Args:
        con: the landing zone or a night's file.
        table: ``source_column`` there.
        night: its number.
        source: its name.
    """
    rows = con.execute(
        f"""SELECT column_name, type, since_night, until_night FROM {table}
        WHERE source = ? ORDER BY column_name""",
        [source],
    ).fetchall()
    if not any(since < night for _, _, since, _ in rows):
        return []
    came = {name: type_ for name, type_, since, until in rows if since == night}
    went = {name: type_ for name, type_, since, until in rows if until == night}
    said = [
        texts.column_retyped(name, went.pop(name), came.pop(name))
        for name in [name for name in went if name in came]
    ]
    for name, type_ in list(went.items()):
        alike = [new for new, its in came.items() if its == type_]
        rivals = [old for old, its in went.items() if its == type_]
        if len(alike) == 1 and len(rivals) == 1:
            said.append(texts.column_renamed(name, alike[0]))
            del went[name], came[alike[0]]
    said += [texts.column_gone(name) for name in went]
    return said + [texts.column_new(name) for name in came]
