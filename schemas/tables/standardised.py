"""Records in canonical fields, what cleaning found, and what this night must look at."""

from __future__ import annotations

from schemas.tables.model import FIELD_COLUMNS, Table, columns

TABLES: tuple[Table, ...] = (
    Table(
        "std",
        "record",
        "one person in one live row of one source, in canonical fields",
        "标准化记录",
        columns("""
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
        + FIELD_COLUMNS
        + columns("""
id_status VARCHAR valid, upgraded (15 digits), conflict, invalid, masked, damaged or missing
id17 VARCHAR the 17 identifying digits, for status valid, upgraded and conflict
id_partial VARCHAR what is left of an invalid, masked or damaged number, * for what is lost
birth_precision VARCHAR day, month, year or lunar (converted from the lunar calendar)
birth_from_id BOOLEAN birth_date was taken from the ID number
surname VARCHAR family name
name_key VARCHAR name with variant and traditional characters folded; ? for a lost character
name_pinyin VARCHAR toneless syllables, separated by spaces; ? for a lost character
name_shape VARCHAR name_key with look-alike characters made one
phones VARCHAR[] all numbers of the cell
address_key VARCHAR village|estate|building|unit|room as far as parsed; the village may lack
dwelling_key VARCHAR address_key down to the room where complete, else NULL
"""),
    ),
    Table(
        "std",
        "defect",
        "something cleaning found in one cell of one record",
        "问题数据",
        columns("""
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
        "correction",
        "a value that a department corrected, put in the place of what its row says",
        "部门更正",
        columns("""
answer_id BIGINT the answer in the journal
record_id BIGINT the record, see std.record
source VARCHAR source
source_key VARCHAR key of the row
field VARCHAR canonical field
row_hash BIGINT digest of the version of the row that it holds for
value VARCHAR the corrected value, as it was written
handler VARCHAR who dealt with it in the department
answered_on DATE day of the answer
"""),
    ),
    Table(
        "std",
        "quarantine",
        "a row (or a person of a row) that cannot be used",
        "隔离区",
        columns("""
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
        columns("""
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
        columns("""
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
        columns("""
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
        columns("""
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
        "std",
        "placed",
        "one row of a grid register and the dwelling it places",
        "底册落房",
        columns("""
source VARCHAR the register
source_key VARCHAR key of the row
dwelling_id VARCHAR the dwelling, see std.dwelling
dwelling_key VARCHAR its key
address VARCHAR address as registered, tidied
"""),
    ),
    Table(
        "delta",
        "record",
        "a record that this night must look at",
        "变更记录",
        columns("""
record_id BIGINT the record
change VARCHAR new, changed or gone
"""),
    ),
    Table(
        "delta",
        "resident",
        "a resident that this night must recompute",
        "变更居民",
        columns("""
resident_id VARCHAR the resident
change VARCHAR new, changed or gone
"""),
    ),
)
