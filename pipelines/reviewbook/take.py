"""Turn the answers of a workbook into decisions; each row has a defined outcome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import duckdb
import numpy as np

from pipelines.journal import Journal
from pipelines.link.graph import components
from pipelines.reviewbook import texts
from pipelines.reviewbook.items import Pair, compared_pairs, contents
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
    that have changed since is not taken. One that contradicts other decisions is taken, and told.

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
    outcomes: list[Outcome] = []
    taken: dict[Pair, int] = {}
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
        taken[pair] = len(outcomes)
        outcomes.append(Outcome(answer.row, answer.review_id, "taken", texts.TAKEN))
    for pair in _contradicting(journal) & taken.keys():
        place = taken[pair]
        outcomes[place] = replace(outcomes[place], says=texts.TAKEN_BUT)
    return outcomes


def _contradicting(journal: Journal) -> set[Pair]:
    """Decided pairs that cannot all be kept: chains of `always` whose ends are `never` one."""
    decided = journal.decisions()
    always = [(left, right) for _, left, right, verdict, *_ in decided if verdict == "always"]
    never = {(left, right) for _, left, right, verdict, *_ in decided if verdict == "never"}
    nodes, labels = components(
        np.array([left for left, _ in always], dtype=np.int64),
        np.array([right for _, right in always], dtype=np.int64),
    )
    person = dict(zip(nodes.tolist(), labels.tolist(), strict=True))
    broken = {
        (left, right)
        for left, right in never
        if left in person and person[left] == person.get(right)
    }
    whose = {person[left] for left, _ in broken}
    return broken | {pair for pair in always if person[pair[0]] in whose}
