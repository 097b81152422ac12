"""Characters: private-use code points, variant forms, and characters taken for one another.

Three tables, from the most to the least certain. `RECODED` holds code points that stand for one and
the same character; `folding` adds traditional and variant forms, which are the same character to
whoever reads it; `look_alikes` holds different characters that hands and eyes confuse.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from opencc import OpenCC

LOST = "?"
"""Stands in a name's key for a character that is lost."""

_BLOCKS = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x2FA20))
_PRIVATE = (0xE000, 0xF900)
# Row FE of GBK lay in the private-use area. GB 18030-2000 and -2005 moved most of it to Unicode's
# own code points (Python's codec knows those), GB 18030-2022 the last fourteen characters.
_MOVED_IN_2022 = {
    0xE816: "\U00020087", 0xE817: "\U00020089", 0xE818: "\U000200cc", 0xE831: "\U000215d7",
    0xE83B: "\U0002298f", 0xE855: "\U000241fe", 0xE81E: "\u9fb4", 0xE826: "\u9fb5",
    0xE82B: "\u9fb6", 0xE82C: "\u9fb7", 0xE832: "\u9fb8", 0xE843: "\u9fb9", 0xE854: "\u9fba",
    0xE864: "\u9fbb",
}  # fmt: skip
# True glyph variants that opencc leaves alone; different characters of one meaning are not here.
_GLYPHS = str.maketrans(
    "髙吳呉黄黃戸產産濵溫逺説兪巳﨑桒栁隠隂羙菓喆淸靑增德眞絶楞圡𠮷徳恵珎寕甯叡勲栄暁鉄斉沢浜広辺緑塩",
    "高吴吴黄黄户产产滨温远说俞巳崎桑柳隐阴美果哲清青增德真绝楞土吉德惠珍宁宁睿勋荣晓铁齐泽滨广边绿盐",
)
# Compiled for this project from what teachers of Chinese warn of (形近字) as far as the characters
# stand in names, and from slips of the two shape-based input methods; no published table is copied.
# Within a group every character may be taken for every other.
_LOOK_ALIKES = """
己已巳 末未 戊戌戍戎戒 晓饶 珏钰 芬芳 娟捐 明朋 梅海悔 宇字 季秀 佳住往 思恩 春舂
平乎 治冶怡 瑞端 良艮 文丈 天夫 大太犬 士土 田由甲申 干千于 日曰目 人入八 午牛 今令
刀力 九丸 贝见 乌鸟 兰三 广厂 仑仓 沦沧 冷泠 沽沾 茶荼 宛苑 场汤 陈阵 阳阴 柳抑
析折拆 检捡 杭抗 桃挑 彬杉 昊吴 昌冒 晶品 暖缓 亮高 享亨 倩情 任仕 代伐 侠陕 苗茁
荣荥 荆刑 荀苟 维淮 恒桓垣 慎镇 斯期 旗族 怀坏 永水 汉汊 泽译 浪朗郎狼 淑椒 澜阑
烨桦 琼掠 秋伙 素索 绍组 美姜 翔翱 翠碎 翼冀 艳绝 虎虚 待侍 坚竖贤 货贺 赵赴 超赶
轩斩 铁轶 辛幸 逸兔 邓郑 郁都 锦绵 闫闰 阮院 隆降 顺须 颖颍 鲁鱼 鸣呜 鹏鹃 鹤鹊
娜哪 妙秒 嬴赢 冬各 勇男 博傅搏 占古 卓早 友反 叶计 哲誓 宗宋 宜宣 家冢 小少 尚向
崇祟 帅师 康庚 强弱 彤丹 若诺 敏繁 栋拣 根恨 材村 枝技 洁浩 茵菌 晴睛 雅稚 祎袆
粟栗 裴斐 酉西 佘余 卞卡 毋母 普晋 徐除 霞遐 菊掬 婉惋 璇旋 萍苹 玲铃 珂坷 珊栅
柏拍 沈沉 祁祈 冼洗 侯候 邢邪 汪旺 禹禺 荃筌 沐休 秉乘 曲典 史吏 尹伊 丁了 车东
韦书 白自 方万 王玉 石右 伏优 左在 何河 孟盂 盛戚 崔催 段假 钱线 钟种 凯剀 楷揩
桐侗 炳柄 瑶遥 蓉溶 莎沙 芸云 芝乏 荔茘 薇徽 莲连 莹荧 菲非 蕊芯 蓝篮 慧彗 惟唯
悦说 愉榆 泊泪 波坡 沛柿 源原 溪奚 涛祷 润涧 清请 晖挥 昱煜 昕听 旭旯 晏宴 景影
曦羲 煌惶 熙煕 炜讳 烽锋 焱淼 铭名 钧均 铎择 锐税 钦饮 镕熔 骏俊 驰弛
"""


def _recoded() -> dict[int, str]:
    trail = [*range(0x50, 0x7F), *range(0x80, 0xA1)]
    table = {
        0xE815 + place: bytes((0xFE, low)).decode("gb18030") for place, low in enumerate(trail)
    }
    table |= _MOVED_IN_2022
    for code in range(0x2E80, 0x2FE0):  # radicals come with texts copied from PDF files
        plain = unicodedata.normalize("NFKC", chr(code))
        if plain != chr(code):
            table[code] = plain
    table |= dict.fromkeys((*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)), "")
    return table


RECODED = _recoded()
"""Code point → the same character as GB 18030-2022 encodes it; variation selectors → nothing."""


@cache
def folding() -> dict[int, str]:
    """Code point → simplified character, for those that change; private-use ones are lost."""
    chars = [chr(code) for start, end in _BLOCKS for code in range(start, end)]
    table: dict[int, str] = {}
    simplified = OpenCC("t2s").convert("\n".join(chars)).split("\n")
    for char, simple in zip(chars, simplified, strict=True):
        folded = unicodedata.normalize("NFC", simple).translate(_GLYPHS)
        if folded != char and len(folded) == 1:
            table[ord(char)] = folded
    del table[ord("乾")]  # in names it is qián, which is written so in simplified characters, too
    for code, target in _GLYPHS.items():
        table[code] = table.get(ord(str(chr(target))), chr(target))
    return {code: char for code, char in table.items() if chr(code) != char} | dict.fromkeys(
        range(*_PRIVATE), LOST
    )


@cache
def look_alikes() -> dict[int, str]:
    """Code point → one character for its whole group of look-alikes, for those that change."""
    return {ord(char): group[0] for group in _LOOK_ALIKES.split() for char in group[1:]}
