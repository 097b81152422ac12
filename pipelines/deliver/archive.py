"""A ZIP archive of parts, compressed by igzip: the same parts always make the same bytes."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from isal import isal_zlib

_LEVEL = 2
_RAW = -15
_VERSION, _DEFLATED, _UTF8 = 20, 8, 0x800
_UNIX, _MODE = 3 << 8, 0o600 << 16
_TIME, _DAY = 0, 1 << 5 | 1  # 1980-01-01, the first day ZIP knows
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_STAMP = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
_END = struct.Struct("<4s4H2LH")


@dataclass(frozen=True)
class Packed:
    """A part as it stands in an archive: compressed, with its checksum and length in bytes."""

    name: bytes
    body: bytes
    checksum: int
    length: int


def pack(name: str, content: bytes) -> Packed:
    """Compress one part; the interpreter is free meanwhile."""
    body = isal_zlib.compress(content, _LEVEL, _RAW)
    return Packed(name.encode(), body, isal_zlib.crc32(content), len(content))


def archive(parts: Iterable[Packed]) -> bytes:
    """The archive of `parts` in their order (APPNOTE.TXT 6.3, without ZIP64: below 4 GiB)."""
    bodies: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for part in parts:
        sizes = (part.checksum, len(part.body), part.length)
        common = (_UTF8, _DEFLATED, _TIME, _DAY, *sizes, len(part.name), 0)
        head = _LOCAL.pack(b"PK\3\4", _VERSION, *common) + part.name
        bodies += (head, part.body)
        entry = _CENTRAL.pack(
            b"PK\1\2", _UNIX | _VERSION, _VERSION, *common, 0, 0, 0, _MODE, offset
        )
        directory.append(entry + part.name)
        offset += len(head) + len(part.body)
    count, size = len(directory), sum(map(len, directory))
    end = _END.pack(b"PK\5\6", 0, 0, count, count, size, offset, 0)
    return b"".join((*bodies, *directory, end))


def dated(book: bytes, day: date) -> bytes:
    """A workbook as openpyxl saved it, dated `day`, not the moment: the same bytes each time."""
    stamp = rb"\g<1>" + f"{day}T00:00:00Z".encode()
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        return archive(
            pack(name, _STAMP.sub(stamp, body) if "core" in name else body)
            for name in parts.namelist()
            for body in [parts.read(name)]
        )
