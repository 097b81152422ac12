"""Every Chinese word of the review workbook, and of the report on what came back."""

from __future__ import annotations

from schemas.fields import FIELD

QUEUE, GUIDE, BATCH = "待核清单", "填写说明", "批次"

SHOWN = (
    *("source", "role", "observed"),
    *("name", "former_name", "sex", "birth_date", "id_number", "phone", "address"),
    "note",
)
"""What a row shows of its record: keys of `items.Side.shown`."""

HEADERS = {
    "number": "序号",
    "review_id": "待核编号",
    "why": "为什么待核",
    "source": "来源",
    "role": "身份",
    "observed": "数据日期",
    **{name: FIELD[name].label for name in SHOWN if name in FIELD},
    "note": "说明",
    "differing": "不同之处",
    "verdict": "结论",
    "reason": "理由",
    "side": "侧",
    "record": "记录标识",
    "word": "核定号",
    "content": "内容校验",
    "digest": "本行校验",
}
"""Key of a column → its header, in the order of the columns."""

VERDICTS = {"同一人": "always", "不是同一人": "never", "无法判断": "unsure"}
SAID = {word: said for said, word in VERDICTS.items()} | {"withdrawn": "已撤销"}

DEFAULT_REASON = "人工比对（工作簿）"
NO_DIFFERENCE = "没有矛盾之处"

TITLE = "{district}　待核清单"
FACTS = "数据截至 {day}（第 {night} 晚）　共 {items} 项，按核定后能解决的问题多少排序"
LEGEND = "每一项占两行，各是一条记录。黄色：两条记录说法不同。请只填红框里的“结论”和“理由”"
CONFIDENTIAL = "含个人信息，只供核定使用；交回后请删除，不得转发"
FOOTER = "第 &P 页　共 &N 页"

UNSURE = "（{author} 曾标“无法判断”）"

LIST_TITLE, LIST_HINT = "结论", "点右边的小箭头选一项；没看完的可以空着。"
WRONG_TITLE, WRONG_LIST = "不在选项里", "请选：同一人、不是同一人、无法判断。"
REASON_TITLE, REASON_HINT = "理由", "怎么知道的，如“电话核实”“父子”。不要写证号、电话。"

GUIDE_LINES = (
    ("怎么填", ""),
    ("1", "每一项是两条记录，上下两行。请判断：这两条记录说的是不是同一个人。"),
    ("2", "在“结论”里选：同一人、不是同一人、无法判断。不会的先空着，可以分几次交。"),
    ("3", "“理由”写怎么知道的，不超过 200 字，不要写证号、电话等号码。可以不写。"),
    ("4", "同一人：下一晚两条记录归到一个人名下，旧编号仍可查到。"),
    ("5", "不是同一人：以后再像也不会归到一起，也不会再问这两个人。"),
    ("6", "无法判断：先不动，留在清单里，请更了解情况的人来看。"),
    ("7", "父子、夫妻、双胞胎、同名同日生都不是同一人，哪怕住址、电话一样。"),
    ("8", "一个人有两种写法的姓名、两个号码中有一个是笔误，仍是同一人。"),
    ("9", "其他列请不要改，也不要增删行列；发现内容有错，写在“理由”里或告诉来源部门。"),
    ("10", "填完存盘（.xlsx），把原文件交回，文件名不用改。同一份交两次不会重复计算。"),
)

TAKEN = "已收"
TAKEN_BUT = "已收，但与别的核定矛盾（甲乙同一人、乙丙同一人、甲丙不是）：下一晚会退回一项，请再看"
AGAIN = "已有同样的核定，不重复"
BLANK = "未填"
OVERRULED = "没有收：{day} {author} 已核定为“{said}”。要改请在核定页面上改，或重新导出后再填"
CONTRADICTORY = "没有收：两行的结论不一样"
INVALID = "没有收：结论不在选项里（同一人、不是同一人、无法判断）"
LONG_REASON = "没有收：理由超过 200 字"
NUMBER_IN_REASON = "没有收：理由里有号码，请删去后再交"
CHANGED = "没有收：这一项的内容被改过。请在原导出的工作簿里填，或重新导出"
INCOMPLETE = "没有收：这一项不是正好上下两行（有行被删或被复制）"
NAMELESS = "没有收：这一行没有待核编号，不是导出的行"
UNKNOWN = "没有收：不认识的待核编号"
OUTDATED = "没有收：导出以后记录的内容变了。请重新导出再填"

NOT_OURS = "这不是 onegrid 导出的待核清单。请交回原文件，不要把内容粘到别的工作簿里"
ELSEWHERE = "这是“{theirs}”的待核清单，不能收到“{ours}”来"
OTHER_LAYOUT = "这份待核清单的版式是 {theirs}，本机只认 {ours}。请用现在的版本重新导出"
COLUMNS_CHANGED = "待核清单的表头被改过（列被插入、删除或移动）。请在原导出的工作簿里填"
SHEET_MISSING = "工作簿里没有“{sheet}”这张表。请交回完整的原文件"
UNREADABLE = {
    "too_large": "文件太大，不是导出的待核清单",
    "sparse": "文件太大，不是导出的待核清单",
    "password": "文件有密码，打不开。请去掉密码后再交",
    "not_a_workbook": "文件打不开：不是 .xlsx，或已损坏。请用 Excel 或 WPS 另存为 .xlsx 再交",
}
