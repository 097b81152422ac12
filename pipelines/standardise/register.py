"""The grid register: which dwellings there are, in which grid and village."""

from __future__ import annotations

import duckdb

from pipelines.night import Night
from pipelines.standardise.dictionaries import Context, build
from pipelines.standardise.texts import NO_PLACE
from pipelines.store import quote
from schemas.source import Place, SourceMap

_DWELLING_ID = "'D' || left(md5(dwelling_key), 15)"


def place_dwellings(con: duckdb.DuckDBPyConnection, night: Night) -> bool:
    """Bring std.placed and std.dwelling up to the registers.

    A dwelling is known by its parsed address; where the address cannot be parsed, by the register's
    own house code. Several register rows of one dwelling: the newest places it. Where villages of
    one name have dwellings of one address, the village's code is part of each, and nobody is placed
    there by an address that cannot tell them apart. Only rows that changed are parsed again.

    Returns:
        whether the villages, or the estates that stand in one village only, are others than before:
        then every address must be read again.
    """
    registers = [source for source in night.config.sources.values() if source.register_]
    before = _signature(con)
    con.execute("CREATE OR REPLACE TEMP TABLE register_row AS FROM std.dwelling WHERE false")
    con.execute("ALTER TABLE register_row ADD COLUMN observed VARCHAR")
    con.execute("ALTER TABLE register_row ADD COLUMN source_key VARCHAR")
    for source in registers:
        if source.register_:
            _read(con, night, source, source.register_)
    con.execute("DELETE FROM std.dwelling")
    con.execute(
        f"""
        INSERT INTO std.dwelling BY NAME
        WITH known AS (
            SELECT *, min(village_code) OVER same <> max(village_code) OVER same AS is_shared
            FROM register_row WINDOW same AS (PARTITION BY dwelling_key)
        ), told AS (
            SELECT * EXCLUDE (is_shared) REPLACE (CASE WHEN is_shared
                THEN dwelling_key || '|' || village_code ELSE dwelling_key END AS dwelling_key)
            FROM known
        ), placed AS (
            SELECT * REPLACE ({_DWELLING_ID} AS dwelling_id) FROM told
        )
        SELECT * EXCLUDE (observed, source_key) FROM placed
        QUALIFY row_number() OVER (
            PARTITION BY dwelling_id ORDER BY observed DESC NULLS LAST, source_key) = 1
        """
    )
    con.execute("DROP TABLE register_row")
    return before != _signature(con)


def villages(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Names of the villages that the register knows."""
    return frozenset(row[0] for row in con.execute("SELECT village_name FROM village").fetchall())


def _signature(con: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    """Make ``village``, ``lone_estate`` and ``estate``, which addresses are read against.

    A name that several villages bear tells no code.

    Returns:
        their hashes.
    """
    con.execute(
        """CREATE OR REPLACE TEMP TABLE estate_place AS
        SELECT DISTINCT split_part(dwelling_key, '|', 2) AS estate, village_name, village_code
        FROM std.dwelling"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE village AS
        SELECT village_name, CASE WHEN min(village_code) = max(village_code)
            THEN min(village_code) END AS village_code
        FROM estate_place GROUP BY village_name"""
    )
    con.execute(
        "DELETE FROM estate_place WHERE estate = '' OR regexp_full_match(estate, '[0-9]+组')"
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE lone_estate AS
        SELECT estate, any_value(village_name) AS village_name,
            any_value(village_code) AS village_code
        FROM estate_place GROUP BY estate HAVING min(village_code) = max(village_code)"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE estate AS
        SELECT DISTINCT village_name, estate FROM estate_place"""
    )
    con.execute("DROP TABLE estate_place")
    return con.execute(
        """SELECT
            (SELECT bit_xor(hash(village_name, village_code)) FROM village),
            (SELECT bit_xor(hash(estate, village_name, village_code)) FROM lone_estate),
            (SELECT bit_xor(hash(village_name, estate)) FROM estate)"""
    ).fetchall()


def _read(con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, place: Place) -> None:
    """Parse the rows of a register that changed, and append all of it to ``register_row``."""
    raw, name = f"raw.{quote(source.source)}", source.source
    live = f"(SELECT * FROM {raw} WHERE until_night IS NULL)"
    names = frozenset(
        row[0]
        for row in con.execute(
            f"SELECT DISTINCT {quote(place.village_name)} FROM {live}"
        ).fetchall()
        if row[0]
    )
    known = con.execute("SELECT DISTINCT village_name FROM std.dwelling").fetchall()
    changed = f"(since_night > {night.base} OR until_night > {night.base})"
    if names != {row[0] for row in known}:
        changed = "true"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE reread AS "
        f"SELECT DISTINCT source_key FROM {raw} WHERE {changed}"
    )
    for table in ("std.placed", "std.quarantine"):
        con.execute(
            f"""DELETE FROM {table} WHERE source = '{name}'
            AND source_key IN (SELECT source_key FROM reread)"""
        )
    missing = " OR ".join(
        f"nullif(trim({quote(column)}), '') IS NULL"
        for column in (place.village_code, place.village_name, place.grid_code, place.address)
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE fresh AS
        SELECT source_key, file, sheet, row_no, since_night, {missing} AS is_no_place,
            {quote(place.address)} AS address, {quote(place.village_name)} AS village_name,
            {quote(place.dwelling_key)} AS house_code
        FROM {live} SEMI JOIN reread USING (source_key)"""
    )
    context = Context(night.business_date, names)
    build(con, {"address": "SELECT address FROM fresh"}, context)
    con.execute(
        f"""INSERT INTO std.quarantine SELECT '{name}', source_key, '', file, sheet, row_no,
        'no_place', ?, since_night FROM fresh WHERE is_no_place""",
        [NO_PLACE],
    )
    con.execute(
        f"""
        INSERT INTO std.placed
        SELECT '{name}', source_key, {_DWELLING_ID}, dwelling_key, value
        FROM (
            SELECT source_key, d.value, CASE WHEN d.is_complete
                THEN concat_ws('|', village_name, d.estate, d.building, d.unit, d.room)
                ELSE concat_ws('|', village_name, '', '', '', house_code) END AS dwelling_key
            FROM fresh LEFT JOIN dict_address d ON d.raw = address
            WHERE NOT is_no_place
        )
        """
    )
    con.execute(
        f"""
        INSERT INTO register_row BY NAME
        SELECT p.dwelling_id, p.dwelling_key, p.address,
            trim({quote(place.village_code)}) AS village_code,
            trim({quote(place.village_name)}) AS village_name,
            trim({quote(place.grid_code)}) AS grid_code,
            trim({quote(place.grid_name)}) AS grid_name,
            {quote(place.household_key)} AS household_key, {quote(place.head_name)} AS head_name,
            r.observed, r.source_key
        FROM {live} r JOIN std.placed p ON p.source = '{name}' AND p.source_key = r.source_key
        """
    )
    for table in ("reread", "fresh"):
        con.execute(f"DROP TABLE {table}")
