"""OpenDocument texts."""

import pytest

BOLD = '<style:style style:name="B"><style:text-properties fo:font-weight="bold"/></style:style>'
NUMBERED = '<text:list-style style:name="N"><text:list-level-style-number/></text:list-style>'


BODY = "<text:note-body><text:p>where</text:p></text:note-body>"
NOTE = f"<text:note><text:note-citation>1</text:note-citation>{BODY}</text:note>"
IMAGE = "<draw:frame><draw:image/><svg:title>A dot</svg:title></draw:frame>"
BOX = "<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame>"
CELL = '<table:table-cell table:number-columns-repeated="2"><text:p>A</text:p></table:table-cell>'
INNER = "<text:list><text:list-item><text:p>b</text:p></text:list-item></text:list>"
LIST = f'<text:list text:style-name="N"><text:list-item><text:p>a</text:p>{INNER}</text:list-item></text:list>'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<text:h text:outline-level="2">Head</text:h><text:p>text</text:p>', "## Head\n\ntext"),
        ('<text:h text:outline-level="9">x</text:h>', "###### x"),
        ('<text:h text:outline-level="no">x</text:h>', "# x"),
        ('<text:p>a <text:span text:style-name="B">bold</text:span> b</text:p>', "a **bold** b"),
        (
            '<text:p><text:a xlink:href="https://example.com/?a=1&amp;b">x</text:a></text:p>',
            "[x](https://example.com/?a=1&b)",
        ),
        ("<text:p>a&lt;b<text:line-break/>c</text:p>", "a<b  \nc"),
        (f"<text:p>said{NOTE}</text:p>", "said (where)"),
        ("<text:tracked-changes><text:p>gone</text:p></text:tracked-changes><text:p>x</text:p>", "x"),
        (f"<text:p>{IMAGE}</text:p>", "A dot"),
        (f"<text:p>{BOX}</text:p>", "boxed"),
        (f"<table:table><table:table-row>{CELL}</table:table-row></table:table>", "| A | A |\n| --- | --- |"),
        (LIST, "1. a\n\n   1. b"),
    ],
)
def test_elements(read, make, body: str, expected: str) -> None:
    outcome = read(make.odt(body, BOLD + NUMBERED))
    assert (outcome.mime_type, outcome.error) == ("application/vnd.oasis.opendocument.text", "")
    assert outcome.data == expected


def test_a_cell_does_not_repeat_without_end(read, make) -> None:
    cell = '<table:table-cell table:number-columns-repeated="1000000000"/>'
    data = read(make.odt(f"<table:table><table:table-row>{cell}</table:table-row></table:table>")).data
    assert len(data) < 20_000


@pytest.mark.parametrize("parts", [{}, {"content.xml": "<a/>"}, {"content.xml": "<a>"}])
def test_a_document_without_a_text_is_an_error(read, make, parts: dict[str, str]) -> None:
    outcome = read(make.zipped({"mimetype": "application/vnd.oasis.opendocument.text", **parts}))
    assert outcome.data is None
    assert outcome.error
