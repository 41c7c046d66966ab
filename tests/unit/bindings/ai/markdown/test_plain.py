"""Markdown with its syntax removed."""

import pytest

from paddock.bindings.ai.markdown.documents import OutputOptions
from paddock.bindings.ai.markdown.plain import plain_text


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("# Head\n\nan _old_ **house**, `x`", "Head\n\nan old house, x"),
        ("one\ntwo  \nthree", "one\ntwo\nthree"),
        ("- a\n- b\n  1. c\n\ntext", "a\nb\nc\n\ntext"),
        ("> said", "said"),
        ("[link](https://example.com) ![a dot](x.png)", "link a dot"),
        ("| a | b |\n| --- | --- |\n| 1 | |\n\ntext", "a\tb\n1\t\n\ntext"),
        ("```xml\n<a>\n\n\n</a>\n```\n\ntext", "<a>\n\n\n</a>\n\ntext"),
        ("a <b> 1\\|2 &amp; \\*", "a <b> 1|2 & *"),
        ("---\ntitle: T\n---\n\n# Head", "title: T\n\nHead"),
        ("", ""),
    ],
)
def test_only_the_text_is_left(markdown: str, expected: str) -> None:
    assert plain_text(markdown) == expected


def test_any_document_can_be_had_as_text(read) -> None:
    outcome = read(b"<h1>Head</h1><p>an <em>old</em> house", "a.html", output=OutputOptions("text"))
    assert outcome.data == "Head\n\nan old house"
