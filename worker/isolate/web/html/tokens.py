"""HTML as a sequence of tokens that spell the source exactly, from text that comes in pieces.

Source: HTML standard, "Tokenization", as far as a rewriter needs it: no tree is built, no entity is decoded, and what
is no tag by the standard is text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Attribute", "CommentToken", "DoctypeToken", "EndToken", "StartToken", "TextToken", "Token", "Tokenizer"]

#: Elements whose content is text up to their own end tag.
_RAW: Final = {"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "plaintext"}
#: A quote counts only behind an equals sign. Possessive, so that hostile input is read once.
_START: Final = re.compile(r"""<([A-Za-z][^\s/>]*+)((?:=\s*+"[^"]*+"|=\s*+'[^']*+'|=(?!\s*+["'])|[^>=]++)*+)>""")
_END: Final = re.compile(r"</([A-Za-z][^\s/>]*+)[^>]*+>")
_COMMENT: Final = re.compile(r"<!--(?:-?>|(.*?)--!?>)", re.DOTALL)
_DOCTYPE: Final = re.compile(r"<!doctype([^>]*+)>", re.IGNORECASE)
_BOGUS: Final = re.compile(r"<(?:!|\?|/)([^>]*+)>")
_ATTRIBUTE: Final = re.compile(r"""([^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"'][^\s>]*+)?))?""")
_EXTERNAL: Final = re.compile(
    r"""\s*(\S*)(?:\s+(?:public\s*(?:"([^"]*)"|'([^']*)')|system)?\s*(?:"([^"]*)"|'([^']*)')?)?""", re.IGNORECASE
)


class Attribute(NamedTuple):
    """An attribute with a name in lower case and its source text; the value's entities stay as they are."""

    name: str
    value: str
    raw: str


class TextToken(NamedTuple):
    """A piece of text. The last piece of a run of text is empty."""

    raw: str
    is_last: bool = False


class StartToken(NamedTuple):
    raw: str
    name: str
    attributes: tuple[Attribute, ...]
    is_self_closing: bool


class EndToken(NamedTuple):
    raw: str
    name: str


class CommentToken(NamedTuple):
    raw: str
    text: str


class DoctypeToken(NamedTuple):
    """Parts that the document does not have are None."""

    raw: str
    name: str | None
    public_id: str | None
    system_id: str | None


Token: TypeAlias = TextToken | StartToken | EndToken | CommentToken | DoctypeToken


class Tokenizer:
    """Takes text, gives tokens, and keeps what may become one with the next piece."""

    def __init__(self) -> None:
        self._waiting = ""
        self._raw_name = ""
        self._is_in_text = False

    def feed(self, text: str) -> Iterator[Token]:
        """The tokens that are complete with this piece."""
        self._waiting += text
        yield from self._tokens(is_end=False)

    def end(self) -> Iterator[Token]:
        """What is left: an unfinished tag is text."""
        yield from self._tokens(is_end=True)
        yield from self._end_text()

    def _tokens(self, *, is_end: bool) -> Iterator[Token]:
        while self._waiting:
            found = self._raw_text(is_end=is_end) if self._raw_name else self._data(is_end=is_end)
            if found is None:
                return
            self._waiting = self._waiting[len(found.raw) :]
            if isinstance(found, TextToken):
                self._is_in_text = True
            else:
                yield from self._end_text()
            yield found
            if isinstance(found, StartToken) and found.name in _RAW:
                self._raw_name = found.name

    def _end_text(self) -> Iterator[TextToken]:
        if self._is_in_text:
            self._is_in_text = False
            yield TextToken("", True)

    def _data(self, *, is_end: bool) -> Token | None:
        text = self._waiting
        if (begin := text.find("<")) != 0:
            return TextToken(text if begin < 0 else text[:begin])
        markup = _markup(text)
        if markup is not None:
            return markup
        if is_end:
            return TextToken(text)
        return None if re.match(r"<(?:[A-Za-z!/?]|$)", text) else TextToken("<")

    def _raw_text(self, *, is_end: bool) -> Token | None:
        """Inside of a script and its like: text, until its end tag."""
        text = self._waiting
        closing = re.compile(rf"</{re.escape(self._raw_name)}(?=[\s/>])", re.IGNORECASE).search(text)
        if closing is not None and self._raw_name != "plaintext":
            if closing.start():
                return TextToken(text[: closing.start()])
            end = _END.match(text)
            if end is not None:
                self._raw_name = ""
                return EndToken(end[0], end[1].lower())
            return TextToken(text) if is_end else None
        kept = 0 if is_end else len(self._raw_name) + 3
        piece = text[: max(0, len(text) - kept)]
        return TextToken(piece) if piece else None


def _markup(text: str) -> Token | None:
    """The tag or comment that a text begins with; None where it has none, or no whole one."""
    if match := _START.match(text):
        # A slash at the end of a value without quotes belongs to the value.
        last = list(_ATTRIBUTE.finditer(match[2]))[-1:]
        rest = match[2][last[0].end() if last else 0 :]
        return StartToken(match[0], match[1].lower(), tuple(_attributes(match[2])), rest.endswith("/"))
    if match := _END.match(text):
        return EndToken(match[0], match[1].lower())
    if text.startswith("<!--"):
        match = _COMMENT.match(text)
        return None if match is None else CommentToken(match[0], match[1] or "")
    if match := _DOCTYPE.match(text):
        return _doctype(match)
    # What may still become a comment or a doctype is no other declaration yet.
    if "<!--".startswith(text[:4]) or "<!doctype".startswith(text[:9].lower()):
        return None
    match = _BOGUS.match(text) if not re.match(r"</[A-Za-z]", text) else None
    return None if match is None else CommentToken(match[0], match[1])


def _attributes(text: str) -> Iterator[Attribute]:
    for match in _ATTRIBUTE.finditer(text):
        value = next((group for group in match.groups()[1:] if group is not None), "")
        yield Attribute(match[1].lower(), value, match[0])


def _doctype(match: re.Match[str]) -> DoctypeToken:
    parts = _EXTERNAL.match(match[1])
    groups = parts.groups() if parts is not None else (None,) * 5
    public = groups[1] if groups[1] is not None else groups[2]
    system = groups[3] if groups[3] is not None else groups[4]
    return DoctypeToken(match[0], (groups[0] or "").lower() or None, public, system)
