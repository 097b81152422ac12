"""What the workbook shows of each item, and the digests by which it is known again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb

from pipelines.explain.records import KEY_FIELDS, Card, differs, read_cards
from pipelines.journal import Journal
from pipelines.reviewbook import texts
from schemas.fields import FIELD

LAYOUT = 1
"""Raised whenever columns or digests change: older workbooks are then refused."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Side:
    """One record of an item: key of a column (`texts.SHOWN`) → what stands there."""

    record_id: int
    shown: dict[str, str]


@dataclass(frozen=True)
class Item:
    """One item of the queue as the workbook shows it.

    Attributes:
        review_id: as in `link.review`.
        why: why it waits.
        sides: both records, the smaller record_id first.
        differing: keys of the columns in which the two contradict each other.
        word: number of the last decision on the pair; 0: there is none.
    """

    review_id: str
    why: str
    sides: tuple[Side, Side]
    differing: tuple[str, ...]
    word: int

    @property
    def content(self) -> str:
        """Digest of what both records say; another one: the records have changed."""
        return _digest([(side.record_id, side.shown) for side in self.sides])


def row_digest(cells: Iterable[str]) -> str:
    """Digest of all that stands in both rows of an item but the answer."""
    return _digest([LAYOUT, *cells])


def open_items(
    con: duckdb.DuckDBPyConnection,
    journal: Journal,
    *,
    village: str | None = None,
    most: int | None = None,
) -> list[Item]:
    """The published queue in its order, without what people have answered since.

    Args:
        con: a published file.
        journal: where the answers are.
        village: only items of which one resident lives in this village (12 digits).
        most: at most so many items.
    """
    rows = con.execute(
        """
        SELECT v.review_id, v.record_l, v.record_r, v.explanation, d.decision_id
        FROM link.review v
        LEFT JOIN link.decision d ON d.record_l = v.record_l AND d.record_r = v.record_r
        LEFT JOIN master.resident a ON a.resident_id = v.resident_l
        LEFT JOIN master.resident b ON b.resident_id = v.resident_r
        WHERE $village IS NULL OR $village IN (a.village_code, b.village_code)
        ORDER BY v.value DESC, v.review_id
        """,
        {"village": village},
    ).fetchall()
    words = {(word[1], word[2]): word for word in journal.words()}
    waiting = []
    for review_id, left, right, explanation, known in rows:
        word = words.get((left, right))
        if word and word[3] in {"always", "never"} and word[0] != known:
            continue
        why = explanation
        if word and word[3] == "unsure":
            why += texts.UNSURE.format(author=word[4])
        waiting.append((review_id, (left, right), why, word[0] if word else 0))
    chosen = waiting[:most]
    cards = read_cards(con, {record for _, pair, *_ in chosen for record in pair})
    return [_item(review_id, pair, why, word, cards) for review_id, pair, why, word in chosen]


def contents(con: duckdb.DuckDBPyConnection, pairs: Iterable[Pair]) -> dict[Pair, str]:
    """`Item.content` of pairs as it is now; a pair with a record that is gone is left out."""
    pairs = list(pairs)
    cards = read_cards(con, {record for pair in pairs for record in pair})
    return {
        pair: _item("", pair, "", 0, cards).content
        for pair in pairs
        if all(record in cards for record in pair)
    }


def compared_pairs(con: duckdb.DuckDBPyConnection, pairs: Iterable[Pair]) -> set[Pair]:
    """Those of `pairs` that are in `link.pair`."""
    left, right = zip(*pairs, strict=True) if (pairs := list(pairs)) else ((), ())
    rows = con.execute(
        """SELECT DISTINCT record_l, record_r FROM link.pair WHERE (record_l, record_r) IN (
            SELECT (unnest($left::BIGINT[]), unnest($right::BIGINT[])))""",
        {"left": list(left), "right": list(right)},
    ).fetchall()
    return set(rows)


def name_of(pair: Pair) -> str:
    """The `review_id` of a pair."""
    return "V" + hashlib.md5(f"{pair[0]}-{pair[1]}".encode()).hexdigest()[:15]


def _item(review_id: str, pair: Pair, why: str, word: int, cards: Mapping[int, Card]) -> Item:
    left, right = (cards[record] for record in pair)
    differing = tuple(field for field in KEY_FIELDS if differs(field, left, right))
    return Item(review_id, why, (_side(left), _side(right)), differing, word)


def _side(card: Card) -> Side:
    said = [f"{FIELD[name].label}：{remark}" for name, remark in card.remarks.items()]
    shown = {name: card.values.get(name, "") for name in KEY_FIELDS}
    shown |= {
        "source": card.source,
        "role": card.role,
        "observed": str(card.observed or ""),
        "note": "；".join(said),
    }
    return Side(card.record_id, {name: shown[name] for name in texts.SHOWN})


def _digest(content: object) -> str:
    body = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()[:16]
