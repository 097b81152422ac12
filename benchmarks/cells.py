"""What a published home knows against the truth of the synthetic district it was made from.

    python benchmarks/cells.py --home var [--form all]

Prints, as Markdown, how well the records were put together and, for each field, how many cells of
the population form (or another, or all) are known, to verify and asked, and which share of them is
what the truth says. Only a night of the same day as the truth can be judged.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

from pipelines.home import Home
from pipelines.synth.trace import trace
from schemas.codes import code_list
from schemas.fields import FIELD, FIELDS

ALL = "all"

# A town's part of an address is as good as none; a town may stand before it or not.
_TEXT = r"regexp_replace({}, '[\s　（）()]|^.*?(省|自治区)|^.*?市|云溪镇', '', 'g')"

# Codes of one group are more or less precise, not wrong: 子 for 长子, 本人 for 户主, 已婚 for 初婚.
_GROUPED = ("relation", "marital_status")


def main() -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--form", default="population")
    options = parser.parse_args()
    for line in judge(Home.at(options.home), options.form):
        print(line)


def judge(home: Home, form: str = "population") -> list[str]:
    """The lines of the report on the published night of `home`, for one form or `ALL`.

    Raises:
        duckdb.IOException: nothing is published, or the district has no truth.
    """
    with duckdb.connect() as con:
        trace(con, home)
        con.execute("USE home")
        _trace(con)
        return [*_linkage(con), "", *_cells(con, form), "", *_places(con)]


def _trace(con: duckdb.DuckDBPyConnection) -> None:
    """Add the resident to `traced`, and make `owner` (resident, person)."""
    con.execute("ALTER TABLE traced RENAME TO found")
    con.execute(
        """CREATE TEMP TABLE traced AS
        SELECT record_id, resident_id, person_id FROM found JOIN link.cluster USING (record_id)"""
    )
    con.execute(
        """CREATE TEMP TABLE owner AS SELECT resident_id, mode(person_id) AS person_id
        FROM traced GROUP BY resident_id"""
    )


def _linkage(con: duckdb.DuckDBPyConnection) -> list[str]:
    row = con.execute(
        """
        WITH part AS (SELECT person_id, resident_id, count(*) AS n FROM traced GROUP BY ALL),
        resident AS (SELECT resident_id, sum(n) AS n, count(*) AS persons FROM part GROUP BY ALL),
        person AS (SELECT person_id, sum(n) AS n FROM part GROUP BY ALL),
        pair AS (SELECT (SELECT sum(n * (n - 1) / 2) FROM part) AS joint,
            (SELECT sum(n * (n - 1) / 2) FROM resident) AS found,
            (SELECT sum(n * (n - 1) / 2) FROM person) AS real)
        SELECT (SELECT count(*) FROM traced), (SELECT count(*) FROM std.record),
            (SELECT count(*) FROM person), (SELECT count(*) FROM resident),
            joint / found, joint / real, 2 * joint / (found + real),
            (SELECT count(*) FROM part JOIN resident r USING (resident_id)
                JOIN person p USING (person_id) WHERE part.n = r.n AND part.n = p.n)
                / (SELECT count(*) FROM person),
            (SELECT count(*) FROM resident WHERE persons > 1)
        FROM pair
        """
    ).fetchall()[0]
    traced, records, persons, residents, *shares, mixed = row
    return [
        f"{traced} of {records} records traced to {persons} persons; {residents} residents.",
        "",
        "| precision | recall | F1 | residents whole | mixed residents |",
        "|---|---|---|---|---|",
        f"| {' | '.join(f'{share:.5f}' for share in shares)} | {mixed} |",
    ]


def _cells(con: duckdb.DuckDBPyConnection, form: str) -> list[str]:
    states = {
        name.removesuffix("_state")
        for (name,) in con.execute(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = 'form_row'"
        ).fetchall()
    }
    truths = {
        name
        for (name,) in con.execute(
            """SELECT column_name FROM duckdb_columns()
            WHERE database_name = 'truth' AND table_name = 'person'"""
        ).fetchall()
    }
    fields = [field for field in FIELDS if field.name in states & truths]
    con.execute("CREATE TEMP TABLE code (field VARCHAR, spelling VARCHAR, code VARCHAR)")
    for field in fields:
        if field.codes:
            con.executemany(
                "INSERT INTO code VALUES (?, ?, ?)",
                [(field.name, *item) for item in code_list(field.codes).spelling().items()],
            )
    parts = " UNION ALL ".join(
        f"""SELECT {number} AS place, '{field.name}' AS field, f."{field.name}_state" AS state,
            r."{field.name}" IS NOT NULL AS has_value, coalesce({right(field.name)}, FALSE) AS ok
        FROM deliver.form_row f JOIN master.resident r USING (resident_id)
        JOIN owner USING (resident_id) JOIN truth.person p USING (person_id)
        WHERE '{form}' IN ('{ALL}', f.form)"""
        for number, field in enumerate(fields)
    )
    con.execute(
        f"""CREATE TEMP TABLE cell AS SELECT place, field, state, has_value, ok, count(*) AS n
        FROM ({parts}) GROUP BY ALL"""
    )
    rows = con.execute(
        """
        SELECT coalesce(field, 'all fields'),
            coalesce(sum(n) FILTER (state = 'known'), 0),
            sum(n) FILTER (state = 'known' AND ok) / sum(n) FILTER (state = 'known'),
            coalesce(sum(n) FILTER (state = 'verify'), 0),
            sum(n) FILTER (state = 'verify' AND ok) / sum(n) FILTER (state = 'verify'),
            coalesce(sum(n) FILTER (state = 'ask'), 0)
        FROM cell WHERE state IN ('known', 'verify', 'ask')
        GROUP BY GROUPING SETS ((place, field), ()) ORDER BY place NULLS LAST
        """
    ).fetchall()
    return [
        "| field | known | right | to verify | right | asked |",
        "|---|---|---|---|---|---|",
        *(
            f"| {field} | {known} | {_percent(known_right)} | {verify} | {_percent(verify_right)} "
            f"| {ask} |"
            for field, known, known_right, verify, verify_right, ask in rows
        ),
    ]


def right(name: str) -> str:
    """SQL: the master (alias r) and the truth (alias p) agree on the field `name`."""
    ours, real = f'r."{name}"', f'p."{name}"'
    if FIELD[name].codes:
        real = f"""(SELECT min(code) FROM code
            WHERE code.field = '{name}' AND code.spelling = {real})"""
        if name in _GROUPED:
            ours, real = f"left({ours}, 1)", f"left({real}, 1)"
    elif name in ("address", "hukou_address"):
        ours, real = _TEXT.format(ours), _TEXT.format(real)
        return f"(contains({ours}, {real}) OR contains({real}, {ours}))"
    return f"{ours} = {real}"


def _places(con: duckdb.DuckDBPyConnection) -> list[str]:
    row = con.execute(
        """SELECT count(*), count(*) FILTER (r.grid_code = p.grid_code),
            count(*) FILTER (r.grid_code <> p.grid_code), count(*) FILTER (r.grid_code IS NULL)
        FROM master.resident r JOIN owner USING (resident_id)
        JOIN truth.person p USING (person_id) WHERE p.is_alive AND NOT p.has_left"""
    ).fetchall()[0]
    return [
        "| living residents | in their grid | in another grid | not placed |",
        "|---|---|---|---|",
        f"| {' | '.join(map(str, row))} |",
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f} %"


if __name__ == "__main__":
    main()
