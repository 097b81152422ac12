"""Every Chinese word a grid worker reads in a workbook or its manifest."""

from __future__ import annotations

# Sheets
TASKS = "任务清单"
LIST = "核查表"
GUIDE = "填表说明"
CODES = "字典"
ISSUE = "批次"

# States of a cell, as written in the 来源 column
ASK = "需填"
VERIFY = "待核"
CONTESTED = "不一致"
OPTIONAL = "选填"
WITHHELD = "不予提供"
WITHHELD_WHY = "用途不符"
NOT_CONCERNED = "不适用"
NO_PLACE = "地址不详"
NO_NAME = "（姓名待填）"

# Columns
ROW_NO = "序号"
PLACE = "户（住址）"
SOURCE = "来源"
RESULT = "核实结果"
REMARK = "备注"
HIDDEN = ("行标识", "居民标识", "版本", "校验")
RESULTS = ("正确", "已修改", "查无此人", "已迁出", "已死亡", "拒答", "未遇")
DONE = ("√",)
TASK_COLUMNS = (
    ROW_NO,
    PLACE,
    "姓名",
    "需填：还没有人知道，请问",
    "待核：请问一问还对不对",
    "现场记录",
    "办结",
    "表中行号",
)

LEGEND = (
    ("known", "灰：部门已有，不用再问"),
    ("verify", "黄：待核，请核实，不对就改"),
    ("ask", "红框：需填，请问清填上"),
    ("none", "白：选填，知道就填"),
    ("withheld", "深灰：不予提供，不用填"),
)

LIST_TITLE = "{district}{title}"
TASK_TITLE = "{title}　任务清单"
FACTS = (
    "{village}　{grid_name}（{grid_code}）　期次 {period}　第 {version} 版　"
    "下发 {issued_on}　请于 {due_on} 前交回"
)
SUMMARY = (
    "本网格 {households} 户 {residents} 人：已有 {known} 项不必再问；"
    "只需补填 {ask} 项、核实 {verify} 项，涉及 {tasks} 人，约需 {hours} 小时"
)
CONFIDENTIAL = "含个人信息，只供本网格核查使用；交回后请删除，不得转发。依据：{legal_basis}"
NOTHING_TO_DO = "本网格这一期没有要填、要核的内容，不用入户"
FOOTER_LEFT = "填表人：＿＿＿＿＿＿　日期：＿＿＿＿＿＿"
FOOTER_PAGE = "第 &P 页　共 &N 页"

ID_TITLE, ID_HINT = "身份证号", "18 位，最后一位可以是 X。不是 18 位请再看一眼证件。"
PHONE_TITLE, PHONE_HINT = "联系电话", "只填数字：手机 11 位，座机带区号。"
DATE_TITLE, DATE_HINT = "日期", "写成 1980-05-01 或 1980/5/1 都可以。"
LIST_HINT_TITLE, LIST_HINT = "请选择", "点右边的小箭头选一项。"
WRONG_TITLE, WRONG_LIST = "不在选项里", "请从下拉选项中选；都不合适就留空，在备注里写明。"

GUIDE_LINES = (
    ("怎么用这份表", ""),
    ("1", "先看“任务清单”：按楼幢、单元、房号排好了顺序，只列出还有事要问的人。"),
    ("2", "点任务清单里的姓名，会跳到“核查表”里这个人的那一行。"),
    ("3", "红框（需填）：没有哪个部门知道，请问清后填上。填好后格子会变绿。"),
    ("4", "黄底（待核）：已有的内容较旧，或几处说法不一致。对的不用动，不对就直接改。"),
    ("5", "灰底：部门已有并且够新，不用再问，格子是锁住的。"),
    ("6", "灰底里发现错误：在“核实结果”选“已修改”，在“备注”里写清哪一项应是什么。"),
    ("7", "不予提供：这一项依规定不能用于本表，不用问，也不用填。"),
    ("8", "“来源”一栏写着这个内容是谁、什么时候提供的。"),
    ("9", "每核完一个人，请选“核实结果”。问不到也是结果，照实选就好："),
    ("", "正确：都对。　已修改：改过或补填过。　查无此人：本地没有这个人。"),
    ("", "已迁出：搬走了，备注写去向。　已死亡：备注写日期。"),
    ("", "拒答：不愿意说。　未遇：去了没碰上。"),
    ("10", "表里没有的新住户：在备注里写“新增”，或报网格长另行登记，不要插入行。"),
    ("11", "不要改列名、不要删行、不要把别的网格的内容粘进来；可以筛选，可以调列宽。"),
    ("12", "身份证号、电话按文本填写；日期写成 1980-05-01 或 1980/5/1 都可以。"),
    ("13", "“任务清单”可以直接打印带走，“现场记录”一栏留给手写。"),
    ("14", "填完存盘，把原文件交回（文件名不用改）。"),
)

META_LABELS = (
    ("form", "表单"),
    ("form_id", "表单编号"),
    ("version", "版本"),
    ("night", "批次"),
    ("period", "期次"),
    ("grid_code", "网格编码"),
    ("issued_on", "下发日期"),
    ("due_on", "交回日期"),
    ("content_hash", "内容校验"),
    ("layout", "版式"),
)

MANIFEST_COLUMNS = (
    "村社",
    "网格编码",
    "网格名称",
    "表单",
    "期次",
    "版本",
    "下发日期",
    "交回日期",
    "人数",
    "应填项",
    "已有",
    "待核",
    "需填",
    "不予提供",
    "文件",
    "SHA256",
)
UNNAMED = "未命名"
