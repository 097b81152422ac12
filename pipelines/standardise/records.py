"""From gathered persons to std.record: join the dictionaries, settle ID against row, place."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.night import Night
from pipelines.progress import tell
from pipelines.standardise.addresses import estate_stem
from pipelines.standardise.dictionaries import KINDS, Context, build, kind_of
from pipelines.standardise.texts import NO_IDENTITY, TWICE_IN_ROW
from pipelines.store import count, parts_of
from schemas.fields import FIELDS

USABLE = "('valid', 'upgraded', 'conflict')"
RECORD_BYTES = 700
"""What a record and its share of the dictionaries, all of which are joined at once, take."""
_LARGE = ("name", "id", "date", "phone", "address", "text")
"""Kinds with about as many values as there are records."""

_CONTRADICTS = """id_state IN ('valid', 'upgraded') AND coalesce(
        CASE stated_precision WHEN 'day' THEN stated_birth <> id_birth
            WHEN 'month' THEN date_trunc('month', stated_birth) <> date_trunc('month', id_birth)
            WHEN 'year' THEN year(stated_birth) <> year(id_birth) END, false) AS contradicts_birth,
    id_state IN ('valid', 'upgraded') AND coalesce(
        stated_sex IN ('1', '2') AND stated_sex <> id_sex, false) AS contradicts_sex"""


def build_dictionaries(con: duckdb.DuckDBPyConnection, context: Context) -> int:
    """Every ``dict_<kind>`` that ``intake`` and ``fact_intake`` need; how many values are new."""
    wanted: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for field in FIELDS:
        wanted[kind_of(field)].append(f'SELECT "{field.name}" FROM intake')
    for column in ("since", "until", "marriage_date"):
        wanted["date"].append(f"SELECT {column} FROM fact_intake")
    wanted["number"].append("SELECT amount FROM fact_intake")
    wanted["text"].append("SELECT employer FROM fact_intake")
    wanted["code_medical_insurance"].append("SELECT kind FROM fact_intake WHERE fact = 'insurance'")
    wanted["code_insurance_status"] = ["SELECT status FROM fact_intake"]
    selected = {kind: " UNION ALL ".join(parts) for kind, parts in wanted.items()}
    return build(con, selected, context)


_PLAIN = [
    field.name
    for field in FIELDS
    if field.name
    not in ("name", "former_name", "sex", "birth_date", "id_number", "phone", "address")
]


def _name_estates(con: duckdb.DuckDBPyConnection) -> None:
    """The temporary table ``estate_alias``: what the register calls an estate written otherwise.

    云栖 and 云栖小区 are the register's 云栖花园 where the village has no other estate called 云栖.
    """
    registered = con.execute("SELECT village_name, estate FROM estate ORDER BY ALL").fetchall()
    stems: dict[tuple[str, str], list[str]] = {}
    for village, estate in registered:
        stems.setdefault((village, estate_stem(estate)), []).append(estate)
    written = con.execute(
        "SELECT DISTINCT estate FROM dict_address WHERE estate <> '' ORDER BY estate"
    ).fetchall()
    by_stem: dict[str, list[str]] = {}
    for (estate,) in written:
        by_stem.setdefault(estate_stem(estate), []).append(estate)
    alias = [
        (village, estate, names[0])
        for (village, stem), names in stems.items()
        if len(names) == 1 and stem
        for estate in by_stem.get(stem, ())
        if estate != names[0]
    ]
    columns = list(zip(*alias, strict=True)) or [(), (), ()]
    con.register(
        "aliases",
        pa.table(
            {
                name: pa.array(column, pa.string())
                for name, column in zip(("village", "written", "named"), columns, strict=True)
            }
        ),
    )
    con.execute("CREATE OR REPLACE TEMP TABLE estate_alias AS FROM aliases")
    con.unregister("aliases")


def write_records(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Append to std.record what stands in ``intake``; persons without name and number go aside.

    A number that contradicts the row's own birth date (as far as that goes) or sex keeps its digits
    and gets the status ``conflict``. A missing, shortened or lunar birth date is taken from a
    number that agrees.
    An answer on a form needs neither name nor number: the form says whom it is about.

    Cost: one pass over ``intake``, joined to its dictionaries; where all of them would not fit
    into memory, in parts, and one more over the dictionaries for each.
    """
    _name_estates(con)
    _take_once(con, night)
    parts = parts_of(con, count(con, "SELECT count(*) FROM intake"), RECORD_BYTES)
    if parts == 1:
        con.execute(_insert_sql(night, "intake", "dict_"))
    else:
        # rows that are not committed yet are numbered from a very high number on
        ((first, last),) = con.execute("SELECT min(rowid), max(rowid) FROM intake").fetchall()
        size = -(-(last + 1 - first) // parts)
        for low in range(first, last + 1, size):
            tell("records", low - first, last + 1 - first)
            part = f"(FROM intake WHERE rowid BETWEEN {low} AND {low + size - 1})"
            _lay_aside(con, part)
            con.execute(_insert_sql(night, part, "part_"))
        for kind in KINDS:
            con.execute(f'DROP {"TABLE" if kind in _LARGE else "VIEW"} "part_{kind}"')
    con.execute("DROP TABLE estate_alias")
    con.execute(
        """
        INSERT INTO std.quarantine
        SELECT source, source_key, role, file, sheet, row_no, 'no_identity', ?, since_night
        FROM intake ANTI JOIN std.record USING (record_id)
        """,
        [NO_IDENTITY],
    )


def _lay_aside(con: duckdb.DuckDBPyConnection, part: str) -> None:
    """``part_<kind>``: of every dictionary what `part` of ``intake`` needs; small ones whole."""
    for kind in KINDS:
        if kind not in _LARGE:
            con.execute(f'CREATE OR REPLACE TEMP VIEW "part_{kind}" AS FROM "dict_{kind}"')
            continue
        raw = " UNION ALL ".join(
            f'SELECT "{field.name}" AS raw FROM {part}'
            for field in FIELDS
            if kind_of(field) == kind
        )
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE "part_{kind}" AS
            FROM "dict_{kind}" SEMI JOIN (SELECT DISTINCT raw FROM ({raw})) USING (raw)"""
        )


def _insert_sql(night: Night, intake: str, dictionary: str) -> str:
    """INSERT of what `intake`, all of it or a part, and its dictionaries say into std.record."""
    returned = [s.source for s in night.config.sources.values() if s.kind == "returns"]
    tied = f"list_contains({returned!r}, source)" if returned else "FALSE"
    columns = ", ".join(f'"{name}"' for name in _PLAIN)
    return f"""
        INSERT INTO std.record BY NAME
        SELECT record_id, source, source_key, role, department, observed_date, village_code,
            village_name, household_key, name, former_name,
            CASE WHEN stated_sex IN ('1', '2') THEN stated_sex ELSE coalesce(id_sex, stated_sex)
                END AS sex,
            CASE WHEN birth_from_id THEN id_birth ELSE stated_birth END AS birth_date,
            id_number,
            CASE WHEN contradicts_birth OR contradicts_sex THEN 'conflict' ELSE id_state END
                AS id_status,
            left(id_number, 17) AS id17, id_partial,
            CASE WHEN birth_from_id THEN 'day' ELSE stated_precision END AS birth_precision,
            birth_from_id, surname, name_key, name_pinyin, name_shape, phones,
            phones[1] AS phone, address,
            CASE WHEN village_name IS NOT NULL AND estate || building || unit || room <> ''
                THEN concat_ws('|', village_name, estate, building, unit, room)
                WHEN village_name IS NULL AND estate <> '' AND building <> ''
                THEN concat_ws('|', '', estate, building, unit, room) END AS address_key,
            CASE WHEN is_complete AND village_name IS NOT NULL THEN address_key END
                AS dwelling_key,
            {columns}
        FROM (
            SELECT *, coalesce(a.named, written_estate) AS estate, {_CONTRADICTS},
                coalesce(id_birth IS NOT NULL AND (stated_birth IS NULL
                    OR stated_precision = 'lunar'
                    OR (stated_precision = 'month' AND year(stated_birth) = year(id_birth)
                        AND month(stated_birth) = month(id_birth))
                    OR (stated_precision = 'year' AND year(stated_birth) = year(id_birth))),
                    false) AS birth_from_id
            FROM ({_joined_sql(night, intake, dictionary)}) LEFT JOIN estate_alias a
                ON a.village = village_name AND a.written = written_estate
        )
        WHERE name IS NOT NULL OR id_state IN {USABLE} OR {tied}
        """


def _joined_sql(night: Night, intake: str, dictionary: str) -> str:
    """SELECT of ``intake`` with what the dictionaries say of every field."""
    joins = "\n".join(
        f'LEFT JOIN "{dictionary}{kind_of(field)}" d_{field.name} '
        f'ON d_{field.name}.raw = i."{field.name}"'
        for field in FIELDS
    )
    values = ", ".join(
        f'CAST(d_{field.name}.value AS {field.type}) AS "{field.name}"'
        for field in FIELDS
        if field.name in _PLAIN
    )
    return f"""
        SELECT i.record_id, i.source, i.source_key, i.role, i.department,
            least(coalesce(TRY_CAST(i.observed AS DATE), DATE '{night.business_date}'),
                DATE '{night.business_date}') AS observed_date,
            i.household_key,
            d_name.value AS name, coalesce(d_former_name.value, d_name.former) AS former_name,
            d_sex.value AS stated_sex, d_birth_date.value AS stated_birth,
            d_birth_date.precision AS stated_precision,
            d_id_number.value AS id_number, coalesce(d_id_number.status, 'missing') AS id_state,
            d_id_number.partial AS id_partial, d_id_number.birth AS id_birth,
            d_id_number.sex AS id_sex,
            d_name.surname, d_name.key AS name_key, d_name.pinyin AS name_pinyin,
            d_name.shape AS name_shape,
            coalesce(d_phone.values, []) AS phones,
            d_address.value AS address, d_address.estate AS written_estate, d_address.building,
            d_address.unit, d_address.room, coalesce(d_address.is_complete, false) AS is_complete,
            coalesce(v.village_name, f.village_name, e.village_name, d_address.village,
                i.village) AS village_name,
            coalesce(v.village_code, f.village_code, e.village_code) AS village_code,
            {values}
        FROM {intake} i
        {joins}
        LEFT JOIN village v ON v.village_name = d_address.village
        LEFT JOIN village f ON f.village_name = i.village AND v.village_code IS NULL
            AND d_address.village IS NULL
        LEFT JOIN lone_estate e ON e.estate = d_address.estate AND d_address.village IS NULL
            AND i.village IS NULL
        """


def _take_once(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Who stands twice in one row of several people, under one name and number, counts once.

    Two people of a row are never one resident, so both would hold the number.
    """
    seats = [
        [source.source, person.role, place]
        for source in night.config.sources.values()
        for place, person in enumerate(source.persons)
        if len(source.persons) > 1
    ]
    if not seats:
        return
    con.execute("CREATE OR REPLACE TEMP TABLE seat (source VARCHAR, role VARCHAR, place INTEGER)")
    con.executemany("INSERT INTO seat VALUES (?, ?, ?)", seats)
    con.execute(
        """CREATE OR REPLACE TEMP TABLE seated AS
        SELECT i.record_id, i.source, i.source_key, i.name, s.place, d.value AS number
        FROM intake i JOIN seat s USING (source, role) JOIN dict_id d ON d.raw = i.id_number
        WHERE number IS NOT NULL
        QUALIFY count(*) OVER (PARTITION BY i.source, i.source_key, number) > 1"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE twice AS
        WITH named AS (FROM seated LEFT JOIN dict_name n ON n.raw = seated.name
            SELECT seated.*, n.key AS name_key)
        SELECT DISTINCT g.record_id FROM named g JOIN named o USING (source, source_key, number)
        WHERE o.place < g.place AND o.name_key IS NOT DISTINCT FROM g.name_key"""
    )
    con.execute(
        """INSERT INTO std.quarantine SELECT source, source_key, role, file, sheet, row_no,
        'twice_in_row', ?, since_night FROM intake SEMI JOIN twice USING (record_id)""",
        [TWICE_IN_ROW],
    )
    con.execute("DELETE FROM intake WHERE record_id IN (SELECT record_id FROM twice)")
    for table in ("seat", "seated", "twice"):
        con.execute(f"DROP TABLE {table}")


def write_defects(con: duckdb.DuckDBPyConnection) -> None:
    """Append what cleaning changed or could not read, for every record that was written."""
    for field in FIELDS:
        con.execute(
            f"""
            INSERT INTO std.defect
            SELECT i.record_id, i.source, i.department, '{field.name}', d.defect, d.severity,
                d.old_masked, d.new_masked
            FROM intake i JOIN (
                SELECT * FROM "dict_{kind_of(field)}" WHERE defect IS NOT NULL
            ) d ON d.raw = i."{field.name}"
            """
        )
    con.execute(
        f"""
        INSERT INTO std.defect
        SELECT record_id, source, department, 'id_number', kind, 'warning', NULL, NULL
        FROM (
            SELECT record_id, source, department, {_CONTRADICTS},
                unnest([CASE WHEN contradicts_birth THEN 'id_contradicts_birth' END,
                    CASE WHEN contradicts_sex THEN 'id_contradicts_sex' END]) AS kind
            FROM (
                SELECT i.record_id, i.source, i.department, d.status AS id_state,
                    d.birth AS id_birth, d.sex AS id_sex, s.value AS stated_sex,
                    b.value AS stated_birth, b.precision AS stated_precision
                FROM intake i SEMI JOIN (FROM std.record WHERE id_status = 'conflict')
                    USING (record_id)
                JOIN dict_id d ON d.raw = i.id_number
                LEFT JOIN dict_code_sex s ON s.raw = i.sex
                LEFT JOIN dict_date b ON b.raw = i.birth_date
            )
        ) WHERE kind IS NOT NULL
        """
    )
