"""The child process that reads workbooks: one task a line on stdin, one answer a line on stdout."""

from __future__ import annotations

import json
import os
import resource
import sys
from datetime import date
from pathlib import Path

from pipelines.extract.guard import Unreadable
from pipelines.extract.workbook import read_workbook
from schemas.source import SourceMap

MEMORY = 3 << 30


def main() -> None:
    """Serve until stdin ends. The first line is the source map; ``{}`` says that it came."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing a parser says can be taken for an answer
    source = SourceMap.model_validate_json(sys.stdin.readline())
    answers.write("{}\n")
    answers.flush()
    for line in sys.stdin:
        task = json.loads(line)
        today = date.fromisoformat(task["today"])
        try:
            answer = read_workbook(Path(task["path"]), Path(task["target"]), source, today)
        except Unreadable as error:
            answer = {"failed": error.code}
        except MemoryError:
            answer = {"failed": "too_large"}
        except Exception:
            # whatever it is, it concerns this file alone; its text may hold what the file holds
            answer = {"failed": "crashed"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
