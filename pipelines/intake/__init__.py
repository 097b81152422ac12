"""Forms that came back: read, judged against what is known, kept in the journal, acknowledged."""

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
