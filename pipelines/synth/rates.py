"""At which rates the offices err. Each rate can be switched off by itself with `replace`."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class ErrorRates:
    """Share of an office's records (of those it can happen to) that carry the error.

    ID errors exclude one another, and name errors do. Offices differ by `OFFICE_FACTOR`, which
    multiplies all rates but `dead_listed`, `left_listed` and `duplicate`.

    Attributes:
        id_missing, id_masked: no number; the birth date in it starred out (ledgers only).
        id_short: the 15-digit number of those born before 1985.
        id_typo, id_swap: one digit wrong; two unequal neighbours swapped.
        id_head: a child under 16 stands under the number of the head of household.
        id_excel: stored as a number by Excel, the last three digits lost (ledgers only).
        id_dressed: correct, but with spaces, full-width digits, a small x or an apostrophe.
        kin_id_missing: spouse and children in a mother's row without number.
        name_homophone, name_variant: one character replaced by one of the same sound; by a
            traditional or variant form.
        name_padded, name_former: ``张 三``; ``张三（张小三）``.
        name_dot: the middle dot of a name written as another dot, or left out.
        sex_wrong, birth_wrong: the other sex; year off by one, or day and month slipped.
        birth_lunar: the lunar date (of those born before 1970), half of them marked 农历.
        birth_year_only: nothing but the year (ledgers only).
        phone_missing, phone_old, phone_two: none; a former number; two in one cell.
        address_missing, address_old: none; where the household lived before.
        duplicate: the person stands twice in the source.
        dead_listed, left_listed: the dead, and those who moved away, who are still listed.
    """

    id_missing: float = 0.03
    id_masked: float = 0.04
    id_short: float = 0.04
    id_typo: float = 0.012
    id_swap: float = 0.006
    id_head: float = 0.06
    id_excel: float = 0.04
    id_dressed: float = 0.02
    kin_id_missing: float = 0.12
    name_homophone: float = 0.012
    name_variant: float = 0.006
    name_padded: float = 0.01
    name_former: float = 0.004
    name_dot: float = 0.3
    sex_wrong: float = 0.003
    birth_wrong: float = 0.006
    birth_lunar: float = 0.04
    birth_year_only: float = 0.01
    phone_missing: float = 0.08
    phone_old: float = 0.08
    phone_two: float = 0.01
    address_missing: float = 0.03
    address_old: float = 0.05
    duplicate: float = 0.008
    dead_listed: float = 0.35
    left_listed: float = 0.4

    @classmethod
    def none(cls) -> ErrorRates:
        """Offices that never err."""
        return cls(**{field.name: 0.0 for field in fields(cls)})

    def times(self, factor: float) -> ErrorRates:
        """Offices that err `factor` times as often, at most on 95 of 100 records."""
        rates = {field.name: getattr(self, field.name) for field in fields(self)}
        return ErrorRates(**{name: min(rate * factor, 0.95) for name, rate in rates.items()})


OFFICE_FACTOR: dict[str, float] = {
    "civil_affairs_low_income": 1.0,
    "civil_affairs_disability": 0.8,
    "civil_affairs_old_age": 1.5,
    "civil_affairs_marriage": 0.3,
    "social_security_resident_pension": 0.7,
    "social_security_employee_pension": 0.4,
    "social_security_medical": 0.7,
    "social_security_unemployment": 0.8,
    "family_planning_women": 1.0,
    "ledger_population": 1.0,
    "ledger_migrant": 1.3,
    "ledger_grid": 1.5,
}
