"""Gather what must be standardised: one row a person, every field still as the office wrote it."""

from __future__ import annotations

import re

import duckdb

from pipelines.night import Night
from pipelines.standardise.addresses import clean_village
from pipelines.standardise.register import villages
from pipelines.standardise.texts import NO_PERSON, STRUCK_OUT
from pipelines.store import quote
from schemas.fields import FIELDS
from schemas.source import PersonMap, SourceMap

FACT_COLUMNS = (
    "kind",
    "level",
    "amount",
    "since",
    "until",
    "status",
    "employer",
    "birth_order",
    "marriage_date",
)
"""Columns that a FactMap may fill, over all fact tables; see `schemas.tables.standardised`."""


def record_id_sql(source_key: str, source: str, role: str) -> str:
    """SQL of a record's stable number; `source` and `role` are plain identifiers."""
    return (
        f"CAST(md5_number_lower('{source}' || chr(31) || {source_key} || chr(31) || '{role}') >> 1 "
        "AS BIGINT)"
    )


def list_todo(con: duckdb.DuckDBPyConnection, night: Night, *, everything: bool) -> None:
    """The temporary table ``todo(source, source_key)``: rows that are new, changed or gone; where
    `everything` is to be done, a source with NULL for all its rows."""
    con.execute("CREATE OR REPLACE TEMP TABLE todo (source VARCHAR, source_key VARCHAR)")
    parts = [
        f"SELECT '{source.source}', NULL"
        if everything
        else f"""SELECT DISTINCT '{source.source}', source_key FROM raw.{quote(source.source)}
            WHERE since_night > {night.base} OR until_night > {night.base}"""
        for source in night.config.sources.values()
        if source.persons
    ]
    _insert(con, "todo", parts)


def _insert(con: duckdb.DuckDBPyConnection, table: str, parts: list[str]) -> None:
    """Append what `parts` select, in one statement: each alone is too short for more threads."""
    if parts:
        con.execute(f"INSERT INTO {table} {' UNION ALL '.join(parts)}")


def gather(con: duckdb.DuckDBPyConnection, night: Night, *, everything: bool) -> None:
    """The temporary tables ``intake`` (a person of a live row of ``todo``) and ``fact_intake``.

    Rows in which nobody stands, and those that are crossed out, go to std.quarantine.
    """
    fields = ", ".join(f'"{field.name}" VARCHAR' for field in FIELDS)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE intake (record_id BIGINT, source VARCHAR,
        source_key VARCHAR, role VARCHAR, department VARCHAR, observed VARCHAR,
        village VARCHAR, household_key VARCHAR, file VARCHAR, sheet VARCHAR, row_no INTEGER,
        since_night INTEGER, {fields})"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE fact_intake (record_id BIGINT, fact VARCHAR,
        other_record_id BIGINT, {", ".join(f'"{name}" VARCHAR' for name in FACT_COLUMNS)})"""
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE file_village "
        "(source VARCHAR, file VARCHAR, sheet VARCHAR, file_village VARCHAR)"
    )
    sources = [source for source in night.config.sources.values() if source.persons]
    kind = "VIEW" if everything else "TABLE"
    persons, facts, aside = [], [], []
    for source in sources:
        todo = f"(SELECT source_key FROM todo WHERE source = '{source.source}')"
        chosen = "" if everything else f"SEMI JOIN {todo} USING (source_key)"
        # of everything a copy would only cost; of a few rows it spares looking for them again
        con.execute(
            f"""CREATE OR REPLACE TEMP {kind} {_live(source)} AS
            SELECT r.* FROM raw.{quote(source.source)} r {chosen} WHERE r.until_night IS NULL"""
        )
        _villages(con, source)
        aside += [_struck_out_sql(source), _nobody_sql(source)]
        for person in source.persons:
            persons.append(_person_sql(source, person))
            facts += _facts_sql(source, person)
    for table, parts in (("std.quarantine", aside), ("intake", persons), ("fact_intake", facts)):
        _insert(con, table, parts)
    for source in sources:
        con.execute(f"DROP {kind} {_live(source)}")
    con.execute("DROP TABLE file_village")


def _live(source: SourceMap) -> str:
    """The living rows of a source that are to be looked at."""
    return quote(f"live_{source.source}")


def _struck_out_sql(source: SourceMap) -> str:
    """A row that its ledger crosses out is no evidence any more, but is not forgotten."""
    return f"""SELECT '{source.source}', source_key, '', file, sheet, row_no, mark,
        {_text(STRUCK_OUT)}, since_night FROM {_live(source)} WHERE mark IS NOT NULL"""


def _villages(con: duckdb.DuckDBPyConnection, source: SourceMap) -> None:
    """Add to ``file_village`` which village a ledger's file name or, where that names none, its
    sheet speaks of."""
    if not source.village_from_file:
        return
    pattern, known = re.compile(source.village_from_file), villages(con)
    found: list[tuple[str, str | None, str]] = []
    for file, sheet in con.execute(
        f"SELECT DISTINCT file, sheet FROM {_live(source)} WHERE file IS NOT NULL"
    ).fetchall():
        names = pattern.search(file.rsplit("/", 1)[-1]) or pattern.search(sheet or "")
        village = clean_village(names.group(1), known) if names else None
        if village:
            found.append((file, sheet, village))
    con.execute(
        """INSERT INTO file_village
        SELECT ?, told.file, told.sheet, told.village FROM (
            SELECT unnest(CAST(? AS STRUCT(file VARCHAR, sheet VARCHAR, village VARCHAR)[]))
                AS told)""",
        [
            source.source,
            [dict(zip(("file", "sheet", "village"), row, strict=True)) for row in found],
        ],
    )


def _person_sql(source: SourceMap, person: PersonMap) -> str:
    """SELECT of one person of every live row, where the row holds that person."""
    values = [_value(person, field.name) for field in FIELDS]
    household = (
        f"'{source.source}:' || nullif(trim({quote(person.household_key)}), '')"
        if person.household_key
        else "NULL"
    )
    village, rows = "NULL", _live(source)
    if source.village_from_file:
        village = "file_village"
        rows += f""" LEFT JOIN (FROM file_village WHERE source = '{source.source}')
            USING (file, sheet)"""
    return f"""SELECT {record_id_sql("source_key", source.source, person.role)},
        '{source.source}', source_key, '{person.role}', '{source.department}', observed, {village},
        {household}, file, sheet, row_no, since_night, {", ".join(values)}
        FROM {rows} WHERE mark IS NULL AND {_present(person)}"""


def _facts_sql(source: SourceMap, person: PersonMap) -> list[str]:
    """SELECTs of what the live rows say of one person besides fields, one for every fact."""
    number = record_id_sql("source_key", source.source, person.role)
    other = (
        record_id_sql("source_key", source.source, person.relation_of)
        if person.relation_of
        else "NULL"
    )
    selected = []
    for fact in person.facts:
        cells = ", ".join(
            _text(fact.constants[name])
            if name in fact.constants
            else (quote(fact.values[name]) if name in fact.values else "NULL")
            for name in FACT_COLUMNS
        )
        granted = (
            f"AND nullif(trim({quote(fact.values['amount'])}), '') IS NOT NULL"
            if "amount" in fact.values
            else ""
        )
        selected.append(
            f"SELECT {number}, '{fact.table}', {other}, {cells} FROM {_live(source)} "
            f"WHERE mark IS NULL AND {_present(person)} {granted}"
        )
    return selected


def _nobody_sql(source: SourceMap) -> str:
    """A row in which nobody stands."""
    absent = " AND ".join(f"NOT ({_present(person)})" for person in source.persons)
    return f"""SELECT '{source.source}', source_key, '', file, sheet, row_no, 'no_person',
        {_text(NO_PERSON)}, since_night FROM {_live(source)} WHERE mark IS NULL AND {absent}"""


def _present(person: PersonMap) -> str:
    telling = person.present_if or tuple(
        person.fields[name] for name in ("name", "id_number") if name in person.fields
    )
    filled = (f"nullif(trim({quote(column)}), '') IS NOT NULL" for column in telling)
    return "(" + (" OR ".join(filled) or "true") + ")"


def _value(person: PersonMap, field: str) -> str:
    if field in person.fields:
        return f"nullif(trim({quote(person.fields[field])}), '')"
    return _text(person.constants[field]) if field in person.constants else "NULL"


def _text(constant: str) -> str:
    return "'" + constant.replace("'", "''") + "'"
