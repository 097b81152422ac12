"""What every cleaner does first: fold width, drop invisible characters, recognise placeholders."""

from __future__ import annotations

import re

JUNK = frozenset(
    """
    无 - — —— -- --- / // \\ 、 . 。 * ** *** ? ？ 0 00
    不详 不明 未知 未填 未登记 待查 待补 暂无 没有 空 同上
    无名 NULL null None none N/A n/a NA nan NaN #N/A #REF! #VALUE!
    """.split()
)

_FOLD: dict[int, str | None] = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_FOLD |= dict.fromkeys((*range(0x200B, 0x2010), 0x2060, 0xFEFF, 0x00AD, *range(0x202A, 0x202F)))
_FOLD |= dict.fromkeys((0x061C, *range(0x2066, 0x206A)))  # they turn the text around, too
_FOLD |= dict.fromkeys((0x00A0, 0x3000, 0x2002, 0x2003, 0x2009, 0x202F), " ")
_FOLD |= dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE63), "-")
_FOLD |= dict.fromkeys(range(32), " ")
_LEADING = re.compile(r"^[\s']+")
_SPACES = re.compile(r" {2,}")


def tidy(raw: str) -> str:
    """`raw` without invisible characters, at half width, with single spaces, ends trimmed."""
    text = _LEADING.sub("", raw.translate(_FOLD).strip())
    return _SPACES.sub(" ", text)


def is_junk(text: str) -> bool:
    """Whether a tidied text stands for nothing."""
    return not text or text in JUNK
