"""The syllables of characters; surnames read as surnames."""

from __future__ import annotations

import unicodedata
from functools import cache

from pypinyin.constants import PINYIN_DICT

COMPOUND_SURNAMES = frozenset(
    """
    欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊
    赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文
    司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正
    宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 公户
    公玉 公仪 梁丘 公仲 公上 公门 公山 公坚 左丘 公伯 西门 公祖 第五 公乘
    贯丘 公皙 南荣 东里 东宫 仲长 子书 子桑 即墨 达奚 褚师 纳兰 归海 东门
    相里 胡母 司城 张廖 雍门 毋丘 贺兰 綦毋 屋庐 独吉 完颜 叶赫 爱新
    """.split()
)

SURNAME_READINGS = {
    "单": "shan", "仇": "qiu", "区": "ou", "解": "xie", "查": "zha", "任": "ren", "曾": "zeng",
    "盖": "ge", "朴": "piao", "缪": "miao", "尉": "wei", "乐": "yue", "翟": "zhai", "折": "she",
    "黑": "he", "秘": "bi", "种": "chong", "华": "hua", "纪": "ji", "覃": "qin", "隗": "wei",
    "繁": "po", "召": "shao", "员": "yun", "冼": "xian", "洗": "xian", "哈": "ha", "那": "na",
    "盛": "sheng", "石": "shi", "沈": "shen", "宿": "su", "葛": "ge", "阚": "kan", "郗": "xi",
    "晁": "chao", "逄": "pang", "佴": "nai", "呙": "guo", "万": "wan", "贾": "jia", "重": "chong",
    "车": "che", "柏": "bai", "卜": "bu", "宁": "ning", "应": "ying", "曲": "qu", "尹": "yin",
    "便": "pian", "俞": "yu", "牟": "mou", "谌": "chen", "臧": "zang", "褚": "chu", "柴": "chai",
    "强": "qiang", "能": "nai", "撒": "sa", "幺": "yao", "适": "kuo", "句": "gou", "教": "jiao",
    "郇": "xun", "祭": "zhai", "都": "du", "藏": "zang", "么": "yao", "乜": "nie", "角": "jue",
    "薄": "bo", "相": "xiang", "燕": "yan", "过": "guo", "佘": "she", "厍": "she", "妫": "gui",
    "颉": "xie", "炅": "gui", "粘": "nian",
    "夹谷": "jia gu", "贺兰": "he lan", "第五": "di wu", "毋丘": "guan qiu", "綦毋": "qi wu",
    "尉迟": "yu chi", "万俟": "mo qi", "澹台": "tan tai", "长孙": "zhang sun", "令狐": "ling hu",
    "鲜于": "xian yu", "单于": "chan yu", "亓官": "qi guan", "夏侯": "xia hou", "宰父": "zai fu",
    "子车": "zi ju", "百里": "bai li", "呼延": "hu yan",
}  # fmt: skip
"""Surname → how it is read where that differs from the common reading of its characters."""
_GIVEN_READINGS = {
    "长": "chang", "行": "xing", "重": "chong", "乐": "le", "朝": "chao", "俊": "jun", "娜": "na",
    "茜": "qian", "珏": "jue", "乾": "qian", "曾": "zeng", "谷": "gu", "芃": "peng", "莎": "sha",
    "晟": "sheng", "祺": "qi", "绿": "lv", "吕": "lv", "女": "nv",
}  # fmt: skip


@cache
def syllables() -> dict[int, str]:
    """Code point → its most common toneless syllable and a space."""
    table = {code: _toneless(readings) + " " for code, readings in PINYIN_DICT.items()}
    table |= {ord(char): syllable + " " for char, syllable in _GIVEN_READINGS.items()}
    return table


def surname_reading(surname: str) -> str | None:
    """How a surname is read where it differs from the common reading of its characters."""
    return SURNAME_READINGS.get(surname)


def _toneless(readings: str) -> str:
    first = readings.split(",", 1)[0].replace("ü", "v")
    plain = unicodedata.normalize("NFD", first)
    # ǖǘǚǜ fall apart into u, diaeresis and tone; the diaeresis is what makes it a v.
    plain = plain.replace("u\u0308", "v")
    return "".join(char for char in plain if char.isascii() and char.isalpha())
