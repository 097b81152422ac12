"""Unpack a zip of ledgers; runs in a child process that may be sacrificed."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.extract.formats import Format, format_of
from pipelines.extract.guard import MAX_RATIO, MAX_TOTAL, Unreadable
from pipelines.extract.unzip import unpack

MOST_FILES = 3_000
_LARGE = 20 << 20
_LONGEST_NAME = 200
_LITTER = re.compile(r"(?:^|/)(?:__MACOSX/|\.|~\$|thumbs\.db$|desktop\.ini$)", re.IGNORECASE)


def unpack_parcel(path: Path, folder: Path) -> dict[str, Any]:
    """Put the files of an archive into `folder`, under numbers: their own names are never paths.

    Returns:
        is_workbook: it is none of this, but a workbook that is called an archive.
        members: of each file its name as people read it, the number, and when it was written
        (without time zone; None: not told).

    Raises:
        Unreadable: it has a password, is damaged, or would unfold beyond all bounds.
    """
    try:
        if format_of(path) is not Format.ZIP:
            return {"is_workbook": True}
    except Unreadable as error:
        if error.code != "not_a_workbook":
            raise
        raise Unreadable("parcel_broken") from error
    folder.mkdir(parents=True, exist_ok=True)
    members: list[dict[str, Any]] = []
    names: set[str] = set()
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            entries = [(e, name) for e in archive.infolist() if (name := _name(e)) is not None]
            _check(entries)
            total = 0
            for number, (entry, name) in enumerate(entries):
                with (folder / str(number)).open("wb") as member:
                    for piece in unpack(file, entry):
                        total += len(piece)
                        if total > MAX_TOTAL:
                            raise Unreadable("parcel_too_large")
                        member.write(piece)
                own = f"{number}/{name}" if name in names else name
                names.add(own)
                members.append({"name": own, "number": number, "written": _written(entry)})
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError) as error:
        raise Unreadable("parcel_broken") from error
    except RuntimeError as error:
        raise Unreadable("parcel_password") from error
    if not members:
        raise Unreadable("parcel_empty")
    return {"is_workbook": False, "members": members}


def _check(entries: list[tuple[zipfile.ZipInfo, str]]) -> None:
    if len(entries) > MOST_FILES or sum(e.file_size for e, _ in entries) > MAX_TOTAL:
        raise Unreadable("parcel_too_large")
    for entry, _ in entries:
        if entry.flag_bits & 1:
            raise Unreadable("parcel_password")
        if entry.file_size > max(_LARGE, MAX_RATIO * max(entry.compress_size, 1)):
            raise Unreadable("parcel_too_large")


def _name(entry: zipfile.ZipInfo) -> str | None:
    """What the file is called, for people; None: it is a folder or litter of an office program.

    Windows in Chinese writes names in GBK and does not say so.
    """
    name = entry.filename
    if entry.is_dir():
        return None
    if not entry.flag_bits & 0x800:
        try:
            raw = name.encode("cp437")
        except UnicodeEncodeError:  # told by a field of its own
            raw = name.encode("utf-8", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
        else:
            name = raw.decode("gb18030", "replace")
    name = "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})
    steps = [step.strip() for step in re.split(r"[/\\]", name)]
    steps = [step for step in steps if step not in {"", ".", ".."}]
    name = "/".join(steps)[-_LONGEST_NAME:] or "?"
    return None if _LITTER.search(name) else name


def _written(entry: zipfile.ZipInfo) -> str | None:
    try:
        moment = datetime(*entry.date_time)
    except ValueError:
        return None
    return moment.isoformat() if moment.year > 1980 else None
