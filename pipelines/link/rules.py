"""Which pairs are worth comparing, as data: blocking rules, each an equality of keys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """Records are compared when all `keys` (SQL over ``candidate``) are equal and not NULL.

    One of the two fulfils `asks`.
    """

    name: str
    keys: tuple[str, ...]
    explode: bool = False
    asks: str = "is_open"


RULES: tuple[Rule, ...] = (
    Rule("name_birth", ("name_key", "birth_day")),
    Rule("sound_birth", ("name_pinyin", "birth_day")),
    Rule("name_dwelling", ("name_pinyin", "door")),
    Rule("name_phone", ("name_pinyin", "phone"), explode=True),
    Rule("birth_dwelling", ("birth_day", "door")),
    Rule("birth_phone", ("birth_day", "phone"), explode=True),
    Rule("name_year_village", ("name_pinyin", "birth_year", "village")),
    # Namesakes of one year are as many as the square of the residents, so a year alone is asked
    # about by those who know no more of their birth; a slip leaves others the month or the day.
    Rule("name_year", ("name_key", "birth_year"), asks="is_open AND name_birth IS NULL"),
    Rule("name_month", ("name_key", "birth_month")),
    Rule("name_yearday", ("name_key", "birth_yearday")),
    Rule("name_monthday", ("name_key", "birth_monthday")),
    Rule("name_lunar", ("name_key", "birth_lunar")),
    Rule("birth_village", ("birth_day", "village")),
    Rule("name_village", ("name_key", "village")),
    Rule("id_head_name", ("id_head", "name_pinyin")),
    Rule("id_head_village", ("id_head", "surname_sound", "village")),
    Rule("id_mask_year", ("id_mask", "surname_sound", "birth_year")),
    Rule("id_mask_village", ("id_mask", "surname_sound", "village")),
    Rule("id_tail", ("id_tail", "name_pinyin")),
)

SLIP_RULES: tuple[Rule, ...] = (
    Rule("slip_birth", ("name_pinyin", "born_held"), asks="holders = 1"),
    Rule("slip_ends", ("name_pinyin", "held_ends"), asks="holders = 1"),
)
"""Two numbers that one slip explains are looked for here, see `score`."""

ALL_RULES = (*RULES, *SLIP_RULES)
