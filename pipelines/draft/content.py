"""What the values of a column look like, judged by the cleaners that would read them later."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from pipelines.standardise.addresses import clean_address
from pipelines.standardise.coded import clean_code
from pipelines.standardise.dates import clean_date
from pipelines.standardise.id_cards import IdCard, clean_id
from pipelines.standardise.numbers import clean_number
from pipelines.standardise.phones import clean_phone
from pipelines.standardise.text import is_junk, tidy
from schemas.fields import FIELDS

CODE_LISTS = sorted({field.codes for field in FIELDS if field.codes} | {"insurance_status"})
_MOST_CODES = 60
_NAME = re.compile("[\u4e00-\u9fff]{2,4}|[\u4e00-\u9fff]{2,}(?:[·•・][\u4e00-\u9fff]+)+")
# The hundred family names that most people have.
_SURNAMES = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏"
    "钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜"
    "倪严牛温芦季俞章鲁葛伍韦申尤毕聂焦向柳邢骆岳齐梅庄辛管祝左涂谷祁时舒耿卜路詹凌费纪靳盛童欧甄项裴席祖"
)
_PLACE = re.compile(r"[省市县区镇乡村路街巷弄号室组幢栋户]|单元|社区|小区|街道|花园|家园")
_PLACE_ONLY = re.compile(r".{1,10}(?:村|社区|网格)")
_COMPANY = re.compile(
    r"公司|厂$|集团|商店|超市|医院|合作社|事务所|银行|局$|个体|务农|饭店|酒店|中心$"
)
_SCHOOL = re.compile(r"(?:小学|中学|学校|幼儿园|大学|学院|高中|初中)(?:.{0,6})$")
_CODE = re.compile(r"[A-Za-z0-9\-]{3,}")
_MOBILE = re.compile(r"1[3-9]\d{9}|0\d{9,11}")
_EIGHTEEN = re.compile(r"\d{18}")
_HAN = re.compile("[\u4e00-\u9fff]")
_DIGITS = re.compile(r"[\d.]+")
_DATE_FORMS = frozenset(("date_serial", "date_year_only", "date_two_digit_year"))


@dataclass
class Look:
    """How a column looks.

    Attributes:
        filled: rows that hold something, of those looked at.
        distinct: different values among them.
        fits: kind (id, phone, date, name, address, number, code, company, school, place, or a code
            list) → share of the filled rows that are of the kind.
        spelled: code list → share of the filled rows that write it in words, not in digits.
        cards: value → ID number, where the column holds any.
        days: value → date, where the column holds any; of a month its first day.
        recent: share of the dates that lie within two years.
    """

    filled: int
    distinct: int
    fits: dict[str, float] = field(default_factory=dict)
    spelled: dict[str, float] = field(default_factory=dict)
    cards: dict[str, IdCard] = field(default_factory=dict)
    days: dict[str, date] = field(default_factory=dict)
    recent: float = 0.0

    @property
    def repetition(self) -> float:
        """Rows a value."""
        return self.filled / self.distinct if self.distinct else 0.0


def look_at(values: Sequence[str | None], today: date) -> Look:
    """Judge the values of a column; Python once a distinct value."""
    counts = Counter(v for v in values if v is not None and not is_junk(tidy(v)))
    filled = counts.total()
    look = Look(filled, len(counts))
    if not filled:
        return look
    weight: Counter[str] = Counter()
    recent, later = 0, today.replace(year=today.year + 20, day=1)
    for value, times in counts.items():
        card = clean_id(value, today)
        # a household code of 18 digits has a right check digit once in eleven times
        if card.status in {"valid", "upgraded"}:
            look.cards[value] = card
            weight["id" if card.status == "valid" else "id_old"] += times
        elif card.status in {"masked", "damaged"}:
            weight["id_lost"] += times
        day = clean_date(value, today)
        if day.value is not None:
            look.days[value] = day.value
            recent += times if (today - day.value).days < 730 else 0
        is_day = day.value is not None and day.defect not in _DATE_FORMS
        # until when something holds may lie ahead
        lies_ahead = day.value is None and clean_date(value, later).value is not None
        weight["date"] += times if is_day or lies_ahead else 0
        weight["eighteen"] += times if _EIGHTEEN.fullmatch(value) else 0
        for kind in _kinds(value):
            weight[kind] += times
    look.fits = {kind: n / filled for kind, n in weight.items()}
    _number_columns(look)
    look.recent = recent / max(1, sum(counts[value] for value in look.days))
    if len(counts) <= _MOST_CODES:
        _codes(look, counts)
    return look


def _number_columns(look: Look) -> None:
    """Old numbers of 15 digits have no check digit, and codes of grids are as long: they count
    where they do not repeat. Nothing counts in a column whose values come again and again."""
    lost, old = look.fits.get("id_lost", 0), look.fits.get("id_old", 0)
    whole = look.fits.get("id", 0)
    if whole > 0.3 or (old > 0.3 and look.repetition < 2):
        look.fits["id"] = whole + old + lost
    if whole <= 0.3 and (look.repetition > 5 or old <= 0.3 or look.repetition >= 2):
        look.cards.clear()


def _kinds(value: str) -> list[str]:
    text = tidy(value)
    kinds = []
    if any(_MOBILE.fullmatch(number) for number in clean_phone(value).values):
        kinds.append("phone")
    if _NAME.fullmatch(text) and text[0] in _SURNAMES:
        kinds.append("name")
    has_parts = len(_PLACE.findall(text)) >= 2
    if _HAN.search(text) and (has_parts or clean_address(value).is_complete):
        kinds.append("address")
    if _PLACE_ONLY.fullmatch(text):
        kinds.append("place")
    if clean_number(value).value is not None:
        kinds.append("number")
    if _CODE.fullmatch(text) and any(char.isdigit() for char in text):
        kinds += ["code", "long_code"] if len(text) >= 5 else ["code"]
    if _COMPANY.search(text):
        kinds.append("company")
    if _SCHOOL.search(text):
        kinds.append("school")
    return kinds


def _codes(look: Look, counts: Counter[str]) -> None:
    filled = counts.total()
    for name in CODE_LISTS:
        known = [value for value in counts if clean_code(value, name).value is not None]
        spelled = [value for value in known if not _DIGITS.fullmatch(tidy(value))]
        if known:
            look.fits[name] = sum(counts[value] for value in known) / filled
            look.spelled[name] = sum(counts[value] for value in spelled) / filled
