# ruff: noqa: E501  SQL reads better unbroken
"""Which office lists whom, and what each office's rows hold."""

from __future__ import annotations

import duckdb

from pipelines.synth.rates import OFFICE_FACTOR, ErrorRates

_LOCAL = "NOT migrant"
# Source → (which persons it is about, share of them that it lists).
COVERAGE: dict[str, tuple[str, str]] = {
    "civil_affairs_low_income": ("low_income", "0.97"),
    "civil_affairs_disability": ("disability_type IS NOT NULL", "0.8"),
    "civil_affairs_old_age": ("age >= 80 AND NOT migrant", "0.92"),
    "social_security_resident_pension": ("pension_insurance = '城乡居民养老'", "0.65"),
    "social_security_employee_pension": ("pension_insurance = '职工养老'", "0.60"),
    "social_security_medical": ("medical_insurance IN ('居民医保', '职工医保')", "0.46"),
    "social_security_unemployment": (
        "age BETWEEN 18 AND 58 AND pension_insurance = '职工养老'",
        "0.03",
    ),
    "ledger_population": ("TRUE", "if(migrant, 0.03, 0.78)"),
    "ledger_migrant": ("migrant", "0.72"),
    "ledger_grid": ("TRUE", "0.31"),
}
LEDGERS = ("ledger_population", "ledger_migrant", "ledger_grid")


def list_people(con: duckdb.DuckDBPyConnection, rates: ErrorRates) -> None:
    """Make the table app: one row for each appearance of a person in a row of a source."""
    con.execute(
        "CREATE OR REPLACE TABLE app (source VARCHAR, row_id BIGINT, role VARCHAR, "
        "person_id BIGINT, copy INTEGER, day INTEGER)"
    )
    for source in COVERAGE:
        con.execute(f"INSERT INTO app {_single(source, rates, 1, f'{COVERAGE[source][1]}')}")
    con.execute(f"INSERT INTO app {_marriages(rates, 1, 0.15)}")
    con.execute(f"INSERT INTO app {_women(rates, 1, 0.5)}")


def _listed(source: str, rates: ErrorRates) -> str:
    return (
        f"CASE WHEN NOT is_alive THEN u(person_id, 'dead {source}') < {rates.dead_listed} "
        f"WHEN has_left THEN u(person_id, 'left {source}') < {rates.left_listed} ELSE TRUE END"
    )


def _single(source: str, rates: ErrorRates, day: int, share: str) -> str:
    about, _ = COVERAGE[source]
    # Villages and grids list households; one member in ten is forgotten.
    key = "household" if source in ("ledger_grid", "ledger_population") else "person_id"
    salt = f"'{source}'" if day == 1 else f"'{source} {day}'"
    once = (
        f"SELECT '{source}' AS source, person_id * 2 AS row_id, 'self' AS role, person_id, "
        f"0 AS copy, {day} AS day FROM person WHERE {about} AND u({key}, {salt}) < {share} "
        f"AND {_listed(source, rates)}"
        + (f" AND u(person_id, 'forgotten {source}') < 0.9" if key == "household" else "")
    )
    return (
        f"WITH one AS ({once}) SELECT * FROM one UNION ALL "
        f"SELECT source, row_id + 1, role, person_id, 1, day FROM one "
        f"WHERE u(person_id, 'twice {source}') < {rates.duplicate}"
    )


def _marriages(rates: ErrorRates, day: int, share: float) -> str:
    recent = (
        "marriage_date >= DATE '1990-01-01'"
        if day == 1
        else f"marriage_date = DATE '2026-11-22' + {day - 1}"
    )
    return f"""WITH row AS (
        SELECT person_id AS wife, spouse_id AS husband FROM person
        WHERE sex = '女' AND spouse_id IS NOT NULL AND marriage_date IS NOT NULL AND {recent}
        AND u(person_id, 'married {day}') < {share})
    SELECT 'civil_affairs_marriage', wife * 2, 'wife', wife, 0, {day} FROM row UNION ALL
    SELECT 'civil_affairs_marriage', wife * 2, 'husband', husband, 0, {day} FROM row"""


def _women(rates: ErrorRates, day: int, share: float) -> str:
    return f"""WITH woman AS (
        SELECT person_id, spouse_id FROM person WHERE sex = '女' AND age BETWEEN 15 AND 49
        AND u(person_id, 'women {day}') < {share} * if(marital_status = '未婚', 0.3, 1)
        AND {_listed("family_planning_women", rates)}
    ), row AS (
        SELECT person_id AS woman, spouse_id, 0 AS copy FROM woman UNION ALL
        SELECT person_id, spouse_id, 1 FROM woman
        WHERE u(person_id, 'twice women') < {rates.duplicate}
    ), child AS (
        SELECT mother_id, person_id, row_number() OVER (PARTITION BY mother_id ORDER BY birth_date, person_id) AS n
        FROM person WHERE mother_id IS NOT NULL AND slot LIKE 'child%'
    )
    SELECT 'family_planning_women', woman * 2 + copy, 'self', woman, copy, {day} FROM row UNION ALL
    SELECT 'family_planning_women', woman * 2 + copy, 'spouse', spouse_id, copy, {day} FROM row
    WHERE spouse_id IS NOT NULL UNION ALL
    SELECT 'family_planning_women', woman * 2 + copy, 'child' || n, c.person_id, copy, {day}
    FROM row JOIN child c ON c.mother_id = woman WHERE n <= 3"""


def next_day(con: duckdb.DuckDBPyConnection, rates: ErrorRates, day: int) -> None:
    """Change about one row in a hundred of every source; ledgers only in some villages.

    The table app_changed holds the appearances whose rows must be written anew, app_gone the keys
    of rows that vanish. One village in twenty hands in a new version of each ledger.
    """
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE fate AS
        SELECT source, row_id, CASE
            WHEN x < 0.003 * boost THEN 'gone' WHEN x < 0.007 * boost THEN 'changed' END AS fate
        FROM (SELECT DISTINCT a.source, row_id, u(hash(a.source, row_id), 'fate {day}') AS x,
                CASE WHEN a.source NOT LIKE 'ledger%' THEN 1.0 WHEN v.village IS NULL THEN 0.0
                    ELSE 10.0 END AS boost
            FROM app a LEFT JOIN placed p USING (source, row_id)
            LEFT JOIN renewed v ON v.source = a.source AND v.village = p.village)
        WHERE x < 0.007 * boost"""
    )
    con.execute("CREATE OR REPLACE TEMP TABLE app_new AS SELECT * FROM app LIMIT 0")
    for source in COVERAGE:
        share = (
            f"0.003 * {COVERAGE[source][1]}"
            if source not in LEDGERS
            else f"0.03 * {COVERAGE[source][1]}"
        )
        con.execute(f"INSERT INTO app_new {_single(source, rates, day, share)}")
    con.execute(f"INSERT INTO app_new {_marriages(rates, day, 1.0)}")
    con.execute(f"INSERT INTO app_new {_women(rates, day, 0.003)}")
    con.execute(
        """CREATE OR REPLACE TEMP TABLE fresh AS
        SELECT a.* REPLACE ($day AS day) FROM app a JOIN fate f USING (source, row_id)
        WHERE f.fate = 'changed'
        UNION ALL SELECT n.* FROM app_new n ANTI JOIN app USING (source, row_id)
        WHERE n.source NOT LIKE 'ledger%' OR EXISTS (
            FROM person p JOIN dwelling d USING (dwelling) JOIN grid g USING (grid)
            JOIN renewed v ON v.village = g.village
            WHERE p.person_id = n.person_id AND v.source = n.source)""",
        {"day": day},
    )
    con.execute(
        "DELETE FROM app USING fate WHERE app.source = fate.source AND app.row_id = fate.row_id"
    )
    con.execute("INSERT INTO app SELECT * FROM fresh")


def factors() -> str:
    """The offices as an SQL VALUES list: source, factor of its error rates, whether a ledger."""
    return ", ".join(
        f"('{source}', {factor}, {str(source in LEDGERS).lower()})"
        for source, factor in OFFICE_FACTOR.items()
    )
