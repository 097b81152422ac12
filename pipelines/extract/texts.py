"""What people read about sources that could not be pulled and files that could not be used."""

from __future__ import annotations

from collections.abc import Sequence


def unreachable(database: str, detail: str) -> str:
    """The database does not answer."""
    return (
        f"数据库“{database}”连接不上（{detail}）。请检查网络、地址和账号；沿用上次已抽取的数据，"
        "恢复后下一次运行会自动补上。"
    )


def broken_off(database: str, detail: str) -> str:
    """The database went away in the middle, and what is left cannot be asked for."""
    return (
        f"数据库“{database}”读到一半连接中断（{detail}），未能从断点继续，需要从头重取。"
        "请检查网络；沿用上次已抽取的数据，恢复后下一次运行会自动补上。"
    )


def moved_on(database: str) -> str:
    """The table is another one than when the pull broke off."""
    return (
        f"数据库“{database}”读到一半连接中断，重连后表中的行数与已取的对不上（期间有变动，"
        "或主键重复、为空），不能接着取，需要从头重取；沿用上次已抽取的数据。"
    )


def not_a_database(database: str, detail: str) -> str:
    """The database answers, but not as one."""
    return f"数据库“{database}”读取出错（{detail}）。请联系该库的管理员；沿用上次已抽取的数据。"


def table_missing(database: str, table: str, seen: Sequence[str]) -> str:
    """The table or view of the source map is not there."""
    return (
        f"数据库“{database}”中没有表或视图“{table}”，现有：{_some(seen)}。"
        "请核对数据源映射中的 table，或请部门恢复该表。"
    )


def column_missing(table: str, missing: Sequence[str], seen: Sequence[str]) -> str:
    """Required columns are missing."""
    return (
        f"“{table}”缺少必需的列：{'、'.join(missing)}；实际看到的列：{_some(seen)}。"
        "若列已改名，请在数据源映射的 aliases 中加上新名称。"
    )


def column_gone(name: str) -> str:
    """A column is no longer there."""
    return f"列“{name}”不见了"


def column_new(name: str) -> str:
    """A column is there that was not."""
    return f"新增列“{name}”（未采用）"


def column_renamed(old: str, new: str) -> str:
    """One column went and one of the same type came."""
    return f"列“{old}”疑似改名为“{new}”，若是，请在数据源映射的 aliases 中加上新名称"


def column_retyped(name: str, before: str, now: str) -> str:
    """A column changed its type."""
    return f"列“{name}”的类型由 {before} 变为 {now}"


def too_few(rows: int, minimum: int) -> str:
    """An empty or nearly empty source is broken, not empty."""
    return (
        f"只读到 {rows} 行，少于最低行数 {minimum}，疑为数据源故障；沿用上次已抽取的数据。"
        "若确实如此，请调低数据源映射中的 minimum_rows。"
    )


def too_many_vanished(vanished: int, known: int, maximum: float) -> str:
    """Rows vanished in a number that is no honest change."""
    return (
        f"已知 {known} 行中有 {vanished} 行不见了，超过允许的 {maximum:.0%}，疑为数据源不完整；"
        "沿用上次已抽取的数据。若确为批量注销，请临时调高数据源映射中的 maximum_vanished。"
    )


def folder_missing(folder: str) -> str:
    """The folder of the ledgers is not there."""
    return f"台账目录“{folder}”不存在或打不开，请检查共享盘；沿用上次已抽取的台账。"


def no_workbook(pattern: str) -> str:
    """There is no ledger to read."""
    return f"台账目录中没有符合“{pattern}”的文件；沿用上次已抽取的台账。"


REASONS: dict[str, str] = {
    "not_a_workbook": "不是可读取的 Excel 工作簿（文件损坏、只复制了一半，或后缀与内容不符）。"
    "请用 Excel 或 WPS 打开后另存为 .xlsx 重新报送。",
    "password": "文件有打开密码。请取消密码后重新报送。",
    "wrong_password": "文件有打开密码，已配置的密码都打不开。请取消密码后重新报送，"
    "或请管理员核对环境变量中的密码。",
    "empty": "文件是空的，没有任何内容。请重新导出或复制后报送。",
    "other_kind": "不是表格，是 Word、PDF、图片、网页存档等其他文件。"
    "请把名册放进 Excel 或 WPS 表格，另存为 .xlsx 后重新报送。",
    "other_archive": "是 .rar、.7z 等压缩包，不能读取。请解压后把台账文件直接放入，"
    "或改用 .zip 压缩。",
    "nested_archive": "是压缩包里的压缩包，或后缀写成表格的压缩包，不予读取。"
    "请解压后把台账文件直接放入。",
    "parcel_too_large": "压缩包里文件过多或解压后过大，疑为损坏或恶意文件。"
    "请分成几个压缩包，或把台账文件直接放入。",
    "parcel_password": "压缩包有密码。请去掉压缩包的密码后重新报送。",
    "parcel_broken": "压缩包损坏或只复制了一半。请重新压缩后报送。",
    "parcel_empty": "压缩包里没有文件。请核对后重新报送。",
    "encoding": "文本文件的编码无法识别（不是 UTF-8、UTF-16 或 GBK）。"
    "请用 Excel 或 WPS 打开，确认文字正常后另存为 .xlsx 重新报送。",
    "quotes": "文本文件中的双引号没有成对，从该行起各行会并成一格。"
    "请用 Excel 或 WPS 打开核对后另存为 .xlsx 重新报送。",
    "no_table": "网页格式的文件里没有表格（可能只是外壳，内容在旁边的文件夹里）。"
    "请用 Excel 或 WPS 打开后另存为 .xlsx 重新报送。",
    "too_large": "文件解压后过大，疑为损坏或恶意文件。请删去多余的工作表和图片，"
    "或分成几个文件后重新报送。",
    "sparse": "工作表在极远的行列处有内容，展开后过大。请选中数据区域复制到新工作簿后重新报送。",
    "crashed": "读取该文件时程序异常退出，文件内容有问题。请复制数据到新工作簿后重新报送。",
    "timeout": "读取该文件超时。请复制数据到新工作簿后重新报送。",
    "no_sheet": "没有名称相符的工作表。请核对工作表名称后重新报送。",
    "no_header": "没有找到表头：没有一行同时含有必需的列。请核对表头文字后重新报送，"
    "或请管理员在数据源映射的 aliases 中加上新的表头写法。",
    "no_rows": "表头之下没有数据行。请核对后重新报送。",
    "shrunk": "与该村（社区）已知的名册相比，不见了的人过多，疑为台账不完整；"
    "暂不采用，原有人员保留。请核对后重新报送完整台账。",
    "outside": "文件是指向台账目录之外的链接，不予读取。请放入文件本身。",
    "closed": "文件打不开：没有读取权限，或正被其他程序占用。请关闭正在编辑它的程序，"
    "或请管理员核对权限；下一次运行会再读。",
    "sheet_no_header": "有工作表没有找到表头，该表未采用，其余工作表已采用。请核对表头文字。",
}


FINDINGS: dict[str, str] = {
    "title_row": "标题、填报日期等不属于任何人的行，未作为人员。",
    "instruction_row": "表头下的填写说明行，未作为人员。",
    "numbering_row": "表头下的栏次编号行，未作为人员。",
    "repeated_header": "分页重复打印的表头，未作为人员。",
    "total_row": "小计、合计行，未作为人员。",
    "footer_row": "制表、审核、签字、说明行，未作为人员。",
    "unnamed_row": "这些行没有姓名、身份证号等任何可用内容，未采用。若是人员，请补齐后重新报送。",
    "other_table": "同一工作表中的另一张表，缺少姓名、身份证号等必需的列，未采用。",
    "filled_merged": "合并单元格的内容已填到所含各行。",
    "filled_ditto": "“同上”已换成上一行的内容。",
    "filled_blank": "户号（住址）只写在户主行，已按上一行补到家庭成员，属推断；"
    "如有不符请逐行填写。",
    "column_guessed": "该列表头缺失或无法识别，按内容判断为姓名或身份证号；请规范表头。",
    "days_of_1904": "工作簿使用 1904 日期系统，日期序号已换算。",
    "struck_row": "整行被划去（删除线），视为不再有效，已转入隔离，不作为在册依据。"
    "若已迁出或死亡请写明；若为误划请去掉删除线。",
    "struck_cell": "单元格被划去（删除线），原内容视为不再有效，未采用。请填写现在的内容。",
    "coloured_row": "这些行用{detail}标出，颜色的含义无法读取，内容照常采用。"
    "若表示死亡、迁出等，请写在居住类型或备注中。",
    "hidden_row": "这些行被隐藏或被筛选掉，仍已读取。若已不再有效，请删除后重新报送。",
    "hidden_column": "该列被隐藏，仍已读取。",
    "hidden_sheet": "该工作表被隐藏，仍已读取。若是旧表，请删除后重新报送。",
    "column_unknown": "表头“{detail}”不在数据源映射中，该列未采用。",
    "sheet_other": "该工作表不是本台账的表，未读取。",
    "sheet_old": "该工作表被隐藏，名称像是旧表或模板，未读取。若仍有效，请取消隐藏。",
    "sheet_gone": "该工作表名称表明所列人员已死亡、迁出或注销，未作为在册依据。",
}


def finding(kind: str, detail: str = "") -> str:
    """What reading a ledger found, and what to do."""
    return FINDINGS[kind].format(detail=detail)


def reason(code: str, detail: str = "") -> str:
    """Why a file waits in quarantine, and what to do."""
    return REASONS[code] + (f"（{detail}）" if detail else "")


def note(file: str, sha256: str, code: str, reason_zh: str, source_label: str) -> str:
    """The note that lies beside a quarantined file."""
    return (
        f"文件：{file}\n数据源：{source_label}\n内容指纹：{sha256}\n原因（{code}）：{reason_zh}\n"
        "处理：按上面的说明改正后，把新文件放回台账目录，下一次运行会自动读取。"
        "该村（社区）原已采用的人员不受影响。\n"
    )


def task(label: str) -> str:
    """What a progress display shows."""
    return f"抽取 {label}"


def _some(names: Sequence[str]) -> str:
    shown = "、".join(names[:40]) or "无"
    return shown + (f" 等 {len(names)} 个" if len(names) > 40 else "")
