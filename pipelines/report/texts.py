"""What the report says (Chinese)."""

from __future__ import annotations

TIER_LABELS = {"certain": "身份证号确定", "probable": "概率匹配", "decision": "人工核定"}
VERDICT_LABELS = {
    "joined": "已归并",
    "review": "待人工核定",
    "refused": "被约束拒绝",
    "below": "证据不足",
}
REVIEW_LABELS = {
    "doubtful": "证据不足以归并",
    "contested_id": "身份证号有争议",
    "two_ids": "两个有效身份证号",
    "cut": "归并组被拆开",
}
EVENT_LABELS = {
    "birth": "新增居民",
    "merge": "合并",
    "split": "拆分",
    "end": "终止",
    "anchor": "锚点更换",
    "changed": "身份字段变更",
}
STATE_LABELS = {
    "known": "已有",
    "verify": "待核",
    "ask": "需填",
    "waits": "另表询问",
    "withheld": "不予提供",
}
PULL_LABELS = {"ok": "正常", "held": "暂缓", "skipped": "未变"}
STATUS_LABELS = {
    "published": "已发布",
    "failed": "未发布",
    "blocked": "未发布：质检未通过",
}
DEFECT_LABELS = {
    "spelling": "写法已规范",
    "placeholder": "占位内容已清空",
    "masked": "内容被遮盖",
    "unreadable": "内容无法识别",
    "corrected": "部门已更正",
    "former_name_split": "姓名中的曾用名已拆出",
    "note_removed": "姓名中的备注已移除",
    "character_recoded": "生僻字编码已更新",
    "character_lost": "姓名中有字丢失",
    "id_upgraded": "15位身份证号已升位",
    "id_check_digit": "身份证号校验位错误",
    "id_birth": "身份证号中的日期不存在",
    "id_length": "身份证号位数不对",
    "id_other_document": "填写的是其他证件号",
    "id_masked": "身份证号被遮盖",
    "id_damaged": "身份证号被Excel损坏",
    "id_contradicts_birth": "身份证号与出生日期不符",
    "id_contradicts_sex": "身份证号与性别不符",
    "id_slip": "身份证号笔误",
    "id_borrowed": "使用他人身份证号",
    "phone_of_many": "多人共用的电话",
    "date_lunar": "农历日期已换算",
    "date_month_only": "日期只到月",
    "date_year_only": "日期只到年",
    "date_serial": "日期为Excel序号",
    "date_two_digit_year": "年份只有两位",
    "date_ambiguous": "日期有歧义",
    "date_impossible": "日期不存在",
    "date_future": "日期晚于今日",
    "date_no_year": "日期缺年份",
    "phone_several": "一格多个电话",
    "phone_no_area": "固定电话缺区号",
    "phone_length": "电话位数不对",
    "address_incomplete": "地址不完整",
    "code_unknown": "代码表中没有的写法",
    "id_of_two": "两人同一身份证号",
    "listed_twice": "一人登记多行",
    "dead_listed": "已故仍在册",
    "contested": "与其他来源不一致",
    "no_person": "无姓名无证号",
    "no_identity": "身份无法辨认",
    "no_place": "落不到房屋",
}
STAGE_LABELS = {
    "pull_sources": "抽取数据源",
    "mirror_raw": "入库原始数据",
    "standardise": "标准化",
    "score_pairs": "匹配打分",
    "cluster_records": "归并",
    "queue_reviews": "待核排队",
    "place_dwellings": "房屋落格",
    "merge_residents": "生成主档",
    "plan_forms": "编制表单",
    "validate": "质检",
    "render_forms": "生成工作簿",
}


def duration(seconds: float) -> str:
    """A length of time in Chinese: ``37秒``, ``12分``, ``8.5小时``, ``1,204小时``."""
    if seconds < 60:
        return f"{seconds:.0f}秒" if seconds >= 10 else f"{seconds:.1f}秒"
    if seconds < 3600:
        return f"{seconds / 60:.0f}分"
    hours = seconds / 3600
    return f"{hours:.1f}小时" if hours < 100 else f"{hours:,.0f}小时"
