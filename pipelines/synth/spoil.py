# ruff: noqa: E501  SQL reads better unbroken
"""What single kinds of mess do to the cells of a ledger, as SQL over its rows."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.synth import names

_OLD, _NEW = "".join(names.VARIANTS), "".join(names.VARIANTS.values())
_DIGITS = "'零一二三四五六七八九'"


def _hit(kind: str, one_in: int = 3) -> str:
    return f"hash(row_id, '{kind}') % {one_in} = 0"


def _style(kind: str, *styles: str) -> str:
    cases = " ".join(f"WHEN {n} THEN {sql}" for n, sql in enumerate(styles))
    return f"CASE hash(row_id, '{kind} style') % {len(styles)} {cases} END"


def _chinese(number: str) -> str:
    return f"translate({number}::VARCHAR, '0123456789', {_DIGITS})"


def _nothing(column: str) -> str:
    words = _style(column, "'无'", "'—'", "'\\'", "'不详'", "'/'", "'暂无'")
    return f"coalesce({column}, {words})"


_FULL = "birth_y IS NOT NULL AND birth_m > 0 AND birth_d > 0 AND birth_fate NOT IN ('lunar', 'lunar unmarked')"
_DAYS = "date_diff('day', DATE '1899-12-30', make_date(birth_y, birth_m, birth_d))"
_TEN = "(CASE WHEN n < 10 THEN '' WHEN n < 20 THEN '十' WHEN n < 30 THEN '二十' ELSE '三十' END || CASE WHEN n % 10 = 0 THEN '' ELSE substr('一二三四五六七八九', n % 10, 1) END)"
_MONTH, _DAY = _TEN.replace("n ", "birth_m "), _TEN.replace("n ", "birth_d ")

SPOIL: dict[str, dict[str, str]] = {
    "id_as_number": {
        "id_number": f"if({_hit('id_as_number')} AND right(id_number, 1) <> 'X', left(id_number, 15) || '000', id_number)",
        "id_is_number": f"id_is_number OR ({_hit('id_as_number')} AND right(id_number, 1) <> 'X')",
    },
    "id_dressed": {
        "id_number": _style(
            "id_dressed", "'''' || id_number", "id_number || chr(160)", "chr(8203) || id_number",
            "left(id_number, 6) || ' ' || substr(id_number, 7, 8) || ' ' || right(id_number, 4)",
            "id_number",
        )
    },
    "id_full_width": {
        "id_number": f"if({_hit('id_full_width')}, translate(id_number, '0123456789X', '０１２３４５６７８９Ｘ'), replace(id_number, 'X', 'х'))"
    },
    "id_short": {
        "id_number": "if(birth_y < 1985 AND length(id_number) = 18, left(id_number, 6) || substr(id_number, 9, 9), id_number)"
    },
    "id_masked": {
        "id_number": f"if({_hit('id_masked')}, left(id_number, 6) || '********' || right(id_number, 4), id_number)"
    },
    "date_styles": {
        "birth_date": f"if({_FULL}, "
        + _style(
            "date_styles", "printf('%d年%d月%d日', birth_y, birth_m, birth_d)",
            "printf('%04d%02d%02d', birth_y, birth_m, birth_d)",
            "printf('%d/%d/%d', birth_y, birth_m, birth_d)",
            "printf('%d.%02d.%02d', birth_y, birth_m, birth_d)",
            "printf('%04d－%02d－%02d', birth_y, birth_m, birth_d)",
            f"{_chinese('birth_y')} || '年' || {_MONTH} || '月' || {_DAY} || '日'",
            f"{_DAYS}::VARCHAR", "printf('%d.%d', birth_y, birth_m)",
        )
        + ", birth_date)",
        "birth_is_number": f"{_FULL} AND hash(row_id, 'date_styles style') % 8 = 6",
    },
    "days_1904": {
        "birth_date": f"if({_FULL}, ({_DAYS} - 1462)::VARCHAR, birth_date)",
        "birth_is_number": f"{_FULL} AND birth_y > 1935",
    },
    "year_only": {"birth_date": "birth_y::VARCHAR", "birth_is_number": "FALSE"},
    "name_padded": {
        "name": "if(length(name) = 2, name[1:1] || '　' || name[2:], name)",
    },
    "name_variants": {
        "name": f"translate(replace(name, '·', {_style('dot', chr(39) + '•' + chr(39), chr(39) + '．' + chr(39), chr(39) + '.' + chr(39))}), '{_OLD}', '{_NEW}')"
    },
    "name_former": {
        "name": f"if({_hit('name_former')} AND length(name) < 4, name || '（曾用名：' || name[1:1] || '小' || name[-1:] || '）', name)"
    },
    "placeholders": {
        column: _nothing(column)
        for column in ("former_name", "phone", "employer", "medical_insurance", "pension_insurance")
    },
    "phones": {
        "phone": f"if({_hit('phones')}, phone || ' / 0571-8' || substr(phone, 5, 7), phone)"
    },
    "household_code": {
        "household_no": "'330199' || lpad((household % 1000000000000)::VARCHAR, 12, '0')"
    },
}  # fmt: skip

MARK = "CASE i % 9 WHEN 2 THEN 'struck' WHEN 5 THEN 'red' WHEN 7 THEN 'hidden' END"
"""SQL: which rows are struck out, red or hidden, where the ledger's kinds of mess say so."""


def _spares_numbers(kind: str, column: str) -> bool:
    return column == "id_number" and kind != "id_as_number"


def _unless_number(sql: str) -> str:
    """A cell that holds a quantity cannot be dressed up as text."""
    return f"if(id_is_number, id_number, {sql})"


def spoiled(relation: str, kinds: Iterable[str]) -> str:
    """SQL: the rows of `relation` with the cells that `kinds` spoil."""
    for kind in sorted(kinds):
        if changes := SPOIL.get(kind):
            replaced = ", ".join(
                f"{_unless_number(sql) if _spares_numbers(kind, column) else sql} AS {column}"
                for column, sql in changes.items()
            )
            relation = f"(SELECT * REPLACE ({replaced}) FROM {relation})"
    return relation
