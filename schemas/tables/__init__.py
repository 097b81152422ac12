"""Every table a reader of the published file sees: its grain, its columns, what they mean.

The DDL of the night's file, the Dagster column schemas and `docs/tables.md` are made from this.
"""

from schemas.tables import delivered, landed, linked, master, standardised
from schemas.tables.landed import RAW_COLUMNS
from schemas.tables.model import Column, Table
from schemas.tables.views import VIEWS

SCHEMAS = ("meta", "raw", "std", "delta", "link", "master", "deliver", "quality")

TABLES: tuple[Table, ...] = (
    *landed.TABLES,
    *standardised.TABLES,
    *linked.TABLES,
    *master.TABLES,
    *delivered.TABLES,
)

TABLE: dict[str, Table] = {
    table.qualified: table for table in (*TABLES, *(view for view, _ in VIEWS))
}

__all__ = ["RAW_COLUMNS", "SCHEMAS", "TABLE", "TABLES", "VIEWS", "Column", "Table"]
