"""Chinese numerals as they stand in dates and addresses."""

from __future__ import annotations

_DIGITS = dict(zip("〇○零一二三四五六七八九", "000123456789", strict=True)) | {"两": "2"}
_MONTHS = {"正": "1", "元": "1", "冬": "11", "腊": "12"}
_TENS = {"初": 0, "十": 10, "廿": 20, "卅": 30}


def arabic(text: str) -> str:
    """``二〇二〇`` → 2020, ``十二`` → 12, ``三十`` → 30, ``初八`` → 8, ``廿三`` → 23, ``腊`` → 12.

    A text that is none of these comes back as it is.
    """
    if text in _MONTHS:
        return _MONTHS[text]
    if all(char in _DIGITS for char in text):
        return "".join(_DIGITS[char] for char in text)
    for word, base in _TENS.items():
        head, found, tail = text.partition(word)
        if not found:
            continue
        if head and (word != "十" or head not in _DIGITS):
            if head == "初" and word == "十":
                return "10"
            continue
        factor = int(_DIGITS[head]) * 10 if head else base
        if tail and (len(tail) > 1 or tail not in _DIGITS):
            if word == "初" and tail == "十":
                return "10"
            continue
        return str(factor + (int(_DIGITS[tail]) if tail else 0))
    return text
