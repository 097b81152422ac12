"""The child process that judges: counts of a night a line on stdin, verdicts a line on stdout."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from pipelines.validate.expectations import import_quietly, judge
from pipelines.validate.result import RuleResult


def main() -> None:
    """Answer until stdin ends: the process that asks is gone, or needs nothing more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing a library says can be taken for an answer
    import_quietly()
    for line in sys.stdin:
        asked = json.loads(line)
        results = [RuleResult(**result) for result in asked["results"]]
        answers.write(json.dumps(judge(results, Path(asked["pages"]), asked["run_name"])) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
