"""What came back on forms, as rows of a source: one for each resident and day of answering.

Somebody who was not on the form is a row of their own, tied to nobody: linkage places it.
"""

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
        if answer.kind == "new":
            key, tie = answer.resident_id, {}
        else:
            key = f"{answer.anchor_record}-{day}"
            tie = {"anchor_record": str(answer.anchor_record)}
        row = found.setdefault(key, {"row_key": key, "answered_on": day, **tie})
        row["answered_on"] = max(row["answered_on"], day)
        row[answer.field] = answer.value
    ordered = [found[key] for key in sorted(found)]
    return pa.table(
        {name: pa.array([row.get(name) for row in ordered], pa.string()) for name in source.columns}
    )
