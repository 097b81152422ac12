"""How right a linkage is, for whom it is worse, and what kinds of records it misses or mixes.

All functions read ``main.known`` (record_id, person_id), ``main.person`` (the truth) and
`std.record` of the connection.
"""

from __future__ import annotations

import duckdb

_PAIRS = "sum({n} * ({n} - 1) / 2)"

GROUPS = {
    "sex": "CASE sex WHEN '男' THEN 'male' ELSE 'female' END",
    "age": """CASE WHEN age < 7 THEN '0–6' WHEN age < 18 THEN '7–17' WHEN age < 35 THEN '18–34'
        WHEN age < 60 THEN '35–59' WHEN age < 75 THEN '60–74' ELSE '75 and more' END""",
    "residence": "CASE WHEN migrant THEN 'migrant' ELSE 'local' END",
    "name length": """CASE WHEN contains(name, '·') THEN 'with a middle dot'
        WHEN length(name) < 4 THEN length(name) || ' characters' ELSE '4 and more' END""",
    "bearers of the name": """CASE WHEN bearers = 1 THEN 'one' WHEN bearers <= 4 THEN '2–4'
        ELSE '5 and more' END""",
    "people": "CASE WHEN ethnic_group = '汉族' THEN 'Han' ELSE 'minority' END",
}
"""Kind of group → SQL over the truth's persons (with ``bearers``: persons of the same name)."""


def measure(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, float]:
    """Figures of the linkage in `table` (record_id, cluster).

    Returns:
        pairwise precision, recall and f1; whole: share of persons whose records are one cluster and
        nobody else's; mixed: clusters with records of several persons; two_ids: clusters with two
        valid numbers that neither a defect nor a person's decision explains; persons.
    """
    _judge(con, table)
    right, found, real, whole, people, mixed = con.execute(
        f"""
        WITH cluster AS (SELECT cluster, sum(n) AS n, count(*) AS persons FROM judged GROUP BY 1),
        owner AS (SELECT person, sum(n) AS n FROM judged GROUP BY 1)
        SELECT (SELECT {_PAIRS.format(n="n")} FROM judged),
            (SELECT {_PAIRS.format(n="n")} FROM cluster),
            (SELECT {_PAIRS.format(n="n")} FROM owner),
            (SELECT count(*) FROM judged j JOIN cluster c USING (cluster)
                JOIN owner o USING (person) WHERE j.n = c.n AND j.n = o.n),
            (SELECT count(*) FROM owner),
            (SELECT count(*) FROM cluster WHERE persons > 1)
        """
    ).fetchall()[0]
    ((two_ids,),) = con.execute(
        f"""SELECT count(*) FROM (
            SELECT cluster FROM {table} JOIN std.record USING (record_id)
            WHERE id_status IN ('valid', 'upgraded') AND record_id NOT IN (
                SELECT record_id FROM std.defect WHERE kind IN ('id_slip', 'id_borrowed'))
                AND cluster NOT IN (SELECT f.cluster FROM {table} f JOIN link.decision d
                    ON f.record_id = d.record_l WHERE d.verdict = 'always')
            GROUP BY cluster HAVING count(DISTINCT id17) > 1)"""
    ).fetchall()
    precision, recall = right / max(found, 1), right / max(real, 1)
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(precision + recall, 1e-9),
        "whole": whole / max(people, 1),
        "mixed": mixed,
        "two_ids": two_ids,
        "persons": people,
    }


def _judge(con: duckdb.DuckDBPyConnection, table: str) -> None:
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE judged AS
        SELECT k.person_id AS person, f.cluster, count(*) AS n
        FROM {table} f JOIN main.known k USING (record_id) GROUP BY ALL"""
    )


def fairness(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str, int, int, int]]:
    """By group of persons: (kind, group, true pairs, those of them found, pairs found).

    A pair counts for a group as soon as one of its two records is of a person in the group.
    """
    _judge(con, table)
    rows: list[tuple[str, str, int, int, int]] = []
    for kind, expression in GROUPS.items():
        rows += [
            (kind, *row)
            for row in con.execute(
                f"""
                WITH who AS (
                    SELECT person_id AS person, {expression} AS member FROM (
                        SELECT *, count(*) OVER (PARTITION BY name) AS bearers FROM main.person)
                ), part AS (SELECT member, person, cluster, n FROM judged JOIN who USING (person)),
                real AS (
                    SELECT member, {_PAIRS.format(n="n")} AS pairs FROM (
                        SELECT member, person, sum(n) AS n FROM part GROUP BY ALL) GROUP BY member
                ), whole AS (SELECT cluster, sum(n) AS n FROM judged GROUP BY cluster),
                seen AS (
                    SELECT member, sum(own * (own - 1) / 2 + own * (w.n - own)) AS pairs
                    FROM (SELECT member, cluster, sum(n) AS own FROM part GROUP BY ALL)
                    JOIN whole w USING (cluster) GROUP BY member
                ), good AS (
                    SELECT member, {_PAIRS.format(n="n")} AS pairs FROM part GROUP BY member
                )
                SELECT member, real.pairs::BIGINT, good.pairs::BIGINT, seen.pairs::BIGINT
                FROM real JOIN good USING (member) JOIN seen USING (member)
                WHERE real.pairs > 0 ORDER BY member
                """
            ).fetchall()
        ]
    return rows


def weak_spots(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, list[tuple[str, int]]]:
    """What kinds of records are missed, and who is mixed with whom: kind → (which, count)."""
    _judge(con, table)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE astray AS
        SELECT r.*, k.person_id, f.cluster FROM {table} f
        JOIN main.known k USING (record_id) JOIN std.record r USING (record_id)
        JOIN (SELECT person, cluster AS home, sum(n) OVER (PARTITION BY person) AS records
            FROM judged QUALIFY row_number() OVER (
                PARTITION BY person ORDER BY n DESC, cluster) = 1) j ON j.person = k.person_id
        WHERE f.cluster <> j.home
        """
    )
    found = {
        title: con.execute(f"SELECT {sql}, count(*) FROM astray GROUP BY 1 ORDER BY 2 DESC, 1")
        .fetchall()[:10]
        for title, sql in {
            "astray by source": "source",
            "astray by ID number": "id_status",
            "astray by what else is known": """concat_ws(', ',
                CASE WHEN birth_date IS NULL THEN 'no birth date'
                    WHEN birth_precision <> 'day' THEN 'birth: ' || birth_precision END,
                CASE WHEN len(phones) > 0 THEN 'phone' ELSE 'no phone' END,
                CASE WHEN dwelling_key IS NOT NULL THEN 'dwelling' ELSE 'no dwelling' END)""",
        }.items()
    }  # fmt: skip
    found["astray by what is wrong"] = con.execute(
        """SELECT concat_ws(', ',
            CASE WHEN a.name_key IS NULL THEN 'no name'
                WHEN a.name IS DISTINCT FROM p.name THEN 'name differs' END,
            CASE WHEN a.birth_date IS NULL THEN 'no birth date'
                WHEN a.birth_date <> p.birth_date THEN 'birth differs' END,
            CASE WHEN NOT list_contains(a.phones, p.phone) THEN 'other phone' END,
            CASE WHEN a.id17 IS NOT NULL AND a.id17 <> left(p.id_number, 17)
                THEN 'number differs' END) AS wrong, count(*)
        FROM astray a JOIN main.person p ON p.person_id = a.person_id
        GROUP BY 1 ORDER BY 2 DESC, 1"""
    ).fetchall()[:10]
    found["mixed persons"] = con.execute(
        """SELECT CASE WHEN a.household <> b.household AND a.name = b.name THEN 'namesakes'
                WHEN a.household <> b.household THEN 'of different households'
                WHEN a.spouse_id = b.person_id THEN 'spouses'
                WHEN a.birth_date = b.birth_date THEN 'twins'
                WHEN a.father_id = b.person_id OR b.father_id = a.person_id
                    OR a.mother_id = b.person_id OR b.mother_id = a.person_id
                THEN 'parent and child'
                WHEN a.father_id = b.father_id THEN 'siblings' ELSE 'others of a household' END,
            count(*)
        FROM judged x JOIN judged y ON x.cluster = y.cluster AND x.person < y.person
        JOIN main.person a ON a.person_id = x.person JOIN main.person b ON b.person_id = y.person
        GROUP BY 1 ORDER BY 2 DESC, 1"""
    ).fetchall()
    return {title: [(str(which), n) for which, n in rows] for title, rows in found.items()}
