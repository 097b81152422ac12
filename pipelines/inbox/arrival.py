"""Take ledgers in as they stand at one moment: whole files, each content once, harmless names.

The inbox stays as people keep it. What a night reads is a folder of its own in which the originals,
kept under the hash of their content, appear under their names: whatever happens in the inbox
meanwhile, the night reads what it hashed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from pipelines.extract.unzip import is_zip
from pipelines.home import Home
from pipelines.night import Night
from schemas.source import SourceMap

PATIENCE = 600.0
"""Seconds for which a file that is not whole may still be on its way."""
_UNFINISHED = (".part", ".tmp", ".crdownload", ".download", ".filepart")
_HIDDEN = (".", "~$")
_ZIP = b"PK\x03\x04"
_LITTER_NAMES = frozenset({"thumbs.db", "desktop.ini"})
_DAY = 86_400.0
_LONGEST_NAME, _LONGEST_SUFFIX = 240, 16
"""Bytes of a name that fit into any file system, and letters of what may be a suffix."""


@dataclass
class Arrived:
    """What a night reads of one source.

    Attributes:
        root: the folder in which the files stand under their names.
        files: name below `root` → hash of the content.
        waiting: files that are still being copied; they are looked at again the next night.
        closed: names of files that cannot be opened.
    """

    root: Path
    files: dict[str, str] = field(default_factory=dict)
    waiting: int = 0
    closed: list[str] = field(default_factory=list)


def is_unfinished(name: str) -> bool:
    """Whether an office program or a browser is still at work on a file of this name."""
    return name.startswith(_HIDDEN) or name.lower().endswith(_UNFINISHED)


def is_arriving(path: Path) -> bool:
    """Whether a file is still being copied, as far as one can tell without reading it.

    That is one that changed lately and is empty, or begins like a workbook and has no end.
    """
    state = path.stat()
    if time.time() - state.st_mtime > PATIENCE:
        return False
    if state.st_size == 0:
        return True
    with path.open("rb") as file:
        begins = file.read(len(_ZIP))
    return begins == _ZIP and not is_zip(path)


def take_ledgers(night: Night, source: SourceMap) -> Arrived:
    """Lay out what the inbox holds for `source`, and keep the originals by their hash.

    Links that lead out of the inbox stay links, so that reading refuses them; others count as what
    they point at. May be repeated.
    """
    inbox = night.config.ledgers
    arrived = Arrived(night.folder / "inbox" / source.source)
    shutil.rmtree(arrived.root, ignore_errors=True)
    arrived.root.mkdir(parents=True)
    originals(night.home).mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in originals(night.home).glob(".*.part"):  # by a night that was killed
        left.unlink()
    inside = inbox.resolve()
    times: dict[str, float] = {}
    for path in _files(night.home, inbox, source.files or ""):
        name = Path(*(harmless(step) for step in path.relative_to(inbox).parts))
        target = arrived.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not path.resolve().is_relative_to(inside):
            target.symlink_to(path.resolve())
            continue
        try:
            before = path.stat()
            sha = None if is_arriving(path) else _sha256(path)
        except FileNotFoundError:  # taken away meanwhile
            continue
        except OSError:  # not ours to read, or held by the program that writes it
            arrived.closed.append(name.as_posix())
            continue
        kept = _keep(path, sha, before, originals(night.home)) if sha else None
        if sha is None or kept is None:
            arrived.waiting += 1
            continue
        _show(kept, target)
        # both are one file: the oldest date that this content has had counts
        times[sha] = min(times.get(sha, before.st_mtime), before.st_mtime)
        os.utime(target, (times[sha], times[sha]))
        arrived.files[name.as_posix()] = sha
    return arrived


def originals(home: Home) -> Path:
    """The folder of the ledgers' originals, each named by its hash."""
    return home.archive / "ledgers"


def forget_originals(con: duckdb.DuckDBPyConnection, home: Home, days: int) -> int:
    """Remove originals that have not been in the inbox for `days`, and are not in force.

    Args:
        con: the landing zone.
        home: whose originals.
        days: see `District.keep_originals`.

    Returns:
        How many were removed.
    """
    in_force = {
        sha
        for (sha,) in con.execute(
            "SELECT sha256 FROM main.ledger_file WHERE until_night IS NULL AND status = 'live'"
        ).fetchall()
    }
    gone = 0
    for kept in originals(home).iterdir():
        # Every night in which the content lies in the inbox sets the file's times, and so its
        # ctime, which nothing else changes.
        is_old = time.time() - kept.stat().st_ctime > days * _DAY
        if is_old and kept.name[:64] not in in_force:
            kept.unlink()
            gone += 1
    return gone


def _files(home: Home, inbox: Path, pattern: str) -> Iterator[Path]:
    """Files of the pattern but what is unfinished, litter of a file system, or a returned form."""
    for path in sorted(inbox.glob(pattern)):
        if is_unfinished(path.name) or path.name.lower() in _LITTER_NAMES:
            continue
        if path.is_file() and not path.is_relative_to(home.returns):
            yield path


def _keep(path: Path, sha: str, before: os.stat_result, folder: Path) -> Path | None:
    """The original under its hash; None: the file changed while it was read."""
    kept = folder / f"{sha}{_suffix(path)}"
    try:
        if not kept.exists():
            beside = folder / f".{os.getpid()}.part"
            shutil.copyfile(path, beside)
            if _sha256(beside) != sha:
                beside.unlink()
                return None
            beside.chmod(0o600)
            os.replace(beside, kept)
        after = path.stat()
    except FileNotFoundError:
        return None
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return kept if same else None


def _show(kept: Path, target: Path) -> None:
    try:
        os.link(kept, target)
    except OSError:  # a file system without links
        shutil.copyfile(kept, target)


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    return suffix if suffix[1:].isascii() and suffix[1:].isalnum() and len(suffix) <= 8 else ""


def harmless(step: str) -> str:
    """A step of a path as it can be stored, shown and logged; most stay as they are.

    What was unpacked on a system that speaks UTF-8 may still be called in the bytes of GBK.
    """
    plain = "".join(letter if letter.isprintable() else "_" for letter in _decoded(step))
    if plain == step:
        return step
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix) > _LONGEST_SUFFIX:
        stem, dot, suffix = plain, "", ""
    digest = hashlib.sha256(os.fsencode(step)).hexdigest()[:8]
    room = _LONGEST_NAME - len(f"_{digest}{dot}{suffix}".encode())
    return f"{stem.encode()[:room].decode('utf-8', 'ignore')}_{digest}{dot}{suffix}"


def _decoded(step: str) -> str:
    raw = os.fsencode(step)
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
