"""Every cleaner: literal cases from real habits, and laws that hold for any text."""

from __future__ import annotations

import re
import time
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.standardise.addresses import clean_address, clean_village
from pipelines.standardise.characters import look_alikes
from pipelines.standardise.coded import clean_code
from pipelines.standardise.dates import clean_date
from pipelines.standardise.defect import SEVERITY
from pipelines.standardise.dictionaries import KINDS, Context, clean_values
from pipelines.standardise.id_cards import check_digit, clean_id
from pipelines.standardise.names import clean_former_names, clean_name
from pipelines.standardise.numbers import clean_number
from pipelines.standardise.phones import clean_phone
from pipelines.standardise.plain import take_plain
from pipelines.standardise.text import JUNK, tidy

TODAY = date(2026, 11, 23)
VILLAGES = frozenset({"东墩村", "松滨社区"})

NAMES = [
    # raw, value, former, pinyin, defect
    ("张三", "张三", None, "zhang san", None),
    ("张 三", "张三", None, "zhang san", "spelling"),
    ("张\u3000三", "张三", None, "zhang san", "spelling"),
    ("\u200b李四 ", "李四", None, "li si", "spelling"),
    ("\u2067李\u061c四\u2069", "李四", None, "li si", "spelling"),
    ("单雄信", "单雄信", None, "shan xiong xin", None),
    ("仇英", "仇英", None, "qiu ying", None),
    ("欧阳修", "欧阳修", None, "ou yang xiu", None),
    ("尉迟恭", "尉迟恭", None, "yu chi gong", None),
    ("王小明(王晓明)", "王小明", "王晓明", "wang xiao ming", "former_name_split"),
    ("王小明（曾用名：王二）", "王小明", "王二", "wang xiao ming", "former_name_split"),
    ("王小明（已故）", "王小明", None, "wang xiao ming", "note_removed"),
    ("买买提．艾力", None, None, None, None),
    ("合计", None, None, None, "placeholder"),
    ("无", None, None, None, "placeholder"),
    ("张*", None, None, None, "masked"),
    ("12345", None, None, None, "unreadable"),
    ("张某", None, None, None, "masked"),
    ("张XX", None, None, None, "masked"),
    ("张先生", None, None, None, "placeholder"),
    ("王芳之子", None, None, None, "placeholder"),
    ("XXX", None, None, None, "placeholder"),
    ("无名氏", None, None, None, "placeholder"),
    ("张□明", "张?明", None, "zhang ? ming", "character_lost"),
    ("张*明", "张?明", None, "zhang ? ming", "character_lost"),
    ("张\ue123明", "张\ue123明", None, "zhang ? ming", "character_lost"),
    ("\ue863三", "䶮三", None, "yan san", "character_recoded"),
    ("⾼明", "高明", None, "gao ming", "character_recoded"),
    ("王小明 曾用名王二", "王小明", "王二", "wang xiao ming", "former_name_split"),
    ("Zhang Xiaoming", "ZHANG XIAOMING", None, "zhang xiao ming", "spelling"),
    ("Zhāng Xiǎomíng", "ZHANG XIAOMING", None, "zhang xiao ming", "spelling"),
    ("XIAOMING ZHANG", "XIAOMING ZHANG", None, "zhang xiao ming", None),
    ("LYU NA", "LYU NA", None, "lv na", None),
    ("JOHN SMITH", "JOHN SMITH", None, "john smith", None),
    ("wang2 xiao3 ming2", "WANG XIAO MING", None, "wang xiao ming", "spelling"),
    ("Wáng, Xiǎomíng", "WANG XIAOMING", None, "wang xiao ming", "spelling"),
    ("Lǐ Xī’ān", "LI XI'AN", None, "li xi an", "spelling"),
    ("Lǐ Xīān", "LI XI'AN", None, "li xi an", "spelling"),
    ("Lǐ Xiān", "LI XIAN", None, "li xian", "spelling"),
    ("Xi'an Li", "XI'AN LI", None, "li xi an", "spelling"),
    ("LU:3 BU4", "LV BU", None, "lv bu", "spelling"),
    ("王晓明 Wang Xiaoming", "王晓明", None, "wang xiao ming", "note_removed"),
    ("Wáng Xiǎomíng（王晓明）", "王晓明", None, "wang xiao ming", "note_removed"),
    ("Wáng Xiǎomíng（王二）", "WANG XIAOMING", "王二", "wang xiao ming", "former_name_split"),
    ("张yǎn", "张YAN", None, "zhang yan", "character_lost"),
    ("单yan三", "单YAN三", None, "shan yan san", "character_lost"),
    ("张A", None, None, None, "unreadable"),
    ("XX5", None, None, None, "placeholder"),
    ("吕曾用名吕城#", None, None, None, "unreadable"),
    ("张伟A", "张伟", None, "zhang wei", "note_removed"),
    ("李乾", "李乾", None, "li qian", None),
]

SAME_KEY = [
    "吉田 𠮷田",
    "高明 髙明",
    "陈静 陳靜",
    "温泉 溫泉",
    "买买提·艾力 买买提•艾力",
    "买买提艾力 买买提.艾力",
    "买买提艾力 买买提･艾力",
]
LOOK_ALIKE = ["李晴 李睛", "王未 王末", "张珏 张钰", "陈芬 陈芳", "周祎 周袆", "佘强 余强"]
DIFFERENT = ["李强 李刚", "王丽 王娟", "张明 张红"]
SURNAMES = [
    ("单雄信", "shan"), ("仇英", "qiu"), ("区志明", "ou"), ("解珍", "xie"), ("查良镛", "zha"),
    ("曾国藩", "zeng"), ("盖叫天", "ge"), ("朴正", "piao"), ("尉迟恭", "yu chi"), ("覃勇", "qin"),
    ("万俟咏", "mo qi"), ("任伟", "ren"), ("华罗庚", "hua"), ("欧阳修", "ou yang"),
    ("员半千", "yun"), ("缪荣", "miao"), ("令狐冲", "ling hu"), ("长孙无忌", "zhang sun"),
    ("粘玉兰", "nian"),
]  # fmt: skip

IDS = [
    # raw, value, status, defect
    ("11010519491231002X", "11010519491231002X", "valid", None),
    ("11010519491231002x", "11010519491231002X", "valid", "spelling"),
    ("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X", "valid", "spelling"),
    ("'110105 19491231 002X", "11010519491231002X", "valid", "spelling"),
    ("330323790316243", "330323197903162430", "upgraded", "id_upgraded"),
    ("110105194912310021", None, "invalid", "id_check_digit"),
    ("1.10105194912310E+17", None, "damaged", "id_damaged"),
    ("110105194912310000", None, "damaged", "id_damaged"),
    ("110105********002X", None, "masked", "id_masked"),
    ("11010519491231", None, "invalid", "id_length"),
    ("", None, "missing", "placeholder"),
    ("无", None, "missing", "placeholder"),
    ("111111111111111111", None, "missing", "placeholder"),
    ("000000000000000", None, "missing", "placeholder"),
    ("123456789012345678", None, "missing", "placeholder"),
    ("330199000000000000", None, "missing", "placeholder"),
    ("330199198800000000", None, "damaged", "id_damaged"),
    ("11010519491231OO2X", "11010519491231002X", "valid", "spelling"),
    ("11010519491231002", None, "invalid", "id_length"),
    ("CHN110105491231", None, "invalid", "id_other_document"),
    ("3.30323790316243E+14", "330323197903162430", "upgraded", "id_upgraded"),
]
LEFT = [
    # raw, what is left
    ("330323******243", "33032319******243*"),
    ("330323*****2430", "330323********2430"),
    ("3.30323E+14", "33032319**********"),
]

DATES = [
    # raw, value, precision
    ("1980-05-06", date(1980, 5, 6), "day"),
    ("19800506", date(1980, 5, 6), "day"),
    ("1980/5/6", date(1980, 5, 6), "day"),
    ("1980.5.6", date(1980, 5, 6), "day"),
    ("1980年5月6日", date(1980, 5, 6), "day"),
    ("一九八〇年五月六日", date(1980, 5, 6), "day"),
    ("1980-05-06 00:00:00", date(1980, 5, 6), "day"),
    ("1980.5", date(1980, 5, 1), "month"),
    ("1980、5、6", date(1980, 5, 6), "day"),
    ("1980，5，6", date(1980, 5, 6), "day"),
    ("1980年5月", date(1980, 5, 1), "month"),
    ("1980", date(1980, 1, 1), "year"),
    ("农历1980年五月初八", date(1980, 6, 20), "lunar"),
    ("29347", date(1980, 5, 6), "day"),
    ("1980-13-45", None, None),
    ("2099-01-01", None, None),
    ("1700-01-01", None, None),
    ("不详", None, None),
    ("1900-01-01", date(1900, 1, 1), "day"),
]
# a spreadsheet's or a database's nought, shown as a date
NOUGHTS = ("1900-01-00", "1900/1/0", "1899-12-30", "1899/12/31 0:00:00", "00:00:00")

PHONES = [
    ("13812345678", ("13812345678",), None),
    ("138 1234 5678", ("13812345678",), "spelling"),
    ("+86-13812345678", ("13812345678",), "spelling"),
    ("13812345678/13987654321", ("13812345678", "13987654321"), "phone_several"),
    ("13812345678或13987654321", ("13812345678", "13987654321"), "phone_several"),
    ("0571-87654321", ("057187654321",), "spelling"),
    ("13812345678.0", ("13812345678",), "spelling"),
    ("1381234", (), "phone_length"),
    ("13800000000", (), "placeholder"),
    ("13800138000", (), "placeholder"),
    ("11111111111", (), "placeholder"),
    ("13812345678/13800000000", ("13812345678",), "spelling"),
    ("05718765432", ("05718765432",), None),
    ("138****5678", (), "masked"),
    ("无", (), "placeholder"),
]

ADDRESSES = [
    # raw, village, estate, building, unit, room, complete
    ("云溪镇东墩村3组12号", "东墩村", "3组", "", "", "12", True),
    ("东墩村三组12号", "东墩村", "3组", "", "", "12", True),
    ("松滨社区云栖花园3幢2单元501室", "松滨社区", "云栖花园", "3", "2", "501", True),
    ("松滨社区云栖花园3号楼2单元501", "松滨社区", "云栖花园", "3", "2", "501", True),
    ("云栖花园3-2-501", None, "云栖花园", "3", "2", "501", True),
    ("松滨社区云栖花园三幢二单元五〇一室", "松滨社区", "云栖花园", "3", "2", "501", True),
    ("松滨社区云栖花园三栋二单元5楼501", "松滨社区", "云栖花园", "3", "2", "501", True),
    ("松滨社区云栖花园3#2-501", "松滨社区", "云栖花园", "3", "2", "501", True),
    ("松滨社区云栖花园3号2单元501室", "松滨社区", "云栖花园", "3", "2", "501", True),
    ("松滨社区建设路88号云栖花园3幢501", "松滨社区", "云栖花园", "3", "", "501", True),
    ("松滨社区建设路88弄3号501室", "松滨社区", "建设路88弄", "3", "", "501", True),
    ("东墩村第3村民小组十二号", "东墩村", "3组", "", "", "12", True),
    ("东墩村3组12号-1", "东墩村", "3组", "", "", "12-1", True),
    ("松滨社区", "松滨社区", "", "", "", "", False),
    ("不详", None, "", "", "", "", False),
]

CODES = [
    ("sex", "男", "1"),
    ("sex", "2", "2"),
    ("sex", "男性", "1"),
    ("marital_status", "已婚", "20"),
    ("education", "大专", "30"),
    ("ethnic_group", "汉", "01"),
    ("ethnic_group", "汉族", "01"),
    ("medical_insurance", "新农合", "resident"),
    ("sex", "1-男", "1"),
    ("sex", "妖", None),
    ("sex", "2001", None),
    ("sex", "12", None),
    ("marital_status", "1990", None),
]


@pytest.mark.parametrize(
    ("raw", "value", "defect"),
    [
        ("王二", "王二", None),
        ("王二、王小二", "王二、王小二", None),
        ("王 二，王小二/王二", "王二、王小二", "spelling"),
        ("王二；不详", "王二", "spelling"),
        ("无、不详", None, "unreadable"),
        ("无", None, "placeholder"),
    ],
)
def test_former_names_are_several_in_one_cell(raw, value, defect) -> None:
    assert clean_former_names(raw) == (value, defect)


@pytest.mark.parametrize(("raw", "value", "former", "pinyin", "defect"), NAMES)
def test_names(raw, value, former, pinyin, defect) -> None:
    name = clean_name(raw)
    if raw == "买买提．艾力":
        assert name.value == "买买提·艾力"
        assert name.key == "买买提艾力"
        return
    assert (name.value, name.former, name.pinyin, name.defect) == (value, former, pinyin, defect)


@pytest.mark.parametrize("pair", SAME_KEY)
def test_forms_of_one_character_make_one_key(pair) -> None:
    one, other = map(clean_name, pair.split(" "))
    assert one.key == other.key and one.pinyin == other.pinyin


@pytest.mark.parametrize("pair", LOOK_ALIKE + DIFFERENT)
def test_look_alike_characters_share_a_shape_and_no_key(pair) -> None:
    one, other = map(clean_name, pair.split())
    assert one.key != other.key
    assert (one.shape == other.shape) == (pair in LOOK_ALIKE)


@pytest.mark.parametrize(("name", "reading"), SURNAMES)
def test_surnames_are_read_as_surnames(name, reading) -> None:
    assert str(clean_name(name).pinyin).startswith(f"{reading} ")


def test_a_character_is_in_one_group_of_look_alikes_only() -> None:
    table = look_alikes()
    assert not set(table) & set(map(ord, table.values()))


@pytest.mark.parametrize(("raw", "value", "status", "defect"), IDS)
def test_id_numbers(raw, value, status, defect) -> None:
    card = clean_id(raw, TODAY)
    assert (card.value, card.status, card.defect) == (value, status, defect)


@pytest.mark.parametrize(("raw", "left"), LEFT)
def test_what_is_left_of_15_digits_stands_in_18(raw, left) -> None:
    assert clean_id(raw, TODAY).partial == left


def test_people_older_than_their_county_code_are_not_rejected() -> None:
    body = "33010619500101123"
    assert clean_id(body + check_digit(body), TODAY).status == "valid"


@pytest.mark.parametrize(("raw", "value", "precision"), DATES)
def test_dates(raw, value, precision) -> None:
    day = clean_date(raw, TODAY)
    assert (day.value, day.precision) == (value, precision)
    assert value is not None or day.defect is not None


@pytest.mark.parametrize("raw", NOUGHTS)
def test_a_nought_that_looks_like_a_date_is_nobodys_birthday(raw) -> None:
    assert clean_date(raw, TODAY) == (None, None, "placeholder")


@pytest.mark.parametrize(("raw", "values", "defect"), PHONES)
def test_phones(raw, values, defect) -> None:
    assert clean_phone(raw) == (values, defect)


@pytest.mark.parametrize(
    ("raw", "village", "estate", "building", "unit", "room", "complete"), ADDRESSES
)
def test_addresses(  # noqa: PLR0917
    raw, village, estate, building, unit, room, complete
) -> None:
    address = clean_address(raw, VILLAGES)
    assert address[1:7] == (village, estate, building, unit, room, complete)


def test_a_place_name_keeps_its_characters() -> None:
    assert clean_address("松滨社区至善花园3幢2单元501室", VILLAGES).estate == "至善花园"


@pytest.mark.parametrize(("listed", "raw", "code"), CODES)
def test_codes(listed, raw, code) -> None:
    found = clean_code(raw, listed)
    assert found.value == code
    assert code is not None or found.defect == "code_unknown"


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        *(("600元", 600), ("1,200.00", 1200), ("¥ 1,234,500 元", 1234500), ("0", 0), ("两", None)),
        *(("1,2,3", None), ("300,50", None), ("600 700", None), ("6 00", None)),
    ],
)
def test_amounts(raw, value) -> None:
    assert clean_number(raw).value == value


_TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs",)),
        st.sampled_from(
            "张三王小明东墩村组号幢单元室年月日初一二十农历男女0123456789Xx*-./ ()（）"
        ),
    ),
    max_size=24,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KINDS), st.lists(_TEXT, max_size=6, unique=True))
def test_no_text_makes_a_cleaner_raise(kind, values) -> None:
    table = clean_values(kind, values, Context(TODAY, VILLAGES))
    assert table.num_rows == len(values)


@settings(max_examples=200, deadline=None)
@given(st.one_of(_TEXT, st.text("' \u3000\u200b\u2005＇张", max_size=8)))
def test_tidying_twice_changes_nothing(raw) -> None:
    assert tidy(tidy(raw)) == tidy(raw)


_UNITS = [*"A ā a1 X 张A zhang （ < 村 1- 组 初 #".split(), " ", "13800138001 "]


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_that_is_full_to_the_brim_costs_a_moment(kind) -> None:
    start = time.process_time()
    full = [f"{(unit * 33_000)[:32_700]}{end}" for unit in _UNITS for end in ("", "张", "1")]
    assert clean_values(kind, full, Context(TODAY, VILLAGES)).num_rows == len(full)
    assert time.process_time() - start < 5


@settings(max_examples=300, deadline=None)
@given(_TEXT)
def test_cleaning_twice_changes_nothing(raw) -> None:
    if (name := clean_name(raw)).value is not None:
        assert clean_name(name.value)[:1] + clean_name(name.value)[2:6] == name[:1] + name[2:6]
    if (card := clean_id(raw, TODAY)).value is not None:
        assert clean_id(card.value, TODAY).value == card.value
    for phone in clean_phone(raw).values:
        assert clean_phone(phone).values == (phone,)
    if (day := clean_date(raw, TODAY)).value is not None and day.precision == "day":
        assert clean_date(day.value.isoformat(), TODAY).value == day.value


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("0123456789Xx *-+/()'.,年"), max_size=26))
def test_digits_are_never_invented(raw) -> None:
    digits = re.sub(r"\D", "", raw)
    for phone in clean_phone(raw).values:
        assert phone in digits
    card = clean_id(raw, TODAY)
    if card.status == "valid" and card.value:
        assert card.value[:17] in digits
    assert (card.value is None) == (card.status not in ("valid", "upgraded"))


@settings(max_examples=200, deadline=None)
@given(st.dates(date(1900, 1, 1), TODAY), st.integers(0, 999), st.integers(100000, 659999))
def test_a_well_made_number_is_valid_and_one_wrong_digit_is_not(born, sequence, county) -> None:
    body = f"{county}{born:%Y%m%d}{sequence:03d}"
    number = body + check_digit(body)
    card = clean_id(number, TODAY)
    assert (card.value, card.birth) == (number, born)
    assert card.sex == ("1" if sequence % 2 else "2")
    wrong = str((int(number[5]) + 1) % 10)
    assert clean_id(number[:5] + wrong + number[6:], TODAY).status in ("invalid", "damaged")


def test_every_kind_of_defect_is_explained() -> None:
    page = (Path(__file__).parents[1] / "docs" / "defects.md").read_text("utf-8")
    for kind, severity in SEVERITY.items():
        assert re.search(rf"\| `{kind}` \| [^|]+ \| {severity} \|", page), kind


_DIGITS = st.text("0123456789", min_size=17, max_size=17)
_NUMBERS = st.one_of(
    _DIGITS.map(lambda body: body + check_digit(body)),
    st.builds(
        lambda area, born, order: (body := f"{area}{born:%Y%m%d}{order:03}") + check_digit(body),
        st.integers(110000, 659999),
        st.dates(date(1850, 1, 1), date(2030, 1, 1)),
        st.integers(0, 999),
    ),
    st.text("0123456789Xx*", min_size=15, max_size=18),
    st.text("0123456789", min_size=12, max_size=15).map(lambda d: f"{d[0]}.{d[1:]}e+17"),
    st.builds(lambda a, b: f"{a}********{b}", st.integers(0, 999999), st.integers(0, 9999)),
    st.builds(
        lambda area, tail: f"{area}********{tail}X", st.integers(100000, 999999), st.just("012")
    ),
    st.sampled_from(["123456789012345678", "110101111111111234", "330100000000001234"]),
    st.integers(10**14, 10**15 - 1).map(lambda n: f"{n}000"),
)
_PHONES = st.one_of(
    st.integers(13_000_000_000, 19_999_999_999).map(str),
    st.builds(lambda head, digit: head + digit * 8, st.just("138"), st.sampled_from("0123456789")),
    st.sampled_from(["13800138000", "13812345678", "13800000001", "057188888888", "无"]),
)


_ABOVE = st.sampled_from(["", "临江市松滨区", "松滨区东墩镇", "沈湾镇", "某省某县", "新村"])
_ADDRESSES = st.one_of(
    st.tuples(
        _ABOVE,
        st.sampled_from(["东墩村", "松滨社区", ""]),
        st.sampled_from(["云栖花园", "云栖小区", "水岸", "东墩组", "中国花园"]),
        st.sampled_from(["3号楼", "03幢", "5-"]),
        st.sampled_from(["2单元", "02-"]),
        st.sampled_from(["501室", "0501", "0"]),
    ),
    st.tuples(st.sampled_from(["东墩村", "松滨社区", ""]), st.sampled_from(["6组09号", "12组3号"])),
    st.tuples(
        _ABOVE,
        st.sampled_from(["东墩村", "松滨社区", "东墩村民委员会", "无名村", ""]),
        st.sampled_from(["云栖小区", "老街", "三区", "东墩村", "6组", "第二组", ""]),
        st.sampled_from(["3号楼", "03幢", "5-", "A座", "7号", "十号楼", ""]),
        st.sampled_from(["2单元", "02-", "1-", "12", ""]),
        st.sampled_from(["501室", "3楼301", "五零一", "内", ""]),
    ),
).map("".join)


_DATES = st.one_of(
    st.dates(date(1880, 1, 1), date(2040, 1, 1)).map(str),
    st.dates(date(1880, 1, 1), date(2040, 1, 1)).map(lambda day: day.strftime("%Y%m%d")),
    st.builds(
        lambda y, m, d, form: form.format(y, m, d),
        *(st.integers(1880, 2040), st.integers(0, 13), st.integers(0, 32)),
        st.sampled_from(["{}.{}.{}", "{}年{}月{}日", "{}/{:02}/{:02}", "{}-{}.{}", "{}.{}"]),
    ),
    st.text("0123456789-", min_size=8, max_size=10),
    st.sampled_from([*NOUGHTS, "18991230", "19000100"]),
    st.sampled_from(["19800230", "1980-13-01", "1980-00-00", "19800500", "１９８０-05-01"]),
)
_SURNAMES = st.sampled_from(["王", "單", "欧阳", "尉迟", "万俟", "乐", "呂", "张", "司马", "某"])
_GIVEN = st.sampled_from(
    [
        "伟",
        "建國",
        "曉明",
        "某某",
        "先生",
        "生",
        "之子",
        "氏",
        "女士",
        "乐",
        "长生",
        "髙",
        "  芳",
        "·木",
        "",
    ]
)
_NAMES = st.one_of(
    st.tuples(_SURNAMES, _GIVEN).map("".join),
    st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=5),
    st.sampled_from(
        ["无名氏", "合计", "户主", "不详", "未知", "东方红", "张三丰", "第五伦", "重耳"]
    ),
)
_TEXTS = st.one_of(
    st.text("云州一中1A·()-", min_size=1, max_size=6),
    st.text("云州一中1A·()-（）' 　、＊\u200b", min_size=1, max_size=6),
    st.sampled_from(sorted(JUNK)),
)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("id", _NUMBERS),
        ("phone", _PHONES),
        ("address", _ADDRESSES),
        ("date", _DATES),
        ("name", _NAMES),
        ("text", _TEXTS),
    ],
)
def test_what_sql_recognises_its_cleaner_reads_alike(
    kind: str, values: st.SearchStrategy[str]
) -> None:
    with duckdb.connect() as con:

        @settings(max_examples=60, deadline=None)
        @given(st.lists(values, min_size=1, max_size=40, unique=True))
        def agree(raws: list[str]) -> None:
            context = Context(TODAY, VILLAGES)
            con.register("given", pa.table({"v": raws}))
            con.register("nothing", clean_values(kind, [], context))
            con.execute("CREATE OR REPLACE TEMP TABLE to_clean AS SELECT v FROM given")
            con.execute("CREATE OR REPLACE TEMP TABLE known AS SELECT * FROM nothing")
            take_plain(con, kind, "known", TODAY, VILLAGES)
            taken = con.table("known").to_arrow_table().to_pylist()
            left = [value for (value,) in con.table("to_clean").fetchall()]
            assert sorted([row["raw"] for row in taken] + left) == sorted(raws)
            assert taken == clean_values(kind, [row["raw"] for row in taken], context).to_pylist()
            counted.append(len(taken))

        counted: list[int] = []
        agree()
    assert sum(counted) > 40


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("云溪镇东风村", "东风村"),
        ("云州县云溪镇东风村村民委员会", "东风村"),
        ("东风村", "东风村"),
        ("临湖镇红旗村", "红旗村"),
        ("新乡村", "新乡村"),
        ("居民名册", "居民名册"),
    ],
)
def test_a_ledger_names_its_village_with_or_without_what_stands_above_it(
    raw: str, name: str
) -> None:
    assert clean_village(raw, frozenset({"东风村", "新乡村"})) == name
