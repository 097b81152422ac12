"""The field-by-field reference of the tables, made from the contracts."""

from __future__ import annotations

from schemas.fields import FIELDS, Field
from schemas.suites import RULES, SUITE_LABELS
from schemas.tables import RAW_COLUMNS, TABLE, Column

_SCHEMAS = {
    "meta": "Book-keeping: nights, steps, sources.",
    "raw": "What came in, as it came. `raw.<source>` stands for one table a source.",
    "std": "Records in canonical fields, and what cleaning found.",
    "delta": "What this night must look at; for the steps, not for readers.",
    "link": "Evidence: pairs, clusters, identities, what waits for a person.",
    "master": "The golden records, the origin of every value, and their history.",
    "deliver": "What is asked of whom.",
    "quality": "What the night was judged by.",
}


def tables_reference() -> str:
    """`docs/tables.md`."""
    parts = [
        "# Tables",
        "Every table of `published/onegrid.duckdb`. Written by `onegrid docs` from `schemas/`; "
        "do not edit.",
        "\n".join(f"- [`{schema}`](#{schema}) {text}" for schema, text in _SCHEMAS.items()),
    ]
    for schema, text in _SCHEMAS.items():
        parts += [f"## {schema}", text]
        if schema == "raw":
            parts += [
                "### raw.&lt;source&gt;",
                "One version of one source row, then the source's own "
                "columns as text (see `schemas/sources/`).",
                _table(RAW_COLUMNS),
            ]
        for name, table in TABLE.items():
            if table.schema == schema:
                grain = f"{table.label}. One row is {table.grain}."
                parts += [f"### {name.replace(chr(34), '')}", grain, _table(table.columns)]
    parts += ["## Fields", "The canonical fields of a resident.", _fields()]
    parts += ["## Rules", "What a night is judged by; critical rules block publication.", _rules()]
    return "\n\n".join(parts) + "\n"


def _table(columns: tuple[Column, ...]) -> str:
    return _rows(
        ("column", "type", "meaning"), [(f"`{c.name}`", c.type, c.meaning) for c in columns]
    )


def _fields() -> str:
    return _rows(
        ("field", "label", "meaning", "sensitivity", "survivor", "stale after", "standard"),
        [
            (
                f"`{field.name}`",
                field.label,
                field.meaning,
                field.sensitivity.value,
                field.survivor.value,
                _stale_after(field),
                field.standard,
            )
            for field in FIELDS
        ],
    )


def _stale_after(field: Field) -> str:
    if field.fresh_days is None:
        return ""
    alone = f", {field.alone_days} if one record alone says so" if field.alone_days else ""
    return f"{field.fresh_days} days{alone}"


def _rules() -> str:
    return _rows(
        ("rule", "suite", "severity", "label", "meaning", "tolerated"),
        [
            (
                f"`{rule.name}`",
                SUITE_LABELS[rule.suite],
                rule.severity,
                rule.label,
                rule.meaning,
                f"{rule.allowed:.2%}" if rule.allowed else "none",
            )
            for rule in RULES
        ],
    )


def _rows(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
