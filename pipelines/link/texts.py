"""What people read about matches (Chinese), without personal values."""

from __future__ import annotations

CONTRADICTION = "contradiction"

EXPLANATIONS = {
    "doubtful": "两条记录可能是同一个人，证据不足以自动归并，请核对后确认",
    "contested_id": "两条记录填了同一个身份证号，但姓名或出生日期不符，请核对号码属于谁",
    "two_ids": "两条记录其他信息相符，但身份证号都有效且不同，请核对哪一个是本人号码",
    "cut": "归并会使不同的人合为一人（同行两人、两个证号、可归两人之一或已核定），已断开，请核对",
    CONTRADICTION: "曾核定为同一人，但与另一项“不是同一人”的核定矛盾，未能归并，请改正其中一项",
}
"""Reason of a review item, or what the decision contradicts → what the person is asked."""

TIER_LABELS = {
    "certain": "证号确定",
    "probable": "综合推断",
    "decision": "人工核定",
    None: "未比较",
}
"""Tier of a pair, none where nothing compared it → its name."""

WORDS = {
    "same name": "姓名相同",
    "names sound the same": "姓名同音",
    "characters look alike": "姓名字形相近",
    "former name, or part of the name": "曾用名或姓名的一部分相符",
    "name agrees as far as it is readable": "姓名有缺字，其余相符",
    "characters of the name in another order": "姓名用字相同、顺序不同",
    "a character of the name is left out": "姓名少一个字或被截短",
    "one character differs": "姓名差一个字",
    "names sound alike": "姓名读音相近",
    "names differ": "姓名不同",
    "same birth date": "出生日期相同",
    "birth dates differ by one slip": "出生日期差一处笔误",
    "birth date agrees with what is left of the ID number": "出生日期与证号残留部分相符",
    "the same day by the lunar and the solar calendar": "出生日期是同一天的农历与公历",
    "same month of birth": "出生年月相同",
    "same year of birth": "出生年份相同",
    "birth dates differ": "出生日期不同",
    "same ID number": "证号相同",
    "ID numbers differ by one slip": "证号差一处笔误",
    "most of the ID number is left and agrees": "证号大部分可辨且相符",
    "what is left of the ID number agrees": "证号残留部分相符",
    "the first fifteen digits of the ID numbers agree": "证号前十五位相符",
    "the ID numbers show the same birth date": "证号所示出生日期相同",
    "nothing that is left of the ID numbers contradicts": "证号可辨部分不矛盾",
    "ID numbers differ": "证号不同",
    "same sex": "性别相同",
    "sex differs": "性别不同",
    "shared phone of one name": "电话相同",
    "shared phone of a family": "家庭共用电话相同",
    "phones differ": "电话不同",
    "same dwelling": "住址相同",
    "same building": "同一幢楼",
    "same estate or group": "同一小区或村民组",
    "same village": "同一村社",
    "villages differ": "村社不同",
    "several persons of the household are the same": "多名家庭成员相同",
    "one person of the household is the same": "一名家庭成员相同",
    "households differ": "家庭成员不同",
}
"""Reasons of a pair in English → Chinese."""

COMPARISON_LABELS = {
    "name": "姓名",
    "birth": "出生日期",
    "id": "身份证号",
    "sex": "性别",
    "phone": "电话",
    "place": "住址",
    "household": "家庭成员",
}
DRIFT_VERDICTS = {
    "keep": "仍适用",
    "watch": "有变化，继续观察",
    "retrain": "明显变化，建议重新训练",
    "too little to say": "数据太少，无法判断",
}
DRIFT_LABELS = {
    **{f"levels of {name}": f"{label}比较的各级" for name, label in COMPARISON_LABELS.items()},
    "match weights": "匹配权重",
    "open records": "待认记录占比",
    "frequencies of name_key": "常见姓名的频率",
    "frequencies of name_pinyin": "常见读音的频率",
}
MISSING = "缺"
"""What a comparison says when one of the two records lacks the value."""

BASES = {
    "same ID number; same name": "同一有效证号，姓名相同，没有矛盾",
    "same ID number; names sound the same": "同一有效证号，姓名同音，没有矛盾",
    "same ID number; names agree in part": "同一有效证号，姓名大体相符，没有矛盾",
    "same ID number; names or birth dates contradict": "同一证号，但姓名或出生日期矛盾",
    "birth date or sex contradicts the number": "出生日期或性别与证号不符",
    "ID numbers differ by one slip of the pen; name and birth date agree": (
        "两个有效证号只差一处笔误，姓名、出生日期相符"
    ),
}
"""Reasons of a pair that joins, or is contested, without its weight → Chinese."""

SCORED = "按各项比对的合计权重"
NEVER_COMPARED = "当晚没有比较过这两条记录"
DECIDED = {"always": "人工核定：同一人", "never": "人工核定：不是同一人"}
