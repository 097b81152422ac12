"""Write-back: the master's changes to the tables of grid platforms, and what became of each."""

from pipelines.writeback.changes import Changes
from pipelines.writeback.examples import Example
from pipelines.writeback.nightly import nightly_targets, tell_target, told_by
from pipelines.writeback.push import Outcome, compare, lock_name, push

__all__ = [
    "Changes",
    "Example",
    "Outcome",
    "compare",
    "lock_name",
    "nightly_targets",
    "push",
    "tell_target",
    "told_by",
]
