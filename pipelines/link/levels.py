"""The evidence as data: comparisons of two records, their levels, and the columns that they read.

Levels of a comparison are tried from top to bottom, so that cheap equality comes first. `m` is the
share of pairs of the same person that reach the level, `u` the share of pairs of different people.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.link.agreement import (
    beginning,
    day_slip,
    formerly,
    lost,
    masks_agree,
    one_character_differs,
    one_slip,
    shortened,
    shown,
    swapped,
)

_NAMES = ("name_key_l", "name_key_r")
_IDS = ("id_text_l", "id_text_r")
_SEQUENCE_SHOWN = shown(*_IDS, 15, 3)
_DAY_SHOWN = shown(*_IDS, 7, 8)
# A birth date read from a damaged number speaks only to records that have no number themselves:
# where both have one, the numbers are compared.
_HINTED = """coalesce((birth_hint_l = birth_day_r AND id_text_r IS NULL)
    OR (birth_hint_r = birth_day_l AND id_text_l IS NULL), false)"""
_SAME_DOOR = "coalesce(door_l = door_r AND coalesce(village_l = village_r, true), false)"
# A village without a code is a name as somebody wrote it: two of them that differ tell nothing.
_VILLAGES_UNTOLD = """(village_l IS NULL OR village_r IS NULL
    OR (village_l <> village_r AND NOT (village_l < ':' AND village_r < ':')))"""


@dataclass(frozen=True)
class Level:
    """A gradation of agreement.

    Attributes:
        name: key of the level in the frozen parameters.
        says: readable words for the reasons of a pair; empty: nothing worth saying.
        sql: condition over ``<column>_l`` and ``<column>_r``.
        m, u: parameters before training.
        term: column whose term frequency adjusts the weight.
        fixed: keep `m` and `u`; the level is too rare to be learned from a sample.
    """

    name: str
    says: str
    sql: str
    m: float
    u: float
    term: str | None = None
    fixed: bool = False


@dataclass(frozen=True)
class Comparison:
    """One kind of evidence: when it is missing, and its levels."""

    name: str
    missing: str
    levels: tuple[Level, ...]


COMPARISONS: tuple[Comparison, ...] = (
    Comparison(
        "name",
        "name_key_l IS NULL OR name_key_r IS NULL",
        (
            Level("same", "same name", "name_key_l = name_key_r", 0.93, 1e-4, "name_key"),
            Level(
                "sound",
                "names sound the same",
                "name_pinyin_l = name_pinyin_r",
                0.03,
                2e-4,
                "name_pinyin",
            ),
            Level(
                "look_alike",
                "characters look alike",
                "name_shape_l = name_shape_r",
                0.004,
                1e-5,
                fixed=True,
            ),
            Level(
                "former",
                "former name, or part of the name",
                f"{formerly('former_name_l', 'name_key_r')} "
                f"OR {formerly('former_name_r', 'name_key_l')} OR {beginning(*_NAMES)}",
                0.004,
                2e-6,
                fixed=True,
            ),
            Level(
                "lost",
                "name agrees as far as it is readable",
                lost(*_NAMES),
                0.004,
                6e-6,
                fixed=True,
            ),
            Level(
                "swapped",
                "characters of the name in another order",
                swapped(*_NAMES),
                0.002,
                4e-6,
                fixed=True,
            ),
            Level(
                "shortened",
                "a character of the name is left out",
                shortened(*_NAMES, "surname_l", "surname_r"),
                0.004,
                1e-4,
                fixed=True,
            ),
            Level(
                "one_character",
                "one character differs",
                one_character_differs(*_NAMES),
                0.008,
                2e-3,
            ),
            Level(
                "near_sound",
                "names sound alike",
                one_slip("name_pinyin_l", "name_pinyin_r"),
                0.008,
                2e-3,
            ),
            Level("else", "names differ", "ELSE", 0.02, 0.995),
        ),
    ),
    Comparison(
        "birth",
        f"(birth_year_l IS NULL OR birth_year_r IS NULL) AND NOT {_HINTED}",
        (
            Level("same", "same birth date", "birth_day_l = birth_day_r", 0.94, 5e-5),
            Level(
                "hint",
                "birth date agrees with what is left of the ID number",
                "birth_year_l IS NULL OR birth_year_r IS NULL",
                0.3,
                1e-4,
                fixed=True,
            ),
            Level(
                "lunar",
                "the same day by the lunar and the solar calendar",
                "birth_lunar_l = birth_text_r OR birth_lunar_r = birth_text_l",
                0.012,
                4e-5,
                fixed=True,
            ),
            Level(
                "slip",
                "birth dates differ by one slip",
                f"{day_slip('birth_text_l', 'birth_text_r')}"
                " OR abs(birth_number_l - birth_number_r) = 1",
                0.015,
                1e-3,
            ),
            Level("month", "same month of birth", "birth_month_l = birth_month_r", 0.005, 1e-3),
            Level("year", "same year of birth", "birth_year_l = birth_year_r", 0.015, 0.012),
            Level("else", "birth dates differ", "ELSE", 0.015, 0.98),
        ),
    ),
    Comparison(
        "id",
        "id_text_l IS NULL OR id_text_r IS NULL",
        (
            Level("same", "same ID number", "id_text_l = id_text_r", 0.85, 1e-6, fixed=True),
            Level(
                "typo",
                "ID numbers differ by one slip",
                "NOT contains(id_text_l, '*') AND NOT contains(id_text_r, '*') "
                f"AND {one_slip(*_IDS)}",
                0.03,
                1e-8,
                fixed=True,
            ),
            Level(
                "partial",
                "most of the ID number is left and agrees",
                "least(length(replace(id_text_l, '*', '')), length(replace(id_text_r, '*', ''))) "
                f">= 14 AND {_SEQUENCE_SHOWN} AND {masks_agree(*_IDS)}",
                0.5,
                2e-5,
                fixed=True,
            ),
            Level(
                "part",
                "what is left of the ID number agrees",
                f"{_SEQUENCE_SHOWN} AND {masks_agree(*_IDS)}",
                0.4,
                2e-4,
                fixed=True,
            ),
            # Twins have the same number as far as a spreadsheet keeps it; and without any of its
            # sequence it says nothing new where both birth dates are known.
            Level(
                "rounded",
                "the first fifteen digits of the ID numbers agree",
                "least(length(replace(id_text_l, '*', '')), length(replace(id_text_r, '*', ''))) "
                f">= 15 AND {masks_agree(*_IDS)}",
                0.5,
                2e-5,
                fixed=True,
            ),
            Level(
                "day",
                "the ID numbers show the same birth date",
                "(birth_day_l IS NULL OR birth_day_r IS NULL) "
                f"AND {_DAY_SHOWN} AND {masks_agree(*_IDS)}",
                0.4,
                2e-4,
                fixed=True,
            ),
            Level(
                "compatible",
                "nothing that is left of the ID numbers contradicts",
                masks_agree(*_IDS),
                0.1,
                0.05,
                fixed=True,
            ),
            Level("else", "ID numbers differ", "ELSE", 0.04, 0.9999, fixed=True),
        ),
    ),
    Comparison(
        "sex",
        "sex_l IS NULL OR sex_r IS NULL",
        (
            Level("same", "same sex", "sex_l = sex_r", 0.99, 0.5),
            Level("else", "sex differs", "ELSE", 0.01, 0.5),
        ),
    ),
    Comparison(
        "phone",
        "phones_l IS NULL OR phones_r IS NULL",
        (
            Level(
                "own",
                "shared phone of one name",
                "list_has_any(own_phones_l, own_phones_r)",
                0.4,
                4e-6,
                fixed=True,
            ),
            Level(
                "shared",
                "shared phone of a family",
                "list_has_any(phones_l, phones_r)",
                0.25,
                2e-5,
                fixed=True,
            ),
            Level("else", "phones differ", "ELSE", 0.4, 0.99999),
        ),
    ),
    Comparison(
        "place",
        f"NOT {_SAME_DOOR} AND {_VILLAGES_UNTOLD}",
        (
            Level("dwelling", "same dwelling", _SAME_DOOR, 0.55, 5e-6),
            Level("building", "same building", "building_key_l = building_key_r", 0.1, 1e-3),
            Level("estate", "same estate or group", "estate_key_l = estate_key_r", 0.1, 5e-3),
            Level("village", "same village", "village_l = village_r", 0.15, 0.05),
            Level("else", "villages differ", "ELSE", 0.1, 0.95),
        ),
    ),
    Comparison(
        "household",
        "companions_l IS NULL OR companions_r IS NULL",
        (
            Level(
                "several",
                "several persons of the household are the same",
                "len(list_intersect(companions_l, companions_r)) >= 2",
                0.35,
                1e-4,
                fixed=True,
            ),
            Level(
                "one",
                "one person of the household is the same",
                "list_has_any(companions_l, companions_r)",
                0.3,
                1e-3,
                fixed=True,
            ),
            Level("else", "households differ", "ELSE", 0.35, 0.99, fixed=True),
        ),
    ),
)

COLUMNS = (
    "record_id",
    "name_key",
    "name_pinyin",
    "name_shape",
    "surname",
    "former_name",
    "sex",
    "birth_day",
    "birth_month",
    "birth_year",
    "birth_text",
    "birth_number",
    "birth_hint",
    "phones",
    "village",
    "door",
    "building_key",
    "estate_key",
    "id_text",
)
"""Columns of a candidate that the levels above read; `context.EMPTY` names the others."""
