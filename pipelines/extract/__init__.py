"""Extraction: sources come into the landing zone, and from there into a night."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.extract.mirror import mirror_raw
    from pipelines.extract.pull import hold_source, pull_source
    from pipelines.extract.readers import keeping_children

__all__ = ["hold_source", "keeping_children", "mirror_raw", "pull_source"]

_ROOMS = {
    "hold_source": "pull",
    "keeping_children": "readers",
    "mirror_raw": "mirror",
    "pull_source": "pull",
}


def __getattr__(name: str) -> Any:
    # late, because the child processes that read workbooks would pay for imports they never use
    if name not in _ROOMS:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
