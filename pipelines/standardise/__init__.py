"""From what offices wrote to canonical records; every change is a defect, nothing is dropped."""

from pipelines.standardise.apply import standardise

__all__ = ["standardise"]
