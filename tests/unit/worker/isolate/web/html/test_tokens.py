"""Tokens of HTML, for every text and however it is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from paddock.worker.isolate.web.html.tokens import EndToken, StartToken, TextToken, Token, Tokenizer

#: Texts made of what means something in HTML, so that most of them have tags, comments and scripts in them.
_PIECES = st.sampled_from([
    "<", ">", "</", "/>", "<!--", "-->", "--!>", "<!doctype ", "<?", "p", "script", "title", "svg", "br", "=", '"', "'",
    " ", "\n", "a", "é", "&amp;", "-", "!", "/",
])  # fmt: skip
_PAGES = st.lists(_PIECES, max_size=40).map("".join)


def _tokens(*pieces: str) -> list[Token]:
    tokenizer = Tokenizer()
    found = [token for piece in pieces for token in tokenizer.feed(piece)]
    return [*found, *tokenizer.end()]


def _joined(tokens: list[Token]) -> list[Token | str]:
    """The tokens with each run of text as one string: where it is cut depends on the pieces."""
    joined: list[Token | str] = []
    for token in tokens:
        if not isinstance(token, TextToken):
            joined.append(token)
        elif joined and isinstance(joined[-1], str):
            joined[-1] += token.raw
        else:
            joined.append(token.raw)
    return joined


@given(_PAGES)
def test_tokens_spell_the_source(page: str) -> None:
    assert "".join(token.raw for token in _tokens(page)) == page


@given(_PAGES, st.integers(0, 100), st.integers(0, 100))
def test_tokens_do_not_depend_on_the_pieces(page: str, first: int, second: int) -> None:
    begin, end = sorted((first, second))
    assert _joined(_tokens(page[:begin], page[begin:end], page[end:])) == _joined(_tokens(page))


@given(_PAGES)
def test_every_run_of_text_ends_once(page: str) -> None:
    is_open = False
    for token in _tokens(page):
        if isinstance(token, TextToken):
            assert not token.is_last or (is_open and token.raw == "")
            is_open = not token.is_last
        else:
            assert not is_open
    assert not is_open


def test_attributes_of_every_form() -> None:
    start = next(token for token in _tokens("<A b=1 C='2' d = \"3\" e F=>") if isinstance(token, StartToken))
    assert [(attribute.name, attribute.value) for attribute in start.attributes] == [
        ("b", "1"), ("c", "2"), ("d", "3"), ("e", ""), ("f", ""),
    ]  # fmt: skip


def test_scripts_are_text_up_to_their_end_tag() -> None:
    tokens = _joined(_tokens("<script>a<b></scripty></SCRIPT\n>"))
    assert [token if isinstance(token, str) else type(token) for token in tokens] == [
        StartToken, "a<b></scripty>", EndToken,
    ]  # fmt: skip
