"""A night with a master made by SQL, as the forms need it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from pipelines.config import Config
from pipelines.deliver import plan_forms, render_forms
from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.merge.places import walk_key_sql
from pipelines.night import Night, open_night
from pipelines.publish import publish
from schemas.contract import parse_contract
from schemas.district import District, Limits
from schemas.fields import FIELDS
from schemas.forms import FormContract
from schemas.source import SourceMap

PACKAGED = Path(__file__).parents[1] / "schemas"
SOURCES = ("ledger_population", "social_security_medical", "civil_affairs_old_age", "grid_register")


def config(home: Home, forms: dict[str, FormContract] | None = None) -> Config:
    """Four packaged sources and the packaged population form."""
    sources = {
        name: parse_contract(
            (PACKAGED / "sources" / f"{name}.yaml").read_text("utf-8"), name, SourceMap
        )
        for name in SOURCES
    }
    return Config(
        district=District(
            name="测试镇",
            township_code="330199101",
            databases={},
            limits=Limits(memory="2GB", threads=2),
        ),
        sources=sources,
        forms=forms or {"population": population()},
        databases={},
        ledgers=home.inbox,
        journal_url=f"sqlite:///{home.journal}",
        fingerprint="f",
    )


def population() -> FormContract:
    """The packaged form."""
    text = (PACKAGED / "forms" / "population.yaml").read_text("utf-8")
    return parse_contract(text, "population.yaml", FormContract)


def packaged() -> dict[str, FormContract]:
    """All packaged forms, in the order in which they ask."""
    forms = [
        parse_contract(path.read_text("utf-8"), path.name, FormContract)
        for path in sorted((PACKAGED / "forms").glob("*.yaml"))
    ]
    return {form.form: form for form in sorted(forms, key=lambda form: form.order)}


def source_no(con: duckdb.DuckDBPyConnection, source: str) -> int:
    """The number of a source in the wide tables."""
    rows = con.execute("SELECT source_no FROM meta.source WHERE source = ?", [source]).fetchall()
    return int(rows[0][0])


def settle(con: duckdb.DuckDBPyConnection, *, grids: int, residents: int) -> None:
    """Fill the master: `grids` grids of `residents` residents each, three to a household."""
    ledger = source_no(con, "ledger_population")
    medical = source_no(con, "social_security_medical")
    today = con.execute("SELECT max(business_date) FROM meta.night").fetchall()[0][0]
    for table in ("resident", "provenance", "dwelling", "household"):
        con.execute(f"DELETE FROM master.{table}")
    con.execute(f"""CREATE OR REPLACE TEMP TABLE person AS
        SELECT (g * {residents} + k)::BIGINT AS n, g, k, k // 3 AS h,
            '330199101001' || lpad((g + 1)::VARCHAR, 3, '0') AS grid_code
        FROM range({grids}) grid(g), range({residents}) member(k)""")
    con.execute(f"""INSERT INTO master.dwelling BY NAME
        SELECT *, {walk_key_sql("address")} AS walk_key
        FROM (SELECT DISTINCT 'D' || lpad((g * 100000 + h)::VARCHAR, 15, '0') AS dwelling_id,
            '云溪镇朝阳村' || (h // 40 + 1) || '幢' || (h // 20 % 2 + 1) || '单元'
            || (h % 20 // 2 + 1) || '0' || (h % 2 + 1) || '室' AS address,
            '330199101001' AS village_code, '朝阳村' AS village_name, grid_code,
            '朝阳村第' || (g + 1) || '网格' AS grid_name, 3 AS residents FROM person)""")
    birth = "(DATE '2020-06-15' - CAST(hash(n) % 29000 AS INTEGER))"
    con.execute(f"""INSERT INTO master.resident BY NAME
        SELECT 'R' || lpad(n::VARCHAR, 15, '0') AS resident_id,
            CASE WHEN k % 97 <> 5 THEN list_value('王', '李', '张', '陈', '刘')[k % 5 + 1]
                || list_value('小明', '芳', '建国', '淦颢', '秀英', '伟')[n % 6 + 1] END AS name,
            CASE WHEN n % 2 = 0 THEN '1' ELSE '2' END AS sex,
            {birth} AS birth_date,
            CASE WHEN k % 23 <> 4 THEN '330199' || strftime({birth}, '%Y%m%d')
                || lpad((n % 10000)::VARCHAR, 4, '0') END AS id_number,
            CASE k % 3 WHEN 0 THEN '02' WHEN 1 THEN '10' ELSE '20' END AS relation,
            '01' AS ethnic_group, CASE WHEN k % 7 <> 2 THEN '20' END AS marital_status,
            CASE WHEN k % 5 <> 3 THEN '70' END AS education,
            CASE WHEN k % 6 <> 3 THEN '13' END AS political_status,
            CASE WHEN k % 4 <> 1 THEN '138' || lpad((n % 100000000)::VARCHAR, 8, '0') END AS phone,
            '云溪镇朝阳村' || h || '号' AS hukou_address, '1' AS residence_type,
            CASE WHEN k % 8 = 0 THEN '云溪纺织有限公司' END AS employer,
            CASE WHEN k % 9 <> 1 THEN '1' END AS pension_insurance, '1' AS medical_insurance,
            grid_code, '330199101001' AS village_code,
            'D' || lpad((g * 100000 + h)::VARCHAR, 15, '0') AS dwelling_id,
            'H' || lpad((g * 100000 + h)::VARCHAR, 15, '0') AS household_id, k % 3 = 0 AS is_head
        FROM person""")
    origin = ", ".join(
        f"""n AS {f.name}_record,
        CASE WHEN k % 3 = 0 THEN {ledger} ELSE {medical} END AS {f.name}_source,
        CASE WHEN k % 11 = 7 THEN DATE '{today}' - 2400 ELSE DATE '{today}' - 60 END
            AS {f.name}_observed, k % 50 = 3 AS {f.name}_contested"""
        for f in FIELDS
    )
    con.execute(f"""INSERT INTO master.provenance BY NAME
        SELECT 'R' || lpad(n::VARCHAR, 15, '0') AS resident_id, {origin} FROM person""")


def first_night(
    root: Path,
    *,
    grids: int = 2,
    residents: int = 60,
    forms: dict[str, FormContract] | None = None,
    change: str = "",
) -> Night:
    """A running first night whose master is settled; `change` is SQL run after that."""
    home = Home.at(root)
    night = open_night(home, config(home, forms))
    with night.open() as con:
        settle(con, grids=grids, residents=residents)
        if change:
            con.execute(change)
    return night


def next_night(
    home: Home, change: str = "", *, forms: dict[str, FormContract] | None = None
) -> Night:
    """A running night over the published one, after `change`, whose residents it names."""
    night = open_night(home, config(home, forms))
    with night.open() as con:
        if change:
            con.execute(change)
        if night.base:
            _name_changed(con, home)
    return night


def _name_changed(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Fill delta.resident, as merging does."""
    con.execute(f"ATTACH '{home.published}' AS published (READ_ONLY)")
    for table in ("resident", "provenance"):
        now, before = f"FROM master.{table}", f"FROM published.master.{table}"
        con.execute(f"""INSERT INTO delta.resident SELECT DISTINCT resident_id, 'changed'
            FROM (({now} EXCEPT {before}) UNION ALL ({before} EXCEPT {now}))
            WHERE resident_id NOT IN (SELECT resident_id FROM delta.resident)""")
    con.execute("DETACH published")


def deliver(night: Night) -> dict[str, int]:
    """Plan, render and publish; the counts of rendering."""
    plan_forms(night)
    counts = render_forms(night)
    with open_journal(night.config.journal_url) as journal:
        publish(night.home, journal, night.number, night.folder, keep=7)
    return counts


def today(night: Night) -> date:
    """The night's business date."""
    return night.business_date
