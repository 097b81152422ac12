"""Who is who: evidence, residents' ids, and the pairs that wait for a person."""

from __future__ import annotations

from assets.tables import OPERATORS, table_step

GROUP = "linked"

pairs = table_step(
    "score_pairs",
    {
        "link.pair": ["std.record"],
        "link.standing": ["std.record"],
        "link.tie": ["std.record"],
        "link.candidate": ["std.record"],
        "link.budget": ["std.record"],
        "link.crowd": ["std.record"],
        "link.decision": ["std.record"],
    },
    group=GROUP,
    owner=OPERATORS,
)
clusters = table_step(
    "cluster_records",
    {
        "link.cluster": ["link.pair", "link.standing", "link.decision"],
        "link.identity": ["link.pair", "link.standing", "link.decision"],
    },
    group=GROUP,
    owner=OPERATORS,
)
reviews = table_step(
    "queue_reviews",
    {"link.review": ["link.pair", "link.cluster", "link.decision"]},
    group=GROUP,
    owner=OPERATORS,
)
