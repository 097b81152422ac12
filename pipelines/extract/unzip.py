"""Look into zip files, whatever they claim to be: unpack an entry piece by piece."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from isal import isal_zlib

PIECE = 4 << 20
_PACKED = 256 << 10
_RAW = -15
_LOCAL = struct.Struct("<4s22xHH")
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError),
    *(NotImplementedError, RuntimeError, ValueError),
)
"""What `zipfile` raises at files that are damaged, locked or packed in a way it does not know."""


def is_zip(path: Path) -> bool:
    """Whether a file ends like a zip file; of several parts the last one does, too."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # one of several parts
        return True


def unpack(file: IO[bytes], entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The content of `entry` in pieces of at most `PIECE` bytes, read from the open zip `file`.

    Sums of check are left to whoever parses the content: this is for looking and for copying.

    Raises:
        zipfile.BadZipFile: the entry is not where the directory says, or is cut off.
        RuntimeError: it is encrypted.
        NotImplementedError: it is packed in a way that office programs do not use.
    """
    if entry.flag_bits & 1:
        raise RuntimeError("the entry is encrypted")
    file.seek(entry.header_offset)
    local = file.read(_LOCAL.size)
    if len(local) < _LOCAL.size or local[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("no entry there")
    _, name, extra = _LOCAL.unpack(local)
    file.seek(name + extra, 1)
    if entry.compress_type == zipfile.ZIP_STORED:
        yield from _stored(file, entry.compress_size)
    elif entry.compress_type == zipfile.ZIP_DEFLATED:
        yield from _inflated(file, entry.compress_size)
    else:
        raise NotImplementedError("an unusual way of packing")


def _stored(file: IO[bytes], left: int) -> Iterator[bytes]:
    while left > 0:
        piece = file.read(min(PIECE, left))
        if not piece:
            raise zipfile.BadZipFile("cut off")
        left -= len(piece)
        yield piece


def _inflated(file: IO[bytes], left: int) -> Iterator[bytes]:
    unpacker = isal_zlib.decompressobj(_RAW)
    try:
        while not unpacker.eof:
            packed = unpacker.unconsumed_tail
            if not packed:
                packed = file.read(min(_PACKED, left))
                left -= len(packed)
                if not packed:
                    raise zipfile.BadZipFile("cut off")
            if piece := unpacker.decompress(packed, PIECE):
                yield piece
    except isal_zlib.IsalError as error:  # type: ignore[misc]
        raise zipfile.BadZipFile("packed wrongly") from error
