"""The list of all rules for readers, in English and Chinese (`docs/quality.md`)."""

from __future__ import annotations

from schemas.suites import RULES, SUITE_LABELS

_HEAD = """# Quality rules · 质检规则

Every night, before anything is published, DuckDB counts each rule over all rows and Great
Expectations judges the counts. A broken **critical** rule keeps yesterday's publication in place; a
broken **warning** is reported. *Tolerated* is the share of bad rows among those checked that still
passes. Rules marked † compare with the night published before and pass where there is none. Rules
marked ‡ judge one row by itself: a delta night counts the rows that it changed, as they stood
before and as they stand now, and every seventh night counts all of them anew.

每晚发布之前，由 DuckDB 对全部数据逐条计数，由 Great Expectations 判定。
**阻断**（critical）规则不通过时不发布，保留上一次的结果；
**提示**（warning）规则不通过时只在日报中说明。*容许*为仍算通过的不符比例。
标 † 的规则与上一次发布比较，尚无发布时视为通过。
标 ‡ 的规则逐行判定：增量运行只重新统计有变动的行，每第七次运行统计全部行。
"""


def rules_markdown() -> str:
    """Text of `docs/quality.md`."""
    parts = [_HEAD]
    for suite, label in SUITE_LABELS.items():
        rules = [rule for rule in RULES if rule.suite == suite]
        parts.append(f"\n## {suite} · {label} ({len(rules)})\n")
        parts.append("| rule | severity 级别 | meaning | 含义 | tolerated 容许 |")
        parts.append("|---|---|---|---|---|")
        parts += [
            f"| `{rule.name}`{' †' if rule.compares else ''}"
            f"{' ‡' if rule.grain else ''} | {rule.severity} | {rule.meaning} "
            f"| {rule.label} | {f'{rule.allowed:.2%}' if rule.allowed else 'none 无'} |"
            for rule in rules
        ]
    return "\n".join(parts) + "\n"
