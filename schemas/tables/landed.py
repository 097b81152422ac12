"""What came in, and the book-keeping of nights."""

from __future__ import annotations

from schemas.tables.model import Table, columns

# Columns that extraction puts in front of a source's own columns in raw.<source>.
RAW_COLUMNS = columns("""
source_key VARCHAR key of the row within its source, stable over nights
row_hash BIGINT hash of the row's values by this engine; another one is a new version of the row
since_night INTEGER first night in which this version was pulled
until_night INTEGER first night in which it was no longer there; NULL while it is
file VARCHAR for ledgers: file name
sheet VARCHAR for ledgers: sheet title
row_no INTEGER for ledgers: row on the sheet, from 1
observed VARCHAR date on which the row was true, ISO, as far as the source tells
mark VARCHAR for ledgers: struck_out where the row is crossed out and no longer valid; else NULL
""")


TABLES: tuple[Table, ...] = (
    Table(
        "meta",
        "night",
        "one night that is in this file",
        "批次",
        columns("""
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
        columns("""
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
        columns("""
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
        columns("""
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
        "raw",
        "source_column",
        "one column that a database showed, pulled or not",
        "来源的列",
        columns("""
source VARCHAR source
column_name VARCHAR name of the column as the database has it
type VARCHAR its type there
since_night INTEGER night in which it was first seen like this
until_night INTEGER night in which it was no longer; NULL while it is
"""),
    ),
    Table(
        "raw",
        "ledger_quarantine",
        "one ledger file that could not be used",
        "台账隔离",
        columns("""
source VARCHAR source
file VARCHAR path below the ledger folder
sha256 VARCHAR hash of its content; the copy below quarantine/ is named after it
reason VARCHAR code of the reason
reason_zh VARCHAR reason and what to do, in Chinese
since_night INTEGER night in which it was found
until_night INTEGER night in which it was no longer there; NULL while it waits
"""),
    ),
    Table(
        "raw",
        "ledger_finding",
        "something a ledger in force left unsaid: rows left out, values guessed or filled",
        "台账读取说明",
        columns("""
source VARCHAR source
file VARCHAR path below the ledger folder
sha256 VARCHAR hash of its content
sheet VARCHAR title of the sheet
row_no INTEGER first row it is about, from 1; NULL: the whole sheet or column
last_row INTEGER last row it is about
column_letter VARCHAR column it is about; NULL: the whole row or sheet
kind VARCHAR kind, see docs/ledgers.md
severity VARCHAR info (said once a sheet) or warning (said for each run of rows)
rows BIGINT number of rows between the two that it is about
reason_zh VARCHAR what was found and what to do, in Chinese
since_night INTEGER night in which it was found
until_night INTEGER night in which it was no longer there; NULL while it holds
"""),
    ),
)
