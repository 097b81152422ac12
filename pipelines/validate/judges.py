"""Great Expectations in a process of its own, so that a night neither waits for it nor shares its
interpreter with it: importing it takes seconds, and all that it does is Python."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.validate.result import RuleResult

_SECONDS = 600.0
"""After which the child is given up: it answers within a few."""
_children: dict[int, subprocess.Popen[bytes]] = {}
"""By the process that started it: one that was forked from it has none."""


def warm_up() -> None:
    """Start the child, unless there is one, or Great Expectations has been imported here.

    It ends with this process.
    """
    if os.getpid() not in _children and "great_expectations" not in sys.modules:
        _children[os.getpid()] = subprocess.Popen(
            [sys.executable, "-m", "pipelines.validate.judge"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )


def judge(results: Iterable[RuleResult], pages: Path, run_name: str) -> dict[str, bool]:
    """What `expectations.judge` says: from the child, or from here where it was lost or hangs."""
    results = list(results)
    if child := _children.get(os.getpid()):
        asked = {"results": [asdict(r) for r in results], "pages": str(pages), "run_name": run_name}
        verdicts = _ask(child, asked)
        if verdicts is not None:
            return verdicts
        del _children[os.getpid()]
    from pipelines.validate import expectations  # noqa: PLC0415 - as a rule the child does this

    return expectations.judge(results, pages, run_name)


def _ask(child: subprocess.Popen[bytes], asked: dict[str, Any]) -> dict[str, bool] | None:
    """The child's answer; None: it is no more, or hangs and is ended."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write((json.dumps(asked) + "\n").encode())
        child.stdin.flush()
        is_ready, _, _ = select.select([child.stdout], [], [], _SECONDS)
        if is_ready and (answer := child.stdout.readline()):
            verdicts: dict[str, bool] = json.loads(answer)
            return verdicts
    except BrokenPipeError:
        pass
    child.kill()
    child.wait()
    return None
