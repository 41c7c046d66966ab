"""Word documents."""

import pytest

from paddock.bindings.ai.markdown.documents import Limits


def paragraph(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def cell(text: str) -> str:
    return f"<w:tc>{paragraph(text)}</w:tc>"


def test_headings_text_and_tables(read, make) -> None:
    table = f"<w:tbl><w:tr>{cell('A')}{cell('B')}</w:tr><w:tr>{cell('1')}{cell('x|y')}</w:tr></w:tbl>"
    bold = "<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>bold</w:t></w:r></w:p>"
    outcome = read(make.docx(paragraph("Head", "Heading2") + bold + table))
    assert outcome.mime_type.endswith("wordprocessingml.document")
    assert outcome.data == "## Head\n\n**bold**\n\n| A | B |\n| --- | --- |\n| 1 | x\\|y |"


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(read, make) -> None:
    outcome = read(make.docx(paragraph("a" * 100_000)), limits=Limits(unpacked_bytes=50_000))
    assert "at most 50000 are allowed" in outcome.error


@pytest.mark.parametrize("body", ["<w:p>", "&entity;"])
def test_a_damaged_document_is_an_error(read, make, body: str) -> None:
    assert "damaged or is no application/vnd" in read(make.docx(body)).error


def test_entities_do_not_multiply(read, make) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 20}">' for n in range(1, 12))
    document = f'<!DOCTYPE w:document [<!ENTITY e0 "lol">{entities}]><w:document>&e11;</w:document>'
    parts = {"[Content_Types].xml": "<Types/>", "word/document.xml": document}
    assert read(make.zipped(parts), "a.docx").error
