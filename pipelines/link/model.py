"""The Splink model as data: comparisons, their levels, and the parameters a model starts from.

Levels of a comparison are tried from top to bottom. `m` is the share of pairs of the same person
that reach the level, `u` the share of pairs of different people. Splink's comparison objects can be
changed by whoever holds them, so `settings` builds new ones each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from splink import SettingsCreator
from splink.internals.comparison_level_library import CustomLevel
from splink.internals.comparison_library import CustomComparison


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


def _one_character_differs() -> str:
    differing = " + ".join(
        f"CAST(substr(name_key_l, {n}, 1) <> substr(name_key_r, {n}, 1) AS INTEGER)"
        for n in range(1, 6)
    )
    return (
        "length(name_key_l) = length(name_key_r) AND length(name_key_l) BETWEEN 3 AND 5 "
        f"AND {differing} = 1"
    )


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
                "former",
                "former name, or part of the name",
                "former_name_l = name_key_r OR former_name_r = name_key_l OR "
                "(length(name_key_l) >= 4 AND starts_with(name_key_r, name_key_l)) OR "
                "(length(name_key_r) >= 4 AND starts_with(name_key_l, name_key_r))",
                0.004,
                2e-6,
                fixed=True,
            ),
            Level("one_character", "one character differs", _one_character_differs(), 0.008, 2e-3),
            Level(
                "near_sound",
                "names sound alike",
                "damerau_levenshtein(name_pinyin_l, name_pinyin_r) <= 1",
                0.008,
                2e-3,
            ),
            Level("else", "names differ", "ELSE", 0.02, 0.995),
        ),
    ),
    Comparison(
        "birth",
        "birth_year_l IS NULL OR birth_year_r IS NULL",
        (
            Level("same", "same birth date", "birth_day_l = birth_day_r", 0.94, 5e-5),
            Level(
                "slip",
                "birth dates differ by one slip",
                "damerau_levenshtein(birth_text_l, birth_text_r) = 1"
                " OR (birth_year_l = birth_year_r"
                " AND substr(birth_text_l, 6, 2) = substr(birth_text_r, 9, 2)"
                " AND substr(birth_text_l, 9, 2) = substr(birth_text_r, 6, 2))",
                0.015,
                1e-3,
            ),
            Level(
                "lunar",
                "birth dates differ like lunar and solar calendar",
                "abs(birth_number_l - birth_number_r) BETWEEN 15 AND 55",
                0.01,
                2.5e-3,
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
                "AND damerau_levenshtein(id_text_l, id_text_r) <= 1",
                0.03,
                1e-8,
                fixed=True,
            ),
            Level(
                "partial",
                "what is left of the ID number agrees",
                "id_text_l LIKE replace(id_text_r, '*', '_') "
                "OR id_text_r LIKE replace(id_text_l, '*', '_')",
                0.08,
                2e-5,
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
            Level("shared", "shared phone", "list_has_any(phones_l, phones_r)", 0.5, 1e-5),
            Level("else", "phones differ", "ELSE", 0.5, 0.99999),
        ),
    ),
    Comparison(
        "place",
        "village_code_l IS NULL OR village_code_r IS NULL",
        (
            Level("dwelling", "same dwelling", "dwelling_key_l = dwelling_key_r", 0.55, 5e-6),
            Level("building", "same building", "building_key_l = building_key_r", 0.1, 1e-3),
            Level("village", "same village", "village_code_l = village_code_r", 0.25, 0.05),
            Level("else", "villages differ", "ELSE", 0.1, 0.95),
        ),
    ),
)

TERMS = tuple(level.term for comparison in COMPARISONS for level in comparison.levels if level.term)
"""Columns with frozen term frequencies."""

Parameters = dict[str, dict[str, tuple[float, float]]]
"""Comparison → level → (m, u)."""


def defaults() -> Parameters:
    """The parameters a model starts from, and keeps where a sample says too little."""
    return {
        comparison.name: {level.name: (level.m, level.u) for level in comparison.levels}
        for comparison in COMPARISONS
    }


def settings(parameters: Parameters, prior: float) -> SettingsCreator:
    """Splink's settings for `parameters` and the chance `prior` that two records are one person."""
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_id",
        probability_two_random_records_match=prior,
        comparisons=[_comparison(c, parameters[c.name]) for c in COMPARISONS],
        blocking_rules_to_generate_predictions=[],
        retain_matching_columns=True,
        retain_intermediate_calculation_columns=False,
        max_iterations=20,
        em_convergence=0.001,
    )


def reasons_sql() -> str:
    """SQL over Splink's ``gamma_*`` columns: what agreed and what did not, in words."""
    parts = []
    for comparison in COMPARISONS:
        top = len(comparison.levels) - 1
        cases = " ".join(
            f"WHEN {top - place} THEN '{level.says}'"
            for place, level in enumerate(comparison.levels)
        )
        parts.append(f"CASE gamma_{comparison.name} {cases} END")
    return f"concat_ws('; ', {', '.join(parts)})"


def gamma(comparison: str, *levels: str) -> str:
    """SQL condition: the comparison reached one of `levels`."""
    names = [level.name for level in next(c for c in COMPARISONS if c.name == comparison).levels]
    values = ", ".join(str(len(names) - 1 - names.index(level)) for level in levels)
    return f"gamma_{comparison} IN ({values})"


def _comparison(comparison: Comparison, values: dict[str, tuple[float, float]]) -> CustomComparison:
    levels: list[Any] = [CustomLevel(comparison.missing, "missing").configure(is_null_level=True)]
    for level in comparison.levels:
        m, u = values[level.name]
        creator = CustomLevel(level.sql, level.name).configure(
            m_probability=m,
            u_probability=u,
            fix_m_probability=level.fixed,
            fix_u_probability=level.fixed,
        )
        if level.term:
            creator.configure(
                tf_adjustment_column=level.term, disable_tf_exact_match_detection=True
            )
        levels.append(creator)
    return CustomComparison(levels, output_column_name=comparison.name)
