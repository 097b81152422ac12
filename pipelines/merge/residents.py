"""The golden records: every resident's best values, where each came from, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from pipelines import store
from pipelines.merge import survivorship
from pipelines.merge.before import night_before
from pipelines.merge.crosswalk import trace_records
from pipelines.merge.households import gather_households
from pipelines.merge.housing import homeless_of, house
from pipelines.merge.places import touch
from pipelines.night import Night
from schemas.fields import FIELDS
from schemas.source import SourceMap

IDENTITY_FIELDS = ("name", "sex", "birth_date", "id_number")

# Residents merged at a time; bounds the memory of a full night.
BATCH = 1_000_000


def merge_residents(night: Night) -> dict[str, Any]:
    """Recompute crosswalk, residents, provenance and households of whom the night touches.

    All of it is one transaction; repeated, it ends in the same state.
    """
    with night.stage("merge_residents") as counts:
        with night.open() as con, night_before(con, night) as has_before:
            con.execute("BEGIN")
            if night.base:
                _touch_more(con, night, has_before=has_before)
            counts["records"] = trace_records(con, night, has_before=has_before)
            batches = _touched(con, night)
            overridden = _prepare(con, night.config.sources)
            _forget(con, night)
            for batch in range(batches):
                _choose(con, night, batch, overridden)
                _write(con, night)
                if has_before:
                    _note_changes(con, night)
            counts["touched"] = store.count(con, "SELECT count(*) FROM touched")
            counts["households"] = gather_households(con, is_full=not night.base)
            con.execute("COMMIT")
            counts["residents"] = store.count(con, "SELECT count(*) FROM master.resident")
            counts["changed_identities"] = store.count(
                con,
                "SELECT count(*) FROM master.event WHERE night = ? AND kind = 'changed'",
                night.number,
            )
        return counts


def _touch_more(con: duckdb.DuckDBPyConnection, night: Night, *, has_before: bool) -> None:
    """Residents whose master changes although none of their records did."""
    yesterday = "(SELECT max(business_date) FROM meta.night WHERE night = $base)"
    con.execute(f"SET VARIABLE yesterday = {yesterday}", {"base": night.base})
    con.execute("SET VARIABLE today = CAST($today AS DATE)", {"today": night.business_date})
    touch(
        con,
        """SELECT c.resident_id FROM std.benefit b JOIN link.cluster c USING (record_id)
        WHERE (b.until >= getvariable('yesterday') AND b.until < getvariable('today'))
        OR (b.since > getvariable('yesterday') AND b.since <= getvariable('today'))""",
    )
    # Whether a number counts depends on who else holds it, and where those live who name no
    # dwelling on who shares their household.
    records = "SELECT record_id FROM delta.record"
    former = (
        f"""UNION SELECT id17, household_key FROM before.std.record
        WHERE record_id IN ({records})"""
        if has_before
        else ""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE changed_key AS
        SELECT id17, household_key FROM std.record WHERE record_id IN ({records}) {former}
        UNION SELECT r.id17, NULL FROM std.record r JOIN link.cluster c USING (record_id)
        JOIN link.standing s USING (record_id)
        WHERE s.is_open AND c.resident_id IN (SELECT resident_id FROM delta.resident)"""
    )
    touch(
        con,
        f"""SELECT c.resident_id FROM std.record r JOIN link.cluster c USING (record_id)
        WHERE r.id17 IN (SELECT id17 FROM changed_key WHERE id17 IS NOT NULL)
        UNION {homeless_of("SELECT household_key FROM changed_key")}""",
    )


def _touched(con: duckdb.DuckDBPyConnection, night: Night) -> int:
    """Table `touched`: who is recomputed, in numbered batches. Returns the number of batches."""
    whom = "delta.resident" if night.base else "link.cluster"
    total = store.count(con, f"SELECT count(DISTINCT resident_id) FROM {whom}")
    batches = -(-total // BATCH)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE touched AS
        SELECT resident_id, who, hash(who) % {max(batches, 1)} AS batch FROM
        (SELECT resident_id, CAST(row_number() OVER () AS INTEGER) AS who
        FROM (SELECT DISTINCT resident_id FROM {whom}))"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE member AS
        SELECT record_id, who, batch FROM link.cluster JOIN touched USING (resident_id)"""
    )
    return batches


def _prepare(con: duckdb.DuckDBPyConnection, sources: Mapping[str, SourceMap]) -> frozenset[str]:
    """What choosing needs to know of sources, names and numbers.

    Returns:
        The fields for which some source has an authority of its own.
    """
    numbers = dict(con.execute("SELECT source, source_no FROM meta.source").fetchall())
    rows = survivorship.authorities(numbers, sources)
    con.execute(f"CREATE OR REPLACE TEMP TABLE authority AS {rows}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE not_held AS {survivorship.NOT_HELD}")
    return survivorship.overridden_authorities(sources)


def _forget(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Take the old rows of the touched away, keeping note of the dwellings they leave."""
    con.execute(
        """CREATE OR REPLACE TEMP TABLE touched_dwelling AS
        SELECT DISTINCT dwelling_id FROM master.resident
        WHERE dwelling_id IS NOT NULL AND resident_id IN (SELECT resident_id FROM touched)"""
    )
    condition = "resident_id IN (SELECT resident_id FROM touched)" if night.base else "TRUE"
    con.execute(f"DELETE FROM master.resident WHERE {condition}")
    con.execute(f"DELETE FROM master.provenance WHERE {condition}")


def _choose(
    con: duckdb.DuckDBPyConnection, night: Night, batch: int, overridden: frozenset[str]
) -> None:
    """Tables `ranked`, `chosen` and `settled` (priorities, values, contests) of a batch."""
    _count_agreeing(con, batch)
    counts = ", ".join(
        f"coalesce(n.{name}_count, 1) AS {name}_count" for name in survivorship.COUNTED
    )
    # A delta reads its few records once; a full night streams them through.
    kind = "TABLE" if night.base else "VIEW"
    con.execute(
        f"""CREATE OR REPLACE TEMP {kind} merging AS
        SELECT m.who, r.*, a.* EXCLUDE (source),
            {survivorship.days("r.observed_date")} AS days, {counts},
            x.record_id IS NULL AS holds_number
        FROM member m JOIN std.record r USING (record_id) JOIN authority a USING (source)
        LEFT JOIN agreeing n USING (record_id) LEFT JOIN not_held x USING (record_id)
        WHERE m.batch = {batch}"""
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE ranked AS {survivorship.rank('merging', overridden)}"
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE chosen AS SELECT t.resident_id, c.*
        FROM ({survivorship.choose("merging", "ranked", overridden)}) c
        JOIN touched t USING (who)"""
    )
    contests = ", ".join(survivorship.contests(overridden))
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE settled AS
        SELECT who, {contests}
        FROM merging r JOIN (
            SELECT * FROM chosen JOIN ranked USING (who)
            WHERE record_count > 1) c USING (who)
        GROUP BY who"""
    )
    house(con)


def _count_agreeing(con: duckdb.DuckDBPyConnection, batch: int) -> None:
    """Table `agreeing`: for residents whose records disagree, how many say what a record says."""
    said = ", ".join(
        f"hash({survivorship.compared(name)}) AS {name}" for name in survivorship.COUNTED
    )
    differs = " OR ".join(
        f"min({name}) FILTER ({name}_is) <> max({name}) FILTER ({name}_is)"
        for name in survivorship.COUNTED
    )
    given = ", ".join(f'r."{name}" IS NOT NULL AS {name}_is' for name in survivorship.COUNTED)
    counts = ", ".join(
        f"least(count(*) OVER (PARTITION BY who, {name}_is, {name}), 63) AS {name}_count"
        for name in survivorship.COUNTED
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE said AS
        SELECT who, record_id, {said}, {given}
        FROM member JOIN std.record r USING (record_id) WHERE batch = {batch}"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE agreeing AS SELECT record_id, {counts}
        FROM said WHERE who IN (SELECT who FROM said GROUP BY who HAVING {differs})"""
    )
    con.execute("DROP TABLE said")


def _write(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    form = night.config.forms.get("population")
    asked = [item.field for item in form.items] if form else [field.name for field in FIELDS]
    known = " + ".join(f'CASE WHEN c."{name}" IS NULL THEN 0 ELSE 1 END' for name in asked)
    values = ", ".join(f'c."{field.name}"' for field in FIELDS)
    con.execute(
        f"""INSERT INTO master.resident BY NAME
        WITH benefit AS (
            SELECT m.resident_id, list_sort(list(DISTINCT b.kind)) AS benefits
            FROM std.benefit b JOIN link.cluster m USING (record_id)
            WHERE (b.until IS NULL OR b.until >= $day) AND (b.since IS NULL OR b.since <= $day)
            GROUP BY m.resident_id)
        SELECT resident_id, {values}, d.grid_code,
            coalesce(d.village_code, h.village_code) AS village_code, d.dwelling_id,
            'H' || left(md5(d.dwelling_id), 15) AS household_id, FALSE AS is_head,
            coalesce(b.benefits, []) AS benefits, w.record_count, w.source_count,
            ({known}) / {len(asked)} AS completeness
        FROM chosen c JOIN ranked w USING (who) LEFT JOIN housed h USING (who)
        LEFT JOIN benefit b USING (resident_id)
        LEFT JOIN master.dwelling d ON d.dwelling_id = h.dwelling_id AND c.death_date IS NULL""",
        {"day": night.business_date},
    )
    origin = []
    for field in FIELDS:
        packed, chosen = survivorship.priority(field), f'w."{field.name}_priority"'
        has_value = f'c."{field.name}" IS NOT NULL'
        origin += [
            f'c."{field.name}_record"',
            f'CAST({packed.read("source", chosen)} AS USMALLINT) AS "{field.name}_source"',
            f'{survivorship.observed(packed.read("days", chosen))} AS "{field.name}_observed"',
            f"CASE WHEN {has_value} THEN {survivorship.contested(field)} END "
            f'AS "{field.name}_contested"',
        ]
        if field.alone_days is not None:
            alone = survivorship.alone(field)
            origin.append(f'CASE WHEN {has_value} THEN {alone} END AS "{field.name}_alone"')
    con.execute(
        f"""INSERT INTO master.provenance BY NAME
        SELECT resident_id, {", ".join(origin)}
        FROM chosen c JOIN ranked w USING (who) LEFT JOIN settled s USING (who)"""
    )


def _note_changes(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """An event for every identity field in which a resident differs from the night before."""
    for field in IDENTITY_FIELDS:
        con.execute(
            f"""INSERT INTO master.event BY NAME
            SELECT CAST($night AS INTEGER) AS night, CAST($day AS DATE) AS event_date,
                'changed' AS kind, resident_id, '{field}' AS field,
                c."{field}_record" AS record_id
            FROM chosen c JOIN before.master.resident b USING (resident_id)
            WHERE c."{field}" IS DISTINCT FROM b."{field}" AND NOT EXISTS (
                SELECT 1 FROM master.event e WHERE e.night = $night AND e.kind = 'changed'
                AND e.resident_id = c.resident_id AND e.field = '{field}')""",
            {"night": night.number, "day": night.business_date},
        )
