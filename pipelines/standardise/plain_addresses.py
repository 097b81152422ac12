"""Addresses that name one flat or house, and a village of the register or none, parsed by SQL."""

from __future__ import annotations

import re

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
# Each part begins with what cannot stand in the part before, so the engine need never go back.
_ADDRESS = r"^([^0-9]*)([0-9]{1,4})(号楼|幢|栋|座|-|组)([0-9]{1,4})(单元|-|号)([0-9]{0,5})(室?)$"
_PARTS = ("prefix", "first", "of_first", "second", "of_second", "third", "ending")
_PREFIX = re.compile(f"([{_HAN}]+(?:社区|村))?(?:([{_NAMING}]{{2,8}})(?:小区)?)?")


def take_addresses(con: duckdb.DuckDBPyConnection, known: str, villages: frozenset[str]) -> None:
    """Move such addresses from ``to_clean`` (column v) into the dictionary `known`.

    Few words stand before the numbers: Python reads each of them once.
    """
    names = ", ".join(f"'{name}'" for name in _PARTS)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE parted AS
        SELECT v, unnest(regexp_extract(v, '{_ADDRESS}', [{names}])) FROM to_clean"""
    )
    prefixes = con.execute("SELECT DISTINCT prefix FROM parted WHERE first <> ''").fetchall()
    read = {prefix: _read_prefix(prefix, villages) for (prefix,) in prefixes}
    places = [(prefix, *place) for prefix, place in read.items() if place]
    columns = zip(*places, strict=True) if places else [(), (), ()]
    con.register(
        "places",
        pa.table(
            {
                name: pa.array(column, pa.string())
                for name, column in zip(("prefix", "village", "estate"), columns, strict=True)
            }
        ),
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE looked_at AS
        SELECT v, p.village, p.estate, first, second, third, of_first = '组' AS is_team,
            p.prefix IS NOT NULL AND CASE
                WHEN first = '' THEN FALSE
                WHEN is_team
                THEN p.estate = '' AND of_second = '号' AND third = '' AND ending = ''
                ELSE p.estate <> '' AND of_second <> '号' AND third <> '' AND length(second) <= 3
                END AS is_plain
        FROM parted LEFT JOIN places p USING (prefix)"""
    )
    con.execute(
        f"""INSERT INTO {known} (raw, value, village, estate, building, unit, room, is_complete)
        SELECT v, v, village, CASE WHEN is_team THEN {_number("first")} || '组' ELSE estate END,
            CASE WHEN is_team THEN '' ELSE {_number("first")} END,
            CASE WHEN is_team THEN '' ELSE {_number("second")} END,
            {_number("CASE WHEN is_team THEN second ELSE third END")}, TRUE
        FROM looked_at WHERE is_plain"""
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE to_clean AS SELECT v FROM looked_at WHERE NOT is_plain"
    )
    con.unregister("places")
    for table in ("parted", "looked_at"):
        con.execute(f"DROP TABLE {table}")


def _read_prefix(prefix: str, villages: frozenset[str]) -> tuple[str | None, str] | None:
    """Village and estate, where what stands before the numbers is plain."""
    match = _PREFIX.fullmatch(prefix)
    if not match or prefix.startswith("中国"):
        return None
    place, estate = match.groups()
    village = village_of(place, villages) if place else None
    return None if place and not village else (village, estate or "")


def _number(digits: str) -> str:
    """SQL: `digits` without leading zeros, as `addresses` writes them; empty stays empty."""
    return f"coalesce(nullif(ltrim({digits}, '0'), ''), left({digits}, 1))"
