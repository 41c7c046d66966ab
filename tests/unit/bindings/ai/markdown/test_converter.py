"""What the child makes of a document that is wrong."""

import sys

import pytest

from paddock.bindings.ai.markdown.documents import Limits, OutputOptions


@pytest.mark.parametrize(
    ("data", "name", "mime_type", "error"),
    [
        (b"\x89PNG\r\n\x1a\n", "a", "image/png", "Images are not converted by Paddock: production has models"),
        (b"", "a.gif", "image/gif", "Images are not converted"),
        (b"PK\x03\x04", "a.numbers", "application/vnd.apple.numbers", "export the document as .xlsx"),
        (b"x", "a.bin", "application/octet-stream", "Unsupported file type: expected one of .pdf"),
        (b"nothing", "a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "BadZipFile"),
        (b"<div>" * 5_000, "a.html", "text/html", "nested too deeply"),
    ],
)
def test_the_outcome_says_what_is_wrong(read, data: bytes, name: str, mime_type: str, error: str) -> None:
    outcome = read(data, name)
    assert (outcome.mime_type, outcome.data) == (mime_type, None)
    assert error in outcome.error


def test_a_result_that_is_too_long_is_none(read) -> None:
    assert "more than 9 bytes" in read(b"1234567890", "a.txt", limits=Limits(output_bytes=9)).error
    assert read(b"123456789", "a.txt", limits=Limits(output_bytes=9)).data == "123456789"


def test_missing_packages_are_named(read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "markdownify", None)
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    assert read(b"<p>x", "a.html").missing == ("markdownify",)
    assert read(b"<p>x", "a.html", output=OutputOptions("text")).missing == ("markdownify", "markdown_it")
    assert read(b"x", "a.txt").data == "x"
