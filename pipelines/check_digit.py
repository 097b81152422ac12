"""The check digit of a citizen identification number (GB 11643, ISO 7064 MOD 11-2)."""

from __future__ import annotations

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK = "10X98765432"


def check_digit(seventeen: str) -> str:
    """Check character of 17 digits."""
    total = 0
    for weight, digit in zip(WEIGHTS, seventeen, strict=True):
        total += weight * int(digit)
    return CHECK[total % 11]
