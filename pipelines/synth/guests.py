# ruff: noqa: E501  SQL reads better unbroken
"""People who stand in the row of their head of household instead of a row of their own."""

from __future__ import annotations

import duckdb

from pipelines.synth.habits import Habit

GUESTS: dict[str, tuple[tuple[str, str], ...]] = {
    "配偶": (("spouse_name", "姓名"), ("spouse_id", "身份证号"), ("spouse_phone", "联系电话")),
    **{
        f"子女{n}": (
            (f"child{n}_name", "姓名"),
            (f"child{n}_sex", "性别"),
            (f"child{n}_birth", "出生日期"),
            (f"child{n}_id", "身份证号"),
        )
        for n in (1, 2, 3)
    },
}
"""Header group → the columns about one more person in the row of a head of household."""


def has_guests(own: Habit) -> bool:
    """The ledger has rows with several people."""
    return (
        bool(own.mess) and "person_groups" in (own.mess or ()) and own.source == "ledger_population"
    )


def invite(con: duckdb.DuckDBPyConnection, source: str, villages: list[int]) -> None:
    """Add to the table ``guest`` who of `source` in `villages` stands in whose row, in which role.

    A spouse and up to three children of each head who is listed; the others keep their rows, as
    does the second copy of somebody who is listed twice.
    """
    con.execute(
        "CREATE TABLE IF NOT EXISTS guest (source VARCHAR, row_id BIGINT, host BIGINT, role VARCHAR)"
    )
    con.execute("DELETE FROM guest WHERE source = ?", [source])
    if villages:
        chosen = f"village IN ({', '.join(map(str, villages))})"
        con.execute(
            f"""INSERT INTO guest
            WITH host AS (SELECT village, household, min(row_id) AS host FROM rows_{source}
                WHERE relation = '户主' AND {chosen} GROUP BY ALL HAVING count(*) = 1),
            once AS (SELECT * FROM rows_{source} WHERE {chosen}
                QUALIFY row_number() OVER (PARTITION BY village, household, person_id
                    ORDER BY row_id) = 1),
            kin AS (
                SELECT row_id, host, if(relation = '配偶', 'spouse', 'child') AS kind,
                    row_number() OVER (PARTITION BY host, kind ORDER BY birth_y, row_id) AS nth
                FROM once JOIN host USING (village, household)
                WHERE relation IN ('配偶', '子', '女') AND name IS NOT NULL)
            SELECT '{source}', row_id, host, if(kind = 'spouse', kind, kind || nth) FROM kin
            WHERE nth = 1 OR (kind = 'child' AND nth <= 3)"""
        )


def seated(source: str, relation: str) -> str:
    """SQL: the rows of `relation`, with the columns of their guests behind them."""
    fields = {"name": "name", "id": "id_number", "phone": "phone", "sex": "sex"}
    birth = "printf('%04d-%02d-%02d', birth_y, birth_m, birth_d)"
    sums = []
    for columns in GUESTS.values():
        for column, _ in columns:
            role, _, what = column.partition("_")
            value = birth if what == "birth" else fields[what]
            sums.append(f"max({value}) FILTER (WHERE role = '{role}') AS {column}")
    return f"""(SELECT s.*, g.* EXCLUDE (host) FROM {relation} s LEFT JOIN (
        SELECT host, {", ".join(sums)} FROM guest JOIN rows_{source} USING (row_id)
        WHERE source = '{source}' GROUP BY host) g ON g.host = s.row_id)"""
