"""The nightly job's part of write-back: tell the targets what was published, and never undo it."""

from __future__ import annotations

from pipelines import store
from pipelines.config import Config
from pipelines.errors import ConfigError, NightRunning, TargetHeld
from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.progress import tell
from pipelines.writeback import texts
from pipelines.writeback.outbox import Push, pushes_of
from pipelines.writeback.push import lock_name, push

AUTHOR = "nightly"


def nightly_targets(config: Config) -> list[str]:
    """Targets that the nightly job tells, by name."""
    return [name for name, target in config.targets.items() if target.nightly]


def tell_target(home: Home, config: Config, name: str) -> dict[str, object]:
    """Tell target `name` what the published night changed.

    A target that cannot be written is told the next time; that is no fault of the night.

    Returns:
        status (``told``, ``held``), reason (Chinese, of a held one), and counts: new, changed,
        marked, unchanged, sent, set_aside.
    """
    contract = config.targets[name]
    limits = config.district.limits
    try:
        with (
            home.lock(lock_name(name)),
            store.connect(home.published, limits, home.work / "spill", read_only=True) as con,
            open_journal(config.journal_url) as journal,
        ):
            outcome = push(
                con,
                journal,
                contract,
                author=AUTHOR,
                done=lambda sent, total: tell(f"push_{name}", sent, total),
            )
    except TargetHeld as held:
        return {"status": "held", "reason": held.reason_zh}
    except NightRunning:
        return {"status": "held", "reason": texts.BUSY}
    except ConfigError as error:
        return {"status": "held", "reason": str(error)}
    changes = outcome.changes
    return {
        "status": "told",
        "new": changes.new,
        "changed": changes.changed,
        "marked": sum(changes.marked.values()),
        "unchanged": changes.unchanged,
        "sent": outcome.sent,
        "set_aside": sum(outcome.aside.values()) + changes.aside + sum(changes.unfit.values()),
    }


def told_by(home: Home, config: Config, night: int) -> list[Push]:
    """What the nightly job told the targets of `night`, for the summary."""
    if not nightly_targets(config):
        return []
    with open_journal(config.journal_url) as journal:
        return pushes_of(journal, night, AUTHOR)
