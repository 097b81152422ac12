"""What came back on forms, as rows of a source: one for each resident and day of answering."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from pipelines.answers import OUTCOME, Kept
from schemas.source import SourceMap


def rows(answers: Iterable[Kept], source: SourceMap) -> pa.Table:
    """The answers in force as text columns of `source`, sorted by key."""
    found: dict[str, dict[str, str]] = {}
    for answer in answers:
        if answer.status != "applied" or answer.field == OUTCOME:
            continue
        day = answer.answered_on.isoformat()
        key = f"{answer.anchor_record}-{day}"
        row = found.setdefault(
            key,
            {"row_key": key, "anchor_record": str(answer.anchor_record), "answered_on": day},
        )
        row[answer.field] = answer.value
    ordered = [found[key] for key in sorted(found)]
    return pa.table(
        {name: pa.array([row.get(name) for row in ordered], pa.string()) for name in source.columns}
    )
