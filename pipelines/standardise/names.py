"""Names: spacing, width, dots, lost characters, former names; family name and folded forms."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipelines.standardise.characters import LOST, RECODED, folding, look_alikes
from pipelines.standardise.pinyin import COMPOUND_SURNAMES, surname_reading, syllables
from pipelines.standardise.romanised import one_line, plain_letters, spelt, syllables_of
from pipelines.standardise.text import is_junk, tidy

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\ue000-\uf8ff〇"
_LONGEST = 200
"""Characters of a cell with a name in it, notes and all; to read a longer one would take ages."""
_MOST_NOTES = 4
_PLAIN = re.compile("[\u4e00-\u9fa5]{2,4}")
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_DOT = re.compile(r"\s*[·•・･‧∙⋅●˙·⸱.。]\s*")
_GAP = re.compile(f"(?<=[{_HAN}·])\\s+(?=[{_HAN}·])")
_BRACKET = re.compile(r"[(\[【〔《<](.*?)[)\]】〕》>]")
_SAYS = "曾用名|又名|原名|别名|小名|乳名|化名|现名|旧名"
_SAID = re.compile(rf"^(?:{_SAYS})\s*[::]?\s*")
_SAID_AFTER = re.compile(rf"^([{_HAN}· ]+?)[\s,;、/]*(?:{_SAYS})\s*[::]?\s*([{_HAN}]{{2,4}})$")
# Namesakes in one list are told apart by a number or a letter behind the name.
_TRAILING = re.compile(rf"[\d_#、,;:]+$|(?<=[{_HAN}]{{2}})[A-WYZ]$")
_NAME = re.compile(
    f"[{_HAN}]{{2,}}(?:·[{_HAN}]+)*|[A-Z][A-Z'\\-]*(?: [A-Z'\\-]+)*|[{_HAN}]+·[{_HAN}·]+"
)
_OTHER = re.compile(f"[{_HAN}]{{2,4}}")
# What a lost character leaves: a question mark, an empty box, an asterisk, an X between others.
_LOST = re.compile("[?□■〓\ufffd*×_]|(?<=[^A-Z])X(?![A-Z])")
# Where a keyboard lacks a rare character, its syllable is written: 张YAN for 张䶮.
_SPELT = re.compile(rf"(?=.*[{_HAN}])[{_HAN}]*(?:[A-Z]{{2,}}[{_HAN}]*){{1,2}}")
_PIECES = re.compile(rf"[A-Z]+|[{_HAN}]")
_TWICE = re.compile(rf"([{_HAN}·]{{2,}})[\s/、,;]*([A-Z][A-Z' \-]+)")
_PARTLY = re.compile(f"(?=(?:.*[{_HAN}]){{2}})[{_HAN}{re.escape(LOST)}]{{2,5}}")
PLACEHOLDER = (
    ".+(?:先生|女士|小姐|师傅|老师|大爷|大妈|大叔|阿姨|老板)"
    "|.+(?:新生儿|女婴|男婴|婴儿)|.{2,}之[子女婴]"
)
"""What stands for somebody whose name is not known, as a regular expression."""
_NOBODY_YET = re.compile(PLACEHOLDER)
_NOBODY_ENDS = frozenset("生士姐傅师爷妈叔姨板儿婴子女")
_CROSSES = re.compile("[X×]{2,}$", re.IGNORECASE)
_NOTES = frozenset(
    """
    户主 死亡 已故 去世 已死亡 迁出 已迁出 男 女 外出 空挂 空户 户籍
    流动 大 小 重名 同名 双胞胎 已嫁 出嫁 嫁出 代 监护人 本人 在校 服刑
    低保 残疾 党员
    """.split()
)
NO_NAME = frozenset(
    """
    无名氏 户主 姓名 未取名 未命名 未起名 某某 某某某 测试 合计 小计 总计
    空户 空房 空置 出租 无人 不详 无户主 待定 未知 无名 佚名 新生儿 婴儿 男婴 女婴
    租户 房东 住户 业主 户名 匿名 姓名不详 名字不详 不知名
    """.split()
)
"""Words that stand where a name should."""


class Name(NamedTuple):
    """A cleaned name; everything None if it is no name.

    Attributes:
        value: as registered, tidied; no character is exchanged for another.
        former: name split off from brackets.
        surname, key, pinyin: family name, folded name, toneless syllables; ``?`` for what is lost.
        shape: the key with look-alike characters made one.
        defect: kind, see `defect.SEVERITY`; None: nothing was changed.
    """

    value: str | None
    former: str | None
    surname: str | None
    key: str | None
    pinyin: str | None
    shape: str | None
    defect: str | None


_BETWEEN_NAMES = re.compile(r"[、，,；;/／]")
_FOLDING = folding()
_SYLLABLES = syllables() | {ord(LOST): f"{LOST} "}
_LOOK_ALIKES = look_alikes()


def clean_name(raw: str) -> Name:
    """The name in `raw`."""
    if _PLAIN.fullmatch(raw) and not _is_nobody(raw) and "某" not in raw:
        return _describe(raw, None, None)
    name = _cleaned(raw)
    for _ in range(_MOST_NOTES):  # what was taken away may have hidden more
        if name.value is None or name.value == raw:
            break
        raw, again = name.value, _cleaned(name.value)
        if again.value is None:
            return again
        name = again._replace(
            former=name.former or again.former, defect=again.defect or name.defect
        )
    return name


def _cleaned(raw: str) -> Name:
    text = tidy(raw)
    if is_junk(text) or _is_nobody(text) or _CROSSES.fullmatch(text):
        return _none("placeholder")
    if len(text) > _LONGEST:
        return _none("unreadable")
    if "某" in text or _CROSSES.search(text):
        return _none("masked")
    recoded = text.translate(RECODED)
    defect = "character_recoded" if recoded != text else None
    text, former, noted = _split_notes(plain_letters(recoded))
    defect = defect or noted
    text = _GAP.sub("", _DOT.sub("·", text)).strip("·").strip().upper()
    text = one_line(text)
    if (twice := _TWICE.fullmatch(text)) and _same_twice(*twice.groups()):
        text, defect = twice.group(1), "note_removed"
    close = text.replace(" ", "")
    if _SPELT.fullmatch(close) and (partly := _spelt(close, former)):
        return partly
    if _LOST.search(text):
        return _partly(_LOST.sub(LOST, text), former)
    if shortened := _TRAILING.sub("", text).rstrip():
        if shortened != text:
            defect = "note_removed"
        text = shortened
    if not _NAME.fullmatch(text) or _is_nobody(text) or is_junk(text):
        return _none("unreadable")
    if _PRIVATE.search(text):
        defect = "character_lost"
    elif defect is None and text != raw:
        defect = "spelling"
    return _describe(text, former, defect)


class FormerNames(NamedTuple):
    """The names that somebody bore before, in one text; None if none can be read."""

    value: str | None
    defect: str | None


def clean_former_names(raw: str) -> FormerNames:
    """The names in `raw`, each cleaned, with ``、`` between several."""
    first, *more = _BETWEEN_NAMES.split(raw)
    if not more:
        only = clean_name(first)
        return FormerNames(only.value, only.defect)
    named = [name for part in (first, *more) if (name := clean_name(part).value)]
    value = "、".join(dict.fromkeys(named)) or None
    if value is None:
        return FormerNames(None, "unreadable")
    return FormerNames(value, "spelling" if value != raw else None)


def describe_character(character: str) -> tuple[str, str, str]:
    """What a Chinese character gives to a name's key, pinyin (with a space) and shape."""
    folded = character.translate(_FOLDING)
    return folded, folded.translate(_SYLLABLES), folded.translate(_LOOK_ALIKES)


def _is_nobody(text: str) -> bool:
    if text in NO_NAME:
        return True
    return text[-1:] in _NOBODY_ENDS and bool(_NOBODY_YET.fullmatch(text))


def _split_notes(text: str) -> tuple[str, str | None, str | None]:
    """The name, a former name beside it, and the defect that taking it away makes."""
    if match := _SAID_AFTER.fullmatch(text):
        return match.group(1).strip(), match.group(2), "former_name_split"
    bracket = _BRACKET.search(text)
    if not bracket:
        return text, None, None
    said = _SAID.sub("", _GAP.sub("", bracket.group(1).strip()))
    text = (text[: bracket.start()] + text[bracket.end() :]).strip()
    if _OTHER.fullmatch(said) and said not in _NOTES and not _is_nobody(said):
        if _same_twice(said, text.upper()):
            return said, None, "note_removed"
        return text, said, "former_name_split"
    return text, None, "note_removed"


def _partly(text: str, former: str | None) -> Name:
    """A name of which at least two characters are left; the others match any character."""
    text = _GAP.sub("", text).replace("·", "").replace(" ", "")
    return _describe(text, former, "character_lost") if _PARTLY.fullmatch(text) else _none("masked")


def _same_twice(name: str, latin: str) -> bool:
    """Whether `latin` is how the Chinese `name` is read."""
    found = syllables_of(latin)
    return bool(found) and _describe(name, None, None).pinyin == " ".join(found or ())


def _spelt(text: str, former: str | None) -> Name | None:
    """A Chinese name with the syllables of one to three characters instead of them."""
    han, sounds = "", []
    for piece in _PIECES.findall(text):
        read = spelt(piece) if piece.isascii() else [LOST]
        if read is None:
            return None
        han += piece if read == [LOST] else LOST * len(read)
        sounds += read
    if not 2 <= len(han) <= 4:
        return None
    whole = _describe(han, former, "character_lost")
    heard = zip(str(whole.pinyin).split(" "), sounds, strict=True)
    pinyin = " ".join(known if read == LOST else read for known, read in heard)
    surname = sounds[0].upper() if whole.surname == LOST else whole.surname
    key = text.translate(_FOLDING)
    return Name(text, former, surname, key, pinyin, key.translate(_LOOK_ALIKES), whole.defect)


def _describe(text: str, former: str | None, defect: str | None) -> Name:
    folded = text.translate(_FOLDING)
    if "·" in folded:
        surname = folded.split("·", 1)[0]
        key = folded.replace("·", "")
        pinyin = key.translate(_SYLLABLES).rstrip()
    elif folded[0].isascii() and folded[0] != LOST:
        return _latin(text, former, defect)
    else:
        key = folded
        surname = key[:2] if len(key) > 2 and key[:2] in COMPOUND_SURNAMES else key[0]
        if reading := surname_reading(surname):
            pinyin = f"{reading} {key[len(surname) :].translate(_SYLLABLES)}".rstrip()
        else:
            pinyin = key.translate(_SYLLABLES).rstrip()
    return Name(text, former, surname, key, pinyin, key.translate(_LOOK_ALIKES), defect)


def _latin(text: str, former: str | None, defect: str | None) -> Name:
    if found := syllables_of(text):
        key = " ".join(found).upper()
        return Name(text, former, found[0].upper(), key, key.lower(), key, defect)
    return Name(text, former, text.split(" ", 1)[0], text, text.lower(), text, defect)


def _none(defect: str) -> Name:
    return Name(None, None, None, None, None, None, defect)
