"""CSV, XML, and text that is Markdown already."""

import pytest


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'a,b\n"1,5",x|y\n', "| a | b |\n| --- | --- |\n| 1,5 | x\\|y |"),
        (b"a;b\r\n1,5;2", "| a | b |\n| --- | --- |\n| 1,5 | 2 |"),
        (b"a\tb\n1", "| a | b |\n| --- | --- |\n| 1 |  |"),
        (b'"two\nlines",,\n,,\n,,', "| two lines |\n| --- |"),
        ("é,ü".encode("utf-16"), "| é | ü |\n| --- | --- |"),
        (b"", ""),
    ],
)
def test_csv_is_a_table(read, data: bytes, expected: str) -> None:
    outcome = read(data, "a.csv")
    assert (outcome.mime_type, outcome.data) == ("text/csv", expected)


def test_xml_is_a_code_block(read) -> None:
    data = '<?xml version="1.0" encoding="iso-8859-1"?><a>é ``` </a>'.encode("latin-1")
    outcome = read(data, "a.xml")
    assert outcome.mime_type == "application/xml"
    assert outcome.data == '````xml\n<?xml version="1.0" encoding="iso-8859-1"?><a>é ``` </a>\n````'


@pytest.mark.parametrize("data", [b"", b"<a>", b"<a>&b;</a>", b"a" * 100])
def test_xml_that_is_not_well_formed_is_an_error(read, data: bytes) -> None:
    assert "no well-formed XML" in read(data, "a.xml").error


def test_the_entities_of_xml_do_not_multiply(read) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 20}">' for n in range(1, 12))
    data = f'<!DOCTYPE l [<!ENTITY e0 "lol">{entities}]><l>&e11;</l>'.encode()
    assert "amplification" in read(data, "a.xml").error


@pytest.mark.parametrize(("name", "mime_type"), [("a.md", "text/markdown"), ("a.txt", "text/plain")])
@pytest.mark.parametrize(
    "data", ["# é\n".encode(), "# é\n".encode("utf-16"), "# é\n".encode("cp1252"), b"\xef\xbb\xbf# \xc3\xa9\n"]
)
def test_text_stays_as_it_is(read, name: str, mime_type: str, data: bytes) -> None:
    outcome = read(data, name)
    assert (outcome.mime_type, outcome.data) == (mime_type, "# é\n")
