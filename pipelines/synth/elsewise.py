"""Ledgers in other formats: what offices hand in under the suffix .xls, and as text."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import python_calamine as calamine
from msoffcrypto.format.ooxml import OOXMLFile

from pipelines.synth import biff

_SUFFIX = {"xls": ".xls", "html_xls": ".xls", "sheetml_xls": ".xls", "gbk_csv": ".csv"}
PASSWORD = "yunxi-2026"
"""Of the ledgers that have one; they belong to nobody."""
_OFFICE = "urn:schemas-microsoft-com:office:"


def renamed(file: str, kinds: frozenset[str]) -> str:
    """The name of a ledger in the format of `kinds`."""
    for kind, suffix in _SUFFIX.items():
        if kind in kinds:
            return file.removesuffix(".xlsx") + suffix
    return file


def rewrite(path: Path, kinds: frozenset[str]) -> None:
    """Turn the workbook that was written to `path` into the format of `kinds`."""
    if "password" in kinds:
        sealed = io.BytesIO()
        OOXMLFile(io.BytesIO(path.read_bytes())).encrypt(PASSWORD, sealed)
        path.write_bytes(sealed.getvalue())
        return
    writers = {"xls": _excel_97, "html_xls": _page, "sheetml_xls": _sheetml, "gbk_csv": _text}
    for kind, write in writers.items():
        if kind in kinds:
            book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(path.read_bytes()))
            sheets = {
                name: [[_shown(value) for value in row] for row in
                       book.get_sheet_by_name(name).to_python(skip_empty_area=False)]
                for name in book.sheet_names
            }  # fmt: skip
            path.write_bytes(write(sheets))
            return


def _shown(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()[:10]
    return str(value)


def _excel_97(sheets: dict[str, list[list[str]]]) -> bytes:
    return biff.workbook({title: [list(row) for row in rows] for title, rows in sheets.items()})


def _page(sheets: dict[str, list[list[str]]]) -> bytes:
    rows = [row for sheet in sheets.values() for row in sheet]
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(value)}</td>" for value in row) + "</tr>\n" for row in rows
    )
    head = '<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head>'
    return f'{head}<body><table border="1">\n{body}</table></body></html>'.encode()


def _sheetml(sheets: dict[str, list[list[str]]]) -> bytes:
    parts = []
    for title, rows in sheets.items():
        body = "".join(
            "<Row>"
            + "".join(
                f'<Cell><Data ss:Type="String">{escape(value)}</Data></Cell>' for value in row
            )
            + "</Row>\n"
            for row in rows
        )
        parts.append(f'<Worksheet ss:Name="{escape(title)}"><Table>\n{body}</Table></Worksheet>')
    return (
        '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
        f'<Workbook xmlns="{_OFFICE}spreadsheet" xmlns:ss="{_OFFICE}spreadsheet">'
        f"{''.join(parts)}</Workbook>"
    ).encode()


def _text(sheets: dict[str, list[list[str]]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    for rows in sheets.values():
        writer.writerows(rows)
    return text.getvalue().encode("gb18030")
