"""Keep what reading the ledgers in force left out, guessed or could not tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

import duckdb

from pipelines.extract import landing, texts
from pipelines.extract.findings import SEVERITY, Finding
from pipelines.night import Night
from schemas.source import SourceMap
from schemas.tables import TABLE

if TYPE_CHECKING:
    from pipelines.draft.words import HeaderWords

_TABLE = "ledger_finding"
_COLUMNS = [
    column.name
    for column in TABLE[f"raw.{_TABLE}"].columns
    if column.name not in {"since_night", "until_night"}
]


class _File(Protocol):
    @property
    def file(self) -> str: ...
    @property
    def sha256(self) -> str: ...


def keep_findings(
    con: duckdb.DuckDBPyConnection,
    night: Night,
    source: SourceMap,
    found: Mapping[str, Iterable[Finding]],
    files: Iterable[_File],
) -> int:
    """Let the live rows of ``ledger_finding`` be what was found in `files`, those in force.

    Args:
        con: the landing zone, rewound and outside of a transaction.
        night, source: the night and the map.
        found: hash of a file that was read this night → its findings.
        files: files in force, read this night or before.

    Returns:
        How many findings hold now.
    """
    rows: list[dict[str, object]] = []
    before: dict[str, list[dict[str, object]]] = {}
    names = ", ".join(_COLUMNS)
    for values in con.execute(
        f"SELECT {names} FROM main.{_TABLE} WHERE source = ? AND until_night IS NULL",
        [source.source],
    ).fetchall():
        row = dict(zip(_COLUMNS, values, strict=True))
        before.setdefault(str(row["sha256"]), []).append(row)
    guess = _Guess(night)
    for file in files:
        if file.sha256 in found:
            rows += [_row(source, file, finding, guess) for finding in found[file.sha256]]
        else:
            rows += [{**row, "file": file.file} for row in before.get(file.sha256, ())]
    con.execute("BEGIN")
    landing.replace_state(con, night, _TABLE, columns=_COLUMNS, source=source.source, rows=rows)
    con.execute("COMMIT")
    return len(rows)


class _Guess:
    """What a header word that no map knows may mean; the words are learnt when one is met."""

    def __init__(self, night: Night) -> None:
        self._night = night
        self._words: HeaderWords | None = None

    def of(self, word: str) -> str:
        """For people, behind what was found; empty: nothing comes near."""
        from pipelines.draft.perhaps import perhaps  # noqa: PLC0415  (seldom needed, and slow)
        from pipelines.draft.words import HeaderWords  # noqa: PLC0415

        if self._words is None:
            self._words = HeaderWords(self._night.config.sources.values())
        return perhaps(self._words, word) or ""


def _row(source: SourceMap, file: _File, finding: Finding, guess: _Guess) -> dict[str, object]:
    said = texts.finding(finding.kind, finding.detail)
    if finding.kind == "column_unknown":
        said += guess.of(finding.detail)
    return {
        "source": source.source,
        "file": file.file,
        "sha256": file.sha256,
        **{name: getattr(finding, name) for name in finding._fields if name != "detail"},
        "severity": SEVERITY[finding.kind],
        "reason_zh": said,
    }
