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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from schemas.source import SourceMap

SECONDS_A_FILE = 60.0
_SECONDS_TO_START = 120.0
_idle: list[list[_Child]] = []
"""Children that have nothing to do, for the innermost `keeping_children`."""


@dataclass(frozen=True)
class Task:
    """A workbook to read, and where its rows go."""

    path: Path
    target: Path


@contextmanager
def keeping_children() -> Iterator[None]:
    """Within the block children go on from one `ask_children` to the next: one takes a second to
    start."""
    _idle.append([])
    try:
        yield
    finally:
        for child in _idle.pop():
            child.stop()


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
        hello: what a child is told before its first task.
        tasks: one file each.
        today: the business date.
        done: told how many are finished.
        seconds: after which a file is given up.

    Raises:
        OSError: the disk does not take what was read.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(len(tasks)):
        waiting.put(index)
    answers: list[dict[str, Any]] = [{} for _ in tasks]
    finished: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def work() -> None:
        child = _hire(module)
        child.instruct(hello, today, seconds)
        try:
            while True:
                try:
                    index = waiting.get_nowait()
                except queue.Empty:
                    _dismiss(child)
                    return
                answers[index] = child.read(tasks[index])
                finished.put(None)
        except BaseException as error:
            child.stop()
            finished.put(error)

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


def _hire(module: str) -> _Child:
    for child in _idle[-1] if _idle else ():
        if child.module == module:
            with suppress(ValueError):  # another thread took it
                _idle[-1].remove(child)
                return child
    return _Child(module)


def _dismiss(child: _Child) -> None:
    if _idle:
        _idle[-1].append(child)
    else:
        child.stop()


class _Child:
    """One child process, started anew after it was lost."""

    def __init__(self, module: str) -> None:
        self.module = module
        self._hello, self._today, self._seconds = b"", "", SECONDS_A_FILE
        self._greeted = b""
        self._process: subprocess.Popen[bytes] | None = None

    def instruct(self, hello: str, today: date, seconds: float) -> None:
        """What the next tasks are read with."""
        self._hello = (json.dumps({"hello": hello}) + "\n").encode()
        self._today, self._seconds = today.isoformat(), seconds

    def read(self, task: Task) -> dict[str, Any]:
        """The answer to a task; ``failed`` where the child was lost over it.

        Raises:
            OSError: the disk does not take what it read.
        """
        process = self._ready()
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
        if reason := answer.get("not_written"):
            raise OSError(f"a workbook's rows could not be written: {reason}")
        if answer.pop("ended", False):
            self.stop()
        return answer

    def stop(self) -> None:
        """End the child, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ready(self) -> subprocess.Popen[bytes]:
        """The process, which has been told what it must know."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._greeted = b""
        if self._greeted != self._hello:
            self._send(self._process, self._hello)
            if self._receive(self._process, _SECONDS_TO_START) != {}:
                self.stop()
                raise ChildProcessError("the process that reads workbooks does not start")
            self._greeted = self._hello
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
