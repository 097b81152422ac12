"""The archive that workbooks are."""

from __future__ import annotations

import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from pipelines.deliver.archive import archive, pack

_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)


@given(st.dictionaries(_NAMES, st.binary(max_size=3000), max_size=6))
def test_another_reader_finds_every_part_as_it_was(parts: dict[str, bytes]) -> None:
    body = archive(pack(name, content) for name, content in parts.items())
    with zipfile.ZipFile(io.BytesIO(body)) as read:
        assert read.testzip() is None
        assert read.namelist() == list(parts)
        assert [read.read(info) for info in read.infolist()] == list(parts.values())


def test_the_same_parts_make_the_same_bytes() -> None:
    parts = {"a.xml": b"<a>" + "网格".encode() * 5000, "b.xml": b""}
    first, again = (archive(pack(*part) for part in parts.items()) for _ in range(2))
    assert first == again
    assert len(first) < 1000
