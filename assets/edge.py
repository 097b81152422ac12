"""The edge of a step: what goes wrong inside leaves it readable, and without a personal value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipelines.errors import (
    FULL_DISK,
    ConfigError,
    NightBlocked,
    NothingPublished,
    OnegridError,
    concerns_disk,
)
from pipelines.privacy import scrub

_WHAT_TO_DO: tuple[tuple[type[Exception], str], ...] = (
    (ConfigError, "Mend the file and key that are named, then start the job again."),
    (NightBlocked, "Look at the failed checks and at the page under report/; mend the source or "
     "the contract, then start the job `nightly`."),
    (NothingPublished, "Start the job `nightly`."),
    (MemoryError, "Lower `limits.memory` and `limits.threads` in district.yaml."),
    (OSError, "See whether the disk of the home folder is full or read-only, then start again."),
)  # fmt: skip
_OTHERWISE = (
    "Yesterday's publication stands and nothing is lost. Re-execute from failure; if it fails in "
    "the same way, keep this message and the step's name for whoever maintains onegrid."
)


@contextmanager
def step_edge() -> Iterator[None]:
    """Turn any exception into a `dg.Failure` that is not retried and says what to do."""
    try:
        yield
    except (dg.Failure, dg.RetryRequested):
        raise
    except Exception as error:
        raise failure(error) from None


def failure(error: Exception) -> dg.Failure:
    """`error` as Dagster shows it; text of other people's code is scrubbed."""
    text = str(error) if isinstance(error, OnegridError) else scrub(str(error))
    kind = type(error).__name__
    advice = next((said for type_, said in _WHAT_TO_DO if isinstance(error, type_)), _OTHERWISE)
    if concerns_disk(error):
        advice = FULL_DISK
    return dg.Failure(
        description=f"{text}\n{advice}" if isinstance(error, OnegridError)
        else f"{kind}: {text}\n{advice}",
        metadata={"cause": f"{kind}: {text}", "what to do": advice},
        allow_retries=False,
    )  # fmt: skip
