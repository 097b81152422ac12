"""What a rule found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RuleResult:
    """What a rule found.

    A rule whose SQL cannot be run counts as broken: nothing checked, one bad.
    """

    rule: str
    suite: str
    severity: str
    rows_checked: int
    rows_bad: int
    allowed: float
    passed: bool

    @property
    def share(self) -> float:
        """Bad rows among those checked, 0 to 1."""
        return self.rows_bad / max(self.rows_checked, self.rows_bad, 1)
