"""Propose what each column is: by its word, by its values, and by what stands beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from pipelines.draft import texts
from pipelines.draft.content import Look, look_at
from pipelines.draft.sample import Sample
from pipelines.draft.words import LEFT_OUT, SELF, HeaderWords, Meaning, Slot
from pipelines.standardise.coded import clean_code
from schemas.fields import FIELD
from schemas.headers import header_words

SURE, POSSIBLE = 0.9, 0.5
_CLOSE = 0.25
_UNLIKE = 0.25
_NEARLY = 0.85
_FREE_TEXT = "text"
_KINDS = {
    **dict.fromkeys(("name", "former_name", "landlord", "guardian", "head_name"), "name"),
    **dict.fromkeys(("address", "hukou_address"), "address"),
    **dict.fromkeys(("key", "village_code", "grid_code", "dwelling_key"), "code"),
    **dict.fromkeys(("village_name", "grid_name"), "place"),
    "id_number": "id",
    "phone": "phone",
    "children_count": "number",
    "employer": _FREE_TEXT,
    "school": _FREE_TEXT,
    "concern": _FREE_TEXT,
}
# What values alone speak for: kind → field and how far they are to be trusted.
_SPEAKS = {
    "id": ("id_number", 0.93),
    "phone": ("phone", 0.88),
    "name": ("name", 0.82),
    "address": ("address", 0.7),
    "company": ("employer", 0.75),
    "school": ("school", 0.75),
}
_AGREE = {"birth_date": 0.6, "sex": 0.88}
"""Share of the rows that must agree with the ID number; of sexes half do by chance."""
_CODED = {field.codes: name for name, field in FIELD.items() if field.codes}
_CODED["insurance_status"] = "status"


_MAY_REPEAT = frozenset(("since", "until", "amount", "status", "marriage_date"))
"""No fields of a resident: a table may hold several, and each becomes a column of its own."""


@dataclass(frozen=True)
class Claim:
    """A slot for a column, how sure from 0 to 1, and why (Chinese)."""

    slot: Slot
    confidence: float
    reason: str


@dataclass(frozen=True)
class Proposal:
    """What is proposed for a column.

    Attributes:
        place: number of the column, from 0.
        claim: None: nothing fits, or the best is too unsure.
        nearest: the best claim that was not used, if there is one.
        rival: word of the column that is proposed for the same slot.
        is_sure: it needs no mark.
        note: what its values look like, where that is no field.
    """

    place: int
    claim: Claim | None
    nearest: Claim | None = None
    rival: str | None = None
    is_sure: bool = False
    note: str = ""

    @property
    def slot(self) -> Slot:
        """What the column is; `LEFT_OUT` where it is not pulled."""
        return self.claim.slot if self.claim else Slot(SELF, LEFT_OUT)


def propose(sample: Sample, words: HeaderWords, today: date) -> list[Proposal]:
    """One proposal a column, in order. No slot is given to two columns."""
    looks = [look_at(values, today) for values in sample.values]
    beside = _beside(sample, looks)
    claims = [
        _claims(sample, place, look, words, beside.get(place)) for place, look in enumerate(looks)
    ]
    claims = [_whose(own, looks[place], place, claims) for place, own in enumerate(claims)]
    settled = _settle(sample, claims)
    return [replace(own, note=_note(looks[own.place])) for own in settled]


def _note(look: Look) -> str:
    if not look.filled:
        return texts.EMPTY
    kind = next((kind for kind in ("date", "number", "code") if look.fits.get(kind, 0) > 0.8), None)
    return texts.looks_like(kind, look.fits[kind]) if kind else ""


def _claims(
    sample: Sample, place: int, look: Look, words: HeaderWords, beside: Claim | None
) -> list[Claim]:
    column = sample.columns[place]
    if column.is_key and sum(c.is_key for c in sample.columns) == 1 and not look.cards:
        return [Claim(Slot(SELF, "key"), 0.99, texts.IS_KEY)]
    found: dict[Slot, Claim] = {}
    for word in filter(None, (column.word, column.comment)):
        for meaning in words.meanings(word):
            claim = _judged(meaning, look, beside)
            if meaning.slot not in found or found[meaning.slot].confidence < claim.confidence:
                found[meaning.slot] = claim
    if any(slot.name == LEFT_OUT and c.confidence > SURE for slot, c in found.items()):
        return sorted(found.values(), key=lambda claim: -claim.confidence)
    said = {slot.name for slot in found}
    for claim in (*_by_values(look), *_by_type(column.type, look)):
        if claim.slot.name not in said:
            found[claim.slot] = claim
    if beside and beside.slot.name not in said:
        found[beside.slot] = beside
    return sorted(found.values(), key=lambda claim: -claim.confidence)


def _judged(meaning: Meaning, look: Look, beside: Claim | None) -> Claim:
    """What the word claims, with what the values say to it."""
    slot, score, word, is_known = meaning
    if slot.name == LEFT_OUT:
        return Claim(slot, score, texts.left_out_word(word))
    said = texts.by_word(word, exact=is_known)
    if not look.filled:
        return Claim(slot, score * 0.9, f"{said}，{texts.EMPTY}")
    kind = kind_of(slot.name)
    if kind == _FREE_TEXT:
        return Claim(slot, score, said)
    fit = look.fits.get(kind, 0.0)
    shown = texts.by_values(kind, fit)
    if beside and beside.slot.name == slot.name:
        said, fit = f"{said}，{beside.reason}", 1.0
    if fit >= 0.6:
        most = 1.0 if is_known else _NEARLY
        return Claim(slot, min(most, score + (1 - score) * 0.8 * fit), f"{said}，{shown}")
    if fit < _UNLIKE:
        return Claim(slot, score * 0.5, f"{said}，{texts.UNLIKE}{shown}")
    return Claim(slot, score * 0.85, f"{said}，{shown}")


def kind_of(name: str) -> str:
    """The kind of values, as of `Look.fits`, that a field or another column holds."""
    if name in _KINDS:
        return _KINDS[name]
    if name in FIELD:
        return "date" if FIELD[name].type == "DATE" else FIELD[name].codes or _FREE_TEXT
    other = header_words().others.get(name)
    return other.kind if other else _FREE_TEXT


def _by_values(look: Look) -> Iterator[Claim]:
    """What the values alone speak for."""
    if look.filled < 2:
        return
    for kind, (name, trust) in _SPEAKS.items():
        fit = look.fits.get(kind, 0.0)
        if kind == "name" and look.distinct < min(10, 0.3 * look.filled):
            continue
        if fit >= 0.6:
            yield Claim(Slot(SELF, name), trust * fit, texts.by_values(kind, fit))
    best = max(look.spelled, key=lambda name: look.spelled[name], default=None)
    if best and best in _CODED and look.spelled[best] >= 0.6:
        fit = look.spelled[best]
        yield Claim(Slot(SELF, _CODED[best]), 0.88 * fit, texts.by_values(best, fit))
    if look.fits.get("eighteen", 0) > 0.8 and look.fits.get("id", 0) < 0.3:
        yield Claim(Slot(SELF, "household_no"), 0.6, texts.EIGHTEEN)
    is_code = look.fits.get("long_code", 0) > 0.95 and look.distinct > 10
    is_other = any(look.fits.get(kind, 0) >= 0.3 for kind in ("id", "phone", "date"))
    if is_code and not is_other and 1.3 <= look.repetition <= 8:
        yield Claim(Slot(SELF, "household_no"), 0.55, texts.repeated(look.repetition))


def _by_type(type_: str, look: Look) -> Iterator[Claim]:
    """A database's own dates that lie in the last years: when the row was written."""
    if type_.startswith(("DATE", "TIMESTAMP")) and look.recent > 0.5:
        yield Claim(Slot(SELF, "updated_on"), 0.6, texts.RECENT)


def _beside(sample: Sample, looks: list[Look]) -> dict[int, Claim]:
    """Dates and sexes that agree with the ID number in the same row."""
    cards = [place for place, look in enumerate(looks) if look.fits.get("id", 0) >= 0.5]
    found: dict[int, Claim] = {}
    for place, look in enumerate(looks):
        is_sex = look.fits.get("sex", 0) > 0.9 and look.distinct <= 8
        name = "sex" if is_sex else "birth_date"
        if place in cards or not (is_sex or look.days):
            continue
        share = max((_agree(sample, looks, (place, card), name) for card in cards), default=0.0)
        if share >= _AGREE[name]:
            found[place] = Claim(Slot(SELF, name), 0.94, texts.agrees(name, share))
    return found


def _agree(sample: Sample, looks: list[Look], places: tuple[int, int], name: str) -> float:
    """Share of the rows with an ID number and a value in which the two say the same."""
    same = compared = 0
    place, card = places
    for value, number in zip(sample.values[place], sample.values[card], strict=True):
        known = looks[card].cards.get(number or "")
        if known is None or value is None:
            continue
        if name == "sex":
            own, other = clean_code(value, "sex").value, known.sex
        else:
            # a ledger may state the month alone
            own, other = (_month(day) for day in (looks[place].days.get(value), known.birth))
        if own is not None:
            compared += 1
            same += own == other
    enough = compared >= max(3, 0.2 * looks[place].filled)
    return same / compared if enough else 0.0


def _month(day: date | None) -> str | None:
    return f"{day:%Y-%m}" if day else None


def _whose(own: list[Claim], look: Look, place: int, claims: list[list[Claim]]) -> list[Claim]:
    """An ID number that comes again and again beside one that does not is the head's."""
    if not own or own[0].slot != Slot(SELF, "id_number") or look.repetition < 1.5:
        return own
    others = (c[0] for at, c in enumerate(claims) if at != place and c)
    if any(c.slot == own[0].slot and c.confidence >= own[0].confidence for c in others):
        head = replace(own[0], slot=Slot("head", "id_number"), confidence=0.7)
        return [replace(head, reason=f"{own[0].reason}，{texts.repeated(look.repetition)}")]
    return own


def _settle(sample: Sample, claims: list[list[Claim]]) -> list[Proposal]:
    """Give slots to columns, the surest first; who comes second is told so, never given another's.

    Only where somebody else may be meant as well does a word without a person mean that person.
    """
    order = sorted(
        ((claim, place) for place, own in enumerate(claims) for claim in own[:1]),
        key=lambda item: -item[0].confidence,
    )
    taken: dict[Slot, int] = {}
    settled: dict[int, Proposal] = {}
    for claim, place in order:
        if claim.slot.name == LEFT_OUT:
            is_sure = claim.confidence >= SURE
            settled[place] = Proposal(place, None, nearest=claim, is_sure=is_sure)
        elif claim.confidence < POSSIBLE:
            settled[place] = Proposal(place, None, nearest=claim)
        elif claim.slot in taken and claim.slot.name not in _MAY_REPEAT:
            winner = taken[claim.slot]
            rival = sample.columns[winner].word
            settled[place] = Proposal(place, None, nearest=claim, rival=rival)
            first = settled[winner]
            if first.claim and first.claim.confidence - claim.confidence < _CLOSE:
                word = sample.columns[place].word
                settled[winner] = replace(first, rival=first.rival or word, is_sure=False)
        else:
            taken.setdefault(claim.slot, place)
            settled[place] = Proposal(place, claim, is_sure=claim.confidence >= SURE)
    return [settled.get(place, Proposal(place, None)) for place in range(len(claims))]
