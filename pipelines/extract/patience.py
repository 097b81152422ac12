"""Wait for a server no longer than it has time: one that hangs does not even end by itself."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from contextlib import suppress
from typing import TypeVar

import sqlalchemy as sa

_Thing = TypeVar("_Thing")
_SECONDS_TO_CLOSE = 30.0


def patient(things: Generator[_Thing], seconds: float) -> Generator[_Thing]:
    """What `things` gives, drawn in a thread of its own.

    Args:
        things: may wait for a server that never answers.
        seconds: of silence after which it is given up; its thread and connection are left behind,
            for nothing wakes them.

    Raises:
        sa.exc.OperationalError: it fell silent. Whatever `things` raises.
    """
    wishes: queue.SimpleQueue[bool] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[_Thing | None, BaseException | None]] = queue.SimpleQueue()

    def draw() -> None:
        try:
            while wishes.get():  # one at a time: to draw ahead would hold two
                answers.put((next(things), None))
        except BaseException as error:
            answers.put((None, error))
        finally:
            with suppress(Exception):  # a server that is gone cannot be told that we go
                things.close()

    thread = threading.Thread(target=draw, daemon=True, name="draw")
    thread.start()
    is_silent = False
    try:
        while True:
            wishes.put(True)
            try:
                thing, error = answers.get(timeout=seconds)
            except queue.Empty:
                is_silent = True
                silence = TimeoutError(f"statement timeout: no word for {seconds:.0f} s")
                raise sa.exc.OperationalError("", None, silence) from None
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield thing  # type: ignore[misc]
            thing = None  # or it would be held while the next one is drawn
    finally:
        wishes.put(False)
        if not is_silent:
            thread.join(_SECONDS_TO_CLOSE)
