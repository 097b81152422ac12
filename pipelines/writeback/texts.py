"""What people read about write-back."""

from __future__ import annotations

from collections.abc import Iterable

BUSY = "另一次发送正在进行，本次跳过；下一次会接着发送。"
EXAMPLES = "抽看几行（个人信息已遮盖）"
EXAMPLE_COLUMNS = ("居民编号", "类别", "项目", "目标库现在", "将写入")
KIND_OF_EXAMPLE = {
    "new": "新增",
    "changed": "更新",
    "mark": "标记",
    "lost": "标记（目标库已没有这一行，不会写入）",
}
NO_DIFFERENCE = "目标库已有同样内容"
KINDS = {"text": "文本", "date": "日期", "integer": "整数", "boolean": "是否"}


def no_table(table: str) -> str:
    """The table is not there."""
    return f"目标库中没有表“{table}”。请核对 targets 配置中的 table，或请平台建表。"


def no_column(table: str, missing: Iterable[str], seen: Iterable[str]) -> str:
    """Columns of the contract are not there."""
    return (
        f"目标表“{table}”缺少列：{'、'.join(missing)}；实际看到的列：{'、'.join(seen)}。"
        "请核对 targets 配置中的列名。"
    )


def key_not_unique(table: str, key: str) -> str:
    """The key does not identify a row."""
    return f"目标表“{table}”的列“{key}”没有主键或唯一索引，无法安全地重复发送。请平台加上唯一索引。"


def wrong_type(table: str, columns: Iterable[str]) -> str:
    """A column takes no such values."""
    return f"目标表“{table}”的列类型与要发送的内容不符：{'、'.join(columns)}。"


def not_filled(table: str, columns: Iterable[str]) -> str:
    """The target demands columns that nobody fills."""
    return (
        f"目标表“{table}”有必填列没有内容可发：{'、'.join(columns)}。"
        "请在 targets 配置的 constants 中给出固定值，或请平台改为可空。"
    )


def too_long(label: str, length: int) -> str:
    """A text is longer than its column."""
    return f"{label}超过目标列的 {length} 个字"


def empty(label: str) -> str:
    """The target takes no row without it."""
    return f"{label}为空，而目标列必填"


def unreachable(detail: str) -> str:
    """The target's database does not answer."""
    return f"目标库连接不上或中途断开（{detail}）。已发送的都有回执，恢复后再次运行会接着发送。"


def not_accepted(detail: str) -> str:
    """The target takes the statement for none."""
    return f"目标库不接受写入语句（{detail}）。请核对账号权限和目标表结构。"


def too_many_aside(number: int) -> str:
    """The target refuses so much that something else is wrong."""
    return f"目标库拒收超过 {number} 行，已停止发送。请核对 targets 配置与目标表的约束。"


def nothing(label: str) -> str:
    """Nothing is to be sent."""
    return f"{label}：没有变化，无需发送"
