"""What people read about one resident (Chinese), without personal values."""

from __future__ import annotations

ROLES = {
    "self": "本人",
    "husband": "男方",
    "wife": "女方",
    "spouse": "配偶",
    "child1": "子女一",
    "child2": "子女二",
    "child3": "子女三",
}
ID_STATUS = {
    "upgraded": "15位升位",
    "conflict": "与本行其他内容矛盾",
    "invalid": "校验不通过",
    "masked": "原件遮盖",
    "damaged": "Excel损坏",
}
ID_ANOTHERS = "号码属于他人"
ID_OPEN = "号码归属未定"
PRECISION = {"lunar": "由农历换算"}
FROM_ID = "取自证号"
CORRECTED = "部门已更正"

RULES = {"authority": "来源权威优先", "newest": "最新优先", "most_frequent": "多数一致优先"}
"""Survivorship rule → what it prefers."""

REASONS = {
    "never": "已核定不是同一人",
    "contradiction": "曾核定为同一人，但另有核定不许",
    "doubtful": "证据不足以归并",
    "contested_id": "同一证号，内容矛盾",
    "two_ids": "各有一个有效证号",
    "cut": "受约束不能归并",
}
"""Why two residents are kept apart."""

EVENTS = {
    "birth": "建档",
    "split": "由 {other} 拆分而来",
    "split_off": "拆分出 {other}",
    "merge": "并入 {other}",
    "merge_in": "{other} 并入本居民",
    "anchor": "原锚定记录已不在，改由另一条记录锚定",
    "changed": "{field}变更",
    "end": "记录全部消失，编号终止",
}
"""Kind of event → what happened; ``_off`` and ``_in``: seen from the other resident."""

UNKNOWN = (
    "没有编号为 {resident_id} 的居民：第 {night} 晚的主档和历史里都没有它。编号是 R 加 15 位"
    "十六进制数字，可在表单的“居民标识”列或 master.resident 中查到"
)
