"""What waits in quarantine: sources held back, ledgers, sheets and rows, each with its reason.

Nothing leaves by itself: an entry ends when its source says something usable.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import duckdb

from pipelines import store
from pipelines.config import Config
from pipelines.extract import texts
from pipelines.extract.arrivals import may_be_parcel
from pipelines.extract.readers import Task, read_all
from pipelines.home import Home
from pipelines.inbox.arrival import is_arriving, is_unfinished
from pipelines.privacy import scrub
from pipelines.standardise.dictionaries import Context
from pipelines.standardise.meaning import meanings
from schemas.source import SourceMap

Level = Literal["source", "file", "part", "row"]
_LEFT_OUT = ("unnamed_row", "other_table", "sheet_gone", "struck_cell")
"""Kinds of `raw.ledger_finding` that say that something was not used."""
_PARTLY = ("sheet_no_header",)
"""Reasons of `raw.ledger_quarantine` of which the rest of the file is in use."""


@dataclass(frozen=True)
class Entry:
    """One thing that waits; nothing in it is personal.

    Attributes:
        level: a whole ``source``, a ``file``, a ``part`` of one (sheet, rows, column), or a ``row``
            that was read and is nobody.
        source: its name.
        place: table, or path below the ledger folder.
        sheet, first, last, column: where in a ledger, as far as known.
        key: of a row of a database.
        code, reason: why, and what to do (Chinese).
        since: business date of the night that found it; None: not known any more.
        sha256: of a file, what was in it.
    """

    level: Level
    source: str
    place: str
    sheet: str | None
    first: int | None
    last: int | None
    column: str | None
    key: str | None
    code: str
    reason: str
    since: date | None
    sha256: str | None = None


@dataclass(frozen=True)
class Tried:
    """What reading a file of the ledger folder once more came to.

    Attributes:
        entry: what waited.
        state: ``solved``, ``waits`` (it is as it was), ``gone`` (the file was taken away),
            ``arriving`` (it is still being copied) or ``night`` (only a night can tell). A row is
            solved when somebody can be recognised in the row that stands in its place.
        reason: why it still waits (Chinese).
        rows: rows that were read.
    """

    entry: Entry
    state: Literal["solved", "waits", "gone", "arriving", "night"]
    reason: str = ""
    rows: int = 0


def list_quarantine(
    con: duckdb.DuckDBPyConnection, config: Config, source: str | None = None
) -> list[Entry]:
    """Everything that waits in the published night, by source, level and place.

    Args:
        con: a published file.
        config: for the names of tables.
        source: only this one.
    """
    tables = {name: map_.table or "" for name, map_ in config.sources.items()}
    rows = con.execute(
        """
        WITH night AS (SELECT night, min(business_date) AS day FROM meta.night GROUP BY night),
        held AS (SELECT source, reason, night FROM raw.pull
            WHERE status = 'held' AND night = (SELECT max(night) FROM raw.pull)),
        waiting AS (
            SELECT 1 AS step, 'source' AS level, source, NULL AS place, NULL AS sheet,
                NULL::INTEGER AS first_row, NULL::INTEGER AS last_row, NULL AS letter,
                NULL AS key, 'held' AS code, reason, night, NULL AS sha256 FROM held
            UNION ALL SELECT 2, CASE WHEN list_contains($partly, reason) THEN 'part' ELSE 'file'
                END, source, file, NULL, NULL, NULL, NULL, NULL, reason, reason_zh, since_night,
                sha256 FROM raw.ledger_quarantine WHERE until_night IS NULL
            UNION ALL SELECT 3, 'part', source, file, sheet, row_no, last_row, column_letter, NULL,
                kind, reason_zh, since_night, sha256 FROM raw.ledger_finding
                WHERE until_night IS NULL AND list_contains($left_out, kind)
            UNION ALL SELECT 4, 'row', source, file, sheet, row_no, row_no, NULL,
                CASE WHEN file IS NULL THEN source_key END, reason, reason_zh, since_night, NULL
                FROM std.quarantine
        )
        SELECT level, source, place, sheet, first_row, last_row, letter, key, code, reason,
            day, sha256
        FROM waiting LEFT JOIN night USING (night)
        WHERE $source IS NULL OR source = $source
        ORDER BY source, step, place, sheet, first_row, key, code
        """,
        {"source": source, "partly": list(_PARTLY), "left_out": list(_LEFT_OUT)},
    ).fetchall()
    entries = (Entry(*row) for row in rows)
    return [
        entry if entry.place else replace(entry, place=tables.get(entry.source, ""))
        for entry in entries
    ]


def try_again(
    home: Home,
    config: Config,
    entries: list[Entry],
    done: Callable[[str], None] = lambda _: None,
) -> list[Tried]:
    """Read the ledgers once more in which something waits, as they lie in the folder now.

    Nothing is taken in: that is the next night's, which reads every changed file by itself. Only a
    file that was refused though its content is what it was is marked for it to be read again. Rows
    of databases and sources held back are left to the night.

    Args:
        home, config: of the district; the caller holds the home's lock.
        entries: see `list_quarantine`.
        done: told the label of a source before its files are read.
    """
    tried: list[Tried] = []
    for name in sorted({entry.source for entry in entries}):
        source = config.sources.get(name)
        mine = [entry for entry in entries if entry.source == name]
        if source is None or source.kind != "workbook":
            tried += [Tried(entry, "night") for entry in mine]
            continue
        done(source.label)
        tried += _try_ledgers(home, config, source, mine)
    _read_anew(home, config, [t.entry for t in tried if t.state == "solved"])
    return tried


def _try_ledgers(
    home: Home, config: Config, source: SourceMap, entries: list[Entry]
) -> list[Tried]:
    folder = home.work / "retry" / source.source
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    today = datetime.now(ZoneInfo(config.district.timezone)).date()
    states = {entry.place: _state(config.ledgers, entry.place) for entry in entries}
    names = sorted(name for name, state in states.items() if state == "there")
    tasks = [
        Task(config.ledgers / name, folder / f"{number}.parquet")
        for number, name in enumerate(names)
    ]
    answers = dict(
        zip(names, read_all(tasks, source, today, lambda _: None), strict=True) if tasks else ()
    )
    usable = {
        place
        for task, name in zip(tasks, names, strict=True)
        if not answers[name].get("failed")
        for place in _usable_rows(config, source, task.target, name, today)
    }
    tried: list[Tried] = []
    for entry in entries:
        state = states[entry.place]
        if entry.level == "source":
            tried.append(Tried(entry, "night"))
        elif state == "there":
            is_usable = (entry.place, entry.sheet, entry.first) in usable
            tried.append(_judge(entry, answers[entry.place], is_usable=is_usable))
        else:  # what a file that is in force left out stays until another one replaces it
            tried.append(Tried(entry, state if entry.level == "file" else "night"))
    shutil.rmtree(folder)
    return tried


def _usable_rows(
    config: Config, source: SourceMap, parsed: Path, name: str, today: date
) -> Iterator[tuple[str, str, int]]:
    """(file, sheet, row) of a ledger's rows in which somebody can be recognised."""
    context = Context(today, frozenset())
    with store.connect(":memory:", config.district.limits, parsed.parent / "spill") as con:
        con.execute("CREATE TABLE read_now AS FROM read_parquet(?)", [str(parsed)])
        for person in source.persons:
            known: list[str] = []
            for field in ("name", "id_number"):
                if field not in person.fields:
                    continue
                column = store.quote(person.fields[field])
                values = [
                    value
                    for (value,) in con.execute(
                        f"SELECT DISTINCT {column} FROM read_now WHERE {column} IS NOT NULL"
                    ).fetchall()
                ]
                found = meanings(field, sorted(values), context)
                good = [v for v, meant in zip(sorted(values), found, strict=True) if meant]
                known.append(f"list_contains(getvariable('{field}'), {column})")
                con.execute(f"SET VARIABLE {field} = $good", {"good": good})
            told = " OR ".join(known) or "FALSE"
            for sheet, row in con.execute(
                f"SELECT src_sheet, src_row FROM read_now WHERE src_mark IS NULL AND ({told})"
            ).fetchall():
                yield name, sheet, row


def _state(folder: Path, name: str) -> Literal["there", "gone", "arriving", "night"]:
    """Whether a file of the ledger folder can be read; links that lead out of it cannot."""
    path = folder / name
    if any(above.is_file() for above in path.parents if above.is_relative_to(folder)):
        return "night"  # it is in an archive
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        return "gone"
    try:
        if is_unfinished(path.name) or is_arriving(path):
            return "arriving"
        return "night" if may_be_parcel(path) else "there"
    except OSError:  # it cannot be opened
        return "night"


def _judge(entry: Entry, answer: dict, *, is_usable: bool) -> Tried:
    """What reading says about an entry: the same complaint at the same place, or none."""
    rows = int(answer.get("rows") or 0)
    if code := answer.get("failed"):
        return Tried(entry, "waits", texts.reason(code))
    if entry.level == "row":
        return Tried(entry, "solved", rows=1) if is_usable else Tried(entry, "waits", entry.reason)
    if entry.code == "shrunk":
        return Tried(entry, "night", rows=rows)
    if entry.code in _PARTLY:
        is_bad = bool(answer["sheets_without_header"])
        return Tried(entry, "waits" if is_bad else "solved", entry.reason if is_bad else "", rows)
    if entry.level == "part":
        places = {(item[0], item[3], item[4]) for item in answer.get("findings", ())}
        if (entry.sheet, entry.column, entry.code) in places:
            return Tried(entry, "waits", entry.reason, rows)
    return Tried(entry, "solved", rows=rows)


def _read_anew(home: Home, config: Config, entries: list[Entry]) -> None:
    """Let the next night read these contents again, though it knows them."""
    hashes = sorted({entry.sha256 for entry in entries if entry.sha256})
    if not hashes or not home.landed.exists():
        return
    with store.connect(home.landed, config.district.limits, home.work / "spill") as con:
        con.execute(
            """UPDATE main.ledger_file SET map_hash = ''
            WHERE until_night IS NULL AND status = 'quarantined' AND list_contains(?, sha256)""",
            [hashes],
        )


def safe_reason(entry: Entry) -> str:
    """The reason as it may be shown; a database's own words are scrubbed."""
    return scrub(entry.reason) if entry.level == "source" else entry.reason
