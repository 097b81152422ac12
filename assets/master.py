"""The master: where everybody lives, the golden records, and the origin of every value."""

from __future__ import annotations

from assets.tables import OPERATORS, table_step

GROUP = "master"
_RECORDS = ["link.cluster", "std.record", "std.benefit", "master.dwelling"]

dwellings = table_step(
    "place_dwellings",
    {"master.dwelling": ["std.dwelling", "link.cluster"]},
    group=GROUP,
    owner=OPERATORS,
)
residents = table_step(
    "merge_residents",
    {
        "master.resident": _RECORDS,
        "master.provenance": _RECORDS,
        "master.cell": ["master.resident", "master.provenance"],
        "master.household": ["master.resident"],
        "master.crosswalk": ["link.cluster", "link.identity"],
        "master.event": ["link.identity", "master.resident"],
    },
    group=GROUP,
    owner=OPERATORS,
)
