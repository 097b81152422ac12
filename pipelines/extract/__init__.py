"""Extraction: sources come into the landing zone, and from there into a night."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.extract.mirror import mirror_raw
    from pipelines.extract.pull import hold_source, pull_source

__all__ = ["hold_source", "mirror_raw", "pull_source"]

_ROOMS = {"hold_source": "pull", "pull_source": "pull", "mirror_raw": "mirror"}


def __getattr__(name: str) -> Any:
    # late, because the child processes that read workbooks would pay for imports they never use
    if name not in _ROOMS:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
