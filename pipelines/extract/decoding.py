"""How the text of a file is encoded, judged by all of its bytes: what it claims is often wrong."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from pipelines.extract.guard import Unreadable

_PIECE = 1 << 20
_LONGEST_LINE = 8 << 20
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOST = "\ufffd"
_MOST_LOST = 0.002
_MOST_CONTROLS = 0.02
_CONTROLS = bytes({*range(32), 127} - set(b"\0\t\n\r\f\v\x1a"))


def encoding_of(path: Path) -> str:
    """The name of the codec: by byte order mark, else UTF-16 by its zeros, UTF-8, GB 18030.

    GB 18030 contains GBK and GB 2312. A few damaged characters are put up with.

    Raises:
        Unreadable: it is no text, or in no encoding that is used for Chinese registers.
    """
    with path.open("rb") as file:
        head = file.read(_PIECE)
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if wide := _without_mark(head):
        return wide
    if len(head) - len(head.translate(None, _CONTROLS)) > _MOST_CONTROLS * len(head):
        raise Unreadable("not_a_workbook")
    lost = {}
    for name in ("utf-8", "gb18030"):
        lost[name] = sum(piece.count(_LOST) for piece in decoded(path, name))
        if not lost[name]:
            return name
    best = min(lost, key=lost.__getitem__)
    if lost[best] > max(1, _MOST_LOST * path.stat().st_size):
        raise Unreadable("encoding")
    return best


def decoded(path: Path, encoding: str) -> Iterator[str]:
    """The text in pieces, without zeros; what cannot be read becomes U+FFFD.

    Raises:
        Unreadable: a line is longer than any row of a register.
    """
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    length = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            end = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
            length = length + len(piece) if end < 0 else len(piece) - end
            if length > _LONGEST_LINE:
                raise Unreadable("too_large")
            yield decoder.decode(piece).replace("\0", "")
    yield decoder.decode(b"", final=True).replace("\0", "")


def _without_mark(head: bytes) -> str | None:
    """UTF-16 shows by its zeros: digits and separators have one in each pair of bytes."""
    half = len(head) // 2
    if half < 4:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > half // 10 and even < half // 100 + 1:
        return "utf-16-le"
    if even > half // 10 and odd < half // 100 + 1:
        return "utf-16-be"
    return None
