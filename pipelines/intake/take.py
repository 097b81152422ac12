"""Take returned workbooks in: read each in a child process, judge them together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from pipelines.answers import Answers
from pipelines.config import Config
from pipelines.extract.readers import Task, ask_children
from pipelines.home import Home
from pipelines.intake import texts
from pipelines.intake.desk import Came, Desk, Receipt
from pipelines.journal import Journal

AT_A_TIME = 200
"""Workbooks that are judged together."""


def take_files(
    home: Home,
    config: Config,
    journal: Journal,
    paths: Iterable[Path],
    *,
    author: str | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> list[Receipt]:
    """Take returned workbooks; the same content twice is taken once.

    Args:
        home, config, journal: of the district; a night must have been published.
        paths: the files.
        author: who answers; None: the grid that the form went to.
        done: told how many files have been read.

    Returns:
        a receipt a file, in order.
    """
    desk = Desk(home, config, journal)
    receipts = [_received(path, desk.answers) for path in paths]
    open_ones = [receipt for receipt in receipts if receipt.refused is None]
    for at in range(0, len(open_ones), AT_A_TIME):
        part = open_ones[at : at + AT_A_TIME]
        with desk.folder() as folder:
            desk.take(_read(desk, part, folder, author), folder, "workbook")
        done(at + len(part))
    return receipts


def _received(path: Path, answers: Answers) -> Receipt:
    if path.is_symlink():
        return Receipt(path, "", refused="link")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    receipt = Receipt(path, digest[:32])
    if answers.knows(receipt.return_id):
        receipt.refused = "again"
    return receipt


def _read(desk: Desk, receipts: list[Receipt], folder: Path, author: str | None) -> list[Came]:
    """Read the files in child processes; those that are no issued form get their refusal."""
    tasks = [Task(r.path, folder / f"{n}.parquet") for n, r in enumerate(receipts)]
    found = ask_children("pipelines.intake.reader", "", tasks, desk.today, lambda _: None)
    forms = {str(answer["meta"]["form_id"]) for answer in found if not answer.get("failed")}
    nights = desk.issue_nights(forms)
    came: list[Came] = []
    for receipt, task, answer in zip(receipts, tasks, found, strict=True):
        if (reason := answer.get("failed")) is not None:
            receipt.refused = reason if reason in texts.FILES else "crashed"
        elif any(other.receipt.return_id == receipt.return_id for other in came):
            receipt.refused = "again"
        else:
            meta: dict[str, str] = answer["meta"]
            version = int(meta["version"]) if meta["version"].isdigit() else 0
            written = datetime.fromtimestamp(receipt.path.stat().st_mtime, desk.zone).date()
            placed = desk.place(receipt, meta["form_id"], version, nights, written)
            if placed is not None:
                came.append(Came(receipt, task.target, *placed, author))
    return came
