"""The Splink model: its settings and parameters, and what its levels are called in words.

Splink's comparison objects can be changed by whoever holds them, so `settings` builds new ones each
time. The levels themselves are in `pipelines.link.levels`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from splink import SettingsCreator
from splink.internals.comparison_level_library import CustomLevel
from splink.internals.comparison_library import CustomComparison

from pipelines.link.levels import COMPARISONS, Comparison

TERMS = tuple(level.term for comparison in COMPARISONS for level in comparison.levels if level.term)
"""Columns with frozen term frequencies."""


_TOLD = "true"
Parameters = dict[str, dict[str, tuple[float, float]]]
"""Comparison → level → (m, u)."""


def defaults() -> Parameters:
    """The parameters a model starts from, and keeps where a sample says too little."""
    return {
        comparison.name: {level.name: (level.m, level.u) for level in comparison.levels}
        for comparison in COMPARISONS
    }


def settings(
    parameters: Parameters, prior: float, comparisons: Iterable[Comparison] = COMPARISONS
) -> SettingsCreator:
    """Splink's settings for `parameters` and the chance `prior` that two records are one person.

    Which level a pair reaches is worked out before Splink weighs it (`tally.levels_sql`), so the
    conditions are left out: Splink would parse each of them.
    """
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_id",
        probability_two_random_records_match=prior,
        comparisons=[_comparison(c, parameters[c.name]) for c in comparisons],
        blocking_rules_to_generate_predictions=[],
        retain_matching_columns=False,
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


def says(comparison: str, *levels: str) -> list[str]:
    """What `levels` are called in the reasons of a pair."""
    found = next(c for c in COMPARISONS if c.name == comparison).levels
    return [level.says for level in found if level.name in levels]


def _comparison(comparison: Comparison, values: dict[str, tuple[float, float]]) -> CustomComparison:
    levels: list[Any] = [CustomLevel(_TOLD, "missing").configure(is_null_level=True)]
    for level in comparison.levels:
        m, u = values[level.name]
        condition = "ELSE" if level.sql == "ELSE" else _TOLD
        creator = CustomLevel(condition, level.name).configure(
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
