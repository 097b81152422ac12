"""Who is who: pairs, residents with ids that stay, and what a person must look at."""

from pipelines.link.cluster import cluster_records
from pipelines.link.review import queue_reviews
from pipelines.link.score import score_pairs

__all__ = ["cluster_records", "queue_reviews", "score_pairs"]
