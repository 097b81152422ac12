"""A small pool of child processes that read workbooks; one that dies or hangs costs one file."""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from schemas.source import SourceMap

SECONDS_A_FILE = 60.0
_SECONDS_TO_START = 120.0


@dataclass(frozen=True)
class Task:
    """A workbook to read, and where its rows go."""

    path: Path
    target: Path


def read_all(
    tasks: list[Task],
    source: SourceMap,
    today: date,
    done: Callable[[int], None],
    *,
    seconds: float = SECONDS_A_FILE,
) -> list[dict[str, Any]]:
    """Answers of `read_workbook` in the order of the tasks; ``failed`` holds a reason's code."""
    hello = source.model_dump_json(by_alias=True)
    return ask_children("pipelines.extract.reader", hello, tasks, today, done, seconds=seconds)


def ask_children(
    module: str,
    hello: str,
    tasks: list[Task],
    today: date,
    done: Callable[[int], None],
    *,
    seconds: float = SECONDS_A_FILE,
) -> list[dict[str, Any]]:
    """Let child processes that run `module` work off `tasks`; their answers in the same order.

    Args:
        module: reads tasks from stdin as `pipelines.extract.reader` does.
        hello: the first line a child is told.
        tasks: one file each.
        today: the business date.
        done: told how many are finished.
        seconds: after which a file is given up.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(len(tasks)):
        waiting.put(index)
    answers: list[dict[str, Any]] = [{} for _ in tasks]
    finished: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def work() -> None:
        child = _Child(module, hello, today, seconds)
        try:
            while True:
                try:
                    index = waiting.get_nowait()
                except queue.Empty:
                    return
                answers[index] = child.read(tasks[index])
                finished.put(None)
        except BaseException as error:
            finished.put(error)
        finally:
            child.stop()

    workers = min(2, os.cpu_count() or 1, max(1, len(tasks) // 4))
    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for number in range(1, len(tasks) + 1):
        if (error := finished.get()) is not None:
            raise error
        done(number)
    for thread in threads:
        thread.join()
    return answers


class _Child:
    """One child process, started anew after it was lost."""

    def __init__(self, module: str, hello: str, today: date, seconds: float) -> None:
        self._module, self._hello = module, (hello + "\n").encode()
        self._today, self._seconds = today.isoformat(), seconds
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, task: Task) -> dict[str, Any]:
        process = self._started()
        request = {"path": str(task.path), "target": str(task.target), "today": self._today}
        try:
            self._send(process, (json.dumps(request) + "\n").encode())
            answer = self._receive(process, self._seconds)
        except BrokenPipeError:
            answer = None
        if answer is None:
            has_died = process.poll() is not None
            self.stop()
            return {"failed": "crashed" if has_died else "timeout"}
        return answer

    def stop(self) -> None:
        """End the child, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._send(self._process, self._hello)
            if self._receive(self._process, _SECONDS_TO_START) is None:
                raise ChildProcessError("the process that reads workbooks does not start")
        return self._process

    @staticmethod
    def _send(process: subprocess.Popen[bytes], message: bytes) -> None:
        assert process.stdin is not None
        process.stdin.write(message)
        process.stdin.flush()

    @staticmethod
    def _receive(process: subprocess.Popen[bytes], seconds: float) -> dict[str, Any] | None:
        """The answer; None: the child died, or took longer than a file may."""
        assert process.stdout is not None
        end, received = time.monotonic() + seconds, b""
        while not received.endswith(b"\n"):
            left = end - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                return None
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                process.wait()
                return None
            received += piece
        answer: dict[str, Any] = json.loads(received)
        return answer
