"""Golden records: where everybody lives, whose value counts, and what each record belongs to."""

from pipelines.merge.places import place_dwellings
from pipelines.merge.residents import merge_residents

__all__ = ["merge_residents", "place_dwellings"]
