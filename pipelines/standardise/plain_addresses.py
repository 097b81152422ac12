"""Addresses that name one flat or house, and a village of the register or none, parsed by SQL."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.standardise.addresses import village_of

# Characters that may end a place or count something do not stand in the name of a plain estate.
_HAN = "\u4e00-\u9fa5"
_TELLING = "省市县州区镇乡街道社村居委组第号楼幢栋座单元室层门弄路巷一二三四五六七八九十零"
_NAMING = "".join(
    f"{start}-{end}"
    for start, end in zip(
        ["\u4e00", *(chr(ord(char) + 1) for char in sorted(_TELLING))],
        [*(chr(ord(char) - 1) for char in sorted(_TELLING)), "\u9fa5"],
        strict=True,
    )
    if start <= end
)
_PARTS = ("place", "estate", "building", "unit", "room", "team", "house")
_ADDRESS = (
    f"^([{_HAN}]+(?:社区|村))?"
    rf"(?:([{_NAMING}]{{2,8}})(?:小区)?(\d{{1,4}})(?:号楼|幢|栋|座|-)(\d{{1,3}})(?:单元|-)(\d{{1,5}})室?"
    r"|(\d{1,4})组(\d{1,4})号)$"
)


def take_addresses(con: duckdb.DuckDBPyConnection, known: str, villages: frozenset[str]) -> None:
    """Move such addresses from ``to_clean`` (column v) into the dictionary `known`."""
    names = ", ".join(f"'{name}'" for name in _PARTS)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE parted AS
        SELECT v, unnest(regexp_extract(v, '{_ADDRESS}', [{names}])) FROM to_clean"""
    )
    places = [
        place
        for (place,) in con.execute(
            "SELECT DISTINCT place FROM parted WHERE place <> ''"
        ).fetchall()
    ]
    found = {place: village_of(place, villages) for place in places}
    named = {place: village for place, village in found.items() if village}
    con.register(
        "places",
        pa.table(
            {
                "place": pa.array(named.keys(), pa.string()),
                "village": pa.array(named.values(), pa.string()),
            }
        ),
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE looked_at AS
        SELECT parted.*, p.village,
            CASE WHEN place = '' THEN (team <> '' OR estate <> '') AND NOT prefix(v, '中国')
                ELSE p.place IS NOT NULL END AS is_plain
        FROM parted LEFT JOIN places p USING (place)"""
    )
    con.execute(
        f"""INSERT INTO {known} (raw, value, village, estate, building, unit, room, is_complete)
        SELECT v, v, village, CASE WHEN team <> '' THEN {_number("team")} || '组' ELSE estate END,
            {_number("building")}, {_number("unit")},
            {_number("CASE WHEN team <> '' THEN house ELSE room END")}, TRUE
        FROM looked_at WHERE is_plain"""
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE to_clean AS SELECT v FROM looked_at WHERE NOT is_plain"
    )
    con.unregister("places")
    for table in ("parted", "looked_at"):
        con.execute(f"DROP TABLE {table}")


def _number(digits: str) -> str:
    """SQL: `digits` without leading zeros, as `addresses` writes them; empty stays empty."""
    return f"coalesce(nullif(ltrim({digits}, '0'), ''), left({digits}, 1))"
