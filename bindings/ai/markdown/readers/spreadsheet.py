"""Workbooks: Excel's formats, WPS's and OpenDocument's, each visible sheet as a table under its name."""

from __future__ import annotations

import datetime
from io import BytesIO
from typing import TYPE_CHECKING

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from paddock.bindings.ai.markdown.readers.archive import check_archive
from paddock.bindings.ai.markdown.readers.table import markdown_table

if TYPE_CHECKING:
    from paddock.bindings.ai.markdown.documents import Document, Job

__all__ = ["read"]


def read(document: Document, job: Job) -> str:
    """Values, as they were when the workbook was saved: no formula is computed."""
    if document.data.startswith(b"PK"):
        check_archive(document.data, job.limits.unpacked_bytes)
    workbook = CalamineWorkbook.from_filelike(BytesIO(document.data))
    parts = []
    for sheet in workbook.sheets_metadata:
        if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible:
            rows = workbook.get_sheet_by_name(sheet.name).to_python()
            parts += [
                f"## {' '.join(sheet.name.split())}",
                markdown_table([[_text(cell) for cell in row] for row in rows]),
            ]
    return "\n\n".join(filter(None, parts))


def _text(value: object) -> str:
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case float() if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        case datetime.datetime():
            return value.isoformat(" ")
    return str(value)
