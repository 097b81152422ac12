"""The folder into which returned forms are dropped: taken once, archived by hash, acknowledged."""

from __future__ import annotations

import os
import shutil
import time
from functools import partial
from pathlib import Path

from pipelines.config import Config
from pipelines.deliver.manifest import safe_name
from pipelines.extract.unzip import is_zip
from pipelines.home import Home
from pipelines.inbox.arrival import PATIENCE, harmless, is_unfinished
from pipelines.intake.desk import Receipt
from pipelines.intake.receipt import receipt_text
from pipelines.intake.take import take_files
from pipelines.journal import Journal
from pipelines.progress import tell


def take_inbox(home: Home, config: Config, journal: Journal) -> list[Receipt]:
    """Take every returned form that lies in `home.returns`; does nothing before the first night.

    A file in a folder answers in the name of the folder. What was looked at moves to the archive,
    named by its hash, and a receipt appears under the same path in `home.receipts`. A file that is
    still being copied waits. Links are not followed; names are never used as paths.

    Returns:
        a receipt a file.
    """
    if not home.returns.is_dir() or not home.published.exists():
        return []
    by_author: dict[str | None, list[Path]] = {}
    for folder, folders, names in os.walk(home.returns):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if _is_whole(path):
                steps = path.relative_to(home.returns).parts
                author = harmless(steps[0])[:64] if len(steps) > 1 else None
                by_author.setdefault(author, []).append(path)
    receipts: list[Receipt] = []
    for author, paths in by_author.items():
        taken = take_files(
            home,
            config,
            journal,
            paths,
            author=author,
            done=partial(tell, "returns"),
        )
        for receipt in taken:
            _put_away(home, receipt)
        receipts += taken
    return receipts


def _is_whole(path: Path) -> bool:
    """Whether a file is there to its end, as far as one can tell without reading it."""
    if is_unfinished(path.name):
        return False
    if path.is_symlink():
        return True
    if not path.is_file() or not os.access(path, os.R_OK):
        return False
    if is_zip(path):  # its directory stands at its end
        return True
    return time.time() - path.stat().st_mtime > PATIENCE


def _put_away(home: Home, receipt: Receipt) -> None:
    """Receipt first, then the archive: a crash between them asks for the file once more."""
    steps = receipt.path.relative_to(home.returns).with_suffix("").parts
    tail = receipt.return_id[:8] or "link"
    note = home.receipts.joinpath(*(safe_name(harmless(step)) for step in steps))
    note = note.with_name(f"{note.name}_{tail}.txt")
    note.parent.mkdir(parents=True, exist_ok=True)
    beside = note.with_name(f".{note.name}.part")
    beside.write_text(receipt_text(receipt), "utf-8")
    os.replace(beside, note)
    if receipt.path.is_symlink():
        receipt.path.unlink()
        return
    home.archive.mkdir(mode=0o700, exist_ok=True)
    kept = home.archive / f"{receipt.return_id}{receipt.path.suffix.lower()[:8]}"
    shutil.move(receipt.path, kept)
    kept.chmod(0o600)
