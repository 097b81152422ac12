"""What grid workers read on the page (Chinese), besides the templates."""

from __future__ import annotations

from pipelines.intake.texts import CELLS, ROWS

WRONG_TOKEN = "口令不对。请对照发给您的口令再输一次（不分大小写，横线可以不输）。"
ENDED_TOKEN = "这个口令已到期或已停用。请向街道要一个新的。"
WAIT = "口令输错的次数太多，请等 15 分钟再试。"
SIGN_IN_AGAIN = "请重新登录。填好还没交的内容留在这台手机里，登录后接着交。"
NOT_FOUND = "没有这一页，或者这一户已不在本网格的表上。"
NOTHING_SAID = "这一户还没有填写内容。"
WRONG_CONTENT = "交来的内容不完整或格式不对，没有收。请刷新页面后再填。"
OTHER_GRID = "这不是您的网格的表，没有收。"
LONG_TEXT = "内容太长（最多 {most} 个字）。"
STALE_FORM = "表已经换了新的一版，请刷新页面后再交。"
SENT = "已交：收下 {taken} 项"
SENT_NEW = "已交：新增人员 1 位，下一次汇总后编入名册"
SENT_WAITS = "，其中 {wait} 项要由街道核定"
SENT_MENDS = "。还有 {mend} 处要改，改好后再交一次"
ONLY_MENDS = "有 {mend} 处要改，改好后再交一次"
NOTHING_NEW = "已交（内容与上次相同）"

MESSAGES = {
    **ROWS,
    **CELLS,
    "unreadable": "看不懂，请检查后重填。",
    "no_death_date": "请填死亡日期，不能晚于今天。",
    "unknown_result": "请从给出的几项里选。",
    "not_on_form": "这个人的内容刚刚有更新，请刷新页面后再填。",
    "other_form_row": "这一行不在这张表上，请刷新页面后再填。",
    "resident_gone": "这个人的档案正在核对，暂时不能收，请报网格长。",
    "resident_dead": "这个人已登记死亡，填写的内容没有采用；如有误请报网格长。",
    "new_unreadable": "看不懂，这一位还没有收，请检查后重填。",
    "new_without_name": "请填姓名。",
    "new_without_more": "只有姓名认不出是谁：请再填证号、出生日期、电话、住址中的至少一项。",
    "new_on_list": "这个人本来就在表上：请在任务清单里找到那一户，填在那里。",
    "row_twice": "同一个人交来了两份不同的内容，请刷新页面后再填。",
}
"""Why a row or a cell was not taken, as said beside it on the page."""

WAYS = {
    "查无此人": "本地没有这个人",
    "已迁出": "搬走了，备注写去向",
    "已死亡": "请填日期",
    "拒答": "不愿意说",
    "未遇": "去了没碰上，下次再来",
}
"""核实结果 of whom nobody could ask, with what it means."""
