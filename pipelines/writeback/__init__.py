"""Write-back: the master's changes to the tables of grid platforms, and what became of each."""

from pipelines.writeback.changes import Changes
from pipelines.writeback.push import Outcome, compare, lock_name, push

__all__ = ["Changes", "Outcome", "compare", "lock_name", "push"]
