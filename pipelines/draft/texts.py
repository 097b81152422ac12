"""What people read about drafted source maps."""

from __future__ import annotations

from collections.abc import Sequence

IS_KEY = "数据库主键"
EMPTY = "样本中没有值"
UNLIKE = "但内容不像："
RECENT = "数据库日期类型，多在近两年"
EIGHTEEN = "18 位数字但校验位多数不对，是户编号一类的编码，不是身份证号"
NOTHING = "认不出：不采用，或由人指定字段"

KINDS: dict[str, str] = {
    "id": "校验位正确的身份证号",
    "phone": "手机或带区号的电话",
    "date": "日期",
    "name": "人名",
    "address": "地址",
    "number": "数字",
    "code": "编号",
    "company": "单位名称",
    "school": "学校名称",
    "place": "村社或网格名",
}


def by_word(word: str, *, exact: bool) -> str:
    """The header word speaks for it."""
    return f"表头即“{word}”" if exact else f"表头近似“{word}”"


def left_out_word(word: str) -> str:
    """The header word is one of those that no form asks for."""
    return f"表头像“{word}”，没有表单需要"


def by_values(kind: str, fit: float) -> str:
    """So many values are of the kind."""
    return f"{fit:.0%} 是{KINDS.get(kind, f'代码表 {kind} 中的值')}"


def agrees(name: str, share: float) -> str:
    """The column says what the ID number says."""
    what = {"birth_date": "出生日期", "sex": "性别"}[name]
    return f"{share:.0%} 与同一行身份证号中的{what}一致"


def repeated(times: float) -> str:
    """The same value stands in several rows."""
    return f"同一个值平均出现 {times:.1f} 次"


def rival(word: str) -> str:
    """Another column is proposed for the same."""
    return f"与“{word}”列指向同一字段，请二选一"


def nearest(label: str, confidence: float) -> str:
    """What it would be, if anything."""
    return f"最接近 {label}（{confidence:.2f}）"


def no_database(detail: str) -> str:
    """The address is no database that answers."""
    return f"数据库连接不上或读不了（{detail}）。请检查地址、账号、网络和驱动。"


def no_table(table: str, seen: Sequence[str]) -> str:
    """There is no such table."""
    shown = "、".join(seen[:40]) or "无"
    return f"数据库中没有表或视图“{table}”，现有：{shown}"


def no_header(file: str) -> str:
    """Nothing in the file looks like a table with a header."""
    return f"“{file}”中没有找到带表头的表格。请在数据上方留一行表头后再试。"


def no_sheet(sheet: str, seen: Sequence[str]) -> str:
    """There is no such sheet."""
    return f"没有名为“{sheet}”的工作表，现有：{'、'.join(seen[:40]) or '无'}"


def unreadable(file: str, reason_zh: str) -> str:
    """The file cannot be read."""
    return f"“{file}”：{reason_zh}"


LABEL = "中文名称，例如：低保家庭成员"
DEPARTMENT = "civil_affairs、social_security、family_planning、community 或 grid"
PURPOSES = "可用于哪些表：population、assistance、elderly、family_planning、migrant"
KEY = "没有主键：填写能唯一确定一行的列"
FILES = "台账目录下的文件，可用 * 代表任意文字"
SHEETS = "工作表名称（正则表达式）"
FACTS = "金额、起止日期、状态要成为待遇或参保记录，请补写（benefit 或 insurance）："
REGISTER = "这是房屋底册，只定位房屋，不产生人员"
PREVIEW = "前十行（已脱敏）"
OTHERS: dict[str, str] = {
    "key": "行编号",
    "household_no": "户号",
    "updated_on": "更新日期",
    "marriage_date": "结婚日期",
    "since": "开始日期",
    "until": "结束日期",
    "amount": "金额",
    "status": "参保状态",
    "village_code": "村社代码",
    "village_name": "村社名称",
    "grid_code": "网格编码",
    "grid_name": "网格名称",
    "dwelling_key": "房屋编号",
    "head_name": "户主姓名",
}


def preamble(name: str, rows: int) -> list[str]:
    """The first lines of a draft."""
    return [
        f"# “{name}”的数据源映射草稿，根据表头和 {rows} 行样本推测。",
        "# 每列后面是把握程度（0–1）和理由。凡写着“待确认”的，请改成确定的内容或删去该标记；",
        "# 标记没有处理完之前，系统拒绝使用本文件。不采用的列请写明理由。",
    ]


def looks_like(kind: str, fit: float) -> str:
    """Values of a kind that fits no field by itself."""
    return f"{by_values(kind, fit)}，但看不出是哪个字段"


def perhaps(labels: Sequence[str]) -> str:
    """Fields that an unknown header word may mean."""
    return f"可能是：{'、'.join(labels)}"
