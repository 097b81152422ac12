"""What can go wrong, said so that a person can act: each error names the place and the way out."""

from __future__ import annotations


class OnegridError(Exception):
    """Base of all errors raised on purpose. The message holds no personal value."""


class ConfigError(OnegridError):
    """A configuration that cannot be used."""


class SourceHeld(OnegridError):
    """A source cannot be used tonight; what was known of it stays. `reason_zh` goes to people."""

    def __init__(self, source: str, reason_zh: str, *, transient: bool = False) -> None:
        self.source = source
        self.reason_zh = reason_zh
        self.transient = transient
        super().__init__(f"source {source} is held back: {reason_zh}")


class TargetHeld(OnegridError):
    """A target cannot be written now. `reason_zh` goes to people; `transient`: later it may."""

    def __init__(self, target: str, reason_zh: str, *, transient: bool = False) -> None:
        self.target = target
        self.reason_zh = reason_zh
        self.transient = transient
        super().__init__(f"target {target} is held back: {reason_zh}")


class NightRunning(OnegridError):
    """Another run holds the lock of this home."""


class NightBlocked(OnegridError):
    """Critical quality rules failed: nothing is published."""


class ModelUnusable(OnegridError):
    """A frozen linkage model that must not be used for scoring."""


class NothingPublished(OnegridError):
    """There is no published night to do this with."""


FULL_DISK = (
    "The disk of the home folder is full or read-only: make room, then start again. "
    "Yesterday's publication stands, nothing is lost, and the next run recovers."
)
_DISK_WORDS = (
    *("no space left", "disk is full", "disk i/o error", "disk quota", "file too large"),
    *("read-only file system", "readonly database", "could not write file"),
)


def concerns_disk(error: BaseException) -> bool:
    """Whether a driver, a database or the system says in `error` that it cannot write."""
    return any(word in str(error).lower() for word in _DISK_WORDS)
