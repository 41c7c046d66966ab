"""Workbooks."""

import pytest


def text(value: str) -> str:
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>'


def test_each_visible_sheet_is_a_table_under_its_name(read, make) -> None:
    rows = f"<row>{text('City')}{text('Lights')}{text('Lit')}</row>"
    rows += f'<row>{text("a|b")}<c><v>3</v></c><c t="b"><v>1</v></c></row><row>{text("c")}<c><v>2.5</v></c></row>'
    sheets = {"Coast  1": rows, "Notes": f"<row>{text('x')}</row>", "Secret": f"<row>{text('s')}</row>"}
    outcome = read(make.xlsx(sheets, hidden=["Secret"]), "a.xlsx")
    assert outcome.mime_type.endswith("spreadsheetml.sheet")
    assert outcome.data == (
        "## Coast 1\n\n| City | Lights | Lit |\n| --- | --- | --- |\n| a\\|b | 3 | TRUE |\n| c | 2.5 |  |\n\n"
        "## Notes\n\n| x |\n| --- |"
    )


def test_a_workbook_with_macros_keeps_its_own_type(read, make) -> None:
    outcome = read(make.xlsx({"S": f"<row>{text('x')}</row>"}), "a.XLSM")
    assert outcome.mime_type == "application/vnd.ms-excel.sheet.macroenabled.12"
    assert outcome.data == "## S\n\n| x |\n| --- |"


def test_an_open_document_spreadsheet(read, make) -> None:
    cell = '<table:table-cell office:value-type="float" office:value="4"><text:p>4</text:p></table:table-cell>'
    outcome = read(make.ods(f'<table:table table:name="S"><table:table-row>{cell}</table:table-row></table:table>'))
    assert outcome.mime_type == "application/vnd.oasis.opendocument.spreadsheet"
    assert outcome.data == "## S\n\n| 4 |\n| --- |"


def test_an_empty_sheet_is_its_name(read, make) -> None:
    assert read(make.xlsx({"Empty": ""}), "a.xlsx").data == "## Empty"


@pytest.mark.parametrize("name", ["a.xls", "a.xlsb", "a.et", "a.ods", "a.xlsx"])
@pytest.mark.parametrize(
    "data", [b"", b"nothing", b"PK\x03\x04" + b"\0" * 100, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600]
)
def test_a_damaged_workbook_is_an_error(read, name: str, data: bytes) -> None:
    assert "damaged" in read(data, name).error
