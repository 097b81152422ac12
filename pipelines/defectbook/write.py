"""Draw the workbook of a department's defects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from openpyxl import Workbook
from openpyxl.styles import Alignment, NamedStyle, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.defectbook import texts
from pipelines.defectbook.find import MOST, Defect, Found
from pipelines.deliver.handout import (
    Painter,
    clean_text,
    one_page_wide,
    pack_book,
    write_batch,
    write_guide,
    write_text,
)
from pipelines.deliver.layout import FILLS, border, fill, font
from pipelines.explain.texts import ROLES
from pipelines.report.texts import DEFECT_LABELS
from schemas.district import District
from schemas.fields import FIELD
from schemas.source import DEPARTMENT_LABELS, SourceMap

LAYOUT = 1
"""Raised whenever columns or digests change: older workbooks are then refused."""
KIND = "onegrid defect-book"
META = ("kind", "layout", "township", "district", "night", "department", "month")
HEADER_ROW = 5
COLUMNS = tuple(texts.HEADERS)
COLUMN = {name: place for place, name in enumerate(COLUMNS, start=1)}
ANSWERS = ("verdict", "value", "handler", "remark")
HIDDEN = COLUMNS[COLUMNS.index("department") :]
DIGESTED = tuple(name for name in COLUMNS if name not in (*ANSWERS, "digest"))

_WIDTHS = {
    "number": 5,
    "defect_id": 18.5,
    "severity": 7,
    "source": 16,
    "place": 22,
    "sheet": 10,
    "row": 6,
    "key": 15,
    "name": 10,
    "role": 7,
    "field": 10,
    "wrong": 34,
    "own": 22,
    "evidence": 28,
    "proposed": 20,
    "verdict": 11,
    "value": 22,
    "handler": 9,
    "remark": 22,
}
_FEW = 4
"""Places in which two numbers of one person may differ and still look alike."""
_CENTRED = ("number", "severity", "row", "role", "field", "verdict")


@dataclass(frozen=True)
class Book:
    """A workbook to hand out: its bytes, and what is in it."""

    content: bytes
    items: tuple[str, ...]
    left_out: int
    night: int


def make_book(
    found: Found,
    district: District,
    sources: dict[str, SourceMap],
    department: str,
    *,
    month: date,
    night: int,
    day: date,
) -> Book:
    """The defects of a department as a workbook; the same defects make the same bytes.

    Args:
        found: what goes into it.
        district: whose they are.
        sources: source maps by name.
        department: to whom it goes.
        month: first day of its month.
        night, day: the published night it was made from.
    """
    book = Workbook()
    for style in _styles():
        book.add_named_style(style)
    rows = [_row(number, defect, sources) for number, defect in enumerate(found.defects, start=1)]
    total = sum(found.counts.values())
    facts = texts.FACTS.format(day=day, night=night, items=len(rows))
    if total > len(rows):
        facts += texts.OVERFLOW.format(rest=f"{total - len(rows):,}", most=f"{MOST:,}")
    label = DEPARTMENT_LABELS[department]
    words = (
        texts.TITLE.format(district=district.name, department=label, month=f"{month:%Y-%m}"),
        facts,
        texts.LEGEND,
        texts.CONFIDENTIAL.format(department=label),
    )
    _list(book.active, words, rows)  # type: ignore[arg-type]
    write_guide(book.create_sheet(texts.GUIDE), (*texts.GUIDE_LINES, *_summary(found)))
    values = (KIND, str(LAYOUT), district.township_code, district.name, str(night), department)
    batch = dict(zip(META, (*values, f"{month:%Y-%m}"), strict=True))
    write_batch(book.create_sheet(texts.BATCH), batch)
    ids = tuple(row["defect_id"] for row in rows)
    return Book(pack_book(book, day), ids, total - len(rows), night)


def name_of(record_id: int, field: str, kind: str) -> str:
    """The `defect_id` of a defect."""
    return "Q" + hashlib.md5(f"{record_id}-{field}-{kind}".encode()).hexdigest()[:15]


def row_digest(cells: Iterable[str]) -> str:
    """Digest of all that stands in a row but the answer."""
    body = json.dumps([LAYOUT, *cells], ensure_ascii=False)
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def hide_digits(field: str, value: str | None) -> str:
    """An ID number without its middle; enough is left to tell two of them apart."""
    if not value or field != "id_number" or sum(c.isdigit() for c in value) < 6:
        return value or ""
    head = 6 if len(value) >= 15 else 2
    tail = 4 if len(value) >= 15 else 2
    return value[:head] + "*" * (len(value) - head - tail) + value[-tail:]


def _row(number: int, defect: Defect, sources: dict[str, SourceMap]) -> dict[str, str]:
    source = sources[defect.source]
    shown = hide_digits(defect.field, defect.evidence)
    cells = {
        "number": str(number),
        "defect_id": name_of(defect.record_id, defect.field, defect.kind),
        "severity": texts.SEVERITY[defect.severity],
        "source": source.label,
        "place": defect.file or source.table or "",
        "sheet": defect.sheet or "",
        "row": str(defect.row_no or ""),
        "key": _key(source, defect.source_key),
        "name": defect.name or "",
        "role": ROLES.get(defect.role, defect.role),
        "field": FIELD[defect.field].label if defect.field else texts.WHOLE_ROW,
        "wrong": texts.KINDS.get(defect.kind) or DEFECT_LABELS.get(defect.kind, defect.kind),
        "own": hide_digits(defect.field, defect.own),
        "evidence": _evidence(defect, source, shown),
        "proposed": shown if defect.field else "",
        "department": source.department,
        "record": str(defect.record_id),
        "source_name": defect.source,
        "field_name": defect.field or "-",
        "kind": defect.kind,
        "version": str(defect.row_hash),
    }
    cells = {name: clean_text(cells.get(name, "")) for name in COLUMNS}
    return cells | {"digest": row_digest(cells[name] for name in DIGESTED)}


def _evidence(defect: Defect, source: SourceMap, shown: str) -> str:
    parts = []
    if defect.other is not None:
        key, file, sheet, row = defect.other
        place = f"{file} {sheet or ''} 第 {row} 行" if file else _key(source, key)
        parts.append(texts.OTHER_ROW.format(place=place))
    if defect.evidence is not None:
        day = f"（{defect.evidence_on:%Y-%m}）" if defect.evidence_on else ""
        said = texts.SAID_BY.format(source=defect.evidence_source or "", day=day, value=shown)
        parts.append(said + _difference(defect))
    elif defect.is_hidden:
        parts.append(texts.HIDDEN)
    if defect.promised_on is not None:
        parts.append(texts.PROMISED.format(day=defect.promised_on))
    return "；".join(parts) or texts.NOTHING


def _difference(defect: Defect) -> str:
    """In which places two numbers differ of which the middle is hidden."""
    one, other = (defect.own or "").upper(), defect.evidence or ""
    if defect.field != "id_number" or len(one) != len(other):
        return ""
    places = [str(n) for n, (a, b) in enumerate(zip(one, other, strict=True), 1) if a != b]
    return texts.DIFFERS.format(places="、".join(places)) if 0 < len(places) <= _FEW else ""


def _key(source: SourceMap, source_key: str) -> str:
    """The number under which the office knows the row; a ledger has none but its place."""
    return source_key.partition("~")[0] if source.kind == "database" else ""


def _summary(found: Found) -> list[tuple[str, str]]:
    lines = [("", ""), (texts.COUNTED, "")]
    lines += [
        (f"{number:,}", DEFECT_LABELS.get(kind, kind)) for kind, number in found.counts.items()
    ]
    return [*lines, ("", texts.ALSO.format(answered=found.answered, minor=found.minor))]


def _styles() -> list[NamedStyle]:
    """Looks of a cell, ``<kind>_<alignment>``, in the colours of the forms."""
    fonts = {kind: font(bold=kind != "plain") for kind in ("plain", "error", "answer", "head")}
    fonts["head"] = font(bold=True, color="FFFFFF")
    fills = {"error": fill(FILLS["verify"]), "head": fill(FILLS["head"])}
    return [
        NamedStyle(
            f"{kind}_{align}",
            font=letters,
            fill=fills.get(kind, PatternFill()),
            border=border(is_first=False, is_framed=kind == "answer"),
            alignment=Alignment(horizontal=align, vertical="center", wrap_text=True),
            number_format="@",
            protection=Protection(locked=kind != "answer"),
        )
        for kind, letters in fonts.items()
        for align in ("left", "center")
    ]


def _list(sheet: Worksheet, words: Iterable[str], rows: list[dict[str, str]]) -> None:
    sheet.title = texts.LIST
    for number, line in enumerate(words, start=1):
        write_text(sheet.cell(number, 1), line)
        sheet.cell(number, 1).font = font(16 if number == 1 else 10, bold=number == 1)
    for name, place in COLUMN.items():
        write_text(sheet.cell(HEADER_ROW, place), texts.HEADERS[name], "head_center")
        dimension = sheet.column_dimensions[get_column_letter(place)]
        dimension.width = _WIDTHS.get(name, 10)
        dimension.hidden = name in HIDDEN
    sheet.row_dimensions[HEADER_ROW].height = 24
    painter = Painter()
    for number, cells in enumerate(rows, start=HEADER_ROW + 1):
        for name, place in COLUMN.items():
            kind = "answer" if name in ANSWERS else "plain"
            if name == "severity" and cells[name] == texts.SEVERITY["error"]:
                kind = "error"
            align = "center" if name in _CENTRED else "left"
            cell = sheet.cell(number, place)
            write_text(cell, cells[name])
            painter.paint(cell, f"{kind}_{align}")
        sheet.row_dimensions[number].height = 15.0 * _lines(cells)
    _validate(sheet, HEADER_ROW + max(len(rows), 1))
    last = get_column_letter(COLUMN["remark"])
    sheet.auto_filter.ref = f"A{HEADER_ROW}:{last}{HEADER_ROW + max(len(rows), 1)}"
    sheet.freeze_panes = f"{get_column_letter(COLUMN['source'])}{HEADER_ROW + 1}"
    sheet.protection.sheet = True
    sheet.protection.formatColumns = sheet.protection.formatRows = False
    sheet.protection.autoFilter = sheet.protection.sort = False
    sheet.sheet_view.zoomScale = 90
    one_page_wide(sheet, sheet.PAPERSIZE_A3)
    sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
    sheet.oddFooter.center.text = texts.FOOTER  # type: ignore[union-attr]
    sheet.page_margins.left = sheet.page_margins.right = 0.3


def _lines(cells: dict[str, str]) -> int:
    """Lines that the fullest cell of a row takes; a Chinese character is two columns wide."""
    return max(
        2,
        *(
            -(-sum(1 if c.isascii() else 2 for c in cells[name]) // int(width - 1))
            for name, width in _WIDTHS.items()
        ),
    )


def _validate(sheet: Worksheet, last: int) -> None:
    listed = ",".join(texts.VERDICTS)
    verdict = DataValidation("list", formula1=f'"{listed}"', allow_blank=True)
    verdict.promptTitle, verdict.prompt = texts.LIST_TITLE, texts.LIST_HINT
    verdict.errorTitle, verdict.error = texts.WRONG_TITLE, texts.WRONG_LIST
    value, remark = (
        DataValidation("textLength", operator="lessThanOrEqual", formula1="200", allow_blank=True)
        for _ in range(2)
    )
    value.promptTitle, value.prompt = texts.VALUE_TITLE, texts.VALUE_HINT
    remark.promptTitle, remark.prompt = texts.REMARK_TITLE, texts.REMARK_HINT
    for name, validation in (("verdict", verdict), ("value", value), ("remark", remark)):
        validation.showInputMessage = validation.showErrorMessage = True
        letter = get_column_letter(COLUMN[name])
        validation.add(f"{letter}{HEADER_ROW + 1}:{letter}{last}")
        sheet.add_data_validation(validation)
