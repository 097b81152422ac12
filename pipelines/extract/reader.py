"""The child process that reads workbooks: one task a line on stdin, one answer a line on stdout."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from datetime import date
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from pipelines.extract.guard import Unreadable
from pipelines.extract.parsed import NotWritten
from pipelines.extract.workbook import read_workbook
from schemas.source import SourceMap

MEMORY = 3 << 30
GivingUp = Callable[[Unreadable], None]


def main() -> None:
    """Read ledgers. What a greeting holds is the source map that the next ones are read with."""
    source: list[SourceMap] = []

    def read(path: Path, target: Path, today: date, give_up: GivingUp) -> dict[str, Any]:
        return read_workbook(path, target, source[-1], today, give_up)

    serve(read, lambda hello: source.append(SourceMap.model_validate_json(hello)))


class _NoPandas(MetaPathFinder):
    """pyarrow imports pandas to see whether a value is one of its; that takes half of our start."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def serve(
    read: Callable[[Path, Path, date, GivingUp], dict[str, Any]], greet: Callable[[str], None]
) -> None:
    """Answer the tasks on stdin until it ends. A greeting is answered with ``{}``.

    Args:
        read: reads a file into another, and says what it found. It may call what it is given,
            from any thread, to answer at once and end the process, whatever else runs in it.
        greet: takes what the child is told before its first task, and between tasks.
    """
    sys.meta_path.insert(0, _NoPandas())
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing a parser says can be taken for an answer

    def give_up(error: Unreadable) -> None:
        answers.write(json.dumps({**_failed(error), "ended": True}) + "\n")
        answers.flush()
        os._exit(0)

    for line in sys.stdin:
        task = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            if "hello" in task:
                greet(task["hello"])
            else:
                answer = read(
                    Path(task["path"]),
                    Path(task["target"]),
                    date.fromisoformat(task["today"]),
                    give_up,
                )
        except Unreadable as error:
            answer = _failed(error)
        except MemoryError:
            answer = {"failed": "too_large"}
        except NotWritten as error:
            answer = {"not_written": str(error)}
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # a parser in Rust that gives up raises no Exception
            # whatever it is, it concerns this file alone; its text may hold what the file holds
            answer = {"failed": "crashed"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _failed(error: Unreadable) -> dict[str, Any]:
    return {"failed": error.code, "detail": error.detail}


if __name__ == "__main__":
    main()
