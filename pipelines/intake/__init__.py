"""Forms that came back: read, judged against what is known, kept in the journal, acknowledged."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.intake.desk import Receipt
    from pipelines.intake.entry import Entry, Line, take_entries
    from pipelines.intake.inbox import take_inbox
    from pipelines.intake.receipt import receipt_text
    from pipelines.intake.take import take_files

__all__ = [
    "Entry",
    "Line",
    "Receipt",
    "receipt_text",
    "take_entries",
    "take_files",
    "take_inbox",
]

_ROOMS = {
    "Entry": "entry",
    "Line": "entry",
    "Receipt": "desk",
    "receipt_text": "receipt",
    "take_entries": "entry",
    "take_files": "take",
    "take_inbox": "inbox",
}


def __getattr__(name: str) -> Any:
    # late, because the child processes that read returned forms would pay for what they never use
    if name not in _ROOMS:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
