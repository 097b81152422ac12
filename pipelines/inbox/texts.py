"""What people read about a ledger that they put into the inbox."""

from __future__ import annotations

TITLE = "台账收取回执"
FILE = "文件：{file}"
SOURCE = "数据源：{label}"
TAKEN = "收取：第 {night} 晚（{day}）　内容指纹：{sha}"
LIVE = "结果：已采用，读到 {rows} 行"
SUPERSEDED = "结果：未采用。该村（社区）已有更新的台账；本份留存备查"
COPY = "结果：与“{file}”内容完全相同，按同一份处理，不重复计算"
QUARANTINED = "结果：未采用，已转入隔离。原已采用的人员不受影响"
IN_ARCHIVE = "压缩包里有 {files} 个文件："
MEMBER_LIVE = "{file}：已采用，读到 {rows} 行"
MEMBER_SUPERSEDED = "{file}：未采用，已有更新的台账"
MEMBER_QUARANTINED = "{file}：未采用，已转入隔离。{reason}"
KNOWN_ALREADY = "结果：内容以前已经收过，不重复计算"
REASON = "原因：{reason}"
PARTLY = "其中未采用：{reason}"
NOTES = "请留意："
NOTE = "{place}：{reason}"
SHEET, ROWS, ROW, COLUMN = "“{sheet}”表", "第 {first}–{last} 行", "第 {first} 行", "{letter} 列"
MORE = "……共 {n} 处"
KEPT = "原件已按内容指纹留存；从收件目录移走后保留 {days} 天。"


def still_arriving(files: int) -> str:
    """Nothing but files that are not whole yet."""
    return f"台账目录里的 {files} 个文件还在复制；沿用上次已抽取的台账，下一次运行再读。"
