"""Extraction: sources come into the landing zone, and from there into a night."""

from pipelines.extract.mirror import mirror_raw
from pipelines.extract.pull import hold_source, pull_source

__all__ = ["hold_source", "mirror_raw", "pull_source"]
