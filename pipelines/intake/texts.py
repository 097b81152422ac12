"""What grid workers read about a form that they returned."""

from __future__ import annotations

from pipelines.extract import texts as extract_texts

CHANNELS = {"workbook": "表格文件", "odk": "ODK 采集", "web": "网页填报"}

WAYS_OUT = ("查无此人", "已迁出", "已死亡", "拒答", "未遇")
"""核实结果 that say something else than whether the row is right."""
RIGHT, CHANGED = "正确", "已修改"

FILES: dict[str, str] = {
    **extract_texts.REASONS,
    "not_a_workbook": "不是 .xlsx 表格（另存成了别的格式，或文件损坏、只复制了一半）。"
    "请在原来下发的表格里填写，存为 .xlsx 后再交回。",
    "macros": "文件里有宏，不予读取。请把内容复制到原来下发的表格里再交回。",
    "no_issue": "不是下发的表格：找不到隐藏的“批次”表。请用原来下发的文件填写后交回。",
    "no_codes": "找不到隐藏的列标识行，可能删除了行或另存成了别的格式。"
    "请用原来下发的文件填写后交回。",
    "too_many_rows": "行数过多，不像是一张网格表。请用原来下发的文件填写后交回。",
    "unknown_form": "没有下发过这张表（表单编号不在下发记录里）。请核对文件是否来自别的系统。",
    "other_form": "这张表现在不再使用。请向下发的科室询问。",
    "locked_form": "文件有密码，用文件名里那个网格的密码打不开。"
    "请保留下发时的文件名（网格编号在前），不要另设密码，或者去掉密码后再交回。",
    "again": "这个文件以前已经交过，内容完全一样，不再重复收取。",
    "no_submissions": "不是手机采集（ODK、Kobo）的导出数据：找不到 form_id、row_id 等列。"
    "请导出 CSV 或 JSON，不作改动，再放入。",
    "export_too_large": "导出的数据过大，请按日期分成几份导出。",
    "link": "文件是指向别处的链接，不予读取。请放入文件本身。",
}
"""Why a whole file was not taken, and what to do."""

ROWS: dict[str, str] = {
    "no_row_id": "这一行没有行标识（插入的行或粘贴的行），这张表也不收新增人员。",
    "new_without_name": "这一行不是下发的行，也没有姓名。是新增人员请写姓名，不是请删掉。",
    "new_without_more": "新增人员只写了姓名，认不出是谁。"
    "请再写证号、出生日期、电话、住址中的至少一项。",
    "new_on_list": "这个人本来就在这张表上，请填在那一行里，不用另写一行。",
    "new_too_many": "没有行标识的行太多，不像是新增人员（隐藏列可能丢了）。"
    "请用原来下发的文件填写。",
    "other_form_row": "这一行来自别的表格，不能收在这里。请在那张表里填写。",
    "not_on_form": "行标识与下发时不一致（隐藏列被改动或错位粘贴）。请在原来的表格里重填这一行。",
    "row_twice": "同一个人在表里出现了两行，内容不同。请保留正确的一行后再交回。",
    "resident_gone": "这名居民的档案已经注销或没有来源，暂时不能收。请报网格长核实。",
    "resident_dead": "这名居民已登记死亡，填写的内容没有采用。如有误请在备注写明并报网格长。",
}
"""Why a row was not taken."""

CELLS: dict[str, str] = {
    "unreadable": "看不懂，请改写后再交回",
    "new_unreadable": "看不懂，这位新增人员还没有收，请改写后再交回",
    "withheld": "这一项不予提供，不能在本表填写，没有采用",
    "not_asked": "这一项与该居民无关，没有采用",
    "no_death_date": "选了“已死亡”，请在备注里写死亡日期（如 2026-05-01）",
    "unknown_result": "核实结果不在选项里，请从下拉选项中选",
}
"""Why a cell was not taken."""

REASONS: dict[str, str] = {
    "changed_meanwhile": "下发后部门的数据又变了，与填写的不同",
    "identity": "改动了身份信息（姓名、性别、出生日期、证号）",
    "two_answers": "另有一份交回的表填写不同",
    "number_held": "填写的证号在系统里属于另一名居民",
    "lives_elsewhere": "这个证号的人登记在别的网格，迁来要由街道核定",
}
"""Why an answer waits for a person."""

RECEIPT_TITLE = "收表回执"
RECEIPT_GOOD = "没有需要修改的地方。谢谢！"
RECEIPT_MEND = "请修改下面几处，存盘后把同一个文件再交一次；已经收下的不用重填，也不会重复计算："
RECEIPT_NEW = "下面的行按新增人员收下，下一次汇总后编入名册：第 {rows} 行"
RECEIPT_NEW_PLACELESS = (
    "其中住址没写、或对不上本网格登记的房屋的，还排不进本网格的表，请补正住址再交一次：第 {rows} 行"
)
RECEIPT_WAIT = "下面几处已收下，要由街道核定后才生效："
EXPORT = "手机采集提交 {n} 份，其中 {known} 份以前已经收过；下面的行号是第几份提交"
ERASED = "有 {n} 处把已有内容清空了。清空不会删除档案里的内容；如果内容有误，请填写正确的内容。"
MISSING = "下发时有 {issued} 行，交回 {came} 行；少的行按没有填写处理，档案不受影响。"


def counted(counts: dict[str, int]) -> str:
    """The one line that says what was taken."""
    return (
        f"收下 {counts['rows']} 行：新填 {counts['answer']} 项，更正 {counts['correction']} 项，"
        f"核对无误 {counts['confirmed']} 项，去向登记 {counts['outcome']} 人，"
        f"新增人员 {counts['new']} 人；"
        f"待核定 {counts['review']} 项，需要修改 {counts['mend']} 处"
    )
