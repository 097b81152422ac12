"""What lies in the ledger folder: files, and files in archives, by name and content."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from pipelines.extract.readers import Task, ask_children
from pipelines.night import Night
from schemas.source import SourceMap

_LITTER = ("~$", ".")
_LITTER_NAMES = frozenset({"thumbs.db", "desktop.ini"})
_WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".et", ".ett", ".ods"})
_UNFINISHED = frozenset({".tmp", ".part", ".crdownload", ".download", ".filepart"})


@dataclass(frozen=True)
class Arrival:
    """A file that may be a ledger.

    Attributes:
        name: path below the ledger folder; in an archive, that of the archive and the name in it.
        path: where its bytes lie tonight.
        sha256: hash of its content.
        titles: what may tell the village and the date, nearest first: the file's own name without
            suffix; in an archive also its folders' and the archive's.
        refused: the code of a reason why nobody looks into it.
    """

    name: str
    path: Path
    sha256: str
    titles: tuple[str, ...]
    refused: str | None = None


def look(night: Night, source: SourceMap) -> list[Arrival]:
    """All files of `source` that lie in the ledger folder, in the order of their names.

    Archives are unpacked into the night's folder, one level deep; an archive that cannot be stands
    for itself, refused. Links that lead out of the ledger folder are refused.
    """
    root = night.config.ledgers
    arrived: list[Arrival] = []
    parcels: list[Arrival] = []
    for path in _files(root, source.files or ""):
        name = path.relative_to(root).as_posix()
        if not path.resolve().is_relative_to(root.resolve()):
            arrived.append(refused(name, path, "outside"))
        else:
            arrival = Arrival(name, path, _sha256(path), (path.stem,))
            (parcels if may_be_parcel(path) else arrived).append(arrival)
    arrived += _members(night, source, parcels)
    return sorted(arrived, key=lambda arrival: arrival.name)


def refused(name: str, path: Path, code: str) -> Arrival:
    """A file whose content nobody reads; it is known by its name."""
    return Arrival(name, path, hashlib.sha256(name.encode()).hexdigest(), (path.stem,), code)


def _files(root: Path, pattern: str) -> list[Path]:
    """Files that match; not what office programs and file systems leave, nor what still comes."""
    return [
        path
        for path in sorted(root.glob(pattern))
        if path.is_file()
        and not path.name.startswith(_LITTER)
        and path.name.lower() not in _LITTER_NAMES
        and path.suffix.lower() not in _UNFINISHED
    ]


def may_be_parcel(path: Path) -> bool:
    """Archives are looked into by a child process, which also tells them from workbooks."""
    with path.open("rb") as file:
        return file.read(2) == b"PK" and path.suffix.lower() not in _WORKBOOKS


def _members(night: Night, source: SourceMap, parcels: list[Arrival]) -> list[Arrival]:
    folder = night.folder / "unpacked" / source.source
    shutil.rmtree(folder, ignore_errors=True)
    if not parcels:
        return []
    folder.mkdir(parents=True)
    zone = ZoneInfo(night.config.district.timezone)
    tasks = [Task(parcel.path, folder / str(n)) for n, parcel in enumerate(parcels)]
    answers = ask_children(
        "pipelines.extract.unpacker", "", tasks, night.business_date, lambda _: None
    )
    found: list[Arrival] = []
    for parcel, task, answer in zip(parcels, tasks, answers, strict=True):
        if code := answer.get("failed"):
            found.append(replace(parcel, refused=code))
            continue
        if answer["is_workbook"]:
            found.append(parcel)
            continue
        sent = parcel.path.stat().st_mtime
        for member in answer["members"]:
            path = task.target / str(member["number"])
            written = sent
            if member["written"]:
                told = datetime.fromisoformat(member["written"]).replace(tzinfo=zone)
                written = min(told.timestamp(), sent)
            os.utime(path, (written, written))
            within = PurePosixPath(member["name"])
            titles = (within.stem, *within.parts[-2::-1], parcel.path.stem)
            name = f"{parcel.name}/{within}"
            found.append(Arrival(name, path, _sha256(path), titles))
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
