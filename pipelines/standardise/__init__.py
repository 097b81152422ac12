"""From what offices wrote to canonical records; every change is a defect, nothing is dropped."""

from pipelines.standardise.apply import conservation, standardise

__all__ = ["conservation", "standardise"]
