"""How a document's format is found out."""

import pytest

from paddock.bindings.ai.markdown.detection import detect
from paddock.bindings.ai.markdown.documents import Document, Unreadable

OFFICE = "application/vnd.openxmlformats-officedocument."
OCTETS = "application/octet-stream"


@pytest.mark.parametrize(
    ("name", "mime_type", "data", "expected"),
    [
        ("a.pdf", OCTETS, b"", "application/pdf"),
        ("A.PDF", "", b"", "application/pdf"),
        ("a.txt", "text/plain", b"\n%PDF-1.4", "application/pdf"),
        ("a.png", "", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("cat", "image/webp", b"", "image/webp"),
        ("a.svg", "", b"<svg>", "image/svg+xml"),
        ("page", "text/html; charset=utf-8", b"", "text/html"),
        ("page", "", b"\xef\xbb\xbf \n<!DOCTYPE html>", "text/html"),
        ("a.html", "text/plain", b"", "text/html"),
        ("a.md", "text/html", b"", "text/html"),
        ("a.xhtml", "application/xhtml+xml", b"", "text/html"),
        ("a.xml", "text/xml", b"", "application/xml"),
        ("notes", "text/plain", b"x", "text/plain"),
        ("a.et", "", b"", "application/vnd.ms-excel"),
    ],
)
def test_content_counts_more_than_the_type_and_the_type_more_than_the_name(name, mime_type, data, expected) -> None:
    assert detect(Document(name, mime_type, data)).mime_type == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("word/document.xml", f"{OFFICE}wordprocessingml.document"),
        ("xl/workbook.xml", f"{OFFICE}spreadsheetml.sheet"),
        ("xl/workbook.bin", "application/vnd.ms-excel.sheet.binary.macroenabled.12"),
    ],
)
def test_an_archive_is_known_by_its_parts(make, part: str, expected: str) -> None:
    assert detect(Document("a.bin", OCTETS, make.zipped({part: ""}))).mime_type == expected


def test_an_open_document_says_what_it_is(make) -> None:
    data = make.zipped({"mimetype": "application/vnd.oasis.opendocument.text"})
    assert detect(Document("a.docx", "", data)).extension == ".odt"


@pytest.mark.parametrize("data", [b"x", b"PK\x03\x04", b"\0\1"])
def test_anything_else_is_refused_with_a_list_of_what_is_not(data: bytes) -> None:
    with pytest.raises(Unreadable, match=r"expected one of \.pdf, \.html"):
        detect(Document("a.bin", OCTETS, data))
