"""Draft a source map for a table or a workbook."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pypinyin import Style, lazy_pinyin

from pipelines.draft.propose import Proposal, propose
from pipelines.draft.sample import Sample, sample_table
from pipelines.draft.words import HeaderWords
from pipelines.draft.workbook import sample_workbook
from pipelines.draft.write import Target, draft_yaml
from schemas.source import SourceMap

_VILLAGE = r"^(?:\d+[-_.、]?)?(.+?(?:村|社区))"


def draft_table(
    url: str, table: str, database: str, maps: Iterable[SourceMap], today: date
) -> tuple[str, list[Proposal]]:
    """The draft for a table of a database, and what it proposes column by column.

    Args:
        url: SQLAlchemy URL.
        table: table or view, ``schema.table`` where it lies in another schema.
        database: its name under ``databases`` in district.yaml.
        maps: confirmed source maps, whose words are known.
        today: the business date.

    Raises:
        DraftImpossible: the database does not answer, or has no such table.
    """
    words = HeaderWords(maps)
    sample = sample_table(url, table)
    target = Target(identifier(f"{database}_{table}"), database=database, table=table)
    return _drafted(sample, words, target, today)


def draft_workbook(
    path: Path, sheet: str | None, ledgers: Path, maps: Iterable[SourceMap], today: date
) -> tuple[str, list[Proposal]]:
    """The draft for a workbook, or for its sheet `sheet`; `ledgers` is the district's folder.

    Raises:
        DraftImpossible: the file cannot be read, or has no header.
    """
    words = HeaderWords(maps)
    sample = sample_workbook(path, words, sheet, today)
    folder = Path()
    if path.resolve().is_relative_to(ledgers.resolve()):
        folder = path.resolve().relative_to(ledgers.resolve()).parent
    target = Target(
        identifier(f"ledger_{path.stem}"),
        files=(folder / f"*{path.suffix}").as_posix(),
        village_from_file=_VILLAGE if re.search(_VILLAGE, path.stem) else None,
    )
    return _drafted(sample, words, target, today)


def _drafted(
    sample: Sample, words: HeaderWords, target: Target, today: date
) -> tuple[str, list[Proposal]]:
    proposals = propose(sample, words, today)
    return draft_yaml(sample, proposals, target), proposals


def identifier(name: str) -> str:
    """A plain identifier out of any name; Chinese by its initials."""
    spelled = "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).casefold()
    plain = re.sub(r"[^a-z0-9]+", "_", spelled).strip("_")
    return plain if plain[:1].isalpha() else f"source_{plain}".rstrip("_")
