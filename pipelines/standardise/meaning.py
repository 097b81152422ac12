"""What a person wrote by hand into one cell means: the canonical value, or nothing."""

from __future__ import annotations

from pipelines.standardise.dictionaries import Context, clean_values, kind_of
from pipelines.standardise.phones import clean_phone
from schemas.fields import FIELD


def meanings(field: str, values: list[str], context: Context) -> list[str | None]:
    """The canonical value of each of `values` as a text; None where it cannot be read.

    Stricter than cleaning a source: an ID number must be valid, a count a whole number, and of
    several telephones the first is taken.
    """
    kind = kind_of(FIELD[field])
    if kind == "phone":
        return [(clean_phone(value).values or (None,))[0] for value in values]
    table = clean_values(kind, values, context)
    good = table.column("status").to_pylist() if kind == "id" else ["valid"] * len(values)
    meant = [
        str(value) if value is not None and status in {"valid", "upgraded"} else None
        for value, status in zip(table.column("value").to_pylist(), good, strict=True)
    ]
    if kind == "number":
        return [str(int(float(value))) if value else None for value in meant]
    return meant
