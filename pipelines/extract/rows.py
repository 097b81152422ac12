"""Which rows of a ledger are people, and on which day the ledger was true."""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise

_TOTAL = re.compile(r"(本页|本户|本组|全村|总)?(合计|小计|总计|累计|共计)[:：]?\d*[户人]*")
_FOOTER = re.compile(
    r"(制表|填表|填报|审核|审批|复核|校对|统计|经办|负责|打印|单位负责|网格员|联系)(人|员|单位|日期|时间)?"
    r"(签[字名章]|盖章)?[((（]?[^:：]{0,8}[:：]|(备注|说明|注意|注)\d?[:：]|(签字|签名|盖章|以下空白|以上)"
)
_INSTRUCTION = re.compile(r"必填|选填|非必填|填写|YYYY|格式|示例|样例|例如|如[:：]|下拉|位数字")
_COUNTED = ("甲乙丙丁戊己庚辛壬癸", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DAY = re.compile(r"(20\d\d)\s*[年./-]\s*(\d{1,2})\s*[月./-]\s*(\d{1,2})")
_DIGITS = re.compile(r"(?<!\d)(20\d\d)([01]\d)([0-3]\d)(?!\d)")
_MONTH = re.compile(r"(20\d\d)\s*[年.-]\s*(\d{1,2})(?!\d)\s*月?|(?<!\d)(20\d\d)([01]\d)(?!\d)")
_YEAR = re.compile(r"(20\d\d)\s*年")


def is_total(cells: Sequence[str | None]) -> bool:
    """The row sums up others."""
    first = [cell for cell in cells if cell][:3]
    return any(_TOTAL.fullmatch(re.sub(r"\s", "", cell)) for cell in first)


def is_footer(cells: Sequence[str | None]) -> bool:
    """The row is signed or explains: nobody is in it."""
    first = next((cell for cell in cells if cell), "")
    return bool(_FOOTER.match(unicodedata.normalize("NFKC", re.sub(r"\s", "", first))))


def is_instruction(cells: Sequence[str | None]) -> bool:
    """The row below the header that tells how to fill it in."""
    told = sum(1 for cell in cells if cell and _INSTRUCTION.search(cell))
    return told >= 2 or any(cell in {"示例", "样例", "例"} for cell in cells)


def is_numbering(cells: Sequence[str | None]) -> bool:
    """The row below the header that numbers the columns: 1 2 3 …, 甲 乙 1 2 …, A B C …."""
    marks = [cell for cell in cells if cell]
    letters = [m for m in marks if any(m.upper() in row for row in _COUNTED) and len(m) == 1]
    numbers = [int(m) for m in marks if m.isascii() and m.isdigit() and len(m) <= 3]
    if len(marks) < 3 or len(letters) + len(numbers) != len(marks):
        return False
    return all(after == before + 1 for before, after in pairwise(numbers))


def date_in(words: Iterable[str | None], today: date) -> str | None:
    """The newest date that the words state, ISO; of a month or year its last day.

    Dates after `today` are slips of the pen, unless their month or year is the present one.
    """
    for kind in (_days, _months, _years):
        if found := [day for word in words if word for day in kind(word, today)]:
            return max(found).isoformat()
    return None


def _days(word: str, today: date) -> list[date]:
    parts = [*_DAY.findall(word), *_DIGITS.findall(word)]
    days = (_day(int(y), int(m), int(d)) for y, m, d in parts)
    return [day for day in days if day and day <= today]


def _months(word: str, today: date) -> list[date]:
    ends = []
    for a, b, c, d in _MONTH.findall(word):
        year, month = int(a or c), int(b or d)
        if 1 <= month <= 12 and (year, month) <= (today.year, today.month):
            ends.append(min(today, date(year, month, calendar.monthrange(year, month)[1])))
    return ends


def _years(word: str, today: date) -> list[date]:
    years = (int(year) for year in _YEAR.findall(word))
    return [min(today, date(year, 12, 31)) for year in years if year <= today.year]


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
