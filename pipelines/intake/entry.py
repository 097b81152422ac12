"""What was filled in on a screen, row by row: judged by the same rules as a workbook.

An entry speaks only of the cells that were answered; all others count as untouched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.config import Config
from pipelines.extract.values import cell
from pipelines.home import Home
from pipelines.intake.desk import Came, Desk, Receipt
from pipelines.intake.rows import rows_table
from pipelines.journal import Journal

Channel = Literal["web", "odk"]
AT_A_TIME = 2_000
"""Entries that are judged together."""


@dataclass(frozen=True)
class Line:
    """One row of the form, as far as it was spoken of.

    Attributes:
        row_id: ``form_id#row_no``, as the form showed it; empty: of somebody who is not on it.
        resident_id, digest: of that row, as the form showed them.
        answers: field → what was written; a field that is not here was not answered.
        right: fields of which the worker said that what is shown is right.
        result: 核实结果, one of `deliver.texts.RESULTS`; None: nothing was said.
        died_on: day of a death, as written (any spelling that the date cleaner reads).
        remark: 备注.
        place: where somebody lives who is not on the form, as written.
    """

    row_id: str
    resident_id: str
    digest: str
    answers: Mapping[str, str] = field(default_factory=dict)
    right: frozenset[str] = frozenset()
    result: str | None = None
    died_on: str | None = None
    remark: str | None = None
    place: str | None = None

    @property
    def row_no(self) -> int:
        """The row's number on the form; 0 where `row_id` names none."""
        number = self.row_id.rpartition("#")[2]
        return int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 0


@dataclass(frozen=True)
class Entry:
    """Rows of one form that one person sent at one time.

    Attributes:
        form_id, version: the issue whose rows were shown.
        author: who answers.
        moment: when, with its zone; the day of it is the day of the answers.
        channel: the way it came.
        submission: an identifier that the sender made; sent again, it is the same entry.
        lines: the rows.
    """

    form_id: str
    version: int
    author: str
    moment: datetime
    channel: Channel
    submission: str
    lines: tuple[Line, ...]

    @cached_property
    def return_id(self) -> str:
        """Beginning of the hash of what was sent; `moment` may differ when it is sent again."""
        said = [self.form_id, self.version, self.author, self.channel, self.submission, self._rows]
        text = json.dumps(said, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]

    @property
    def document(self) -> str:
        """All of it as JSON, as the archive keeps it."""
        told = {
            "channel": self.channel,
            "form_id": self.form_id,
            "version": self.version,
            "author": self.author,
            "moment": self.moment.isoformat(),
            "submission": self.submission,
            "lines": self._rows,
        }
        return json.dumps(told, ensure_ascii=False, indent=1)

    @property
    def _rows(self) -> list[dict[str, object]]:
        return [
            {
                **{name: said for name, said in vars(line).items() if name != "place" or said},
                "answers": dict(line.answers),
                "right": sorted(line.right),
            }
            for line in self.lines
        ]


def take_entries(
    home: Home, config: Config, journal: Journal, entries: Iterable[Entry]
) -> list[Receipt]:
    """Judge entries and keep what they say; the same entry twice is kept once.

    An entry that came before is judged again, so that its receipt still says what to mend, and is
    refused as ``again``. `Receipt.mend` and `Receipt.wait` name rows by `Line.row_no`.

    Args:
        home, config, journal: of the district; a night must have been published.
        entries: what was sent.

    Returns:
        a receipt an entry, in order.
    """
    desk = Desk(home, config, journal)
    given = list(entries)
    nights = desk.issue_nights({entry.form_id for entry in given})
    receipts = [Receipt(Path(entry.return_id), entry.return_id) for entry in given]
    both = list(zip(given, receipts, strict=True))
    for channel in sorted({entry.channel for entry in given}):
        part = sorted((b for b in both if b[0].channel == channel), key=lambda b: b[0].moment)
        for at in range(0, len(part), AT_A_TIME):
            with desk.folder() as folder:
                came: list[Came] = []
                seen: set[str] = set()
                for number, (entry, receipt) in enumerate(part[at : at + AT_A_TIME]):
                    day = entry.moment.astimezone(desk.zone).date()
                    placed = desk.place(receipt, entry.form_id, entry.version, nights, day)
                    if entry.return_id in seen:
                        receipt.refused = "again"
                    elif placed is not None:
                        seen.add(entry.return_id)
                        target = folder / f"{number}.parquet"
                        pq.write_table(_rows(entry.lines, entry.version), target, compression="lz4")
                        _archive(home, entry)
                        came.append(Came(receipt, target, *placed, entry.author))
                desk.take(came, folder, channel)
    return receipts


def _rows(lines: Sequence[Line], version: int) -> pa.Table:
    """The lines of an entry as the rows that are judged."""
    fields = sorted({name for line in lines for name in (*line.answers, *line.right)})
    cells: dict[str, list[str | None]] = {
        "row_id": [line.row_id for line in lines],
        "resident_id": [line.resident_id for line in lines],
        "base_version": [str(version)] * len(lines),
        "digest": [line.digest for line in lines],
        "result": [line.result for line in lines],
        "remark": [line.remark for line in lines],
        "place": [line.place for line in lines],
    }
    cells |= {name: [cell(line.answers.get(name)) for line in lines] for name in fields}
    return rows_table(
        [line.row_no for line in lines],
        cells,
        died_on=[line.died_on for line in lines],
        answered=[sorted(line.answers) for line in lines],
        confirmed=[sorted(line.right - line.answers.keys()) for line in lines],
    )


def _archive(home: Home, entry: Entry) -> None:
    """Keep what was sent beside the workbooks: remarks stand nowhere else."""
    home.archive.mkdir(mode=0o700, exist_ok=True)
    kept = home.archive / f"{entry.return_id}.json"
    if not kept.exists():
        beside = kept.with_suffix(".part")
        beside.touch(mode=0o600)
        beside.write_text(entry.document, "utf-8", "replace")
        beside.replace(kept)
