"""Judge the night: every rule counted by DuckDB, judged and documented by Great Expectations."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.validate.judges import warm_up
    from pipelines.validate.result import RuleResult
    from pipelines.validate.run import blocking, validate

__all__ = ["RuleResult", "blocking", "validate", "warm_up"]

_ROOMS = {"RuleResult": "result", "blocking": "run", "validate": "run", "warm_up": "judges"}


def __getattr__(name: str) -> Any:
    # late, because the child process that judges would pay for imports it never uses
    if name not in _ROOMS:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
