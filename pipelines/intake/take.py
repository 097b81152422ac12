"""Take returned files in: workbooks are read in child processes and judged together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.answers import Answers
from pipelines.config import Config
from pipelines.extract.guard import Unreadable
from pipelines.extract.readers import Task, ask_children, keeping_children
from pipelines.home import Home
from pipelines.intake import texts
from pipelines.intake.desk import Came, Desk, Mend, Receipt
from pipelines.intake.entry import take_entries
from pipelines.intake.odk import is_export, read_submissions
from pipelines.intake.rows import version_in
from pipelines.journal import Journal

AT_A_TIME = 200
"""Workbooks that are judged together."""

Parsed = tuple[Path, dict[str, Any]]
"""Where the rows of a file are, and what the child that read it answered."""


def take_files(
    home: Home,
    config: Config,
    journal: Journal,
    paths: Iterable[Path],
    *,
    author: str | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> list[Receipt]:
    """Take returned workbooks and exports of ODK; the same content twice is taken once.

    Args:
        home, config, journal: of the district; a night must have been published.
        paths: the files.
        author: who answers; None: the grid that the form went to, or the sender of a submission.
        done: told how many files have been read.

    Returns:
        a receipt a file, in order.
    """
    desk = Desk(home, config, journal)
    receipts = [_received(path, desk.answers) for path in paths]
    for receipt in receipts:
        if receipt.refused is None and is_export(receipt.path):
            _take_export(desk, receipt, author)
    open_ones = [r for r in receipts if r.refused is None and r.submissions is None]
    parts = [open_ones[at : at + AT_A_TIME] for at in range(0, len(open_ones), AT_A_TIME)]
    finished = 0
    # While some are judged, the next ones are read; the children go on from part to part.
    with keeping_children(), ThreadPoolExecutor(1) as reader, ExitStack() as folders:
        places = [folders.enter_context(desk.folder()) for _ in parts[:2]]
        ahead = [reader.submit(_read, desk, *both) for both in zip(parts, places, strict=False)]
        for number, part in enumerate(parts):
            folder = places[number % 2]
            desk.take(_placed(desk, part, ahead[number].result(), author), folder, "workbook")
            if number + 2 < len(parts):
                ahead.append(reader.submit(_read, desk, parts[number + 2], folder))
            finished += len(part)
            done(finished)
    return receipts


def _take_export(desk: Desk, receipt: Receipt, author: str | None) -> None:
    """Take the submissions of an export; their receipts become one, by the rows of the file."""
    try:
        rows = read_submissions(receipt.path, desk.zone, author=author)
    except Unreadable as error:
        receipt.refused = error.code
        return
    receipt.submissions, receipt.known = len(rows), 0
    numbers = [number for number, entry in enumerate(rows, 1) if entry is not None]
    entries = [entry for entry in rows if entry is not None]
    receipt.mend += [Mend(n, None, "no_row_id") for n, entry in enumerate(rows, 1) if not entry]
    taken = take_entries(desk.home, desk.config, desk.journal, entries)
    for number, one in zip(numbers, taken, strict=True):
        if one.refused == "again":
            receipt.known += 1
        elif one.refused is not None:
            receipt.mend.append(Mend(number, None, one.refused))
        else:
            receipt.mend += [replace(mend, sheet_row=number) for mend in one.mend]
            receipt.wait += [replace(mend, sheet_row=number) for mend in one.wait]
            receipt.added |= dict.fromkeys([number], all(one.added.values())) if one.added else {}
            for name, count in one.counts.items():
                receipt.counts[name] = receipt.counts.get(name, 0) + count
    receipt.mend.sort(key=lambda mend: mend.sheet_row)
    receipt.counts |= {"mend": len(receipt.mend), "issued": 0}


def _received(path: Path, answers: Answers) -> Receipt:
    if path.is_symlink():
        return Receipt(path, "", refused="link")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    receipt = Receipt(path, digest[:32])
    if answers.knows(receipt.return_id):
        receipt.refused = "again"
    return receipt


def _read(desk: Desk, receipts: list[Receipt], folder: Path) -> list[Parsed]:
    """Read some files in child processes: where the rows are, and what the child says of them."""
    tasks = [Task(r.path, folder / f"{n}.parquet") for n, r in enumerate(receipts)]
    found = ask_children("pipelines.intake.reader", "", tasks, desk.today, lambda _: None)
    return [(task.target, answer) for task, answer in zip(tasks, found, strict=True)]


def _placed(
    desk: Desk, receipts: list[Receipt], parsed: list[Parsed], author: str | None
) -> list[Came]:
    """The returns among the files that were read; those that are no issued form are refused."""
    forms = {str(answer["meta"]["form_id"]) for _, answer in parsed if not answer.get("failed")}
    nights = desk.issue_nights(forms)
    came: list[Came] = []
    for receipt, (target, answer) in zip(receipts, parsed, strict=True):
        if (reason := answer.get("failed")) is not None:
            receipt.refused = reason if reason in texts.FILES else "crashed"
        elif any(other.receipt.return_id == receipt.return_id for other in came):
            receipt.refused = "again"
        else:
            meta: dict[str, str] = answer["meta"]
            version = version_in(meta["version"])
            written = datetime.fromtimestamp(receipt.path.stat().st_mtime, desk.zone).date()
            placed = desk.place(receipt, meta["form_id"], version, nights, written)
            if placed is not None:
                came.append(Came(receipt, target, *placed, author))
    return came
