"""Pull a family of workbooks: which files are new, which version of a village counts, what waits.

A ledger stays in force until a newer one of its village replaces it; taking its file away, or
sending a broken one, makes nobody vanish.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from pipelines import store
from pipelines.errors import SourceHeld
from pipelines.extract import landing, texts, versions
from pipelines.extract import rows as kinds
from pipelines.extract.arrivals import Arrival, look, refused
from pipelines.extract.findings import Finding
from pipelines.extract.noted import keep_findings
from pipelines.extract.readers import Task, read_all
from pipelines.night import Night
from pipelines.progress import tell
from schemas.source import SourceMap
from schemas.tables import TABLE

_PART = re.compile(r"第?[一二三四五六七八九十\d]+(?:村民小)?(?:组|队|片区?|册|网格|部分)")
_SMALL_VILLAGE = 10
_LOCKED = frozenset({"password", "wrong_password"})
_NOT_READ = frozenset({"outside", "closed"})
# of copies in quarantine; .txt is taken by the notes, and a hostile name has any
_SUFFIXES = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".et", ".ods", ".csv", ".zip"})
_BOOK = [column.name for column in landing.LEDGER_FILE]


@dataclass(frozen=True)
class LedgerFile:
    """One workbook, as book-keeping knows it; see `landing.LEDGER_FILE`.

    Of one that was read anew also `parsed`, its rows, and `stated`: sheet → the day it states.
    """

    file: str
    sha256: str
    map_hash: str
    village: str
    observed: str
    modified: str
    rows: int = 0
    status: str = "live"
    parsed: Path | None = None
    stated: dict[str, str] = field(default_factory=dict)

    def row(self, source: str) -> dict[str, object]:
        """As a row of main.ledger_file."""
        return {"source": source, **{name: getattr(self, name) for name in _BOOK[1:]}}


def pull_ledgers(
    con: duckdb.DuckDBPyConnection, night: Night, source: SourceMap, closed: Sequence[str] = ()
) -> tuple[str, dict[str, int]]:
    """Read new workbooks, merge the villages they replace; leaves the transaction open.

    Args:
        con, night, source: the landing zone, the night and the map.
        closed: names of files that are there and cannot be opened.

    Raises:
        SourceHeld: the folder is not there or empty, or what would be left is too little. Files in
            quarantine are kept as such nevertheless.
    """
    root = night.config.ledgers
    con.execute("BEGIN")
    for table in (source.source, "ledger_file", "ledger_quarantine", "ledger_finding"):
        where = "true" if table == source.source else f"source = '{source.source}'"
        landing.rewind(con, night, table, where)
    con.execute("COMMIT")
    if not root.is_dir():
        raise SourceHeld(source.source, texts.folder_missing(root.name), transient=True)
    arrived = look(night, source)
    arrived += [refused(name, root / name, "closed") for name in closed]
    if not arrived:
        raise SourceHeld(source.source, texts.no_workbook(source.files or ""))
    known, waiting = _known(con, source.source)
    files, quarantined, found = _read(
        night, source, arrived, known=known, waiting=waiting, moved=_moved(con, source.source)
    )
    winners = _winners(files, known)
    rows = _rows(con, source, [file for file in winners.values() if file.parsed])
    repeated = versions.key(con, night, source, rows)
    for file in _shrunk(con, source, winners):
        quarantined.append(_entry(source, file.file, file.sha256, "shrunk"))
        files.remove(file)
        before = [old for old in known.values() if old.village == file.village]
        winners.pop(file.village)
        files += [old for old in before if old.status == "live" and old not in files]
        winners |= {old.village: old for old in before if old.status == "live"}
        con.execute(
            "DELETE FROM incoming WHERE source_key LIKE substr(md5(?), 1, 8) || '-%'",
            [file.village],
        )
    _keep(night, source, arrived, quarantined)
    con.execute("BEGIN")
    columns = [column.name for column in TABLE["raw.ledger_quarantine"].columns]
    landing.replace_state(
        con, night, "ledger_quarantine", columns=columns, source=source.source, rows=quarantined
    )
    con.execute("COMMIT")
    noted = keep_findings(con, night, source, found, list(winners.values()))
    con.execute("BEGIN")
    versions.merge(con, night, source, _scope(con, winners))
    _place(con, source, winners)
    live = {file.sha256 for file in winners.values()}
    book = {file.sha256: file for file in (*winners.values(), *files)}
    stated = [
        replace(file, status="live" if sha in live else file.status).row(source.source)
        if file.status == "quarantined" or sha in live
        else replace(file, status="superseded").row(source.source)
        for sha, file in book.items()
    ]
    landing.replace_state(
        con, night, "ledger_file", columns=_BOOK, source=source.source, rows=stated
    )
    status = "ok" if any(file.parsed for file in winners.values()) else "skipped"
    return status, {
        "files": len(arrived),
        "files_read": len(found),
        "files_skipped": len(arrived) - len(found),
        "files_quarantined": len({entry["sha256"] for entry in quarantined}),
        "duplicate_keys": repeated,
        "findings": noted,
    }


def _known(
    con: duckdb.DuckDBPyConnection, source: str
) -> tuple[dict[str, LedgerFile], dict[str, list[dict[str, object]]]]:
    """Files seen before and quarantine entries still open, both by the hash of the content."""
    rows = con.execute(
        f"SELECT {', '.join(_BOOK[1:])} FROM main.ledger_file "
        "WHERE source = ? AND until_night IS NULL ORDER BY file",
        [source],
    ).fetchall()
    files = {row[1]: LedgerFile(*row) for row in rows}
    names = ("source", "file", "sha256", "reason", "reason_zh")
    waiting: dict[str, list[dict[str, object]]] = {}
    for row in con.execute(
        f"SELECT {', '.join(names)} FROM main.ledger_quarantine "
        "WHERE source = ? AND until_night IS NULL",
        [source],
    ).fetchall():
        waiting.setdefault(row[2], []).append(dict(zip(names, row, strict=True)))
    return files, waiting


def _read(
    night: Night,
    source: SourceMap,
    arrived: list[Arrival],
    *,
    known: dict[str, LedgerFile],
    waiting: dict[str, list[dict[str, object]]],
    moved: set[str],
) -> tuple[list[LedgerFile], list[dict[str, object]], dict[str, list[Finding]]]:
    """Every file that is there: usable ones, quarantine entries, and by the hash of each file that
    was read anew what was found odd in it."""
    map_hash = hashlib.md5(source.model_dump_json().encode(), usedforsecurity=False).hexdigest()
    files: list[LedgerFile] = []
    quarantined: list[dict[str, object]] = []
    new: list[tuple[LedgerFile, Path]] = []
    copies: dict[str, list[Arrival]] = {}
    for arrival in arrived:
        if arrival.refused:
            entry = _entry(source, arrival.name, arrival.sha256, arrival.refused)
            quarantined.append(entry)
        else:
            copies.setdefault(arrival.sha256, []).append(arrival)
    for sha, same in copies.items():
        old = known.get(sha)
        chosen = next((a for a in same if old and a.name == old.file), same[0])
        name, path = chosen.name, chosen.path
        is_locked = any(entry["reason"] in _LOCKED for entry in waiting.get(sha, []))
        is_known = old and old.map_hash == map_hash and sha not in moved
        if old and is_known and not (is_locked and source.passwords):
            files.append(replace(old, file=name))
            quarantined += [{**entry, "file": name} for entry in waiting.get(sha, [])]
            continue
        moment = datetime.fromtimestamp(
            path.stat().st_mtime, ZoneInfo(night.config.district.timezone)
        )
        new.append(
            (
                LedgerFile(
                    file=name,
                    sha256=sha,
                    map_hash=map_hash,
                    village=_village(chosen.titles, source),
                    observed=kinds.date_in(chosen.titles, night.business_date)
                    or min(moment.date(), night.business_date).isoformat(),
                    modified=moment.isoformat(timespec="microseconds"),
                ),
                path,
            )
        )
    folder = night.folder / "ledgers" / source.source
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tasks = [Task(path, folder / f"{file.sha256}.parquet") for file, path in new]
    label = texts.task(source.label)
    answers = read_all(
        tasks, source, night.business_date, lambda done: tell(label, done, len(tasks))
    )
    found: dict[str, list[Finding]] = {}
    for (file, _), task, answer in zip(new, tasks, answers, strict=True):
        found[file.sha256] = [Finding(*item) for item in answer.get("findings", ())]
        if failed := answer.get("failed"):
            detail = answer.get("detail", "")
            quarantined.append(_entry(source, file.file, file.sha256, failed, detail))
            files.append(replace(file, status="quarantined"))
            continue
        if answer["sheets_without_header"]:
            quarantined.append(_entry(source, file.file, file.sha256, "sheet_no_header"))
        files.append(
            replace(
                file,
                observed=answer["observed"] or file.observed,
                rows=answer["rows"],
                parsed=task.target,
                stated=answer["stated"],
            )
        )
    return files, quarantined, found


def _village(titles: tuple[str, ...], source: SourceMap) -> str:
    """Whose ledger it is: the village, and the part of it where the file names one."""
    for title in titles:
        if source.village_from_file and (match := re.search(source.village_from_file, title)):
            part = _PART.search(title, match.end()) or _PART.search(titles[0])
            return match.group(1) + (part.group(0) if part else "")
    return "/".join(reversed(titles))


def _winners(files: list[LedgerFile], known: dict[str, LedgerFile]) -> dict[str, LedgerFile]:
    """The ledger of each village that counts: the newest; a corrected file replaces itself."""
    usable = [file for file in files if file.status != "quarantined"]
    renewed = {file.file for file in usable if file.parsed}
    hashes = {file.sha256 for file in files}
    for old in known.values():
        if old.status == "live" and old.sha256 not in hashes and old.file not in renewed:
            usable.append(old)  # its file is gone or broken: it stays in force
    winners: dict[str, LedgerFile] = {}
    # a superseded version that was not read anew has no rows at hand
    for file in (f for f in usable if f.parsed or f.status == "live"):
        best = winners.get(file.village)
        if best is None or _age(file) > _age(best):
            winners[file.village] = file
    return winners


def _age(file: LedgerFile) -> tuple[str, str, str]:
    return file.observed, file.modified, file.file


def _rows(con: duckdb.DuckDBPyConnection, source: SourceMap, files: list[LedgerFile]) -> str:
    """SQL: the rows that were read from `files`."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE book (path VARCHAR, village VARCHAR, file VARCHAR, "
        "observed VARCHAR)"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE stated (path VARCHAR, sheet VARCHAR, day VARCHAR)")
    own = ", ".join(store.quote(name) for name in source.columns)
    if not files:
        nothing = ", ".join(f"NULL::VARCHAR AS {store.quote(name)}" for name in source.columns)
        return f"""SELECT village, file AS src_file, NULL::VARCHAR AS src_sheet,
            NULL::INTEGER AS src_row, observed AS src_observed, NULL::VARCHAR AS src_mark,
            NULL::BIGINT AS src_hash, {nothing} FROM book"""
    con.executemany(
        "INSERT INTO book VALUES (?, ?, ?, ?)",
        [[str(f.parsed), f.village, f.file, f.observed] for f in files],
    )
    if days := [[str(f.parsed), *item] for f in files for item in f.stated.items()]:
        con.executemany("INSERT INTO stated VALUES (?, ?, ?)", days)
    paths = ", ".join("'" + str(file.parsed).replace("'", "''") + "'" for file in files)
    return f"""SELECT b.village, b.file AS src_file, src_sheet, src_row,
        coalesce(s.day, b.observed) AS src_observed, src_mark, NULL::BIGINT AS src_hash, {own}
        FROM read_parquet([{paths}], filename = true) p JOIN book b ON b.path = p.filename
        LEFT JOIN stated s ON s.path = p.filename AND s.sheet = p.src_sheet"""


def _scope(con: duckdb.DuckDBPyConnection, winners: dict[str, LedgerFile]) -> str:
    """SQL: landed rows of the villages that get a new ledger."""
    con.execute("CREATE OR REPLACE TEMP TABLE replaced (village VARCHAR)")
    villages = [[file.village] for file in winners.values() if file.parsed]
    if villages:
        con.executemany("INSERT INTO replaced VALUES (?)", villages)
    return "left(source_key, 8) IN (SELECT substr(md5(village), 1, 8) FROM replaced)"


def _place(
    con: duckdb.DuckDBPyConnection, source: SourceMap, winners: dict[str, LedgerFile]
) -> None:
    """Rows of a file that was only renamed name the file as it is called now."""
    con.execute("CREATE OR REPLACE TEMP TABLE place (village VARCHAR, file VARCHAR, sha VARCHAR)")
    con.executemany(
        "INSERT INTO place VALUES (?, ?, ?)",
        [[village, file.file, file.sha256] for village, file in winners.items()],
    )
    con.execute(f"""UPDATE main.{store.quote(source.source)} l SET file = p.file FROM place p
        WHERE l.until_night IS NULL AND left(l.source_key, 8) = substr(md5(p.village), 1, 8)
        AND l.file <> p.file""")
    con.execute("DELETE FROM main.ledger_place WHERE source = ?", [source.source])
    con.execute("INSERT INTO main.ledger_place SELECT ?, village, sha FROM place", [source.source])


def _moved(con: duckdb.DuckDBPyConnection, source: str) -> set[str]:
    """Files in force whose rows still stand where a ledger had them that was taken back."""
    rows = con.execute(
        """SELECT f.sha256 FROM main.ledger_file f JOIN main.ledger_place p USING (source, village)
        WHERE source = ? AND until_night IS NULL AND status = 'live' AND f.sha256 <> p.sha256""",
        [source],
    ).fetchall()
    return {row[0] for row in rows}


def _shrunk(
    con: duckdb.DuckDBPyConnection, source: SourceMap, winners: dict[str, LedgerFile]
) -> list[LedgerFile]:
    """New ledgers that lack more of their village than may vanish in one night."""
    name = f"main.{store.quote(source.source)}"
    rows = con.execute(f"""SELECT left(l.source_key, 8), count(*),
            count(*) FILTER (WHERE i.source_key IS NULL)
        FROM (SELECT source_key FROM {name}
            WHERE until_night IS NULL AND {_scope(con, winners)}) l
        LEFT JOIN (SELECT DISTINCT source_key FROM incoming) i ON i.source_key = l.source_key
        GROUP BY ALL""").fetchall()
    bad = {
        key
        for key, known, vanished in rows
        if known >= _SMALL_VILLAGE and vanished > source.maximum_vanished * known
    }
    return [
        file
        for file in list(winners.values())
        if hashlib.md5(file.village.encode(), usedforsecurity=False).hexdigest()[:8] in bad
    ]


def _entry(
    source: SourceMap, file: str, sha256: str, code: str, detail: str = ""
) -> dict[str, object]:
    return {
        "source": source.source,
        "file": file,
        "sha256": sha256,
        "reason": code,
        "reason_zh": texts.reason(code, detail),
    }


def _keep(
    night: Night, source: SourceMap, arrived: list[Arrival], entries: list[dict[str, object]]
) -> None:
    """A copy of each file that waits, and beside it a note on why and what to do."""
    paths = {arrival.name: arrival.path for arrival in arrived}
    for entry in entries:
        note = night.home.quarantine / f"{entry['sha256']}.txt"
        suffix = Path(str(entry["file"])).suffix.lower()
        copy = note.with_suffix(suffix if suffix in _SUFFIXES else ".file")
        if entry["reason"] not in _NOT_READ and not copy.exists():
            beside = copy.with_suffix(".part")
            shutil.copyfile(paths[str(entry["file"])], beside)
            beside.replace(copy)
        note.write_text(
            texts.note(
                str(entry["file"]),
                str(entry["sha256"]),
                str(entry["reason"]),
                str(entry["reason_zh"]),
                source.label,
            ),
            "utf-8",
        )
