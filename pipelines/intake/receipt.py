"""The receipt of a returned form, as a text that opens anywhere and holds nothing personal."""

from __future__ import annotations

from pipelines.inbox.arrival import harmless
from pipelines.intake import texts
from pipelines.intake.desk import Mend, Receipt
from schemas.fields import FIELD

_MOST = 200


def receipt_text(receipt: Receipt) -> str:
    """What was taken, what is to be mended, what waits; rows as numbered in the worker's file."""
    lines = [texts.RECEIPT_TITLE, f"文件：{harmless(receipt.path.name)}"]
    if receipt.refused is not None:
        return "\n".join([*lines, f"没有收：{texts.FILES[receipt.refused]}", ""])
    if receipt.submissions is None:
        lines.append(f"表单：{receipt.form_id}　第 {receipt.version} 版")
    else:
        lines.append(texts.EXPORT.format(n=receipt.submissions, known=receipt.known))
    lines.append(texts.counted(receipt.counts))
    came, issued = receipt.counts["rows"], receipt.counts.get("issued", 0)
    if came < issued:
        lines.append(texts.MISSING.format(issued=issued, came=came))
    if receipt.counts["erased"]:
        lines.append(texts.ERASED.format(n=receipt.counts["erased"]))
    if receipt.added:
        lines += ["", *_added(receipt.added)]
    if receipt.mend:
        lines += [
            "",
            texts.RECEIPT_MEND,
            *_listed(receipt.mend, {**texts.FILES, **texts.ROWS, **texts.CELLS}),
        ]
    if receipt.wait:
        lines += ["", texts.RECEIPT_WAIT, *_listed(receipt.wait, texts.REASONS)]
    if not receipt.mend and not receipt.wait:
        lines += ["", texts.RECEIPT_GOOD]
    return "\n".join([*lines, ""])


def _added(added: dict[int, bool]) -> list[str]:
    lines = [texts.RECEIPT_NEW.format(rows="、".join(map(str, sorted(added))))]
    if placeless := [str(row) for row, has_place in sorted(added.items()) if not has_place]:
        lines.append(texts.RECEIPT_NEW_PLACELESS.format(rows="、".join(placeless)))
    return lines


def _listed(items: list[Mend], words: dict[str, str]) -> list[str]:
    shown = [f"第 {m.sheet_row} 行{_column(m.field)}：{words[m.reason]}" for m in items[:_MOST]]
    return [*shown, f"……共 {len(items)} 处"] if len(items) > _MOST else shown


def _column(name: str | None) -> str:
    if name is None:
        return ""
    return f"“{FIELD[name].label if name in FIELD else '核实结果'}”"
