"""Progress that a person can watch: steps tell how far they are, a door decides how to show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, int, int | None], None]


def _nobody(task: str, done: int, total: int | None) -> None:
    """Without a listener progress is not shown."""


_listeners: list[Listener] = [_nobody]


def tell(task: str, done: int, total: int | None = None) -> None:
    """Say that `done` of `total` units of `task` are finished (total None: not known)."""
    _listeners[-1](task, done, total)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Send what `tell` is told to `listener` while the block runs."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
