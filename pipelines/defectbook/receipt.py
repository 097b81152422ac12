"""The receipt of a returned defect workbook: opens anywhere, holds nothing personal."""

from __future__ import annotations

from pipelines.defectbook import texts
from pipelines.defectbook.take import Receipt
from pipelines.inbox.arrival import harmless
from schemas.source import DEPARTMENT_LABELS

_MOST = 200


def receipt_text(receipt: Receipt) -> str:
    """What was taken, and what is to be mended; rows as numbered in the file."""
    lines = [texts.RECEIPT_TITLE, texts.RECEIPT_FILE.format(file=harmless(receipt.path.name))]
    if receipt.refused is not None:
        return "\n".join([*lines, texts.RECEIPT_REFUSED.format(why=receipt.refused), ""])
    counts = {kind: receipt.counts[kind] for kind in (*texts.TAKEN, "again", "settled", "blank")}
    taken = sum(counts[kind] for kind in texts.TAKEN)
    refused = [outcome for outcome in receipt.outcomes if outcome.kind == "refused"]
    lines += [
        texts.RECEIPT_BATCH.format(
            department=DEPARTMENT_LABELS[receipt.department],
            month=receipt.month,
            return_id=receipt.return_id,
        ),
        texts.RECEIPT_COUNTS.format(taken=taken, refused=len(refused), **counts),
        "",
    ]
    if refused:
        lines.append(texts.RECEIPT_MEND)
        lines += [texts.RECEIPT_ROW.format(row=o.row, says=o.says) for o in refused[:_MOST]]
        if len(refused) > _MOST:
            lines.append(texts.RECEIPT_MORE.format(n=len(refused)))
    else:
        lines.append(texts.RECEIPT_GOOD)
    if taken:
        lines.append(texts.NEXT_NIGHT)
    return "\n".join([*lines, ""])
