"""What an unknown header word may mean, in words for people."""

from __future__ import annotations

from pipelines.draft import texts
from pipelines.draft.words import LEFT_OUT, SELF, HeaderWords, Slot
from schemas.fields import FIELD
from schemas.headers import header_words


def label(slot: Slot) -> str:
    """What people call a slot."""
    own = FIELD[slot.name].label if slot.name in FIELD else texts.OTHERS.get(slot.name, slot.name)
    if slot.role == SELF:
        return own
    return f"{header_words().people[slot.role].words[0]}的{own}"


def perhaps(words: HeaderWords, word: str) -> str | None:
    """What an unknown header word may mean, for people; None: nothing comes near."""
    meanings = [meaning for meaning in words.meanings(word) if meaning.slot.name != LEFT_OUT]
    labels = list(dict.fromkeys(label(meaning.slot) for meaning in meanings[:2]))
    return texts.perhaps(labels) if labels else None
