"""What reviewers read (Chinese), besides the templates."""

from __future__ import annotations

VERDICTS = {"always": "同一人", "never": "不同人", "unsure": "存疑", "withdrawn": "已撤销"}
"""A person's word on two records → what the buttons say."""

REASONS: tuple[str, ...] = (
    "证号笔误",
    "姓名写法不同",
    "借用他人证号",
    "父母与子女",
    "兄弟姐妹",
    "夫妻",
    "同名不同人",
    "电话核实",
    "入户核实",
    "查看原件",
)
"""Quick choices of the field for the reason."""

SAID_BEFORE = "{author} {day} 已核定：{one}与{other}的记录是“{verdict}”"
DEFAULT_REASON = "人工比对"

BENEFITS = {
    "low_income": "低保",
    "disability_living": "残疾人生活补贴",
    "disability_care": "残疾人护理补贴",
    "old_age": "高龄津贴",
}
INSURANCES = {
    "resident_pension": "城乡居民养老",
    "employee_pension": "企业职工养老",
    "resident_medical": "城乡居民医保",
    "employee_medical": "职工医保",
    "unemployment": "失业登记",
}
INSURANCE_STATUS = {"active": "参保", "paused": "中断", "ended": "终止", "receiving": "领取"}
FORBIDDEN = (
    "没有访问权限。请用终端中显示的链接打开本页；"
    "链接只能使用一次，用过后请重新运行 onegrid review。"
)
NOT_FOUND = "没有这一页，或该待核项已不在当前批次中。"
NOTHING_PUBLISHED = "还没有已发布的批次。"
LONG_REASON = "理由请不超过 200 字。"
NUMBER_IN_REASON = "理由会长期保存，请不要写证号、电话等号码。"
ALREADY = "{author} 刚刚已核定为“{verdict}”，本次没有保存。"
NOTHING_TO_UNDO = "没有可撤销的核定。"
UNDONE = "已撤销：{verdict}"
KEPT = "已记：{verdict}"
