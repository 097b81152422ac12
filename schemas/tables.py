"""Every table a reader of the published file sees: its grain, its columns, what they mean.

The DDL of the night's file, the Dagster column schemas and `docs/tables.md` are made from this.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.fields import FIELDS


@dataclass(frozen=True)
class Column:
    """A column: its DuckDB type and its meaning."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """A table: where it stands, what one row is, and its columns."""

    schema: str
    name: str
    grain: str
    label: str
    columns: tuple[Column, ...]

    @property
    def qualified(self) -> str:
        """``schema.name`` as used in SQL, quoted where the name is a keyword."""
        return (
            f'{self.schema}."{self.name}"'
            if self.name == "return"
            else f"{self.schema}.{self.name}"
        )

    def ddl(self) -> str:
        """CREATE TABLE statement, safe to repeat."""
        body = ", ".join(f'"{column.name}" {column.type}' for column in self.columns)
        return f"CREATE TABLE IF NOT EXISTS {self.qualified} ({body})"


def _columns(text: str) -> tuple[Column, ...]:
    """Columns from lines of ``name TYPE meaning``."""
    rows = [line.split(maxsplit=2) for line in text.strip().splitlines()]
    return tuple(Column(name, type_, meaning.strip()) for name, type_, meaning in rows)


SCHEMAS = ("meta", "raw", "std", "delta", "link", "master", "deliver", "quality")


# Columns that extraction puts in front of a source's own columns in raw.<source>.
RAW_COLUMNS = _columns("""
source_key VARCHAR key of the row within its source, stable over nights
row_hash BIGINT hash of the row's values; a change of it is a new version of the row
since_night INTEGER first night in which this version was pulled
until_night INTEGER first night in which it was no longer there; NULL while it is
file VARCHAR for ledgers: file name
sheet VARCHAR for ledgers: sheet title
row_no INTEGER for ledgers: row on the sheet, from 1
observed VARCHAR date on which the row was true, ISO, as far as the source tells
""")

_FIELD_COLUMNS = tuple(Column(f.name, f.type, f"{f.label}: {f.meaning}") for f in FIELDS)


def _provenance_columns() -> tuple[Column, ...]:
    columns: list[Column] = []
    for field in FIELDS:
        columns += [
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
    return tuple(columns)


TABLES: tuple[Table, ...] = (
    Table(
        "meta",
        "night",
        "one night that is in this file",
        "批次",
        _columns("""
night INTEGER number of the night
business_date DATE the day the night belongs to
base_night INTEGER published night it started from; 0: none
is_full BOOLEAN everything was recomputed
started_at TIMESTAMPTZ start
config_hash VARCHAR hash of configuration, contracts and code version
model_version VARCHAR version of the linkage model
"""),
    ),
    Table(
        "meta",
        "stage",
        "one step of a night",
        "步骤",
        _columns("""
night INTEGER number of the night
stage VARCHAR name of the step
finished_at TIMESTAMPTZ end of the step
seconds DOUBLE duration
counts JSON what the step counted
"""),
    ),
    Table(
        "meta",
        "source",
        "one source",
        "数据源",
        _columns("""
source_no USMALLINT number used in wide tables
source VARCHAR name
label VARCHAR Chinese name
department VARCHAR owner
department_label VARCHAR Chinese name of the owner
purposes VARCHAR[] what its values may be used for on forms
"""),
    ),
    Table(
        "raw",
        "pull",
        "one source pulled in one night",
        "抽取记录",
        _columns("""
night INTEGER number of the night
source VARCHAR source
status VARCHAR ok, held (kept from before because the source is broken) or skipped (unchanged file)
reason VARCHAR why held, in Chinese
rows_pulled BIGINT rows that the source holds now
rows_new BIGINT rows not seen before
rows_changed BIGINT rows with another hash than before
rows_vanished BIGINT rows that were there before
seconds DOUBLE duration
"""),
    ),
    Table(
        "std",
        "record",
        "one person in one live row of one source, in canonical fields",
        "标准化记录",
        _columns("""
record_id BIGINT stable number of the record: 63 bits of the md5 of source, source_key and role
source VARCHAR source
source_key VARCHAR key of the row
role VARCHAR the person's part in the row
department VARCHAR owner of the source
observed_date DATE when the row was true
village_code VARCHAR 12-digit code of the village or community, where known
village_name VARCHAR its name
household_key VARCHAR the source's household number, prefixed with the source
""")
        + _FIELD_COLUMNS
        + _columns("""
id_status VARCHAR valid, upgraded (from 15 digits), conflict (valid, but its birth date or sex contradicts the row), invalid, masked, damaged (by Excel) or missing
id17 VARCHAR the 17 identifying digits, for status valid, upgraded and conflict
id_partial VARCHAR what is left of an invalid, masked or damaged number, * for what is lost
birth_precision VARCHAR day, month, year or lunar (converted from the lunar calendar)
birth_from_id BOOLEAN birth_date was taken from the ID number
surname VARCHAR family name
name_key VARCHAR name with variant and traditional characters folded
name_pinyin VARCHAR toneless syllables, separated by spaces
phones VARCHAR[] all numbers of the cell
address_key VARCHAR village|estate|building|unit|room as far as parsed
dwelling_key VARCHAR address_key down to the room where complete, else NULL
"""),
    ),
    Table(
        "std",
        "defect",
        "something cleaning found in one cell of one record",
        "问题数据",
        _columns("""
record_id BIGINT the record, see std.record
source VARCHAR source
department VARCHAR who can mend it
field VARCHAR canonical field
kind VARCHAR kind of defect, see docs/defects.md
severity VARCHAR info (spelling mended), warning (guessed or partly lost), error (value unusable)
old_masked VARCHAR value as it came, masked
new_masked VARCHAR value that was made of it, masked; NULL: none
"""),
    ),
    Table(
        "std",
        "quarantine",
        "a row (or a person of a row) that cannot be used",
        "隔离区",
        _columns("""
source VARCHAR source
source_key VARCHAR key of the row
role VARCHAR the person's part in the row
file VARCHAR for ledgers: file name
sheet VARCHAR for ledgers: sheet
row_no INTEGER for ledgers: row
reason VARCHAR code of the reason
reason_zh VARCHAR reason and what to do, in Chinese
since_night INTEGER night
"""),
    ),
    Table(
        "std",
        "benefit",
        "a benefit that a record grants",
        "补贴待遇",
        _columns("""
record_id BIGINT the record, see std.record
kind VARCHAR low_income, disability_living, disability_care, old_age
level VARCHAR grade or class
amount DECIMAL(12,2) yuan a month
since DATE first month
until DATE last month; NULL: still paid
"""),
    ),
    Table(
        "std",
        "insurance",
        "a social insurance that a record states",
        "社会保险",
        _columns("""
record_id BIGINT the record, see std.record
kind VARCHAR resident_pension, employee_pension, resident_medical, employee_medical, unemployment
status VARCHAR active, paused, ended or receiving
employer VARCHAR employer
since DATE start
until DATE end; NULL: none
"""),
    ),
    Table(
        "std",
        "family",
        "a family-planning fact that a record states",
        "计生卫健",
        _columns("""
record_id BIGINT the record, see std.record
kind VARCHAR mother, spouse or child
birth_order INTEGER for children: order
marriage_date DATE for marriages: date
other_record_id BIGINT the record of the mother or spouse in the same row
"""),
    ),
    Table(
        "std",
        "dwelling",
        "one dwelling of the grid register",
        "房屋地址",
        _columns("""
dwelling_id VARCHAR D and 15 hex digits of the md5 of its dwelling_key
dwelling_key VARCHAR village|estate|building|unit|room
address VARCHAR address as registered
village_code VARCHAR 12 digits
village_name VARCHAR name
grid_code VARCHAR village code and 3 digits
grid_name VARCHAR name
household_key VARCHAR household number of the register
head_name VARCHAR head of household as registered
"""),
    ),
    Table(
        "delta",
        "record",
        "a record that this night must look at",
        "变更记录",
        _columns("""
record_id BIGINT the record
change VARCHAR new, changed or gone
"""),
    ),
    Table(
        "delta",
        "resident",
        "a resident that this night must recompute",
        "变更居民",
        _columns("""
resident_id VARCHAR the resident
change VARCHAR new, changed or gone
"""),
    ),
    Table(
        "link",
        "pair",
        "two records that evidence joins or that were looked at",
        "匹配对",
        _columns("""
record_l BIGINT the smaller record_id
record_r BIGINT the larger record_id
tier VARCHAR certain, decision or probable
weight DOUBLE match weight (log2 of the Bayes factor and prior); for certain pairs 60
probability DOUBLE match probability
reasons VARCHAR what agreed and what did not, readable
verdict VARCHAR joined, review (waits for a person), refused (a constraint) or below
"""),
    ),
    Table(
        "link",
        "cluster",
        "one record and the resident it belongs to now",
        "归并结果",
        _columns("""
record_id BIGINT the record
resident_id VARCHAR the resident
"""),
    ),
    Table(
        "link",
        "identity",
        "one resident id in force and the record that anchors it",
        "身份锚点",
        _columns("""
resident_id VARCHAR the resident
anchor_record BIGINT the record whose cluster keeps this id
born_night INTEGER night of birth
"""),
    ),
    Table(
        "link",
        "review",
        "one pair a person must look at",
        "待核队列",
        _columns("""
review_id VARCHAR V and 15 hex digits of the md5 of the pair
record_l BIGINT one record
record_r BIGINT the other
resident_l VARCHAR its resident
resident_r VARCHAR the other's
reason VARCHAR doubtful, contested_id, two_ids or cut
probability DOUBLE match probability
value DOUBLE what a decision would settle; the queue's order
explanation VARCHAR why it waits, in Chinese, without personal values
since_night INTEGER night it came into the queue
"""),
    ),
    Table(
        "link",
        "decision",
        "what a person said about two records",
        "核定",
        _columns("""
decision_id BIGINT number in the journal
record_l BIGINT one record
record_r BIGINT the other
verdict VARCHAR always (same person) or never
author VARCHAR who
reason VARCHAR why
decided_at TIMESTAMPTZ when
"""),
    ),
    Table(
        "master",
        "resident",
        "one human being",
        "居民主档",
        _columns("""
resident_id VARCHAR R and 15 hex digits; never changes
""")
        + _FIELD_COLUMNS
        + _columns("""
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
        _columns("""
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
        _columns("""
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
        _columns("""
dwelling_id VARCHAR D and 15 hex digits
address VARCHAR address as registered
village_code VARCHAR 12 digits
village_name VARCHAR name
grid_code VARCHAR grid
grid_name VARCHAR name
residents INTEGER residents living there
"""),
    ),
    Table(
        "master",
        "household",
        "people who live together in one dwelling",
        "户",
        _columns("""
household_id VARCHAR H and 15 hex digits
dwelling_id VARCHAR dwelling
grid_code VARCHAR grid
head_resident_id VARCHAR head of the household
residents INTEGER number of members
"""),
    ),
    Table(
        "deliver",
        "form",
        "one form for one grid",
        "表单",
        _columns("""
form_id VARCHAR form, period and grid
form VARCHAR form contract
period VARCHAR e.g. 2026-11
grid_code VARCHAR grid
version INTEGER counts the contents this form had in its period
residents INTEGER rows
required_cells BIGINT cells that the form requires
known_cells BIGINT of these, known and fresh
verify_cells BIGINT of these, known but stale or contested
ask_cells BIGINT of these, known to nobody
withheld_cells BIGINT of these, known but not for this purpose
content_hash VARCHAR hash of what the form says
file VARCHAR path below the home's forms folder
file_sha256 VARCHAR hash of the workbook
"""),
    ),
    Table(
        "deliver",
        "form_row",
        "one resident on one form, with the state of each cell; deliver.form_cell is its long form",
        "表单行",
        _columns("""
form VARCHAR form contract
period VARCHAR e.g. 2026-11
grid_code VARCHAR grid
row_no INTEGER row on the form, from 1, in walking order
resident_id VARCHAR the resident
household_id VARCHAR household
""")
        + tuple(
            Column(
                f"{field.name}_state",
                "VARCHAR",
                f"{field.label}: known, verify, ask or withheld; none: empty and not required; "
                "NULL: not on this form",
            )
            for field in FIELDS
        ),
    ),
    Table(
        "deliver",
        "issue",
        "one hand-out of a form",
        "下发",
        _columns("""
form_id VARCHAR the form
version INTEGER its version
night INTEGER night
issued_on DATE day
due_on DATE return date
file_sha256 VARCHAR hash of the workbook
"""),
    ),
    Table(
        "deliver",
        "return",
        "one workbook that came back",
        "回收",
        _columns("""
return_id VARCHAR hash of the file
form_id VARCHAR the form
version INTEGER the version it was filled from
received_at TIMESTAMPTZ when
status VARCHAR taken, or why not
"""),
    ),
    Table(
        "deliver",
        "outbox",
        "one change that a grid platform must be told",
        "回写",
        _columns("""
outbox_id VARCHAR identifier
resident_id VARCHAR the resident
night INTEGER night
payload JSON changed values
delivered_at TIMESTAMPTZ receipt; NULL: waiting
"""),
    ),
    Table(
        "quality",
        "result",
        "one rule's result in one night",
        "质检结果",
        _columns("""
night INTEGER night
rule VARCHAR rule
suite VARCHAR standardised, master or forms
severity VARCHAR critical or warning
rows_checked BIGINT rows the rule looked at
rows_bad BIGINT rows that break it
allowed DOUBLE bad share that is tolerated
passed BOOLEAN within what is tolerated
"""),
    ),
)


def _cell_view() -> str:
    parts = (
        f"""SELECT r.resident_id, '{f.name}' AS field, CAST(r."{f.name}" AS VARCHAR) AS value,
            p."{f.name}_source" AS source_no, p."{f.name}_record" AS record_id,
            p."{f.name}_observed" AS observed_date, '{f.survivor}' AS rule,
            p."{f.name}_contested" AS contested
        FROM master.resident r JOIN master.provenance p USING (resident_id)
        WHERE r."{f.name}" IS NOT NULL"""
        for f in FIELDS
    )
    return f"""CREATE OR REPLACE VIEW master.cell AS
        SELECT c.resident_id, c.field, c.value, s.source, c.record_id, c.observed_date, c.rule,
            c.contested
        FROM ({" UNION ALL ".join(parts)}) c LEFT JOIN meta.source s USING (source_no)"""


def _form_cell_view() -> str:
    parts = (
        f"""SELECT form, period, grid_code, resident_id, '{f.name}' AS field,
            "{f.name}_state" AS state FROM deliver.form_row WHERE "{f.name}_state" IS NOT NULL"""
        for f in FIELDS
    )
    return f"CREATE OR REPLACE VIEW deliver.form_cell AS {' UNION ALL '.join(parts)}"


VIEWS: tuple[tuple[Table, str], ...] = (
    (
        Table(
            "master",
            "cell",
            "one value of one resident, with its origin (view)",
            "字段值",
            _columns("""
resident_id VARCHAR the resident
field VARCHAR canonical field
value VARCHAR the value, as text
source VARCHAR source it was taken from
record_id BIGINT record it was taken from
observed_date DATE when it was observed
rule VARCHAR survivorship rule that chose it
contested BOOLEAN another record says otherwise, with equal authority or newer
"""),
        ),
        _cell_view(),
    ),
    (
        Table(
            "deliver",
            "form_cell",
            "one cell of one form (view)",
            "表单单元格",
            _columns("""
form VARCHAR form contract
period VARCHAR period
grid_code VARCHAR grid
resident_id VARCHAR the resident
field VARCHAR canonical field
state VARCHAR known, verify, ask, withheld; none: empty and not required
"""),
        ),
        _form_cell_view(),
    ),
)

TABLE: dict[str, Table] = {
    table.qualified: table for table in (*TABLES, *(view for view, _ in VIEWS))
}
