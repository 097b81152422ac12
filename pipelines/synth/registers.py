# ruff: noqa: E501  SQL reads better unbroken
"""The rows of the departments' tables, and how they get into their databases."""

from __future__ import annotations

import io
from typing import Any

import duckdb
import pyarrow.csv
import sqlalchemy as sa

from pipelines.progress import tell
from schemas.source import SourceMap

_CIVIL = "printf('%04d-%02d-%02d', birth_y, birth_m, birth_d)"
_PLAIN = "printf('%04d%02d%02d', birth_y, birth_m, birth_d)"
_LUNAR = "printf('农历%d年%d月%d日', birth_y, birth_m, birth_d)"
_UPDATED = "($today - floor(u(s.k, 'updated') * if(s.day > 1, 1, {span}))::INT)::VARCHAR"
_CODES = (
    "MAP {'汉族':'01','蒙古族':'02','回族':'03','藏族':'04','维吾尔族':'05','苗族':'06','彝族':'07',"
    "'壮族':'08','布依族':'09','朝鲜族':'10','满族':'11','侗族':'12','瑶族':'13','土家族':'15','畲族':'22'}"
)
_STATUS = (
    "CASE WHEN NOT p.is_alive OR p.has_left THEN '终止参保' WHEN p.age >= {receives} THEN '待遇领取' "
    "WHEN u(s.k, 'paused') < 0.06 THEN '暂停缴费' ELSE '参保缴费' END"
)
_CLOSED = "CASE WHEN p.has_left THEN '202606' END"


def _birth(text: str) -> str:
    return f"CASE WHEN birth_fate = 'lunar' THEN {_LUNAR} ELSE {text} END"


def _month(span_years: int, salt: str) -> str:
    return f"strftime($today - (60 + floor(u(s.k, '{salt}') * {span_years * 365}))::INT, '%Y%m')"


def _single(source: str, prefix: str, values: dict[str, str]) -> str:
    columns = ", ".join(f"{sql} AS {name}" for name, sql in values.items())
    return (
        f"SELECT s.row_id, '{prefix}' || lpad(s.row_id::VARCHAR, 9, '0') AS source_key, {columns} "
        f"FROM seen s JOIN person p USING (person_id) "
        f"LEFT JOIN dwelling d ON d.dwelling = s.written_dwelling WHERE s.source = '{source}'"
    )


def _key(prefix: str) -> str:
    return f"'{prefix}' || lpad(s.row_id::VARCHAR, 9, '0')"


_SEX_CODE = "if(s.sex = '男', '1', '2')"


def row_queries() -> dict[str, str]:
    """Source → SQL for its rows: row_id, source_key and the columns of its source map."""
    found = {
        "civil_affairs_low_income": _single(
            "civil_affairs_low_income",
            "CY",
            {
                "member_no": _key("CY"),
                "certificate_no": "'DB' || lpad(p.household::VARCHAR, 8, '0')",
                "name": "s.name",
                "id_number": "s.id_number",
                "sex": "s.sex",
                "relation": "p.relation",
                "category": "if(p.hukou_type = '农业户口', '农村低保', '城市低保')",
                "amount": "(400 + 10 * floor(u(s.k, 'amount') * 60))::INT",
                "since": _month(8, "since"),
                "until": "CASE WHEN u(s.k, 'ended') < 0.03 THEN '202609' END",
                "address": "d.address_town",
                "phone": "s.phone",
                "updated_on": _UPDATED.format(span=700),
            },
        ),
        "civil_affairs_disability": _single(
            "civil_affairs_disability",
            "CJ",
            {
                "case_no": _key("CJ"),
                "name": "s.name",
                "id_number": "s.id_number",
                "sex": "s.sex",
                "disability_type": "p.disability_type || '残疾'",
                "disability_grade": "p.disability_grade",
                "living_amount": "CASE WHEN p.low_income OR u(s.k, 'living') < 0.5 THEN 300 END",
                "care_amount": "CASE WHEN p.disability_grade IN ('一级', '二级') THEN 250 END",
                "since": _month(9, "since"),
                "until": "CASE WHEN u(s.k, 'ended') < 0.03 THEN '202608' END",
                "address": "d.address_village",
                "phone": "s.phone",
                "updated_on": _UPDATED.format(span=900),
            },
        ),
        "civil_affairs_old_age": _single(
            "civil_affairs_old_age",
            "GL",
            {
                "case_no": _key("GL"),
                "name": "s.name",
                "id_number": "s.id_number",
                "birth_date": _birth(_CIVIL),
                "bracket": "CASE WHEN p.age >= 100 THEN '100+' WHEN p.age >= 90 THEN '90-99' ELSE '80-89' END",
                "amount": "CASE WHEN p.age >= 100 THEN 500 WHEN p.age >= 90 THEN 200 ELSE 80 END",
                "since": "strftime(p.birth_date + INTERVAL 80 YEAR, '%Y%m')",
                "until": "CASE WHEN NOT p.is_alive AND u(s.k, 'told') < 0.5 THEN p.death_date::VARCHAR END",
                "death_date": "CASE WHEN NOT p.is_alive AND u(s.k, 'told') < 0.5 THEN p.death_date::VARCHAR END",
                "address": "d.address_town",
                "phone": "s.phone",
                "updated_on": _UPDATED.format(span=1200),
            },
        ),
        "social_security_resident_pension": _single(
            "social_security_resident_pension",
            "33J",
            {
                "person_no": _key("33J"),
                "name": "s.name",
                "id_number": "s.id_number",
                "sex": _SEX_CODE,
                "ethnic_group": f"{_CODES}[p.ethnic_group]",
                "birth_date": _birth(_PLAIN),
                "hukou_type": "if(p.hukou_type = '农业户口', '2', '1')",
                "phone": "s.phone",
                "address": "d.address_full",
                "status": _STATUS.format(receives=60),
                "since": _month(14, "since"),
                "until": _CLOSED,
                "updated_on": _UPDATED.format(span=1500),
            },
        ),
        "social_security_employee_pension": _single(
            "social_security_employee_pension",
            "33Z",
            {
                "person_no": _key("33Z"),
                "name": "s.name",
                "id_number": "s.id_number",
                "sex": _SEX_CODE,
                "birth_date": _birth(_PLAIN),
                "phone": "s.phone",
                "employer": "p.employer",
                "status": _STATUS.format(receives=60),
                "since": _month(12, "since"),
                "until": _CLOSED,
                "updated_on": _UPDATED.format(span=500),
            },
        ),
        "social_security_medical": _single(
            "social_security_medical",
            "33Y",
            {
                "person_no": _key("33Y"),
                "name": "s.name",
                "id_number": "s.id_number",
                "sex": _SEX_CODE,
                "birth_date": _birth(_PLAIN),
                "scheme": "p.medical_insurance",
                "phone": "s.phone",
                "address": "d.address_town",
                "status": "CASE WHEN NOT p.is_alive OR p.has_left THEN '终止参保' WHEN u(s.k, 'paused') < 0.06 THEN '暂停缴费' ELSE '参保缴费' END",
                "since": _month(10, "since"),
                "until": _CLOSED,
                "updated_on": _UPDATED.format(span=400),
            },
        ),
        "social_security_unemployment": _single(
            "social_security_unemployment",
            "33S",
            {
                "registration_no": _key("33S"),
                "name": "s.name",
                "id_number": "s.id_number",
                "sex": _SEX_CODE,
                "education": "p.education",
                "phone": "s.phone",
                "status": "if(u(s.k, 'receives') < 0.4, '待遇领取', '参保缴费')",
                "registered_on": _UPDATED.format(span=600),
                "since": "CASE WHEN u(s.k, 'receives') < 0.4 THEN " + _month(1, "since") + " END",
                "until": "CASE WHEN u(s.k, 'receives') < 0.4 THEN '202706' END",
            },
        ),
    }
    home = "coalesce({p}.home_address, {d}.address_full)"
    again = "if({p}.married_again, '再婚', '初婚')"
    sides = ", ".join(
        f"""{r}.name AS {r}_name, {r}.id_number AS {r}_id,
        printf('%04d-%02d-%02d', {r}.birth_y, {r}.birth_m, {r}.birth_d) AS {r}_birth,
        {home.format(p="p" + r[0], d="d" + r[0])} AS {r}_hukou, {again.format(p="p" + r[0])} AS {r}_status"""
        for r in ("husband", "wife")
    )
    found["civil_affairs_marriage"] = f"""
        SELECT wife.row_id, 'J330199-' || lpad(wife.row_id::VARCHAR, 9, '0') AS source_key,
        source_key AS certificate_no, pw.marriage_date::VARCHAR AS registered_on,
        strftime(pw.marriage_date, '%Y%m%d') AS marriage_date, {sides}
        FROM seen wife JOIN seen husband ON husband.row_id = wife.row_id AND husband.role = 'husband'
            AND husband.source = 'civil_affairs_marriage'
        JOIN person pw ON pw.person_id = wife.person_id JOIN person ph ON ph.person_id = husband.person_id
        LEFT JOIN dwelling dw ON dw.dwelling = pw.dwelling LEFT JOIN dwelling dh ON dh.dwelling = ph.dwelling
        WHERE wife.source = 'civil_affairs_marriage' AND wife.role = 'wife'"""
    plain = "printf('%04d%02d%02d', {r}.birth_y, {r}.birth_m, {r}.birth_d)"
    children = ", ".join(
        f"child{n}.name AS child{n}_name, child{n}.sex AS child{n}_sex, "
        f"CASE WHEN child{n}.row_id IS NOT NULL THEN {plain.format(r=f'child{n}')} END AS child{n}_birth, "
        f"child{n}.id_number AS child{n}_id"
        for n in (1, 2, 3)
    )
    joins = " ".join(
        f"LEFT JOIN seen {r} ON {r}.source = s.source AND {r}.row_id = s.row_id AND {r}.role = '{r}'"
        for r in ("spouse", "child1", "child2", "child3")
    )
    found["family_planning_women"] = f"""
        SELECT s.row_id, 'FN' || lpad(s.row_id::VARCHAR, 9, '0') AS source_key, source_key AS woman_no,
        g.village_code || lpad((p.household % 100)::VARCHAR, 2, '0') || lpad((p.household // 100 % 10000)::VARCHAR, 4, '0') AS household_no,
        s.name, s.id_number, {plain.format(r="s")} AS birth_date, p.ethnic_group, p.education,
        p.marital_status, strftime(p.marriage_date, '%Y%m%d') AS marriage_date, p.relation, s.phone,
        d.address_village AS address, coalesce(p.home_address, d.address_full) AS hukou_address,
        if(p.hukou_type = '农业户口', '2', '1') AS hukou_type, p.children_count,
        spouse.name AS spouse_name, spouse.id_number AS spouse_id,
        CASE WHEN spouse.row_id IS NOT NULL THEN {plain.format(r="spouse")} END AS spouse_birth,
        {children}, {_UPDATED.format(span=800)} AS updated_on
        FROM seen s JOIN person p USING (person_id) {joins}
        LEFT JOIN dwelling d ON d.dwelling = s.written_dwelling
        LEFT JOIN dwelling own ON own.dwelling = p.dwelling LEFT JOIN grid g ON g.grid = own.grid
        WHERE s.source = 'family_planning_women' AND s.role = 'self'"""
    return found


REGISTER = """
    SELECT d.dwelling * 8 + coalesce(h.n, 0) AS row_id, 'W' || lpad((d.dwelling * 8 + coalesce(h.n, 0))::VARCHAR, 10, '0') AS source_key,
    source_key AS register_no, g.township_code, g.village_code, g.village_name, g.grid_code, g.grid_name,
    'F' || lpad(d.dwelling::VARCHAR, 9, '0') AS house_code, d.address_town AS address,
    CASE WHEN h.household IS NOT NULL THEN 'H' || lpad(h.household::VARCHAR, 9, '0') END AS household_no,
    p.name AS head_name, ($today - (hash(d.dwelling) % 300)::INT)::VARCHAR AS updated_on
    FROM dwelling d JOIN grid g USING (grid)
    LEFT JOIN (SELECT *, row_number() OVER (PARTITION BY dwelling ORDER BY household) AS n
        FROM household WHERE NOT moved_away QUALIFY n <= 7) h USING (dwelling)
    LEFT JOIN (SELECT household, any_value(head_id) AS head_id FROM person GROUP BY household) k USING (household)
    LEFT JOIN person p ON p.person_id = k.head_id
    WHERE u(d.dwelling, 'unregistered') >= 0.01"""

_DATES = {"updated_on", "registered_on"}
_NUMBERS = {"amount", "living_amount", "care_amount"}


def write_register(con: duckdb.DuckDBPyConnection, url: str, contract: SourceMap, rows: str) -> int:
    """Write the table `rows` as `contract.table` into the database at `url`; its number of rows.

    Columns that onegrid must not pull are there too, filled with meaningless numbers.
    """
    left_out = [item.column for item in contract.excluded]
    columns: list[sa.Column[Any]] = []
    for name, column in contract.columns.items():
        kind: sa.types.TypeEngine[Any] = sa.String(255)
        if name in _DATES:
            kind = sa.Date()
        elif name in _NUMBERS:
            kind = sa.Numeric(12, 2)
        elif name == "children_count":
            kind = sa.Integer()
        elif name in contract.key:
            kind = sa.String(40)
        key = name in contract.key
        columns.append(sa.Column(column.aliases[0], kind, primary_key=key, nullable=not key))
    columns += [sa.Column(name, sa.String(40)) for name in left_out]
    table = sa.Table(str(contract.table), sa.MetaData(), *columns)
    filler = ", ".join(
        f"'6228' || lpad((hash(row_id, {n}) % 1000000000000)::VARCHAR, 12, '0') AS left_out_{n}"
        for n in range(len(left_out))
    )
    wanted = ", ".join(f'"{name}"' for name in contract.columns)
    reader = con.sql(
        f"SELECT {wanted}{', ' + filler if filler else ''} FROM {rows} ORDER BY row_id"
    ).to_arrow_reader(50_000)
    engine = sa.create_engine(url)
    done = 0
    try:
        with engine.begin() as target:
            table.drop(target, checkfirst=True)
            table.create(target)
            names = ", ".join(engine.dialect.identifier_preparer.quote(c.name) for c in columns)
            place = engine.dialect.identifier_preparer.format_table(table)
            mark = "?" if engine.dialect.name == "sqlite" else "%s"
            statement = f"INSERT INTO {place} ({names}) VALUES ({', '.join([mark] * len(columns))})"
            for batch in reader:
                if engine.dialect.name == "postgresql":
                    text = io.BytesIO()
                    pyarrow.csv.write_csv(
                        batch, text, pyarrow.csv.WriteOptions(include_header=False)
                    )
                    driver = target.connection.cursor()
                    with driver.copy(f"COPY {place} ({names}) FROM STDIN (FORMAT csv)") as copy:
                        copy.write(text.getvalue())
                else:
                    values = [column.to_pylist() for column in batch.columns]
                    target.exec_driver_sql(statement, list(zip(*values, strict=True)))
                done += batch.num_rows
                tell(f"synth: {contract.source}", done)
    finally:
        engine.dispose()
    return done
