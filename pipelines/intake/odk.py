"""Submissions of a form filled in with ODK or Kobo, as their servers export them.

ODK Central: CSV (alone or zipped) and OData JSON. KoboToolbox: CSV with XML values, and API JSON.
One submission speaks of one resident, see `pipelines.deliver.odk`.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines.deliver.odk import MET, NEW
from pipelines.extract.guard import Unreadable
from pipelines.extract.unzip import BROKEN, is_zip
from pipelines.intake.entry import Entry, Line
from pipelines.intake.rows import version_in
from schemas.fields import FIELD

LARGEST = 16 << 20
MOST = 20_000
"""Bytes and submissions of one export; a larger one is exported in parts, by date."""
_NEEDED = {"form_id", "row_id", "resident_id"}
_NEEDED_NEW = {"new_form_id", "new_name"}
_SENT = ("SubmissionDate", "submissionDate", "_submission_time")
_SENDER = ("SubmitterName", "submitterName", "_submitted_by", "username")
_INSTANCE = ("instanceID", "KEY", "_uuid", "__id")
_LISTS = ("value", "results")
Told = dict[str, str]


def is_export(path: Path) -> bool:
    """Whether a file is a text, or a ZIP with one CSV in it: then it is no workbook."""
    if is_zip(path):
        try:
            with zipfile.ZipFile(path) as archive:
                return _only_csv(archive) is not None
        except BROKEN:
            return False
    with path.open("rb") as file:
        head = file.read(512)
    return bool(head) and b"\0" not in head and not head.startswith(b"\xd0\xcf\x11\xe0")


def read_submissions(path: Path, zone: ZoneInfo, *, author: str | None) -> list[Entry | None]:
    """Entries in the order of the file; None for a row that does not say what it is about.

    Args:
        path: the export.
        zone: of the district; moments without one are meant in it.
        author: who answers; None: whom the server names as the sender.

    Raises:
        Unreadable: it is no export of a form of ours.
    """
    rows = _read(path)
    written = datetime.fromtimestamp(path.stat().st_mtime, zone)
    entries: list[Entry | None] = []
    for told in rows:
        is_new = told.get("whom") == NEW
        if not all(told.get(name) for name in (_NEEDED_NEW if is_new else _NEEDED)):
            entries.append(None)
            continue
        version = told.get("new_base_version" if is_new else "base_version", "")
        entries.append(
            Entry(
                form_id=told["new_form_id" if is_new else "form_id"],
                version=version_in(version),
                author=author or _first(told, _SENDER)[:64],
                moment=_moment(told, written),
                channel="odk",
                submission=_first(told, _INSTANCE)[:128],
                lines=(_newcomer(told) if is_new else _line(told),),
            )
        )
    return entries


def _newcomer(told: Told) -> Line:
    return Line(
        row_id="",
        resident_id="",
        digest="",
        answers={name: told[f"new_{name}"] for name in FIELD if told.get(f"new_{name}")},
        remark=told.get("remark") or None,
        place=told.get("new_address") or None,
    )


def _line(told: Told) -> Line:
    result = told.get("result", "")
    return Line(
        row_id=told["row_id"],
        resident_id=told["resident_id"],
        digest=told.get("digest", ""),
        answers={name: told[name] for name in FIELD if told.get(name)},
        right=frozenset(name for name in FIELD if told.get(f"{name}_right") == "yes"),
        result=None if result in {"", MET} else result,
        died_on=told.get("died_on") or None,
        remark=told.get("remark") or None,
    )


def _moment(told: Told, written: datetime) -> datetime:
    """When it was sent; noon of the day of the visit where that was before."""
    moment = written
    with suppress(ValueError, OverflowError):  # the last hours of the year 9999 have no other zone
        said = datetime.fromisoformat(_first(told, _SENT))
        moment = (said if said.tzinfo else said.replace(tzinfo=written.tzinfo)).astimezone(
            written.tzinfo
        )
    try:
        visited = date.fromisoformat(told.get("today", ""))
    except ValueError:
        return moment
    if visited >= moment.date():
        return moment
    return datetime.combine(visited, time(12), written.tzinfo)


def _first(told: Told, names: tuple[str, ...]) -> str:
    return next((told[name] for name in names if told.get(name)), "")


def _read(path: Path) -> list[Told]:
    """What each submission tells, by the last part of its name: groups do not matter."""
    if path.stat().st_size > LARGEST:
        raise Unreadable("export_too_large")
    content = _unpacked(path)
    text = _decoded(content).lstrip()
    try:
        rows = list(_from_json(text) if text[:1] in {"{", "["} else _from_csv(text))
    except (ValueError, csv.Error, RecursionError) as error:
        raise Unreadable("no_submissions") from error
    if not any(row.keys() >= _NEEDED or row.keys() >= _NEEDED_NEW for row in rows):
        raise Unreadable("no_submissions")
    if len(rows) > MOST:
        raise Unreadable("export_too_large")
    return rows


def _unpacked(path: Path) -> bytes:
    if not is_zip(path):
        return path.read_bytes()
    try:
        with zipfile.ZipFile(path) as archive:
            member = _only_csv(archive)
            if member is None:
                raise Unreadable("no_submissions")
            with archive.open(member) as file:
                content = file.read(LARGEST + 1)
    except BROKEN as error:
        raise Unreadable("no_submissions") from error
    if len(content) > LARGEST:
        raise Unreadable("export_too_large")
    return content


def _only_csv(archive: zipfile.ZipFile) -> zipfile.ZipInfo | None:
    found = [entry for entry in archive.infolist() if not entry.is_dir()]
    is_one = len(found) == 1 and found[0].filename.lower().endswith(".csv")
    return found[0] if is_one else None


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):  # the second: saved once more with a spreadsheet
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("no_submissions")


def _from_csv(text: str) -> Iterator[Told]:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
        yield {
            _name(key): value.strip()
            for key, value in row.items()
            if isinstance(key, str) and isinstance(value, str)
        }


def _from_json(text: str) -> Iterator[Told]:
    found = json.loads(text)
    if isinstance(found, dict):
        listed = next((found[name] for name in _LISTS if isinstance(found.get(name), list)), None)
        found = [found] if listed is None else listed
    for row in found:
        if isinstance(row, dict):
            yield dict(_leaves(row))


def _leaves(row: dict[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in row.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            text = str(value).encode("utf-8", "replace").decode()  # half a surrogate is no text
            yield _name(key), text.strip()


def _name(key: str) -> str:
    """``meta-instanceID`` and ``group/phone`` by their last part."""
    return key.strip().replace("-", "/").rpartition("/")[2]
