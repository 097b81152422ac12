"""Addresses: from what offices write down to village, estate or group, building, unit and room."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipelines.standardise.numerals import arabic
from pipelines.standardise.text import is_junk, tidy

_ABOVE = re.compile(
    r"(?:中国)?(?:[^\d省]{2,7}?(?:省|自治区))?(?:[^\d市]{1,5}?(?:市|自治州))?"
    r"(?:[^\d县区]{1,5}?(?:县|(?<![社小园])区|(?<!^)市))?(?:[^\d]{1,6}?(?:镇|(?<!城)乡|街道(?:办事处)?))?"
)
_VILLAGE = re.compile(r"([^\d\-]{1,9}?(?:社区|村))(?:居民委员会|村?民?委员会|居委会|村?委会)?")
_NUM = r"(?:\d{1,4}|[一二三四五六七八九十]{1,3})"
_GROUP = re.compile(
    rf"第?({_NUM})(?:村民)?小?组-?(?:({_NUM})(?:(?:号-|-)(\d{{1,2}})|号)?(?:号?户|号)?)?"
)
_FLATS = (
    r"(?:第?(\d{1,3}|[一二三四五六七八九十]{1,2})(?:单元|门|-))?(?:\d{1,2}[层楼](?=\d))?"
    r"(?:(\d{1,5}|[〇零一二三四五六七八九]{3,4})(?:室|号|房|户)?内?)?"
)
_BLOCK = re.compile(
    r"(\D*?)第?([A-Z]?\d{1,4}|[A-Z]|[一二三四五六七八九十]{1,3})"
    r"(?:号楼|幢|栋|座|楼|-|号(?=第?\d{1,2}单元))" + _FLATS
)
_LANE = re.compile(r"(\D{1,8}?(?:路|街|巷|大道)\d{1,5}弄)(\d{1,4})(?:号楼?|-)" + _FLATS)
_STREET = re.compile(r"\D{1,8}?(?:路|街|巷|大道)\d{1,5}号(?=\D)")
_HOUSE = re.compile(r"(\D{0,12}?)(\d{1,5}|[一二三四五六七八九十]{1,3})号")
_KIND_OF_ESTATE = re.compile("(?<=..)(?:花园|家园|花苑|公寓|新村|新苑|小区|[苑园庭府])+$")
_DASHES = re.compile(r"[-~]+|(?<=\d)至(?=\d)")


class Address(NamedTuple):
    """A parsed address.

    Attributes:
        value: the tidied text that people read.
        village: name of the village or community, if the text says it.
        estate: estate, natural village or ``3组``; empty: not said.
        building, unit, room: numbers without leading zeros; for houses, `room` is the number.
        is_complete: it is one dwelling, once the village is known.
        defect: kind, see `defect.SEVERITY`.
    """

    value: str | None
    village: str | None
    estate: str
    building: str
    unit: str
    room: str
    is_complete: bool
    defect: str | None


def clean_village(raw: str, villages: frozenset[str] = frozenset()) -> str | None:
    """Name of a village or community, without committee and what stands above it.

    `villages` are the names that the register knows.
    """
    text = tidy(raw).replace(" ", "")
    if is_junk(text):
        return None
    return _place(text, villages)[0] or text


def clean_address(raw: str, villages: frozenset[str] = frozenset()) -> Address:
    """The address in `raw`; `villages` are the names that the register knows."""
    text = _DASHES.sub("-", tidy(raw).replace(" ", ""))
    if is_junk(text):
        return Address(None, None, "", "", "", "", False, "placeholder")
    plain = text.replace("#楼", "号楼").replace("#", "号楼").upper()
    village, rest = _place(plain, villages)
    estate, building, unit, room = _parts(rest)
    complete = bool(room and (estate or building))
    spelled = "spelling" if text != raw else None
    defect = spelled if complete else "address_incomplete"
    return Address(text, village, estate, building, unit, room, complete, defect)


def _place(text: str, villages: frozenset[str]) -> tuple[str | None, str]:
    above = _ABOVE.match(text)
    starts = (above.end() if above else 0, 0)
    guess: tuple[str | None, str] = (None, text[starts[0] :])
    for start in dict.fromkeys(starts):
        if match := _VILLAGE.match(text, start):
            name = match.group(1)
            if name in villages or (not villages and guess[0] is None):
                return name, text[match.end() :]
            if guess[0] is None:
                guess = (name, text[match.end() :])
    # Where the words above the village mislead, the register's own names decide.
    for end in (m.end() for m in re.finditer("社区|村", text)):
        for start in range(max(0, end - 9), end - 1):
            if text[start:end] in villages:
                rest = text[end:]
                return text[start:end], re.sub(r"^(?:居民|村民)?委员会|^[居村]?委会", "", rest)
    return guess


def _parts(rest: str) -> tuple[str, str, str, str]:
    if match := _GROUP.fullmatch(rest):
        group, house, behind = (_plain(part or "") for part in match.groups())
        return f"{group}组", "", "", f"{house}-{behind}" if behind else house
    match = _BLOCK.fullmatch(rest) or _LANE.fullmatch(rest)
    if not match and (street := _STREET.match(rest)):
        match = _BLOCK.fullmatch(rest, street.end())
    if match:
        estate, building, unit, room = (part or "" for part in match.groups())
        if not room and unit and "单元" not in rest and "门" not in rest:
            unit, room = "", unit
        return _estate(estate), _plain(building), _plain(unit), _plain(room)
    if match := _HOUSE.fullmatch(rest):
        return _estate(match.group(1)), "", "", _plain(match.group(2))
    return "", "", "", ""


def village_of(place: str, villages: frozenset[str]) -> str | None:
    """The village of the register that `place` names; None: none, or there is more behind it."""
    village, rest = _place(place, villages)
    return village if village in villages and not rest else None


def estate_stem(estate: str) -> str:
    """The name of an estate without what kind of estate it is: 云栖 for 云栖花园 and 云栖苑."""
    return _KIND_OF_ESTATE.sub("", estate)


def _estate(text: str) -> str:
    return text.removesuffix("小区").strip("-,、·()第")


def _plain(number: str) -> str:
    number = arabic(number) if number and not number.isascii() else number
    return number.lstrip("0") or number[:1]
