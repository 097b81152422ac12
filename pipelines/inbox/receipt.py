"""The receipt of a ledger: what became of it, as a text without anything personal."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from pipelines.deliver.manifest import safe_name
from pipelines.inbox import texts
from pipelines.inbox.arrival import Arrived
from pipelines.night import Night
from schemas.source import SourceMap

_MOST = 50


def write_receipts(
    con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, arrived: Arrived
) -> int:
    """Acknowledge each file once: a content under a name gets one receipt, under ``receipts/``.

    Args:
        con: the landing zone, after the pull.
        night, source: the night and the map.
        arrived: what was read.

    Returns:
        How many receipts were written.
    """
    written = 0
    for name, sha in arrived.files.items():
        note = _place(night, name, sha)
        if note.exists():
            continue
        note.parent.mkdir(parents=True, exist_ok=True)
        beside = note.with_name(f".{note.name}.part")
        beside.write_text(_text(con, night, source, name, sha), "utf-8")
        os.replace(beside, note)
        written += 1
    return written


def _place(night: Night, name: str, sha: str) -> Path:
    *folders, file = Path(name).with_suffix("").parts
    folder = night.home.receipts / "ledgers"
    for step in folders:
        folder /= safe_name(step)
    return folder / f"{safe_name(file)}_{sha[:8]}.txt"


def _text(
    con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, name: str, sha: str
) -> str:
    lines = [
        texts.TITLE,
        texts.FILE.format(file=name),
        texts.SOURCE.format(label=source.label),
        texts.TAKEN.format(night=night.number, day=night.business_date, sha=sha[:16]),
        *_outcome(con, source, name, sha),
        texts.KEPT.format(days=night.config.district.keep_originals),
    ]
    return "\n".join([*lines, ""])


def _outcome(con: duckdb.DuckDBPyConnection, source: SourceMap, name: str, sha: str) -> list[str]:
    about = [source.source, sha]
    known = con.execute(
        """SELECT file, status, rows FROM main.ledger_file
        WHERE source = ? AND sha256 = ? AND until_night IS NULL""",
        about,
    ).fetchall()
    reasons = [
        reason
        for (reason,) in con.execute(
            """SELECT DISTINCT reason_zh FROM main.ledger_quarantine
            WHERE source = ? AND sha256 = ? AND until_night IS NULL ORDER BY ALL""",
            about,
        ).fetchall()
    ]
    if not known and not reasons:
        return _members(con, source, name) or [texts.KNOWN_ALREADY]
    file, status, rows = known[0] if known else (name, "quarantined", 0)
    if file != name:
        return [texts.COPY.format(file=file)]
    if status == "live":
        partly = [texts.PARTLY.format(reason=reason) for reason in reasons]
        return [texts.LIVE.format(rows=f"{rows:,}"), *partly, *_notes(con, about)]
    if status == "superseded":
        return [texts.SUPERSEDED]
    return [texts.QUARANTINED, *(texts.REASON.format(reason=reason) for reason in reasons)]


def _members(con: duckdb.DuckDBPyConnection, source: SourceMap, name: str) -> list[str]:
    """What became of the files in an archive."""
    found = con.execute(
        """SELECT coalesce(f.file, q.file) AS file, f.status, coalesce(f.rows, 0),
            string_agg(DISTINCT q.reason_zh, '；' ORDER BY q.reason_zh)
        FROM (FROM main.ledger_file
            WHERE source = $source AND until_night IS NULL AND starts_with(file, $name)) f
        FULL JOIN (FROM main.ledger_quarantine
            WHERE source = $source AND until_night IS NULL AND starts_with(file, $name)) q
            ON q.file = f.file
        GROUP BY ALL ORDER BY file""",
        {"source": source.source, "name": f"{name}/"},
    ).fetchall()
    words = {"live": texts.MEMBER_LIVE, "superseded": texts.MEMBER_SUPERSEDED}
    shown = [
        words.get(status, texts.MEMBER_QUARANTINED).format(
            file=file.removeprefix(f"{name}/"), rows=f"{rows:,}", reason=reason or ""
        )
        for file, status, rows, reason in found[:_MOST]
    ]
    if len(found) > _MOST:
        shown.append(texts.MORE.format(n=len(found)))
    return [texts.IN_ARCHIVE.format(files=len(found)), *shown] if shown else []


def _notes(con: duckdb.DuckDBPyConnection, about: list[str]) -> list[str]:
    """What reading guessed or left out, place by place."""
    found = con.execute(
        """SELECT sheet, row_no, last_row, column_letter, reason_zh FROM main.ledger_finding
        WHERE source = ? AND sha256 = ? AND until_night IS NULL AND severity = 'warning'
        ORDER BY sheet, row_no NULLS FIRST, column_letter, kind""",
        about,
    ).fetchall()
    shown = [
        texts.NOTE.format(place=place_of(*place), reason=reason) for *place, reason in found[:_MOST]
    ]
    if len(found) > _MOST:
        shown.append(texts.MORE.format(n=len(found)))
    return [texts.NOTES, *shown] if shown else []


def place_of(sheet: str | None, first: int | None, last: int | None, letter: str | None) -> str:
    """Where something stands in a workbook, as a person looks for it."""
    parts = [texts.SHEET.format(sheet=sheet)] if sheet else []
    if first is not None:
        words = texts.ROW if last in (None, first) else texts.ROWS
        parts.append(words.format(first=first, last=last))
    if letter:
        parts.append(texts.COLUMN.format(letter=letter))
    return " ".join(parts)
