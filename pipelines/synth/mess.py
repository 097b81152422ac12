# ruff: noqa: E501  SQL reads better unbroken
"""How an office writes a person down: the errors, each at its stated rate."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import duckdb
import pyarrow as pa
from lunardate import LunarDate

from pipelines.synth import names
from pipelines.synth.offices import factors
from pipelines.synth.rates import ErrorRates


@cache
def _lunar_days() -> pa.Table:
    """Gregorian → lunar year, month, day for births from 1915 to 1969."""
    start, count = date(1915, 1, 1), 20089
    days = [start + timedelta(days=n) for n in range(count)]
    lunar = [LunarDate.fromSolarDate(day.year, day.month, day.day) for day in days]
    return pa.table(
        {
            "birth_date": days,
            "ly": [item.year for item in lunar],
            "lm": [item.month for item in lunar],
            "ld": [item.day for item in lunar],
        }
    )


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Load the tables the errors are drawn from."""
    pairs = names.homophones()
    con.register("pairs", pa.table({"c": [a for a, _ in pairs], "other": [b for _, b in pairs]}))
    con.execute(
        "CREATE OR REPLACE TABLE homophone AS "
        "SELECT c, list(other ORDER BY other) AS others FROM pairs GROUP BY c"
    )
    con.unregister("pairs")
    con.register("lunar_days", _lunar_days())
    con.execute("CREATE OR REPLACE TABLE lunar AS SELECT * FROM lunar_days")
    con.unregister("lunar_days")


def write_down(con: duckdb.DuckDBPyConnection, apps: str, rates: ErrorRates, into: str) -> None:
    """Make the table `into`: the appearances of the table `apps` as the offices wrote them."""
    r = rates
    old, new = "".join(names.VARIANTS), "".join(names.VARIANTS.values())
    first = r.id_missing
    masked = first + r.id_masked
    short = masked + r.id_short
    typo = short + r.id_typo
    swap = typo + r.id_swap
    excel = swap + r.id_excel
    dressed = excel + r.id_dressed
    former = r.name_homophone + r.name_variant + r.name_padded + r.name_former
    con.execute(
        f"""
        CREATE OR REPLACE TABLE {into} AS
        WITH office(source, factor, ledger) AS (VALUES {factors()}),
        key AS (
            SELECT a.*, p.* EXCLUDE (person_id, household), p.household, o.factor, o.ledger,
                hash(a.source, a.row_id, a.role, a.day) AS k, h.id_number AS head_number
            FROM {apps} a JOIN person p USING (person_id) JOIN office o USING (source)
            LEFT JOIN person h ON h.person_id = p.head_id
        ), chance AS (
            SELECT *, u(k, 'id') / factor AS x, u(k, 'name') / factor AS y,
                2 + floor(u(k, 'at') * (length(name) - 1))::INT AS spot
            FROM key
        ), fated AS (
            SELECT c.*, h.others, ly, lm, ld,
                CASE WHEN (role = 'spouse' OR role LIKE 'child%')
                        AND u(k, 'kin') < {r.kin_id_missing} THEN 'missing'
                    WHEN age < 16 AND head_id <> person_id AND u(k, 'head') < {r.id_head} * factor
                        THEN 'head'
                    WHEN x < {first} THEN 'missing'
                    WHEN x < {masked} THEN if(ledger, 'masked', 'right')
                    WHEN x < {short} THEN if(birth_date < DATE '1985-01-01', 'short', 'right')
                    WHEN x < {typo} THEN 'typo'
                    WHEN x < {swap} THEN 'swap'
                    WHEN x < {excel} THEN if(ledger AND id_number[18:18] <> 'X', 'excel', 'right')
                    WHEN x < {dressed} THEN 'dressed'
                    ELSE 'right' END AS id_fate,
                CASE WHEN birth_date < DATE '1970-01-01' AND ly IS NOT NULL
                        AND u(k, 'lunar') < {r.birth_lunar} * factor
                        THEN if(u(k, 'marked') < 0.5, 'lunar', 'lunar unmarked')
                    WHEN ledger AND u(k, 'year') < {r.birth_year_only} * factor THEN 'year'
                    WHEN u(k, 'slip') < {r.birth_wrong} * factor THEN
                        if(u(k, 'slip kind') < 0.5 AND day(birth_date) <= 12, 'swapped', 'year slip')
                    ELSE 'right' END AS birth_fate
            FROM chance c LEFT JOIN homophone h ON h.c = name[spot:spot]
            LEFT JOIN lunar USING (birth_date)
        )
        SELECT source, row_id, role, person_id, copy, day, k, household, id_fate, birth_fate,
            CASE WHEN contains(name, '·') AND u(k, 'dot') < {r.name_dot}
                    THEN replace(name, '·', pick(['•', '.', '．', ''], u(k, 'which dot')))
                WHEN y < {r.name_homophone} AND others IS NOT NULL
                    THEN name[:spot - 1] || pick(others, u(k, 'sound')) || name[spot + 1:]
                WHEN y < {r.name_homophone + r.name_variant} THEN translate(name, '{old}', '{new}')
                WHEN y < {r.name_homophone + r.name_variant + r.name_padded} AND length(name) = 2
                    THEN name[1:1] || ' ' || name[2:]
                WHEN y < {former} AND y >= {former - r.name_former} AND length(name) < 4
                    THEN name || '（' || name[1:1] || '小' || name[-1:] || '）'
                ELSE name END AS name,
            CASE id_fate WHEN 'missing' THEN NULL
                WHEN 'head' THEN head_number
                WHEN 'masked' THEN id_number[1:6] || '********' || id_number[15:18]
                WHEN 'short' THEN id_number[1:6] || id_number[9:17]
                WHEN 'typo' THEN replace_at(id_number, 1 + floor(u(k, 'digit') * 17)::INT,
                    1 + floor(u(k, 'by') * 9)::INT)
                WHEN 'swap' THEN swap_at(id_number, pick(list_filter(range(7, 17),
                    lambda i: substr(id_number, i, 1) <> substr(id_number, i + 1, 1)), u(k, 'digit'))::INT)
                WHEN 'excel' THEN id_number[1:15] || '000'
                WHEN 'dressed' THEN pick(['''' || id_number, lower(id_number) || ' ',
                    id_number[1:6] || ' ' || id_number[7:14] || ' ' || id_number[15:18],
                    translate(id_number, '0123456789X', '０１２３４５６７８９Ｘ')], u(k, 'dress'))
                ELSE id_number END AS id_number,
            CASE WHEN u(k, 'sex') < {r.sex_wrong} * factor THEN if(sex = '男', '女', '男') ELSE sex END AS sex,
            CASE birth_fate WHEN 'lunar' THEN ly WHEN 'lunar unmarked' THEN ly
                WHEN 'year slip' THEN year(birth_date) + if(u(k, 'older') < 0.5, 1, -1)
                ELSE year(birth_date) END::INT AS birth_y,
            CASE birth_fate WHEN 'lunar' THEN lm WHEN 'lunar unmarked' THEN lm
                WHEN 'swapped' THEN day(birth_date) WHEN 'year' THEN 0
                ELSE month(birth_date) END::INT AS birth_m,
            CASE birth_fate WHEN 'lunar' THEN ld WHEN 'lunar unmarked' THEN ld
                WHEN 'swapped' THEN month(birth_date) WHEN 'year' THEN 0
                WHEN 'year slip' THEN least(day(birth_date), 28)
                ELSE day(birth_date) END::INT AS birth_d,
            CASE WHEN u(k, 'no phone') < {r.phone_missing} * factor THEN NULL
                WHEN u(k, 'old phone') < {r.phone_old} * factor THEN phone_number(phone_owner, 0)
                WHEN u(k, 'two') < {r.phone_two} * factor
                    THEN phone_number(phone_owner, phone_generation) || '、' || phone_number(phone_owner, 0)
                ELSE phone_number(phone_owner, phone_generation) END AS phone,
            CASE WHEN u(k, 'no address') < {r.address_missing} * factor THEN NULL
                WHEN u(k, 'old address') < {r.address_old} * factor OR source = 'ledger_grid'
                    AND u(k, 'old address') < {r.address_old} * 2 THEN old_dwelling
                ELSE dwelling END AS written_dwelling
        FROM fated"""
    )


def helpers(con: duckdb.DuckDBPyConnection) -> None:
    """Define replace_at (one digit raised) and swap_at (two neighbours swapped)."""
    con.execute(
        "CREATE OR REPLACE MACRO replace_at(s, i, step) AS substr(s, 1, i - 1) || "
        "((substr(s, i, 1)::INT + step) % 10)::VARCHAR || substr(s, i + 1)"
    )
    con.execute(
        "CREATE OR REPLACE MACRO swap_at(s, i) AS substr(s, 1, i - 1) || substr(s, i + 1, 1) || "
        "substr(s, i, 1) || substr(s, i + 2)"
    )
