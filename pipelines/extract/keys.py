"""What a landed row is known by: its key, a hash that tells a change, a digest for longer."""

from __future__ import annotations

from pipelines import store
from pipelines.night import Night
from schemas.source import SourceMap


def keyed_sql(night: Night, source: SourceMap, rows: str, *, to_land: bool = False) -> str:
    """SELECT of `rows` as the landing zone holds them, with their key, hash and observed date.

    Args:
        night: the night; rows of a source without dates are of its day.
        source: the map.
        rows: SQL that selects village, src_file, src_sheet, src_row, src_observed, src_mark,
            src_hash and the map's columns; read once.
        to_land: they are not compared with any that have landed; see `landed_hash_sql`.
    """
    row_hash = hash_sql(source, "src_mark")
    if to_land:
        row_hash = f"CASE WHEN src_hash IS NULL THEN {row_hash} END"
    own = ", ".join(store.quote(name) for name in source.columns)
    return f"""SELECT {key_sql(source)} AS source_key, {row_hash} AS row_hash,
            src_file AS file, src_sheet AS sheet, src_row AS row_no,
            {_observed_sql(night, source)} AS observed, src_mark AS mark,
            src_hash AS server_hash, {own}
        FROM ({rows})"""


def hash_sql(source: SourceMap, mark: str = "mark") -> str:
    """A hash of a row's values: another one is another version of the row.

    The engine's own, which costs a tenth of a digest, and which another version of the engine may
    spell otherwise: what it says is compared within the landing zone and kept nowhere else, see
    `landing.prepare`. `version_sql` is for longer.
    """
    values = [store.quote(name) for name in sorted(source.columns)]
    return f"CAST(hash({', '.join([*values, mark])}) >> 1 AS BIGINT)"


def landed_hash_sql(source: SourceMap) -> str:
    """`hash_sql` of a landed row: of one whose server hashed it, ours is made when it is wanted."""
    return f"coalesce(row_hash, {hash_sql(source)})"


def version_sql(source: SourceMap, row: str) -> str:
    """A digest of the values of `row`, an alias of raw.<source>: the same on every machine.

    What people say about a row holds for this version of it. Columns that are empty do not count,
    so that a column which the map gains leaves the versions of older rows as they were.
    """
    values = [f"'{n}=' || {row}.{store.quote(n)}" for n in sorted(source.columns)]
    told = ", ".join([*values, f"'mark=' || {row}.mark"])
    return f"CAST(md5_number_lower(concat_ws(chr(31), {told})) >> 1 AS BIGINT)"


def key_sql(source: SourceMap) -> str:
    """The key of a row within its source; of a ledger's row, with its village in front."""
    village = "substr(md5(village), 1, 8) || '-' || " if source.kind == "workbook" else ""
    return f"{village}{_own_key_sql(source)}"


def _own_key_sql(source: SourceMap) -> str:
    """The key columns where one is filled, else a digest of what identifies the person."""
    natural = _natural_key_sql(source)
    if not source.key:
        return natural
    parts = [f"trim({store.quote(name)})" for name in source.key]
    filled = " OR ".join(f"{part} <> ''" for part in parts)
    if len(parts) == 1:
        return f"CASE WHEN {filled} THEN {parts[0]} ELSE {natural} END"
    joined = " || '|' || ".join(f"coalesce({part}, '')" for part in parts)
    return f"CASE WHEN {filled} THEN {joined} ELSE {natural} END"


def _natural_key_sql(source: SourceMap) -> str:
    """A digest: it shows nothing personal, and is the same whatever file and row it came from."""
    fields = source.persons[0].fields if source.persons else {}
    number = fields.get("id_number")
    weak = [fields[f] for f in ("name", "birth_date", "address") if f in fields]
    weak += [name for name in source.natural_key if name not in {*weak, number}]
    weak = weak or [name for name in source.columns if name != source.observed]
    plain = _digest([_bare(name) for name in weak])
    if number is None or number not in source.natural_key:
        return plain
    digits = f"regexp_replace(coalesce({store.quote(number)}, ''), '[^0-9A-Za-z]', '', 'g')"
    firm = [_bare(n) for n in source.natural_key if n != number]
    return f"""CASE WHEN regexp_full_match({digits}, '[0-9]{{17}}[0-9Xx]')
        THEN {_digest([f"left({digits}, 17)", *firm])}
        WHEN regexp_full_match({digits}, '[0-9]{{15}}')
        THEN {_digest([f"left({digits}, 6) || '19' || substr({digits}, 7, 9)", *firm])}
        ELSE {plain} END"""


def _bare(name: str) -> str:
    return rf"regexp_replace(coalesce({store.quote(name)}, ''), '\s', '', 'g')"


def _digest(parts: list[str]) -> str:
    return f"substr(md5(concat_ws(chr(31), {', '.join(parts)})), 1, 16)"


def _observed_sql(night: Night, source: SourceMap) -> str:
    if source.observed is None:
        return f"coalesce(src_observed, '{night.business_date.isoformat()}')"
    value = f"trim({store.quote(source.observed)})"
    parsed = f"""strftime(coalesce(
        TRY_CAST(left({value}, 10) AS DATE),
        try_strptime(left({value}, 8), '%Y%m%d')::DATE,
        try_strptime(regexp_extract({value}, '^[0-9]{{4}}[./年-][0-9]{{1,2}}[./月-][0-9]{{1,2}}'),
            ['%Y/%m/%d', '%Y.%m.%d', '%Y年%m月%d', '%Y-%m-%d'])::DATE), '%Y-%m-%d')"""
    return f"coalesce({parsed}, src_observed)" if source.kind == "workbook" else parsed
