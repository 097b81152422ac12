"""A sample of a workbook, read by a child process that a hostile file may kill."""

from __future__ import annotations

import json
import re
import tempfile
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.draft import texts
from pipelines.draft.sample import DraftImpossible, Sample, SampleColumn
from pipelines.draft.words import HeaderWords
from pipelines.extract import texts as extract_texts
from pipelines.extract.readers import Task, ask_children
from pipelines.extract.words import fold, fold_group

_BREAK = re.compile("(?<=[\u4e00-\u9fff]) | (?=[\u4e00-\u9fff])")


def sample_workbook(path: Path, words: HeaderWords, sheet: str | None, today: date) -> Sample:
    """The first people of the sheet whose header is known best, or of the one called `sheet`.

    Raises:
        DraftImpossible: the file cannot be read, or has no header.
    """
    hello = json.dumps({"words": words.known(), "sheet": sheet})
    with tempfile.TemporaryDirectory(prefix="onegrid-draft-") as folder:
        task = Task(path, Path(folder) / "sample.parquet")
        (answer,) = ask_children("pipelines.draft.reader", hello, [task], today, lambda _: None)
        if failed := answer.get("failed"):
            if failed == "no_sheet" and sheet is not None:
                raise DraftImpossible(texts.no_sheet(sheet, answer.get("seen", [])))
            if failed == "no_header":
                raise DraftImpossible(texts.no_header(path.name))
            raise DraftImpossible(texts.unreadable(path.name, extract_texts.reason(failed)))
        table = pq.read_table(task.target)
    columns = tuple(SampleColumn(_word(path_, words)) for path_ in answer["paths"])
    values = tuple(tuple(column.to_pylist()) for column in table.columns)
    return Sample(path.name, columns, values, tuple(answer["sheets"]))


def _word(path: list[str], words: HeaderWords) -> str:
    """The column's own word, behind the word of the group above it where that is somebody."""
    own = _BREAK.sub("", " ".join(path[-1].split()))
    if len(path) > 1 and words.is_person(group := fold_group(path[-2])):
        return group + fold(own)
    return own
