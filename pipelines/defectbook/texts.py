"""Every Chinese word of the defect workbook, and of the receipt on what came back."""

from __future__ import annotations

LIST, GUIDE, BATCH = "问题数据", "填写说明", "批次"

HEADERS = {
    "number": "序号",
    "defect_id": "问题编号",
    "severity": "程度",
    "source": "数据来源",
    "place": "表/文件",
    "sheet": "工作表",
    "row": "行号",
    "key": "主键",
    "name": "姓名",
    "role": "身份",
    "field": "字段",
    "wrong": "问题",
    "own": "本部门数据",
    "evidence": "其他依据",
    "proposed": "建议值",
    "verdict": "处理结果",
    "value": "更正值",
    "handler": "经办人",
    "remark": "说明",
    "department": "部门代码",
    "record": "记录标识",
    "source_name": "来源标识",
    "field_name": "字段标识",
    "kind": "问题类型",
    "version": "数据版本",
    "digest": "本行校验",
}
"""Key of a column → its header, in the order of the columns."""

VERDICTS = {"已更正": "mended", "数据无误": "right", "无法核实": "unknown"}

SEVERITY = {"error": "须更正", "warning": "请核实"}

WHOLE_ROW = "整行"

KINDS: dict[str, str] = {
    "masked": "内容被遮盖（如 ***），无法使用。请填写完整内容",
    "unreadable": "内容无法识别，不像这一项该填的。请核对后改写",
    "note_removed": "姓名栏里夹了备注。请把备注移到备注栏，姓名栏只写姓名",
    "character_lost": "姓名里有字显示不出来或丢失。请补上正确的字",
    "id_check_digit": "身份证号校验位不对，至少有一位写错。请对照证件更正",
    "id_birth": "身份证号里的出生日期不存在。请对照证件更正",
    "id_length": "身份证号不是 18 位（或 15 位）。请对照证件更正",
    "id_other_document": "填的是别的证件号。有身份证号的请补上；没有的请选“数据无误”",
    "id_masked": "身份证号被遮盖，无法使用。请填写完整号码",
    "id_damaged": "身份证号被 Excel 当成数字，后几位已丢失。请对照证件重填，并把该列设为文本格式",
    "id_contradicts_birth": "身份证号与本行的出生日期不一致。请核对是哪一个写错；出生日期写错的，"
    "在来源里改正后选“已更正”",
    "id_contradicts_sex": "身份证号与本行的性别不一致。请核对是哪一个写错；性别写错的，"
    "在来源里改正后选“已更正”",
    "date_serial": "日期存成了 Excel 序号，换算结果可能有误。请核对后按 2026-11-01 的写法填",
    "date_two_digit_year": "年份只有两位，世纪是推测的。请写四位年份",
    "date_ambiguous": "日期有两种读法（如 1980.1 可能是 1 月也可能是 10 月）。请写完整日期",
    "date_impossible": "日期不存在。请更正",
    "date_future": "日期晚于今天。请更正",
    "date_no_year": "日期没有年份。请写完整日期",
    "phone_no_area": "固定电话没有区号。请补上区号",
    "phone_length": "电话位数不对。请更正",
    "address_incomplete": "地址不完整，定不到户。请补上楼幢房号，或组别门牌",
    "code_unknown": "写法不在代码表里。请改成规范写法",
    "id_slip": "与别处的同一人相比，身份证号差一笔，本行可能是笔误。请对照证件更正",
    "id_borrowed": "这个身份证号属于另一个人（常见：孩子登记在大人的号码下）。请填写本人的号码",
    "phone_of_many": "这个电话登记在很多人名下，像是单位电话或随手填的。请填写本人电话",
    "id_of_two": "两个人登记了同一个有效身份证号，其中至少一个写错。请核对本行",
    "listed_twice": "同一个人在本来源登记了不止一行。请删去重复的；确为两笔业务的，请选“数据无误”",
    "dead_listed": "其他依据显示此人已经死亡，本行仍作在世登记。请核实；有待遇的请停发",
    "contested": "与另一来源说法不一致，不知哪个对。请核对本行",
    "no_person": "这一行没有姓名，也没有身份证号，对应不到人，没有采用。请补齐或删去",
    "no_identity": "姓名无法辨认，身份证号也不可用，对应不到人，没有采用。请在来源里更正",
    "no_place": "这一行缺少村（社区）代码、网格编码或地址，落不到房屋，没有采用。请在来源里补齐",
}
"""What is wrong, and what to do about it."""

OTHER_ROW = "另一行：{place}"
DIFFERS = "（与本行第 {places} 位不同）"
HIDDEN = "另有来源可供核对，按用途规定不予提供"
SAID_BY = "{source}{day}：{value}"
PROMISED = "{day} 答“已更正”，来源数据还没有变"
NOTHING = "无"

TITLE = "{district}　{department}　问题数据清单（{month}）"
FACTS = "数据截至 {day}（第 {night} 晚）　共 {items} 项，按轻重和更正后能解决的问题多少排序"
OVERFLOW = "　另有 {rest} 项没有列入（每份最多 {most} 项）：处理完这一份，下次导出会补上"
LEGEND = "请只填红框里的四列：处理结果、更正值、经办人、说明。身份证号已遮盖中间几位"
CONFIDENTIAL = "含个人信息，只供 {department} 核对本部门数据使用；交回后请删除，不得转发"
FOOTER = "第 &P 页　共 &N 页"
FILE = "{department}_问题数据_{month}.xlsx"

LIST_TITLE, LIST_HINT = "处理结果", "点右边的小箭头选一项；没处理的可以空着。"
WRONG_TITLE, WRONG_LIST = "不在选项里", "请选：已更正、数据无误、无法核实。"
VALUE_TITLE, VALUE_HINT = "更正值", "正确的内容。已在本部门系统里改好的，可以空着。"
REMARK_TITLE, REMARK_HINT = "说明", "怎么核实的，不超过 200 字。不要写证号、电话。"

GUIDE_LINES = (
    ("怎么填", ""),
    ("1", "每一行是本部门数据里的一处问题。按“表/文件、工作表、行号、主键”找到原来那一行。"),
    ("2", "“处理结果”选：已更正、数据无误、无法核实。没处理的先空着，可以分几次交。"),
    ("3", "已更正，并填了“更正值”：下一晚起按更正值使用，直到来源里那一行自己变了为止。"),
    ("4", "已更正，没填“更正值”：表示已在本部门系统里改好，等来源数据更新。"
     "下个月还没变的会再提醒一次。"),
    ("5", "数据无误：这一处不再提出，直到那一行的内容变了为止。"),
    ("6", "无法核实：先放下，半年内不再提出。"),
    ("7", "“更正值”写完整正确的内容；日期写成 2026-11-01。"
     "“整行”的问题不能填更正值，请在来源里改。"),
    ("8", "“建议值”来自别的来源，只供参考，请核实后再用；遮盖的号码请对照证件填完整。"),
    ("9", "“说明”不超过 200 字，不要写证号、电话等号码。"),
    ("10", "其他列请不要改，也不要增删行列。填完存盘（.xlsx），把原文件交回，文件名不用改。"),
    ("11", "同一份交两次不会重复计算；填错了重新填好再交，以后交的为准。"),
)  # fmt: skip
COUNTED = "各类问题"
ALSO = "本部门另有 {answered} 项已经答复，不再列入；{minor} 处写法已自动规范，不用处理。"

TAKEN = {
    "mended": "已收：等来源数据更新",
    "value": "已收：下一晚起按更正值使用",
    "right": "已收：不再提出",
    "unknown": "已收：半年内不再提出",
}
AGAIN = "以前已收，内容一样，不重复"
BLANK = "未填"
SETTLED = "来源数据已经变了，这一处不用再答"

INVALID = "没有收：处理结果不在选项里（已更正、数据无误、无法核实）"
CONTRADICTORY = "没有收：填了更正值，处理结果却不是“已更正”"
NO_VERDICT = "没有收：写了说明，没有选处理结果"
UNREADABLE_VALUE = "没有收：更正值看不懂，不像“{field}”该填的内容。请改写后再交"
BAD_NUMBER = "没有收：更正的身份证号校验不通过。请对照证件再填"
SAME_VALUE = "没有收：更正值与现有内容一样。若现有内容正确，请选“数据无误”"
WHOLE = "没有收：整行的问题不能填更正值。请在来源里改正，再选“已更正”"
LATER = "没有收：导出以后来源数据变了。请按下一次导出的清单再填"
LONG_REMARK = "没有收：说明超过 200 字"
LONG_HANDLER = "没有收：经办人超过 20 字"
LONG_VALUE = "没有收：更正值超过 200 字"
NUMBER_IN_REMARK = "没有收：说明里有号码，请删去后再交"
CHANGED = "没有收：这一行的其他内容被改过。请在原导出的工作簿里填，或重新导出"
NAMELESS = "没有收：这一行没有问题编号，不是导出的行"
TWICE = "没有收：同一处问题有两行，填的不一样"
GONE = "没有收：来源里已经没有这一行"

FILE_AGAIN = "这个文件以前已经交过，内容完全一样，不再重复收取"
NOT_OURS = "这不是 onegrid 导出的问题数据清单。请交回原文件，不要把内容粘到别的工作簿里"
ELSEWHERE = "这是“{theirs}”的问题数据清单，不能收到“{ours}”来"
OTHER_LAYOUT = "这份清单的版式是 {theirs}，本机只认 {ours}。请用现在的版本重新导出"
COLUMNS_CHANGED = "清单的表头被改过（列被插入、删除或移动）。请在原导出的工作簿里填"
SHEET_MISSING = "工作簿里没有“{sheet}”这张表。请交回完整的原文件"
LINK = "文件是指向别处的链接，不予读取。请放入文件本身"
UNREADABLE = {
    "too_large": "文件太大，不是导出的问题数据清单",
    "sparse": "文件太大，不是导出的问题数据清单",
    "password": "文件有密码，打不开。请去掉密码后再交",
    "not_a_workbook": "文件打不开：不是 .xlsx，或已损坏。请用 Excel 或 WPS 另存为 .xlsx 再交",
}

RECEIPT_TITLE = "问题数据答复回执"
RECEIPT_FILE = "文件：{file}"
RECEIPT_BATCH = "部门：{department}　月份：{month}　编号：{return_id}"
RECEIPT_COUNTS = (
    "收下 {taken} 项：更正值 {value}，已在来源更正 {mended}，数据无误 {right}，无法核实 {unknown}；"
    "以前已收 {again}，不用再答 {settled}，未填 {blank}，没有收 {refused}"
)
RECEIPT_MEND = "请修改下面几处，存盘后把同一个文件再交一次；已经收下的不用重填："
RECEIPT_ROW = "第 {row} 行：{says}"
RECEIPT_MORE = "……共 {n} 处"
RECEIPT_GOOD = "没有需要修改的地方。谢谢！"
RECEIPT_REFUSED = "没有收：{why}"
NEXT_NIGHT = "收下的内容在下一晚生效"
