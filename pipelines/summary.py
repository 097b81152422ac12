"""What a published night came to: the few figures that a person wants to read first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pipelines import store
from pipelines.home import Home
from schemas.district import Limits

_COUNTS = {
    "records": "SELECT count(*) FROM std.record",
    "quarantined": "SELECT count(*) FROM std.quarantine",
    "defects": "SELECT count(*) FROM std.defect",
    "residents": "SELECT count(*) FROM master.resident",
    "reviews": "SELECT count(*) FROM link.review",
    "forms": "SELECT count(*) FROM deliver.form",
    "required": "SELECT sum(required_cells) FROM deliver.form",
    "known": "SELECT sum(known_cells) FROM deliver.form",
    "verify": "SELECT sum(verify_cells) FROM deliver.form",
    "ask": "SELECT sum(ask_cells) FROM deliver.form",
    "waits": "SELECT sum(waits_cells) FROM deliver.form",
    "withheld": "SELECT sum(withheld_cells) FROM deliver.form",
}


@dataclass(frozen=True)
class Summary:
    """A published night.

    Attributes:
        night, business_date, is_full: which night, and whether it recomputed everything.
        held: Chinese name of every source that was held back → why.
        counts: see `_COUNTS`; and rows_pulled, rows_changed, births, merges, splits, issued.
        seconds: stage → seconds.
        warnings: rules of severity warning that are broken.
    """

    night: int
    business_date: date
    is_full: bool
    held: dict[str, str]
    counts: dict[str, int]
    seconds: dict[str, float]
    warnings: list[str]

    @property
    def is_degraded(self) -> bool:
        """A source is missing from tonight's picture; what was known of it before stands."""
        return bool(self.held)

    @property
    def not_asked_again(self) -> float:
        """Share of the required cells that nobody is asked for, since they are known and fresh."""
        return self.counts["known"] / max(self.counts["required"], 1)


def read_summary(home: Home, number: int, limits: Limits) -> Summary:
    """The summary of night `number`, which has been published."""
    with store.connect(home.night_file(number), limits, home.work / "spill", read_only=True) as con:
        counts = {name: store.count(con, sql) for name, sql in _COUNTS.items()}
        for kind in ("birth", "merge", "split"):
            counts[f"{kind}s"] = store.count(
                con, "SELECT count(*) FROM master.event WHERE night = ? AND kind = ?", number, kind
            )
        ((business_date, is_full),) = con.execute(
            "SELECT business_date, is_full FROM meta.night WHERE night = ?", [number]
        ).fetchall()
        counts["issued"] = store.count(
            con, "SELECT count(*) FROM deliver.issue WHERE night = ?", number
        )
        pulls = con.execute(
            """SELECT s.label, p.status, p.reason, p.rows_pulled,
                p.rows_new + p.rows_changed + p.rows_vanished
            FROM raw.pull p JOIN meta.source s USING (source) WHERE p.night = ?
            ORDER BY s.label""",
            [number],
        ).fetchall()
        counts["rows_pulled"] = sum(row[3] or 0 for row in pulls)
        counts["rows_changed"] = sum(row[4] or 0 for row in pulls)
        seconds = dict(
            con.execute(
                "SELECT stage, seconds FROM meta.stage WHERE night = ? ORDER BY finished_at",
                [number],
            ).fetchall()
        )
        warnings = [
            rule
            for (rule,) in con.execute(
                """SELECT rule FROM quality.result
                WHERE night = ? AND NOT passed AND severity = 'warning' ORDER BY rule""",
                [number],
            ).fetchall()
        ]
    return Summary(
        night=number,
        business_date=business_date,
        is_full=is_full,
        held={label: reason for label, status, reason, *_ in pulls if status == "held"},
        counts=counts,
        seconds=seconds,
        warnings=warnings,
    )
