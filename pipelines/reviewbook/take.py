"""Turn the answers of a workbook into decisions; each row has a defined outcome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import duckdb

from pipelines.journal import Journal
from pipelines.reviewbook import texts
from pipelines.reviewbook.items import compared_pairs, contents
from pipelines.reviewbook.read import Answer


@dataclass(frozen=True)
class Outcome:
    """What became of one item.

    Attributes:
        row: its first row in the sheet.
        review_id: the item, as it stands there.
        kind: taken, again (the same decision was there already), blank or refused.
        says: in Chinese.
    """

    row: int
    review_id: str
    kind: str
    says: str


def take_answers(
    con: duckdb.DuckDBPyConnection,
    journal: Journal,
    answers: Iterable[Answer],
    author: str,
    zone: ZoneInfo,
) -> list[Outcome]:
    """Keep what can be kept; the same answers a second time change nothing.

    A decision that somebody took after the workbook was handed out stands. An answer on records
    that have changed since is not taken.

    Args:
        con: a published file, read only.
        journal: where decisions go.
        answers: see `read_book`.
        author: who answered.
        zone: for dates in the report.
    """
    answers = list(answers)
    pairs = [answer.pair for answer in answers if answer.pair and answer.verdict]
    now, compared = contents(con, pairs), compared_pairs(con, pairs)
    words = {(word[1], word[2]): word for word in journal.words()}
    outcomes = []
    for answer in answers:
        refusal = answer.problem
        pair = answer.pair
        word = words.get(pair) if pair else None
        if refusal is None and not answer.verdict:
            outcomes.append(Outcome(answer.row, answer.review_id, "blank", texts.BLANK))
            continue
        if refusal is None and word and word[3] == answer.verdict:
            outcomes.append(Outcome(answer.row, answer.review_id, "again", texts.AGAIN))
            continue
        if refusal is None and word and word[0] != answer.word:
            refusal = texts.OVERRULED.format(
                day=word[6].astimezone(zone).date(), author=word[4], said=texts.SAID[word[3]]
            )
        elif refusal is None and pair not in compared:
            refusal = texts.UNKNOWN
        elif refusal is None and now.get(pair) != answer.content:  # type: ignore[arg-type]
            refusal = texts.OUTDATED
        if refusal is not None or pair is None:
            outcomes.append(
                Outcome(answer.row, answer.review_id, "refused", refusal or texts.UNKNOWN)
            )
            continue
        reason = answer.reason or texts.DEFAULT_REASON
        journal.decide(*pair, answer.verdict, author, reason)
        outcomes.append(Outcome(answer.row, answer.review_id, "taken", texts.TAKEN))
    return outcomes
