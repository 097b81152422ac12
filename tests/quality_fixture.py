"""A night made by SQL, whole in every respect, for tests to break on purpose."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from pipelines import store
from pipelines.config import Config
from pipelines.home import Home
from pipelines.night import Night
from schemas.district import District, Limits
from schemas.fields import FIELDS
from schemas.forms import FormContract, FormItem
from schemas.source import PersonMap, SourceColumn, SourceMap

SOURCES = ("civil_affairs_low_income", "ledger_population")
FORM_FIELDS = ("name", "sex", "birth_date", "id_number", "phone", "education", "employer")


def make_night(
    root: Path, *, number: int = 1, previous: int = 0, residents: int = 500, config_hash: str = "c"
) -> Night:
    """A night with `residents` residents, two records each; nothing in it breaks a rule."""
    home = Home.at(root)
    config = Config(
        district=District(
            name="测试镇",
            township_code="330199101",
            databases={},
            limits=Limits(memory="2GB", threads=2),
        ),
        sources={name: _source(name) for name in SOURCES},
        forms={"population": _form()},
        databases={},
        ledgers=home.inbox,
        journal_url="sqlite://",
        fingerprint=config_hash,
    )
    night = Night(home, config, number, date(2026, 11, 23), previous, previous, previous == 0)
    night.folder.mkdir(parents=True, exist_ok=True)
    with night.open() as con:
        store.lay_out(con)
        _fill(con, night, residents)
    return night


def publish_by_hand(night: Night) -> None:
    """Put the night's file where published files are, so that a later night can compare."""
    target = night.home.night_file(night.number)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(night.file.read_bytes())


def _source(name: str) -> SourceMap:
    return SourceMap(
        source=name,
        label={"civil_affairs_low_income": "低保", "ledger_population": "人口台账"}[name],
        department="civil_affairs" if name.startswith("civil") else "community",
        kind="database",
        database="main",
        table=name,
        key=("key",),
        purposes=("population",),
        columns={"key": SourceColumn(aliases=("key",)), "name": SourceColumn(aliases=("name",))},
        persons=(PersonMap(role="self", fields={"name": "name"}),),
    )


def _form() -> FormContract:
    return FormContract(
        form="population",
        title="人口信息核查表",
        purpose="population",
        legal_basis="测试",
        items=tuple(FormItem(field=name) for name in FORM_FIELDS),
    )


def _fill(con: duckdb.DuckDBPyConnection, night: Night, residents: int) -> None:
    con.execute(
        "INSERT INTO meta.night VALUES (?, ?, ?, ?, now(), ?, NULL)",
        [night.number, night.business_date, night.base, night.is_full, night.config.fingerprint],
    )
    for number, source in enumerate(night.config.sources.values(), start=1):
        con.execute(
            "INSERT INTO meta.source VALUES (?, ?, ?, ?, ?, ?)",
            [
                number,
                source.source,
                source.label,
                source.department,
                "民政" if number == 1 else "村社台账",
                list(source.purposes),
            ],
        )
    digits = " + ".join(
        f"substr(id17, {place}, 1)::INTEGER * {weight}"
        for place, weight in enumerate(
            (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), start=1
        )
    )
    con.execute(f"""CREATE TEMP TABLE person AS SELECT *,
            id17 || substr('10X98765432', ({digits}) % 11 + 1, 1) AS id_number,
            'R' || substr(md5(i::VARCHAR), 1, 15) AS resident_id,
            lpad((i // 50)::VARCHAR, 3, '0') AS grid, i // 4 AS house
        FROM (SELECT i, DATE '1950-01-01' + (i * 37 % 25000)::INTEGER AS birth,
                CASE WHEN i % 2 = 1 THEN '1' ELSE '2' END AS sex,
                '330199' || strftime(DATE '1950-01-01' + (i * 37 % 25000)::INTEGER, '%Y%m%d')
                    || lpad((i % 500 * 2 + i % 2)::VARCHAR, 3, '0') AS id17
            FROM range({residents}) AS t(i))""")
    for number, source in enumerate(SOURCES, start=1):
        con.execute(f"""CREATE TABLE raw.{source} AS SELECT 'k' || i AS source_key,
            i AS row_hash, 1::INTEGER AS since_night, NULL::INTEGER AS until_night FROM person""")
        con.execute(f"""INSERT INTO std.record BY NAME SELECT i * 2 + {number} AS record_id,
            '{source}' AS source, 'k' || i AS source_key, 'self' AS role,
            'civil_affairs' AS department, DATE '2026-10-01' AS observed_date,
            '330199101201' AS village_code, '居民' AS name, sex, birth AS birth_date, id_number,
            '138' || lpad(i::VARCHAR, 8, '0') AS phone, 'valid' AS id_status, id17,
            'day' AS birth_precision FROM person""")
        con.execute(
            """INSERT INTO raw.pull VALUES (?, ?, 'ok', NULL, ?, ?, 0, 0, 1.5)""",
            [night.number, source, residents, residents],
        )
    con.execute("""INSERT INTO link.cluster SELECT record_id, 'R' || substr(md5(
        (record_id - 1 - (record_id - 1) % 2) // 2 || ''), 1, 15) FROM std.record""")
    con.execute("""INSERT INTO master.crosswalk SELECT r.source, r.source_key, record_id,
        resident_id, DATE '2026-11-23', NULL, 1 FROM std.record r
        JOIN link.cluster USING (record_id)""")
    con.execute("""INSERT INTO master.resident BY NAME SELECT resident_id, '居民' AS name, sex,
        birth AS birth_date, id_number, CASE WHEN i % 3 > 0 THEN '138' || lpad(i::VARCHAR, 8, '0')
        END AS phone, '330199101201' || grid AS grid_code, '330199101201' AS village_code,
        'D' || house AS dwelling_id, 'H' || house AS household_id, i % 4 = 0 AS is_head,
        2 AS record_count, 2 AS source_count, 0.5 AS completeness FROM person""")
    origins = ", ".join(
        f"""CASE WHEN r."{f.name}" IS NOT NULL THEN p.i * 2 + 1 END AS "{f.name}_record",
        CASE WHEN r."{f.name}" IS NOT NULL THEN 1 END AS "{f.name}_source",
        CASE WHEN r."{f.name}" IS NOT NULL THEN DATE '2026-10-01' END AS "{f.name}_observed",
        FALSE AS "{f.name}_contested" """
        for f in FIELDS
    )
    con.execute(f"""INSERT INTO master.provenance BY NAME SELECT resident_id, {origins}
        FROM master.resident r JOIN person p USING (resident_id)""")
    con.execute("""INSERT INTO master.dwelling BY NAME SELECT 'D' || house AS dwelling_id,
        any_value('330199101201' || grid) AS grid_code, '云溪村' AS village_name,
        '330199101201' AS village_code, '第' || any_value(grid) || '网格' AS grid_name,
        count(*)::INTEGER AS residents FROM person GROUP BY house""")
    con.execute("""INSERT INTO master.household BY NAME SELECT 'H' || house AS household_id,
        'D' || house AS dwelling_id, any_value('330199101201' || grid) AS grid_code,
        arg_min(resident_id, i) AS head_resident_id, count(*)::INTEGER AS residents
        FROM person GROUP BY house""")
    con.execute(
        """INSERT INTO master.event SELECT ?, ?, 'birth', resident_id, NULL, NULL, NULL
        FROM person""",
        [night.number, night.business_date],
    )
    states = ", ".join(
        f"""CASE WHEN r."{name}" IS NULL THEN 'ask' WHEN '{name}' = 'phone' AND p.i % 5 = 0
        THEN 'verify' ELSE 'known' END AS "{name}_state" """
        for name in FORM_FIELDS
    )
    con.execute(f"""INSERT INTO deliver.form_row BY NAME SELECT 'population' AS form,
        '2026-11' AS period, r.grid_code, p.i::INTEGER AS row_no, resident_id, r.household_id,
        {states} FROM master.resident r JOIN person p USING (resident_id)""")
    con.execute("""INSERT INTO deliver.form BY NAME SELECT 'population-' || grid_code AS form_id,
        form, period, grid_code, 1 AS version, residents, required_cells, known_cells,
        verify_cells, ask_cells, 0 AS waits_cells, withheld_cells
        FROM (SELECT form, period, grid_code, count(DISTINCT resident_id)::INTEGER AS residents,
            count(*) AS required_cells, count(*) FILTER (state = 'known') AS known_cells,
            count(*) FILTER (state = 'verify') AS verify_cells,
            count(*) FILTER (state = 'ask') AS ask_cells,
            count(*) FILTER (state = 'withheld') AS withheld_cells
            FROM deliver.form_cell GROUP BY form, period, grid_code)""")
    con.execute("DROP TABLE person")
