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

# What of a record counts as a value of the field (alias r); elsewhere the column itself. A number
# that is another's says nothing about this resident, and neither does what was read from it.
_VALUE = {
    "id_number": """CASE WHEN r.holds_number AND r.id_status IN ('valid', 'upgraded', 'conflict')
        THEN r.id_number END""",
    "sex": "CASE WHEN r.holds_number OR NOT coalesce(r.birth_from_id, FALSE) THEN r.sex END",
    "birth_date": """CASE WHEN r.holds_number OR NOT coalesce(r.birth_from_id, FALSE)
        THEN r.birth_date END""",
}

NOT_HELD = """WITH doubtful AS (
        SELECT record_id, held_id, resident_id
        FROM link.standing JOIN link.cluster USING (record_id)
        WHERE held_id IS NOT NULL AND (is_open OR held_id IN (
            SELECT held_id FROM link.standing SEMI JOIN (
                FROM link.pair WHERE tier = 'certain' AND verdict = 'refused'
            ) ON record_l = record_id)))
    SELECT record_id FROM link.standing WHERE held_id IS NULL AND holders > 0
    UNION ALL SELECT record_id FROM doubtful WHERE held_id IN (
        SELECT held_id FROM doubtful GROUP BY held_id
        HAVING min(resident_id) <> max(resident_id))"""
"""SQL: records whose number is another's, or is claimed by two residents (nobody holds it, or they
are kept apart though both do) and so counts for neither; all others have holds_number."""

# How many records of the resident say so before a newer one that stands alone is believed.
_AGREEING = 4

# A valid number confirms birth date and sex of its record, otherwise it would be a conflict. One
# old telephone number or address in a file that was stamped lately must not win by its stamp.
_QUALITY = {
    "id_number": "CASE WHEN r.id_status = 'conflict' THEN 0 ELSE 1 END",
    "sex": "CASE WHEN r.holds_number AND r.id_status IN ('valid', 'upgraded') THEN 1 ELSE 0 END",
    "birth_date": """CASE WHEN r.holds_number AND r.id_status IN ('valid', 'upgraded') THEN 2
        WHEN r.birth_precision = 'day' THEN 1 ELSE 0 END""",
    "phone": f"least(r.phone_count, {_AGREEING}) - 1",
    "address": f"least(r.address_count, {_AGREEING}) - 1",
}

# From which quality on the number vouches for a value: only another such value contests it.
_VOUCHED = {"sex": 1, "birth_date": 2}

# Fields whose values are counted: how many records of the resident agree (column <field>_count).
COUNTED = ("name", "phone", "address")

# Days within which a value is as new as another, and within which a higher authority still counts.
_AS_NEW = 90
_NOT_MUCH_OLDER = 730

# Share of the chosen value's authority, in tenths, from which a newer word is a real doubt.
_TENTHS = 7

# What two values are compared by; elsewhere the value itself.
_COMPARED = {
    "name": "coalesce(r.name_key, r.name)",
    "id_number": "r.id17",
    "address": "coalesce(r.dwelling_key, r.address_key, r.address)",
}

# When a record's value (r) says otherwise than the chosen one (c); elsewhere: the two differ.
_OTHERWISE = {
    "id_number": "(r.holds_number AND r.id_status IN ('valid', 'upgraded') "
    "AND r.id17 <> c.id_number_compared)",
    "birth_date": """(r.holds_number OR NOT coalesce(r.birth_from_id, FALSE)) AND
        CASE r.birth_precision
        WHEN 'year' THEN year(r.birth_date) <> year(c.birth_date)
        WHEN 'month' THEN date_trunc('month', r.birth_date) <> date_trunc('month', c.birth_date)
        ELSE r.birth_date <> c.birth_date END""",
    # A number among several, and an address that is only less precise, do not contradict.
    "phone": "(r.phone <> c.phone AND NOT coalesce(list_contains(r.phones, c.phone), FALSE))",
    "hukou_address": """NOT (ends_with(r.hukou_address, c.hukou_address)
        OR ends_with(c.hukou_address, r.hukou_address))""",
    # Codes of one group are more or less precise: 已婚 and 初婚; 子 and 长子; 本人 and 户主.
    "marital_status": "left(r.marital_status, 1) <> left(c.marital_status, 1)",
    "relation": "left(r.relation, 1) <> left(c.relation, 1)",
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


def compared(name: str) -> str:
    """SQL of what the values of the field `name` are compared by."""
    return _COMPARED.get(name, f'r."{name}"')


def rank(records: str, overridden: frozenset[str]) -> str:
    """SELECT of one row a resident: ``<field>_priority``, record_count and source_count.

    Args:
        records: relation with who (number of the resident), all columns of std.record, days,
            ``<field>_count`` of `COUNTED`, holds_number, and the columns of `authorities`.
        overridden: see `overridden_authorities`.
    """
    columns = [
        "r.who",
        "CAST(count(*) AS INTEGER) AS record_count",
        "CAST(count(DISTINCT r.source_no) AS INTEGER) AS source_count",
    ]
    columns += [f'max({_rank(field, overridden)}) AS "{field.name}_priority"' for field in FIELDS]
    return f"SELECT {', '.join(columns)} FROM {records} r GROUP BY r.who"


def choose(records: str, ranked: str, overridden: frozenset[str]) -> str:
    """SELECT of one row a resident: for every field the winning value, its record, compared form.

    Reading the winners in a second pass keeps the values out of the aggregation that finds them:
    twice as fast as ``arg_max``.
    """
    columns = ["r.who"]
    for field in FIELDS:
        wins = f'({_rank(field, overridden)} = w."{field.name}_priority")'
        columns += [
            f'max({value(field)}) FILTER {wins} AS "{field.name}"',
            f'max(r.record_id) FILTER {wins} AS "{field.name}_record"',
        ]
        if field.name in _COMPARED:
            columns.append(f'max({_COMPARED[field.name]}) FILTER {wins} AS "{field.name}_compared"')
    return f"""SELECT {", ".join(columns)} FROM {records} r JOIN {ranked} w USING (who)
        GROUP BY r.who"""


def contests(overridden: frozenset[str]) -> list[str]:
    """Aggregates over a resident's records (r) and chosen values (c): ``<field>_contested``."""
    return [
        f'coalesce(bool_or({_is_contest(field, overridden)}), FALSE) AS "{field.name}_contested"'
        for field in FIELDS
    ]


def contested(field: Field) -> str:
    """SQL: whether a chosen value is contested, from its `contests` (s) and priority (w)."""
    contest = f'coalesce(s."{field.name}_contested", FALSE)'
    if field.name == "id_number":
        # A number that contradicts its own row was taken for want of a better one.
        quality = priority(field).read("quality", 'w."id_number_priority"')
        return f"({contest} OR {quality} = 0)"
    return contest


def alone(field: Field) -> str:
    """SQL: one record alone holds the chosen value of a counted field, from its priority (w)."""
    return f"""{priority(field).read("quality", f'w."{field.name}_priority"')} = 0"""


def otherwise(field: Field) -> str:
    """SQL: a record (r, with holds_number) says otherwise than the chosen value.

    That is c."<field>", compared as c."<field>_compared".
    """
    basis = _COMPARED.get(field.name)
    if field.name in _OTHERWISE:
        return _OTHERWISE[field.name].format(compared=basis)
    if basis:
        return f'{basis} <> c."{field.name}_compared"'
    return f'{value(field)} <> c."{field.name}"'


def _is_contest(field: Field, overridden: frozenset[str]) -> str:
    return f"({otherwise(field)} AND ({_is_doubt(field, overridden)}))"


def _is_doubt(field: Field, overridden: frozenset[str]) -> str:
    """SQL: a record that says otherwise is a reason to ask again."""
    packed, chosen = priority(field), f'c."{field.name}_priority"'
    authority = _authority(field, overridden)
    chosen_days = packed.read("days", chosen)
    if field.survivor is Survivor.MOST_FREQUENT:
        return f"{_count(field)} >= {packed.read('count', chosen)}"
    chosen_authority = packed.read("authority", chosen)
    weighs = f"{authority} * 10 >= {chosen_authority} * {_TENTHS}"
    if field.name in COUNTED:
        # People move and say so; an old file may well hold the telephone number in use.
        still_fresh = f"r.days >= {chosen_days} - {field.fresh_days}"
        if field.name == "phone":
            still_fresh = "TRUE"
        as_many = f"{_QUALITY[field.name]} >= {packed.read('quality', chosen)}"
        return f"(r.days > {chosen_days} AND {weighs}) OR ({as_many} AND {still_fresh})"
    if field.survivor is Survivor.NEWEST:
        return f"""(r.days >= {chosen_days} - {_AS_NEW} AND {weighs})
            OR (r.days >= {chosen_days} - {_NOT_MUCH_OLDER} AND {authority} > {chosen_authority})"""
    doubt = f"{authority} >= {chosen_authority} OR (r.days > {chosen_days} AND {weighs})"
    if field.name in _VOUCHED:
        level, quality = _VOUCHED[field.name], _QUALITY[field.name]
        unvouched = f"{packed.read('quality', chosen)} < {level}"
        return f"({unvouched} OR {quality} >= {level}) AND ({doubt})"
    return doubt


def _rank(field: Field, overridden: frozenset[str]) -> str:
    parts = {
        "count": _count(field) if field.name in COUNTED else "0",
        "quality": _QUALITY.get(field.name, "0"),
        "authority": _authority(field, overridden),
        "days": "r.days",
        "source": "r.source_no",
    }
    packed = priority(field).pack(parts, "r.record_id")
    return f"CASE WHEN {value(field)} IS NOT NULL THEN {packed} END"


def _count(field: Field) -> str:
    # A name with a lost character wins over no other name, and contests none.
    if field.name == "name":
        return "CASE WHEN contains(r.name_key, '?') THEN 0 ELSE r.name_count END"
    return f"r.{field.name}_count"


def _authority(field: Field, overridden: frozenset[str]) -> str:
    return f"r.{field.name}_authority" if field.name in overridden else "r.authority"
