"""Long forms of the wide tables."""

from __future__ import annotations

from schemas.fields import FIELDS
from schemas.tables.model import Table, columns


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
            columns("""
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
            columns("""
form VARCHAR form contract
period VARCHAR period
grid_code VARCHAR grid
resident_id VARCHAR the resident
field VARCHAR canonical field
state VARCHAR known, verify, ask, waits, withheld; none: empty and not required
"""),
        ),
        _form_cell_view(),
    ),
)
