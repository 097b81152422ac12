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


class NightRunning(OnegridError):
    """Another run holds the lock of this home."""


class NightBlocked(OnegridError):
    """Critical quality rules failed: nothing is published."""


class NothingPublished(OnegridError):
    """There is no published night to do this with."""
