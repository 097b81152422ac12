"""Evidence: pairs, clusters, identities, and what waits for a person."""

from __future__ import annotations

from schemas.tables.model import Table, columns

TABLES: tuple[Table, ...] = (
    Table(
        "link",
        "pair",
        "two records that evidence joins or that were looked at",
        "匹配对",
        columns("""
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
        "standing",
        "what the ID number of one record is worth, seen among all records with the same number",
        "证号效力",
        columns("""
record_id BIGINT the record
hub BIGINT smallest record of those with the same number that agree with it; itself if none
is_open BOOLEAN has no ID number that can be relied on: is compared by all other evidence
is_profile BOOLEAN stands for all agreeing records with the same evidence when others are compared
held_id VARCHAR 17 digits that bind it to one resident; NULL: none, or known to be another's
holders INTEGER records with the same number
"""),
    ),
    Table(
        "link",
        "tie",
        "what ties a record to others before it is compared with any: its ID number, its household",
        "关联键",
        columns("""
record_id BIGINT the record
number BIGINT its id17, see std.record
unit UBIGINT hash of its household within its source; without a household number, of its row
sound UBIGINT hash of its name's sound where its unit is a household; NULL: it is none, or no name
"""),
    ),
    Table(
        "link",
        "candidate",
        "one record that stands for those that agree with it, and the keys it is compared by",
        "比较键",
        columns("""
record_id BIGINT the record
hub BIGINT see link.standing
row_id UBIGINT hash of its source row: two persons of one row are two people
is_open BOOLEAN see link.standing
holders INTEGER see link.standing
name_birth UINTEGER hash of what rule name_birth compares by
sound_birth UINTEGER hash of what rule sound_birth compares by
name_dwelling UINTEGER hash of what rule name_dwelling compares by
name_phone UINTEGER[] hash of what rule name_phone compares by; one a telephone
birth_dwelling UINTEGER hash of what rule birth_dwelling compares by
birth_phone UINTEGER[] hash of what rule birth_phone compares by; one a telephone
name_year_village UINTEGER hash of what rule name_year_village compares by
name_year UINTEGER hash of what rule name_year compares by
name_month UINTEGER hash of what rule name_month compares by
name_yearday UINTEGER hash of what rule name_yearday compares by
name_monthday UINTEGER hash of what rule name_monthday compares by
name_lunar UINTEGER hash of what rule name_lunar compares by
birth_village UINTEGER hash of what rule birth_village compares by
name_village UINTEGER hash of what rule name_village compares by
id_head_name UINTEGER hash of what rule id_head_name compares by
id_head_village UINTEGER hash of what rule id_head_village compares by
id_mask_year UINTEGER hash of what rule id_mask_year compares by
id_mask_village UINTEGER hash of what rule id_mask_village compares by
id_tail UINTEGER hash of what rule id_tail compares by
slip_birth UINTEGER hash of what rule slip_birth compares by
slip_ends UINTEGER hash of what rule slip_ends compares by
"""),
    ),
    Table(
        "link",
        "budget",
        "what the blocks of one blocking rule come to, by their size",
        "比较规模",
        columns("""
rule VARCHAR blocking rule, see docs/linkage.md
most BIGINT blocks of at most so many pairs, and of more than half of it; 0: of more than any limit
pairs BIGINT their pairs: records times open records
open_records BIGINT their open records
compared_up_to BIGINT blocks of more pairs than this were left out
"""),
    ),
    Table(
        "link",
        "crowd",
        "a key that so many records share that they were not compared by it",
        "过大的比较组",
        columns("""
rule VARCHAR blocking rule, see docs/linkage.md
key UBIGINT hash of the shared values
records BIGINT records that share them (of those that stand for others)
open_records BIGINT those among them without an ID number that can be relied on
pairs BIGINT pairs left out, at most: records times open records
sources VARCHAR[] sources of the records, the most frequent first
"""),
    ),
    Table(
        "link",
        "cluster",
        "one record and the resident it belongs to now",
        "归并结果",
        columns("""
record_id BIGINT the record
resident_id VARCHAR the resident
"""),
    ),
    Table(
        "link",
        "identity",
        "one resident id in force and the record that anchors it",
        "身份锚点",
        columns("""
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
        columns("""
review_id VARCHAR V and 15 hex digits of the md5 of the pair
record_l BIGINT one record
record_r BIGINT the other
resident_l VARCHAR its resident
resident_r VARCHAR the other's
reason VARCHAR doubtful, contested_id, two_ids or cut
probability DOUBLE match probability
value DOUBLE what a decision settles, in cells, see docs/review.md; the queue's order
explanation VARCHAR why it waits, in Chinese, without personal values
since_night INTEGER night it came into the queue
"""),
    ),
    Table(
        "link",
        "decision",
        "what a person said about two records",
        "核定",
        columns("""
decision_id BIGINT number in the journal
record_l BIGINT one record
record_r BIGINT the other
verdict VARCHAR always (same person) or never
author VARCHAR who
reason VARCHAR why
decided_at TIMESTAMPTZ when
"""),
    ),
)
