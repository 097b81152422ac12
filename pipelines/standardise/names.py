"""Names: spacing, width, dots, former names in brackets; family name, folded form and pinyin."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipelines.standardise.pinyin import (
    COMPOUND_SURNAMES,
    folding,
    surname_reading,
    syllables,
)
from pipelines.standardise.text import is_junk, tidy

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\ue000-\uf8ff〇"
_PLAIN = re.compile("[\u4e00-\u9fa5]{2,4}")
_DOT = re.compile(r"\s*[·•・‧∙⋅●.。]\s*")
_GAP = re.compile(f"(?<=[{_HAN}·])\\s+(?=[{_HAN}·])")
_BRACKET = re.compile(r"[(\[【〔《<](.*?)[)\]】〕》>]")
_SAID = re.compile(r"^(?:曾用名|又名|原名|别名|小名|乳名|现名|旧名)\s*[::]?\s*")
_TRAILING = re.compile(r"[\d_#、,;:]+$")
_NAME = re.compile(
    f"[{_HAN}]{{2,}}(?:·[{_HAN}]+)*|[A-Z][A-Z'\\-]*(?: [A-Z'\\-]+)*|[{_HAN}]+·[{_HAN}·]+"
)
_OTHER = re.compile(f"[{_HAN}]{{2,4}}")
_NOTES = frozenset(
    """
    户主 死亡 已故 去世 已死亡 迁出 已迁出 男 女 外出 空挂 空户 户籍
    流动 大 小 重名 同名 双胞胎 已嫁 出嫁 嫁出 代 监护人 本人 在校 服刑
    低保 残疾 党员
    """.split()
)
_NOBODY = frozenset(
    """
    无名氏 户主 姓名 未取名 未命名 未起名 某某 某某某 测试 合计 小计 总计
    空户 空房 空置 出租 无人 不详 无户主
    """.split()
)


class Name(NamedTuple):
    """A cleaned name; everything None if it is no name.

    Attributes:
        value: as registered, tidied; characters are never exchanged.
        former: name split off from brackets.
        surname, key, pinyin: family name, folded name, toneless syllables.
        defect: kind, see `defect.SEVERITY`; None: nothing was changed.
    """

    value: str | None
    former: str | None
    surname: str | None
    key: str | None
    pinyin: str | None
    defect: str | None


_FOLDING = folding()
_SYLLABLES = syllables()


def clean_name(raw: str) -> Name:
    """The name in `raw`."""
    if _PLAIN.fullmatch(raw) and raw not in _NOBODY:
        return _describe(raw, None, None)
    text = tidy(raw)
    if is_junk(text) or text in _NOBODY:
        return _none("placeholder")
    if "*" in text or "某" in text:
        return _none("masked")
    former: str | None = None
    defect: str | None = None
    if bracket := _BRACKET.search(text):
        inside = _GAP.sub("", bracket.group(1).strip())
        said = _SAID.sub("", inside)
        text = (text[: bracket.start()] + text[bracket.end() :]).strip()
        if _OTHER.fullmatch(said) and said not in _NOTES and said not in _NOBODY:
            former, defect = said, "former_name_split"
        else:
            defect = "note_removed"
    text = _GAP.sub("", _DOT.sub("·", text)).strip("·").strip().upper()
    if shortened := _TRAILING.sub("", text).rstrip():
        if shortened != text:
            defect = "note_removed"
        text = shortened
    if not _NAME.fullmatch(text) or text in _NOBODY or is_junk(text):
        return _none("unreadable")
    if defect is None and text != raw:
        defect = "spelling"
    return _describe(text, former, defect)


def _describe(text: str, former: str | None, defect: str | None) -> Name:
    folded = text.translate(_FOLDING)
    if "·" in folded:
        surname = folded.split("·", 1)[0]
        folded = folded.replace("·", "")
    elif folded[0].isascii():
        surname = folded.split(" ", 1)[0]
        return Name(text, former, surname, folded, folded.lower(), defect)
    else:
        surname = folded[:2] if len(folded) > 2 and folded[:2] in COMPOUND_SURNAMES else folded[0]
        if reading := surname_reading(surname):
            rest = folded[len(surname) :].translate(_SYLLABLES)
            return Name(text, former, surname, folded, f"{reading} {rest}".rstrip(), defect)
    return Name(text, former, surname, folded, folded.translate(_SYLLABLES).rstrip(), defect)


def _none(defect: str) -> Name:
    return Name(None, None, None, None, None, defect)
