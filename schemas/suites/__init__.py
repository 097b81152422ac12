"""The rules a night is judged by: one suite a storey, the same rules in Great Expectations."""

from schemas.suites import forms, master, standardised
from schemas.suites.model import SUITE_LABELS, Grain, Rule, Severity, Suite

RULES: tuple[Rule, ...] = (*standardised.RULES, *master.RULES, *forms.RULES)
RULE: dict[str, Rule] = {rule.name: rule for rule in RULES}

__all__ = ["RULE", "RULES", "SUITE_LABELS", "Grain", "Rule", "Severity", "Suite"]
