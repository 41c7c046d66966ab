"""PDF: production's form around the pages, and the structure of tagged documents."""

import pytest

from paddock.bindings.ai.markdown.documents import PdfOptions


def test_the_title_the_properties_and_each_page_under_its_number(read, make) -> None:
    info = "/Producer(Press 1)/Title(On lighthouses)/CreationDate(D:20260101000000Z)"
    outcome = read(make.pdf(["First page", "Second (page)"], info), "a b.pdf")
    assert outcome.mime_type == "application/pdf"
    assert outcome.data == (
        "# a b.pdf\n"
        "## Metadata\n"
        "- PDFFormatVersion=1.7\n"
        "- IsLinearized=false\n"
        "- IsAcroFormPresent=false\n"
        "- IsXFAPresent=false\n"
        "- IsSignaturesPresent=false\n"
        "- Title=On lighthouses\n"
        "- Producer=Press 1\n"
        "- CreationDate=D:20260101000000Z\n"
        "\n"
        "## Contents\n"
        "### Page 1\n"
        "First page\n"
        "\n"
        "### Page 2\n"
        "Second (page)"
    )


def test_the_properties_can_be_left_out(read, make) -> None:
    outcome = read(make.pdf(["x"]), "a.pdf", pdf=PdfOptions(metadata=False))
    assert outcome.data == "# a.pdf\n## Contents\n### Page 1\nx"


def test_a_name_is_one_line_and_no_path(read, make) -> None:
    data = read(make.pdf(["x"]), "../../etc/\n# passwd.pdf", pdf=PdfOptions(metadata=False)).data
    assert data.startswith("# ../../etc/ # passwd.pdf\n## Contents")


@pytest.mark.parametrize(
    ("catalog", "line"),
    [
        ("/Lang(de)", "- Language=de"),
        ("/AcroForm<</Fields[]>>", "- IsAcroFormPresent=true"),
        ("", "- IsAcroFormPresent=false"),
    ],
)
def test_what_the_catalog_says_of_the_document(read, make, catalog: str, line: str) -> None:
    assert line in read(make.pdf(["x"], catalog=catalog), "a.pdf").data.splitlines()


STRUCTURE = [
    ("H1", "Title"),
    ("P", [("Span", "Hello "), ("Link", "world")]),
    ("L", [("LI", [("Lbl", "1."), ("LBody", [("P", "one"), ("L", [("LI", [("LBody", "deep")])])])])]),
    ("Sect", [("H2", "Part"), ("Div", "loose text")]),
    ("Table", [("THead", [("TR", [("TH", "A"), ("TH", "B")])]), ("TR", [("TD", "1"), ("TD", "2|3")])]),
]


def test_the_structure_of_a_tagged_document_is_markdown(read, make) -> None:
    outcome = read(make.tagged_pdf(STRUCTURE), "a.pdf", pdf=PdfOptions(metadata=False))
    assert outcome.data == (
        "# a.pdf\n## Contents\n### Page 1\n"
        "# Title\n\n"
        "Hello world\n\n"
        "1. one\n  - deep\n\n"
        "## Part\n\n"
        "loose text\n\n"
        "| A | B |\n| --- | --- |\n| 1 | 2\\|3 |"
    )


def test_a_structure_without_end_gives_way_to_the_text(read, make) -> None:
    element = ("P", "found")
    for _ in range(300):
        element = ("Div", [element])
    assert read(make.tagged_pdf([element]), "a.pdf").data.endswith("### Page 1\nfound")


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7\nnothing", b"%PDF-1.7\n" + b"<<" * 100_000])
def test_a_damaged_document_is_an_error(read, data: bytes) -> None:
    outcome = read(data, "a.pdf")
    assert (outcome.mime_type, outcome.data) == ("application/pdf", None)
    assert "damaged or is no application/pdf" in outcome.error


def test_a_cut_document_is_read_as_far_as_it_goes_or_is_an_error(read, make) -> None:
    whole = make.pdf(["x"] * 20)
    for end in range(0, len(whole), 97):
        outcome = read(whole[:end], "a.pdf")
        assert (outcome.data is None) == bool(outcome.error)
