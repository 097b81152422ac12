"""What was asked of whom, and what the night was judged by."""

from __future__ import annotations

from schemas.fields import FIELDS
from schemas.tables.model import Column, Table, columns

TABLES: tuple[Table, ...] = (
    Table(
        "deliver",
        "form",
        "one form for one grid",
        "表单",
        columns("""
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
waits_cells BIGINT of these, asked by another form of the period
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
        columns("""
form VARCHAR form contract
period VARCHAR e.g. 2026-11
grid_code VARCHAR grid
row_no INTEGER row on the form, from 1, in walking order
resident_id VARCHAR the resident
household_id VARCHAR household
seal UBIGINT hash of all that the row shows but its number
known_cells UTINYINT cells that the form requires, known and fresh
verify_cells UTINYINT the same, known but stale or contested
ask_cells UTINYINT the same, known to nobody
waits_cells UTINYINT the same, asked by another form of the period
withheld_cells UTINYINT the same, known but not for this purpose
""")
        + tuple(
            Column(
                f"{field.name}_state",
                "VARCHAR",
                f"{field.label}: known, verify, ask, waits or withheld; none: empty and not "
                "required; NULL: not on this form",
            )
            for field in FIELDS
        ),
    ),
    Table(
        "deliver",
        "issue",
        "one hand-out of a form",
        "下发",
        columns("""
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
        "one form that came back",
        "回收",
        columns("""
return_id VARCHAR beginning of the hash of what came
form_id VARCHAR the form
version INTEGER the version it was filled from
channel VARCHAR workbook, odk or web
author VARCHAR who answered
received_at TIMESTAMPTZ when
status VARCHAR taken, or undone
"""),
    ),
    Table(
        "deliver",
        "answer",
        "one cell of a form that somebody filled, changed or confirmed",
        "填报结果",
        columns("""
answer_id BIGINT the answer
return_id VARCHAR what it came with
form_id VARCHAR the form
resident_id VARCHAR whom it is about now
field VARCHAR canonical field, or outcome
kind VARCHAR answer (was asked), correction (was shown), confirmed, outcome, new
status VARCHAR applied, review (waits for a person), rejected, superseded or undone
reason VARCHAR why it waits
answered_on DATE day of the answer
"""),
    ),
    Table(
        "deliver",
        "way_out",
        "a resident who could not be asked, as the grid worker said",
        "去向登记",
        columns("""
resident_id VARCHAR the resident
grid_code VARCHAR the grid whose form said so
form VARCHAR form contract
period VARCHAR its period
way VARCHAR 查无此人, 已迁出, 已死亡, 拒答 or 未遇
said_on DATE day
stays_off BOOLEAN is not on this grid's forms for the time being
"""),
    ),
    Table(
        "deliver",
        "outbox",
        "one change that a grid platform must be told",
        "回写",
        columns("""
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
        columns("""
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
