"""Survivorship as SQL, generated from the fields: whose value wins, who contests it.

Every candidate value gets a priority: one BIGINT in which the field's rule decides what stands in
the higher bits. The greatest priority wins, and source, authority and date are read back from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.fields import FIELDS, Field, Survivor
from schemas.source import SourceMap

EPOCH = "DATE '1900-01-01'"

# Bits of each part of a priority; what is left of 63 breaks ties by record.
_BITS = {"count": 6, "quality": 2, "authority": 7, "days": 17, "source": 10}

# Highest first. Quality is how far the record itself vouches for the value, see `_QUALITY`.
_ORDER: dict[Survivor, tuple[str, ...]] = {
    Survivor.AUTHORITY: ("quality", "authority", "days", "source"),
    Survivor.NEWEST: ("quality", "days", "authority", "source"),
    Survivor.MOST_FREQUENT: ("count", "authority", "days", "source"),
}

# What of a record counts as a value of the field (alias r); elsewhere the column itself.
_VALUE = {
    "id_number": """CASE WHEN r.id_status IN ('valid', 'upgraded')
        OR (r.id_status = 'conflict' AND NOT r.id_is_anothers) THEN r.id_number END"""
}

# A valid number confirms birth date and sex of its record, otherwise it would be a conflict.
_QUALITY = {
    "id_number": "CASE WHEN r.id_status = 'conflict' THEN 0 ELSE 1 END",
    "sex": "CASE WHEN r.id_status IN ('valid', 'upgraded') THEN 1 ELSE 0 END",
    "birth_date": """CASE WHEN r.id_status IN ('valid', 'upgraded') THEN 2
        WHEN r.birth_precision = 'day' THEN 1 ELSE 0 END""",
}

# What two values are compared by; elsewhere the value itself.
_COMPARED = {
    "name": "coalesce(r.name_key, r.name)",
    "id_number": "r.id17",
    "address": "coalesce(r.dwelling_key, r.address_key, r.address)",
}

# When a record's value (r) says otherwise than the chosen one (c); elsewhere: the two differ.
_OTHERWISE = {
    "id_number": "(r.id_status IN ('valid', 'upgraded') AND r.id17 <> c.id_number_compared)",
    "birth_date": """CASE r.birth_precision
        WHEN 'year' THEN year(r.birth_date) <> year(c.birth_date)
        WHEN 'month' THEN date_trunc('month', r.birth_date) <> date_trunc('month', c.birth_date)
        ELSE r.birth_date <> c.birth_date END""",
    # A number among several, and an address that is only less precise, do not contradict.
    "phone": "(r.phone <> c.phone AND NOT coalesce(list_contains(r.phones, c.phone), FALSE))",
    "address": """NOT (starts_with({compared}, rtrim(c.address_compared, '|'))
        OR starts_with(c.address_compared, rtrim({compared}, '|')))""",
}


@dataclass(frozen=True)
class Priority:
    """How the priority of one survivorship rule is packed and read back."""

    order: tuple[str, ...]

    @property
    def record_bits(self) -> int:
        """Bits left for breaking ties by record."""
        return 63 - sum(_BITS[part] for part in self.order)

    def shift(self, part: str) -> int:
        """Where `part` begins."""
        below = self.order[self.order.index(part) + 1 :]
        return self.record_bits + sum(_BITS[lower] for lower in below)

    def largest(self, part: str) -> int:
        """The largest value `part` can hold."""
        return (1 << _BITS[part]) - 1

    def pack(self, parts: Mapping[str, str], record: str) -> str:
        """SQL of the priority from the SQL of its parts (those left out are 0)."""
        terms = [f"({record} & {(1 << self.record_bits) - 1})"]
        terms += [
            f"(CAST({sql} AS BIGINT) << {self.shift(part)})"
            for part, sql in parts.items()
            if part in self.order
        ]
        return " + ".join(terms)

    def read(self, part: str, priority: str) -> str:
        """SQL of `part` of a priority."""
        return f"(({priority} >> {self.shift(part)}) & {self.largest(part)})"


def priority(field: Field) -> Priority:
    """The priority by which the values of `field` compete."""
    return Priority(_ORDER[field.survivor])


def days(observed: str) -> str:
    """SQL of an observed date as a day number; 0: not known."""
    return f"greatest(0, least(131071, coalesce({observed} - {EPOCH}, 0)))"


def observed(day: str) -> str:
    """SQL of the date that `days` made a number of."""
    return f"CASE WHEN {day} > 0 THEN {EPOCH} + CAST({day} AS INTEGER) END"


def value(field: Field) -> str:
    """SQL of what a record (alias r) says about `field`; NULL: nothing usable."""
    return _VALUE.get(field.name, f'r."{field.name}"')


def authorities(numbers: Mapping[str, int], sources: Mapping[str, SourceMap]) -> str:
    """SELECT of one row a source: source, source_no, authority, and ``<field>_authority``.

    Args:
        numbers: source → its number in meta.source.
        sources: source maps; a source without one has no authority.
    """
    overridden = sorted({name for source in sources.values() for name in source.field_authority})
    rows = []
    for name, number in numbers.items():
        source = sources.get(name)
        general = source.authority if source else 0
        special = source.field_authority if source else {}
        cells = [f"'{name}'", str(number), str(general)]
        cells += [str(special.get(field, general)) for field in overridden]
        rows.append(f"({', '.join(cells)})")
    columns = ["source", "source_no", "authority", *(f"{name}_authority" for name in overridden)]
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS s({', '.join(columns)})"


def overridden_authorities(sources: Mapping[str, SourceMap]) -> frozenset[str]:
    """Fields for which some source has an authority of its own."""
    return frozenset(name for source in sources.values() for name in source.field_authority)


def choose(records: str, overridden: frozenset[str]) -> str:
    """SELECT of one row a resident: for every field value, priority, record, compared form.

    Args:
        records: relation with resident_id, all columns of std.record, days, name_count, and the
            columns of `authorities`.
        overridden: see `overridden_authorities`.
    """
    columns = ["r.resident_id"]
    for field in FIELDS:
        rank = _rank(field, overridden)
        columns += [
            f'max({rank}) AS "{field.name}_priority"',
            f'arg_max({value(field)}, {rank}) AS "{field.name}"',
            f'arg_max(r.record_id, {rank}) AS "{field.name}_record"',
        ]
        if field.name in _COMPARED:
            columns.append(f'arg_max({_COMPARED[field.name]}, {rank}) AS "{field.name}_compared"')
    return f"SELECT {', '.join(columns)} FROM {records} r GROUP BY r.resident_id"


def contests(overridden: frozenset[str]) -> list[str]:
    """Aggregates over a resident's records (r) and its chosen values (c): ``<field>_contested``."""
    return [
        f'coalesce(bool_or({_is_contest(field, overridden)}), FALSE) AS "{field.name}_contested"'
        for field in FIELDS
    ]


def _is_contest(field: Field, overridden: frozenset[str]) -> str:
    packed, chosen = priority(field), f'c."{field.name}_priority"'
    compared = _COMPARED.get(field.name)
    if field.name in _OTHERWISE:
        otherwise = _OTHERWISE[field.name].format(compared=compared)
    elif compared:
        otherwise = f'{compared} <> c."{field.name}_compared"'
    else:
        otherwise = f'{value(field)} <> c."{field.name}"'
    contest = (
        f"({otherwise} AND ({_authority(field, overridden)} >= {packed.read('authority', chosen)}"
        f" OR r.days > {packed.read('days', chosen)}))"
    )
    if field.name == "id_number":
        # A number that contradicts its own row was taken for want of a better one.
        return f"{contest} OR (r.record_id = c.id_number_record AND r.id_status = 'conflict')"
    return contest


def _rank(field: Field, overridden: frozenset[str]) -> str:
    parts = {
        "count": "r.name_count",
        "quality": _QUALITY.get(field.name, "0"),
        "authority": _authority(field, overridden),
        "days": "r.days",
        "source": "r.source_no",
    }
    packed = priority(field).pack(parts, "r.record_id")
    return f"CASE WHEN {value(field)} IS NOT NULL THEN {packed} END"


def _authority(field: Field, overridden: frozenset[str]) -> str:
    return f"r.{field.name}_authority" if field.name in overridden else "r.authority"
