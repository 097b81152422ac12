"""The golden records, their origin and their history."""

from __future__ import annotations

from schemas.fields import FIELDS
from schemas.tables.model import FIELD_COLUMNS, Column, Table, columns


def _provenance_columns() -> tuple[Column, ...]:
    origin: list[Column] = []
    for field in FIELDS:
        origin += [
            Column(f"{field.name}_record", "BIGINT", f"record that {field.name} was taken from"),
            Column(
                f"{field.name}_source", "USMALLINT", f"its source, see meta.source ({field.name})"
            ),
            Column(f"{field.name}_observed", "DATE", f"when {field.name} was observed"),
            Column(
                f"{field.name}_contested",
                "BOOLEAN",
                f"another record says otherwise about {field.name}, with equal authority or newer",
            ),
        ]
        if field.alone_days is not None:
            origin.append(
                Column(f"{field.name}_alone", "BOOLEAN", f"one record alone holds {field.name}")
            )
    return tuple(origin)


TABLES: tuple[Table, ...] = (
    Table(
        "master",
        "resident",
        "one human being",
        "居民主档",
        columns("""
resident_id VARCHAR R and 15 hex digits; never changes
""")
        + FIELD_COLUMNS
        + columns("""
grid_code VARCHAR grid of residence; NULL: not yet placed
village_code VARCHAR village or community
dwelling_id VARCHAR dwelling, see master.dwelling
household_id VARCHAR household, see master.household
is_head BOOLEAN head of the household
benefits VARCHAR[] kinds of benefits being received
record_count INTEGER records behind the resident
source_count INTEGER sources behind the resident
completeness DOUBLE share of the fields of the population form that are known, 0 to 1
"""),
    ),
    Table(
        "master",
        "provenance",
        "the origin of every value of one resident, wide; master.cell is its long form",
        "来源",
        (Column("resident_id", "VARCHAR", "the resident"), *_provenance_columns()),
    ),
    Table(
        "master",
        "crosswalk",
        "a record's belonging to a resident over a time",
        "映射",
        columns("""
source VARCHAR source
source_key VARCHAR key of the row, with #role where a row holds several persons
record_id BIGINT the record
resident_id VARCHAR the resident
since DATE from this day
until DATE until this day; NULL: now
since_night INTEGER night
"""),
    ),
    Table(
        "master",
        "event",
        "something that happened to an identity",
        "身份事件",
        columns("""
night INTEGER night
event_date DATE business date
kind VARCHAR birth, merge, split, end, anchor or changed (an identity field)
resident_id VARCHAR the resident
other_id VARCHAR for merge: the id it went into; for split: the id it came from
field VARCHAR for changed: which field
record_id BIGINT the record that anchors or caused it
"""),
    ),
    Table(
        "master",
        "dwelling",
        "one dwelling",
        "房屋",
        columns("""
dwelling_id VARCHAR D and 15 hex digits
address VARCHAR address as registered
village_code VARCHAR 12 digits
village_name VARCHAR name
grid_code VARCHAR grid
grid_name VARCHAR name
residents INTEGER residents living there
walk_key VARCHAR sorts dwellings as one walks past them
"""),
    ),
    Table(
        "master",
        "household",
        "people who live together in one dwelling",
        "户",
        columns("""
household_id VARCHAR H and 15 hex digits
dwelling_id VARCHAR dwelling
grid_code VARCHAR grid
head_resident_id VARCHAR head of the household
residents INTEGER number of members
"""),
    ),
)
