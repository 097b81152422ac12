"""Dates in every form that ledgers know, lunar ones included."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import NamedTuple

from lunardate import LunarDate

from pipelines.standardise.numerals import arabic
from pipelines.standardise.text import is_junk, tidy

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T]00:00(?::00(?:\.0+)?)?)?")
_EIGHT = re.compile(r"(\d{4})(\d\d)(\d\d)")
_FULL = re.compile(
    r"(\d{4})[-/.年_ 、,。·](\d{1,2})[-/.月_ 、,。·](\d{1,2})日?号?生?"
    r"(?:[ T]\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?)?"
)
_MONTH = re.compile(r"(\d{4})[-/.年](\d{1,2})月?份?生?")
_SIX = re.compile(r"(\d{4})(\d\d)")
_YEAR = re.compile(r"(\d{4})年?生?")
_SHORT = re.compile(r"(\d\d)[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?|月)?")
_SHORT_SIX = re.compile(r"(\d\d)(\d\d)(\d\d)")
_SERIAL = re.compile(r"(\d{4,5})(?:\.\d+)?")
_LUNAR_WORD = re.compile(r"农历|阴历|旧历|古历|\(农\)|\(阴\)")
_LUNAR_FORM = re.compile(r"[初廿卅]|正月|腊月|冬月|闰")
_LUNAR = re.compile(r"(\d{4})[-/.年]?(闰)?(\d{1,2})[-/.月]?(\d{1,2})?日?号?生?")
_HAN = re.compile(r"[〇○零一二三四五六七八九十正冬腊初廿卅元]+")
_OPEN_END = frozenset(("至今", "长期", "永久", "今", "在享", "终身"))
_EPOCH = date(1899, 12, 30)
_EARLIEST = 1890
NOUGHT = frozenset({(1899, 12, 30), (1899, 12, 31), (1900, 1, 0)})
"""What spreadsheets and databases show as a date where the number nought stands: nothing."""
_NO_DAY = frozenset({"00:00:00", "0:00:00"})


class Day(NamedTuple):
    """A date; `precision` is day, month, year or lunar; `defect` as in `SEVERITY`."""

    value: date | None
    precision: str | None
    defect: str | None


def clean_date(raw: str, today: date) -> Day:
    """The date in `raw`, not after `today`. Never raises.

    A month or a year alone stands on its first day. Lunar dates become Gregorian ones.
    """
    if (match := _ISO.fullmatch(raw)) or (match := _EIGHT.fullmatch(raw)):
        return _day(match.group(1), match.group(2), match.group(3), today, None)
    text = tidy(raw)
    if is_junk(text) or text in _NO_DAY:
        return Day(None, None, "placeholder")
    if text in _OPEN_END:
        return Day(None, None, None)
    if "*" in text:
        return Day(None, None, "masked")
    lunar = bool(_LUNAR_WORD.search(text) or _LUNAR_FORM.search(text))
    text = _LUNAR_WORD.sub("", text).strip("()约 :")
    text = _HAN.sub(_numeral, re.sub(r"公历|阳历|新历", "", text))
    return _lunar(text, today) if lunar else _gregorian(text, raw, today)


def _gregorian(text: str, raw: str, today: date) -> Day:
    text = re.sub(r"\s*([-/.年月])\s*", r"\1", text)
    if (match := _FULL.fullmatch(text)) or (match := _EIGHT.fullmatch(text)):
        return _day(match.group(1), match.group(2), match.group(3), today, None)
    if match := _MONTH.fullmatch(text):
        # A spreadsheet turns 1980.10 into 1980.1.
        kind = "date_ambiguous" if re.fullmatch(r"\d{4}\.1", text) else "date_month_only"
        return _part(match.group(1), match.group(2), today, "month", kind)
    if (
        (match := _SIX.fullmatch(text))
        and 1 <= int(match.group(2)) <= 12
        and _EARLIEST <= int(match.group(1)) <= today.year
    ):
        return _part(match.group(1), match.group(2), today, "month", "date_month_only")
    if (match := _YEAR.fullmatch(text)) and _EARLIEST <= int(match.group(1)) <= today.year:
        return _part(match.group(1), "1", today, "year", "date_year_only")
    if (match := _SHORT_SIX.fullmatch(text)) or (match := _SHORT.fullmatch(text)):
        year = int(match.group(1))
        year += 2000 if year <= today.year % 100 else 1900
        if match.group(3) is None:
            return _part(str(year), match.group(2), today, "month", "date_two_digit_year")
        return _day(str(year), match.group(2), match.group(3), today, "date_two_digit_year")
    if (match := _SERIAL.fullmatch(text)) and int(match.group(1)) >= 3654:
        value = _EPOCH + timedelta(days=int(match.group(1)))
        if value > today:
            return Day(None, None, "date_future")
        return Day(value, "day", "date_serial")
    if re.fullmatch(r"\d{1,2}[-/.月]\d{1,2}日?", text):
        return Day(None, None, "date_no_year")
    return Day(None, None, "unreadable")


def _lunar(text: str, today: date) -> Day:
    match = _LUNAR.fullmatch(text.replace(" ", ""))
    if not match:
        no_year = re.fullmatch(r"闰?\d{1,2}月?\d{0,2}日?", text.replace(" ", ""))
        return Day(None, None, "date_no_year" if no_year else "unreadable")
    year, leap, month, day = match.groups()
    if day is None:
        return Day(None, None, "unreadable")
    try:
        value = LunarDate(int(year), int(month), int(day), bool(leap)).to_solar_date()
    except (ValueError, IndexError, OverflowError):
        return Day(None, None, "date_impossible")
    if value > today:
        return Day(None, None, "date_future")
    return Day(value, "lunar", "date_lunar")


def _day(year: str, month: str, day: str, today: date, defect: str | None) -> Day:
    if (int(year), int(month), int(day)) in NOUGHT:
        return Day(None, None, "placeholder")
    if int(day) == 0 and 1 <= int(month) <= 12:
        return _part(year, month, today, "month", "date_month_only")
    if int(month) == 0 and int(day) == 0:
        return _part(year, "1", today, "year", "date_year_only")
    return _made((year, month, day), today, "day", defect)


def _part(year: str, month: str, today: date, precision: str, defect: str) -> Day:
    return _made((year, month, "1"), today, precision, defect)


def _made(parts: tuple[str, str, str], today: date, precision: str, kind: str | None) -> Day:
    try:
        value = date(*map(int, parts))
    except ValueError:
        return Day(None, None, "date_impossible")
    if value > today:
        return Day(None, None, "date_future")
    if value.year < _EARLIEST:
        return Day(None, None, "date_impossible")
    return Day(value, precision, kind)


def _numeral(match: re.Match[str]) -> str:
    return arabic(match.group(0))
