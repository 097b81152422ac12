# ruff: noqa: E501  SQL reads better unbroken
"""The people's traits: numbers, kin, marriage, schooling, work, insurance; and what a day changes."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def macros(con: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Define u(key, salt): chance in [0, 1) that depends on nothing but key, salt and seed."""
    con.execute(
        f"CREATE OR REPLACE MACRO u(k, salt) AS "
        f"(hash(k, salt, {seed}) >> 11)::DOUBLE / 9007199254740992.0"
    )
    con.execute("CREATE OR REPLACE MACRO pick(list, x) AS list[1 + floor(x * len(list))::INT]")
    total = " + ".join(f"{w} * substr(d, {i}, 1)::INT" for i, w in enumerate(_WEIGHTS, start=1))
    con.execute(
        f"CREATE OR REPLACE MACRO with_check_digit(d) AS d || substr('10X98765432', 1 + ({total}) % 11, 1)"
    )
    con.execute(
        "CREATE OR REPLACE MACRO phone_number(owner, generation) AS "
        "pick(['130','131','132','135','136','137','138','139','150','151','152','157','158','159',"
        "'178','180','182','183','187','188','189','199'], u(owner, 'phone' || generation)) || "
        f"lpad(((owner * 38693 + generation * 7654321 + {seed % 9999991}) % 100000000)::VARCHAR, 8, '0')"
    )


def traits(
    con: duckdb.DuckDBPyConnection,
    grids: pa.Table,
    dwelling: pa.Table,
    household: pa.Table,
    drawn: pa.Table,
    *,
    today: date,
) -> None:
    """Make the tables grid, dwelling, household and person out of the drawn structure."""
    for name, table in (("grid", grids), ("dwelling", dwelling), ("household", household)):
        con.register("incoming", table)
        con.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM incoming")
        con.unregister("incoming")
    con.register("drawn", drawn)
    con.execute(
        """
        CREATE OR REPLACE TABLE household AS
        SELECT h.*, NOT migrant AND u(household, 'poor') < 0.02 AS low_income,
            (household * 7919 + 13) % (SELECT count(*) FROM dwelling) AS old_dwelling,
            kind = 'stem' AND u(household, 'elder heads') < 0.25 AS elder_heads
        FROM household h ORDER BY household"""
    )
    con.execute(
        """
        CREATE OR REPLACE TABLE kin AS
        SELECT household,
            max(person_id) FILTER (slot = 'father') AS father,
            max(person_id) FILTER (slot = 'mother') AS mother,
            max(person_id) FILTER (slot = 'husband') AS husband,
            max(person_id) FILTER (slot = 'wife') AS wife,
            count(*) FILTER (slot LIKE 'child%') AS children,
            max(birth_day) FILTER (slot = 'wife') AS wife_birth,
            max(birth_day) FILTER (slot = 'mother') AS mother_birth,
            min(birth_day) FILTER (slot LIKE 'child%') AS first_child,
            max(birth_day) FILTER (slot = 'husband') AS husband_birth,
            max(death_day) AS death_day,
            max(person_id) FILTER (slot = 'father' AND death_day IS NULL) AS living_father,
            max(person_id) FILTER (slot = 'mother' AND death_day IS NULL) AS living_mother
        FROM drawn GROUP BY household"""
    )
    con.execute(
        """
        CREATE OR REPLACE TABLE person AS
        WITH base AS (
            SELECT p.*, h.kind, h.migrant, h.moved_away, h.low_income, h.dwelling, h.old_dwelling,
                DATE '1970-01-01' + birth_day::INT AS birth_date,
                date_diff('year', DATE '1970-01-01' + birth_day::INT, $today) AS age,
                CASE WHEN h.elder_heads AND living_father IS NOT NULL THEN living_father
                    ELSE coalesce(k.husband, k.wife, living_father, living_mother, k.father, k.mother)
                END AS head_id,
                CASE slot WHEN 'husband' THEN k.wife WHEN 'wife' THEN k.husband
                    WHEN 'father' THEN k.mother WHEN 'mother' THEN k.father END AS spouse_id,
                CASE WHEN slot LIKE 'child%' THEN k.husband WHEN slot = 'husband' THEN k.father END AS father_id,
                CASE WHEN slot LIKE 'child%' THEN k.wife WHEN slot = 'husband' THEN k.mother END AS mother_id,
                k.children, k.first_child, k.wife_birth, k.mother_birth,
                k.husband_birth, k.death_day AS kin_death,
                row_number() OVER (
                    PARTITION BY county, birth_day, male ORDER BY hash(person_id, 'id')) - 1 AS rank
            FROM drawn p JOIN household h USING (household) JOIN kin k USING (household)
        ), numbered AS (
            SELECT *, with_check_digit(county || strftime(birth_date, '%Y%m%d') || lpad((
                2 * ((rank * 137 + hash(birth_day, county) % 499) % 499) + if(male, 1, 2)
            )::VARCHAR, 3, '0')) AS id_number
            FROM base
        )
        SELECT person_id, household, slot, name, if(male, '男', '女') AS sex, birth_date,
            DATE '1970-01-01' + death_day::INT AS death_date,
            death_day IS NULL AS is_alive, moved_away AS has_left, migrant, age,
            ethnic_group, id_number, head_id, spouse_id, father_id, mother_id,
            CASE WHEN person_id = head_id THEN '户主'
                WHEN spouse_id = head_id THEN '配偶'
                WHEN slot LIKE 'child%' AND slot_of_head IN ('father', 'mother') THEN if(male, '孙子', '孙女')
                WHEN slot LIKE 'child%' THEN if(male, '子', '女')
                WHEN slot = 'husband' THEN '子'
                WHEN slot = 'wife' THEN '儿媳'
                WHEN slot = 'father' THEN '父亲' WHEN slot = 'mother' THEN '母亲'
                ELSE '其他' END AS relation,
            CASE WHEN age < 20 OR slot LIKE 'child%' THEN '未婚'
                WHEN spouse_id IS NOT NULL AND kin_death IS NOT NULL AND death_day IS NULL
                    AND slot IN ('father', 'mother') THEN '丧偶'
                WHEN spouse_id IS NOT NULL THEN '已婚'
                WHEN slot IN ('father', 'mother') THEN '丧偶'
                WHEN kind = 'lone_parent' THEN if(u(person_id, 'lone') < 0.8, '离婚', '丧偶')
                WHEN age < 30 THEN if(u(person_id, 'wed') < 0.2, '已婚', '未婚')
                WHEN kind = 'grown_son' THEN '未婚'
                ELSE pick(['已婚', '已婚', '未婚', '离婚'], u(person_id, 'wed')) END AS marital_status,
            CASE WHEN spouse_id IS NOT NULL THEN DATE '1970-01-01' + least(CASE
                WHEN slot IN ('father', 'mother') THEN mother_birth + 8100
                ELSE least(coalesce(first_child - 480, wife_birth + 9000), wife_birth + 12000) END
                + floor(u(household, 'wedding') * 200),
                date_diff('day', DATE '1970-01-01', $today)
                - 20 - floor(u(household, 'lately') * 300))::INT END AS marriage_date,
            u(household, 'again') < 0.08 AS married_again,
            CASE WHEN age < 6 THEN '学龄前' WHEN age < 12 THEN '小学' WHEN age < 15 THEN '初中'
                WHEN age < 18 THEN '高中'
                WHEN age < 40 THEN pick(['初中','高中','中专','大专','大专','本科','本科','研究生'], u(person_id, 'school'))
                WHEN age < 65 THEN pick(['小学','初中','初中','初中','高中','高中','大专','本科'], u(person_id, 'school'))
                ELSE pick(['文盲','小学','小学','小学','初中','高中'], u(person_id, 'school')) END AS education,
            CASE WHEN age BETWEEN 14 AND 27 AND u(person_id, 'league') < 0.4 THEN '共青团员'
                WHEN age >= 20 AND u(person_id, 'party') < 0.07 THEN '中共党员' ELSE '群众' END AS political_status,
            CASE WHEN age BETWEEN 14 AND 76 AND u(person_id, 'own phone') < 0.93 THEN person_id
                ELSE head_id END AS phone_owner,
            1 AS phone_generation, dwelling, old_dwelling, home_address, county,
            if(u(household, 'hukou') < 0.3, '非农业户口', '农业户口') AS hukou_type,
            CASE WHEN migrant THEN '流动人口'
                WHEN age BETWEEN 19 AND 58 AND u(person_id, 'away') < 0.1 THEN '户籍外出'
                ELSE '户籍常住' END AS residence_type,
            CASE WHEN age BETWEEN 20 AND 60 AND u(person_id, 'job') < 0.7 THEN
                pick(['云州','钱江','恒丰','宏达','华盛','金鑫','永兴','天成','瑞丰','东方','利达','新时代'], u(person_id, 'firm'))
                || pick(['纺织','机械','电子','建筑','物流','食品','服装','塑料','家具','五金','餐饮','网络科技'], u(person_id, 'trade'))
                || '有限公司' END AS employer,
            CASE WHEN age < 16 THEN NULL
                WHEN age BETWEEN 20 AND 60 AND u(person_id, 'job') < 0.5 THEN '职工养老'
                WHEN age > 60 AND u(person_id, 'retired') < 0.3 THEN '职工养老'
                WHEN migrant AND u(person_id, 'insured') < 0.6 THEN '未参保'
                WHEN u(person_id, 'insured') < 0.12 THEN '未参保'
                ELSE '城乡居民养老' END AS pension_insurance,
            CASE WHEN age BETWEEN 20 AND 60 AND u(person_id, 'job') < 0.5 THEN '职工医保'
                WHEN age > 60 AND u(person_id, 'retired') < 0.3 THEN '职工医保'
                WHEN migrant AND u(person_id, 'medical') < 0.6 THEN '未参保'
                WHEN u(person_id, 'medical') < 0.04 THEN '未参保'
                ELSE '居民医保' END AS medical_insurance,
            CASE WHEN NOT migrant AND u(person_id, 'disabled') < 0.012 + 0.0006 * age THEN
                pick(['肢体','肢体','肢体','肢体','视力','听力','听力','言语','智力','精神','多重'], u(person_id, 'disability')) END AS disability_type,
            CASE WHEN NOT migrant AND u(person_id, 'disabled') < 0.012 + 0.0006 * age THEN
                pick(['一级','二级','二级','三级','三级','四级'], u(person_id, 'grade')) END AS disability_grade,
            CASE WHEN slot IN ('husband', 'wife') THEN children::INT END AS children_count,
            low_income,
            CASE WHEN u(person_id, 'former') < 0.02 AND age > 20 THEN
                name[1:1] || pick(['小','阿','大'], u(person_id, 'little')) || name[-1:] END AS former_name
        FROM (SELECT n.*, head.slot AS slot_of_head
              FROM numbered n LEFT JOIN drawn head ON head.person_id = n.head_id)
        ORDER BY person_id""",
        {"today": today},
    )
    con.unregister("drawn")


def live_a_day(con: duckdb.DuckDBPyConnection, number: int, today: date) -> dict[str, int]:
    """What one day changes in the world itself: phones, moves, deaths, births, marriages."""
    chance = f"'day {number}'"
    before = con.execute("SELECT max(person_id) FROM person").fetchall()[0][0]
    con.execute(
        f"UPDATE person SET phone_generation = {number} WHERE phone_owner = person_id "
        f"AND u(person_id, 'new phone' || {chance}) < 0.004"
    )
    con.execute(
        f"""UPDATE household SET old_dwelling = dwelling,
        dwelling = floor(u(household, 'where' || {chance}) * (SELECT count(*) FROM dwelling))::BIGINT
        WHERE NOT moved_away AND u(household, 'move' || {chance}) < 0.002"""
    )
    con.execute(
        f"""UPDATE person SET dwelling = h.dwelling, old_dwelling = h.old_dwelling FROM household h
        WHERE h.household = person.household AND u(h.household, 'move' || {chance}) < 0.002
        AND NOT h.moved_away"""
    )
    con.execute(
        f"""UPDATE person SET is_alive = FALSE, death_date = $today WHERE is_alive AND age > 60
        AND u(person_id, 'death' || {chance}) < 0.0004 * (age - 60) / 20""",
        {"today": today},
    )
    con.execute(
        f"""INSERT INTO person BY NAME
        WITH mothers AS (
            SELECT m.*, row_number() OVER (ORDER BY m.person_id) AS n,
                u(m.person_id, 'boy' || {chance}) < 0.52 AS male
            FROM person m WHERE slot = 'wife' AND is_alive AND NOT has_left AND spouse_id IS NOT NULL
            AND age BETWEEN 22 AND 40 AND u(m.person_id, 'birth' || {chance}) < 0.002
        )
        SELECT {before} + n AS person_id, m.household, 'child4' AS slot,
            f.name[1:1] || if(m.male, '沐宸', '一诺') AS name, if(m.male, '男', '女') AS sex,
            $today - 1 AS birth_date, NULL AS death_date, TRUE AS is_alive, FALSE AS has_left,
            m.migrant, 0 AS age, f.ethnic_group,
            with_check_digit(m.county || strftime($today - 1, '%Y%m%d') || lpad((
                2 * (row_number() OVER (PARTITION BY m.county, m.male ORDER BY n) % 499)
                + if(m.male, 1, 2))::VARCHAR, 3, '0')) AS id_number,
            m.head_id, m.spouse_id AS father_id, m.person_id AS mother_id,
            if(m.male, '子', '女') AS relation, '未婚' AS marital_status, '学龄前' AS education,
            '群众' AS political_status, m.head_id AS phone_owner, 1 AS phone_generation,
            m.dwelling, m.old_dwelling, m.home_address, m.county, m.hukou_type,
            if(m.migrant, '流动人口', '户籍常住') AS residence_type,
            '居民医保' AS medical_insurance, m.low_income, FALSE AS married_again
        FROM mothers m JOIN person f ON f.person_id = m.spouse_id""",
        {"today": today},
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE wedding AS
        WITH men AS (SELECT person_id, row_number() OVER (ORDER BY u(person_id, 'wed' || {chance})) n
            FROM person WHERE sex = '男' AND marital_status = '未婚' AND is_alive AND age BETWEEN 22 AND 40),
        women AS (SELECT person_id, row_number() OVER (ORDER BY u(person_id, 'wed' || {chance})) n
            FROM person WHERE sex = '女' AND marital_status = '未婚' AND is_alive AND age BETWEEN 22 AND 40)
        SELECT men.person_id AS husband, women.person_id AS wife FROM men JOIN women USING (n)
        WHERE n <= 1 + (SELECT count(*) FROM person) / 10000"""
    )
    con.execute(
        """UPDATE person SET marital_status = '已婚', spouse_id = if(sex = '男', wife, husband),
        marriage_date = $today FROM wedding WHERE person_id IN (husband, wife)""",
        {"today": today},
    )
    return {
        "deaths": _count(con, "SELECT count(*) FROM person WHERE death_date = $today", today),
        "births": _count(con, "SELECT count(*) FROM person WHERE birth_date = $today - 1", today),
        "marriages": _count(con, "SELECT count(*) FROM wedding"),
    }


def _count(con: duckdb.DuckDBPyConnection, sql: str, today: date | None = None) -> int:
    parameters = {"today": today} if today else None
    return int(con.execute(sql, parameters).fetchall()[0][0])
