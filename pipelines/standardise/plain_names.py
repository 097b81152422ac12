"""Names of two to four common characters, described by SQL, a table of characters at hand."""

from __future__ import annotations

from functools import cache

import duckdb
import pyarrow as pa

from pipelines.standardise.names import NO_NAME, PLACEHOLDER, describe_character
from pipelines.standardise.pinyin import COMPOUND_SURNAMES, SURNAME_READINGS

_FIRST, _LAST, _MOST = 0x4E00, 0x9FA5, 4


def take_names(con: duckdb.DuckDBPyConnection, known: str) -> None:
    """Move such names from ``to_clean`` (column v) into the dictionary `known`."""
    for name, table in (("characters", _characters()), ("readings", _readings())):
        con.register(name, table)
    nobody = ", ".join(f"'{word}'" for word in sorted(NO_NAME))
    compound = ", ".join(f"'{name}'" for name in sorted(COMPOUND_SURNAMES))
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE looked_at AS
        SELECT v, regexp_full_match(v, '[{chr(_FIRST)}-{chr(_LAST)}]{{2,{_MOST}}}')
            AND NOT contains(v, '某') AND v NOT IN ({nobody})
            AND NOT regexp_full_match(v, '{PLACEHOLDER}') AS is_plain
        FROM to_clean"""
    )
    places = range(1, _MOST + 1)
    joins = " ".join(f"LEFT JOIN characters c{n} ON c{n}.character = v[{n}]" for n in places)
    con.execute(
        f"""INSERT INTO {known} (raw, value, surname, key, pinyin, shape)
        SELECT v, v, surname, key,
            rtrim(CASE WHEN reading IS NULL THEN first || second || others
                WHEN length(surname) = 2 THEN reading || ' ' || others
                ELSE reading || ' ' || second || others END), shape
        FROM (
            SELECT *, CASE WHEN length(key) > 2 AND left(key, 2) IN ({compound})
                THEN left(key, 2) ELSE left(key, 1) END AS surname
            FROM (
                SELECT v, concat({", ".join(f"c{n}.folded" for n in places)}) AS key,
                    concat({", ".join(f"c{n}.shape" for n in places)}) AS shape,
                    c1.syllable AS first, c2.syllable AS second,
                    concat(c3.syllable, c4.syllable) AS others
                FROM (SELECT v FROM looked_at WHERE is_plain) {joins}
            )
        ) LEFT JOIN readings USING (surname)"""
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE to_clean AS SELECT v FROM looked_at WHERE NOT is_plain"
    )
    con.execute("DROP TABLE looked_at")
    for name in ("characters", "readings"):
        con.unregister(name)


@cache
def _characters() -> pa.Table:
    """What `names` makes of every common character."""
    characters = [chr(code) for code in range(_FIRST, _LAST + 1)]
    folded, syllables, shapes = zip(*map(describe_character, characters), strict=True)
    return pa.table(
        {"character": characters, "folded": folded, "syllable": syllables, "shape": shapes}
    )


@cache
def _readings() -> pa.Table:
    names = sorted(SURNAME_READINGS)
    return pa.table({"surname": names, "reading": [SURNAME_READINGS[name] for name in names]})
