"""Names written in pinyin read like the same names in characters, however the tones are shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypinyin.constants import PINYIN_DICT

from pipelines.standardise.names import clean_name
from pipelines.standardise.pinyin import syllables
from pipelines.standardise.romanised import syllables_of

_MARKS = "\u0304\u0301\u030c\u0300"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英安恩尔鸥爱昂儿恋女绿"
_READ_AS_SURNAMES = {
    "单": "shàn", "仇": "qiú", "区": "ōu", "曾": "zēng", "解": "xiè", "查": "zhā", "盖": "gě",
    "尉迟": "yùchí", "任": "rén", "华": "huà", "朴": "piáo", "长孙": "zhǎngsūn", "王": "wáng",
    "吕": "lǚ", "欧阳": "ōuyáng", "安": "ān",
}  # fmt: skip


def _toned(character: str) -> str:
    """One syllable of a common character with its tone mark."""
    for reading in PINYIN_DICT[ord(character)].split(","):
        plain = "".join(
            char for char in unicodedata.normalize("NFD", reading) if char not in _MARKS
        )
        if plain.replace("u\u0308", "v") == syllables()[ord(character)].rstrip():
            return reading
    raise AssertionError(character)


def _numbered(reading: str) -> str:
    """The same with a digit behind each syllable: ``wang2``."""
    letters = unicodedata.normalize("NFD", reading)
    tones = [1 + _MARKS.index(char) for char in letters if char in _MARKS]
    plain = "".join(char for char in letters if char not in _MARKS).replace("u\u0308", "ü")
    return f"{plain}{tones[0] if tones else 5}"


def _spelling(given: list[str], *, sparing: bool = False) -> str:
    """Syllables of one word, with the apostrophe that the orthography asks for.

    Sparing: only behind n, g and r, where not even tone marks tell where the syllable ends.
    """
    word = given[0]
    for part in given[1:]:
        asked = unicodedata.normalize("NFD", part)[0] in "aoe"
        word += f"'{part}" if asked and not (sparing and word[-1] not in "ngr") else part
    return word


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(_READ_AS_SURNAMES)),
    st.lists(st.sampled_from(_GIVEN), min_size=1, max_size=2),
    st.sampled_from(["marks", "sparing marks", "digits", "plain", "capitals"]),
    st.sampled_from(["NFC", "NFD"]),
)
def test_a_name_in_pinyin_reads_like_its_characters(surname, given_name, style, form) -> None:
    read = [_toned(character) for character in given_name]
    family = _READ_AS_SURNAMES[surname]
    written = {
        "marks": f"{family} {_spelling(read)}".title(),
        "sparing marks": f"{family} {_spelling(read, sparing=True)}",
        "digits": " ".join(map(_numbered, [*_cut_family(family), *read])),
        "plain": _without_marks(f"{family} {_spelling(read)}"),
        "capitals": _without_marks(f"{family} {_spelling(read)}").upper(),
    }[style]
    spelt = clean_name(unicodedata.normalize(form, written))
    assert spelt.pinyin == clean_name(surname + "".join(given_name)).pinyin
    assert spelt.value and spelt.value.isascii()


def _cut_family(family: str) -> list[str]:
    two = {"yùchí": ["yù", "chí"], "zhǎngsūn": ["zhǎng", "sūn"], "ōuyáng": ["ōu", "yáng"]}
    return two.get(family, [family])


def _without_marks(text: str) -> str:
    letters = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(char for char in letters if char not in _MARKS))


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("AEIOUNGHXZVWY' -"), max_size=16))
def test_syllables_make_the_letters_they_were_cut_from(text) -> None:
    found = syllables_of(text)
    if found is not None:
        letters = "".join(char for char in text if char.isalpha())
        assert sorted("".join(found).upper()) == sorted(
            letters.replace("LYU", "LV").replace("NYU", "NV")
        )


@pytest.mark.parametrize("foreign", ["JOHN SMITH", "MAIMAITI AILI", "O'BRIEN", "ZHANG W", "XIAN"])
def test_other_latin_names_are_left_as_they_are(foreign) -> None:
    assert syllables_of(foreign) is None
    assert clean_name(foreign).value == foreign
