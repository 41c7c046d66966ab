"""`HTMLRewriter`: changes a document while it passes through.

Source: developer docs, "HTMLRewriter"; workerd, api/html-rewriter. There is no tree: an element ends with its end tag,
or with that of an element around it. Handlers are called one after another, and may be async; what they raise breaks
the response off.
"""

from __future__ import annotations

import codecs
import re
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from paddock.worker.isolate.web.buffers import uint8_array
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.encoding import TextDecoder
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.html.nodes import Comment, Doctype, DocumentEnd, Element, EndTag, Text
from paddock.worker.isolate.web.html.selectors import Selector
from paddock.worker.isolate.web.html.tokens import (
    CommentToken,
    DoctypeToken,
    EndToken,
    StartToken,
    TextToken,
    Tokenizer,
)
from paddock.worker.isolate.web.objects import JsProxy, is_nullish, read
from paddock.worker.isolate.web.promise import adopt
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.streams import ReadableStream, iterate_bytes
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from paddock.worker.isolate.web.buffers import TypedArray
    from paddock.worker.isolate.web.html.nodes import _Node
    from paddock.worker.isolate.web.html.tokens import Token

__all__ = ["HTMLRewriter"]

_VOID: Final = {
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen", "link",
    "meta", "param", "source", "track", "wbr",
}  # fmt: skip
_FOREIGN: Final = {"svg", "math"}
_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)


class HTMLRewriter(JsProxy, metaclass=JsClass):
    """Handlers by selector, and those of the whole document."""

    def __init__(self) -> None:
        self._handlers: list[tuple[Selector | None, object]] = []

    def on(self, selector: object, handlers: object) -> HTMLRewriter:
        """Call `element`, `comments` and `text` of an object for what a selector selects and what is inside of it."""
        _check(handlers, ("element", "comments", "text"), "on", 2, "ElementContentHandlers")
        self._handlers.append((Selector(js_string(selector)), handlers))
        return self

    def onDocument(self, handlers: object) -> HTMLRewriter:
        """Call `doctype`, `comments`, `text` and `end` of an object for the whole document."""
        _check(handlers, ("doctype", "comments", "text", "end"), "onDocument", 1, "DocumentContentHandlers")
        self._handlers.append((None, handlers))
        return self

    def transform(self, response: object) -> Response:
        """A response whose body is changed as it is read."""
        if not isinstance(response, Response):
            raise type_error("Failed to execute 'transform' on 'HTMLRewriter': parameter 1 is not of type 'Response'.")
        if response.type == "error":
            raise type_error("HTMLRewriter cannot transform an error response")
        body = response.body
        if not isinstance(body, ReadableStream):
            return response
        charset = _CHARSET.search(js_string(response.headers.get("content-type") or ""))
        document = _Document(list(self._handlers), charset[1] if charset else "utf-8")
        headers = Headers.from_pairs(response.header_pairs())
        response.payload()
        changed = ReadableStream.from_(document.rewritten(body))
        return Response.new(changed, status=response.status, statusText=response.statusText, headers=headers)


class _Open:
    """An element that has not ended yet."""

    def __init__(self, element: Element, place: int, type_place: int) -> None:
        self.element = element
        self.name = element._token.name
        self.attributes = {attribute.name: attribute.value for attribute in element._token.attributes}
        self.place, self.type_place = place, type_place
        self.handlers: list[int] = []
        self.children = 0
        self.children_by_name: dict[str, int] = {}
        self.is_hidden = False


class _Document:
    """One document on its way."""

    def __init__(self, handlers: list[tuple[Selector | None, object]], charset: str) -> None:
        self._handlers = handlers
        decoder = TextDecoder.new(charset)
        self._decoder, self._encode = decoder, codecs.getencoder(decoder.codec)
        self._tokenizer = Tokenizer()
        self._root = _Open(Element.of(StartToken("", "", (), False)), 1, 1)
        self._open: list[_Open] = []

    async def rewritten(self, body: ReadableStream) -> AsyncIterator[TypedArray]:
        """The pieces of the changed document."""
        async with aclosing(iterate_bytes(body)) as pieces:
            async for piece in pieces:
                text = self._decoder.decode(uint8_array(piece), stream=True)
                if data := self._bytes([await self._rewrite(token) for token in self._tokenizer.feed(text)]):
                    yield data
        tokens = [*self._tokenizer.feed(self._decoder.decode()), *self._tokenizer.end()]
        written = [await self._rewrite(token) for token in tokens]
        end = DocumentEnd.new()
        for selector, handlers in self._handlers:
            if selector is None:
                await _call(handlers, "end", end)
        if data := self._bytes([*written, end._appended]):
            yield data

    def _bytes(self, pieces: list[str]) -> TypedArray | None:
        text = "".join(pieces)
        return uint8_array(self._encode(text, "xmlcharrefreplace")[0]) if text else None

    async def _rewrite(self, token: Token) -> str:
        """What a token becomes."""
        match token:
            case StartToken():
                return await self._start(token)
            case EndToken():
                return await self._end(token)
            case TextToken():
                return await self._content("text", Text.of(token))
            case CommentToken():
                return await self._content("comments", Comment.of(token))
            case DoctypeToken():
                doctype = Doctype.of(token)
                for selector, handlers in self._handlers:
                    if selector is None:
                        await _call(handlers, "doctype", doctype)
                return str(doctype._markup())

    async def _content(self, event: str, node: _Node) -> str:
        inside = {index for open_element in self._open for index in open_element.handlers}
        for index, (selector, handlers) in enumerate(self._handlers):
            if selector is None or index in inside:
                await _call(handlers, event, node)
        return "" if self._is_hidden else node._markup()

    @property
    def _is_hidden(self) -> bool:
        return bool(self._open) and self._open[-1].is_hidden

    async def _start(self, token: StartToken) -> str:
        parent = self._open[-1] if self._open else self._root
        parent.children += 1
        parent.children_by_name[token.name] = parent.children_by_name.get(token.name, 0) + 1
        element = Element.of(token)
        opened = _Open(element, parent.children, parent.children_by_name[token.name])
        is_foreign = any(above.name in _FOREIGN for above in (*self._open, opened))
        element._has_end = token.name not in _VOID and not (token.is_self_closing and is_foreign)
        path = [*self._open, opened]
        opened.handlers = [
            index
            for index, (selector, _) in enumerate(self._handlers)
            if selector is not None and selector.matches(path)
        ]
        for index in opened.handlers:
            await _call(self._handlers[index][1], "element", element)
        was_hidden = self._is_hidden
        if not element._has_end:
            return "" if was_hidden else element._markup()
        opened.is_hidden = was_hidden or element._hides_content
        self._open.append(opened)
        return "" if was_hidden else element._begin()

    async def _end(self, token: EndToken) -> str:
        place = next((i for i in range(len(self._open) - 1, -1, -1) if self._open[i].name == token.name), None)
        if place is None:
            return "" if self._is_hidden else token.raw
        # Elements without an end tag of their own share this one; of what they want of it, the outermost has its way.
        ended = [opened.element for opened in reversed(self._open[place:])]
        del self._open[place:]
        tag = EndTag.of(token)
        for element in ended:
            element._change_end(tag)
        for element in ended:
            for handler in element._on_end:
                await adopt(handler(tag))  # type: ignore[operator]  # what user code handed to onEndTag
        return "" if self._is_hidden else tag._markup()


def _check(handlers: object, names: tuple[str, ...], method: str, place: int, kind: str) -> None:
    """Raise a TypeError for what is no object, and for members that are no functions."""
    if isinstance(handlers, str | int | float):
        raise type_error(f"Failed to execute '{method}' on 'HTMLRewriter': parameter {place} is not of type '{kind}'.")
    for name in names:
        if not is_nullish(function := read(handlers, name)) and not callable(function):
            raise type_error(
                f"Incorrect type for the '{name}' field on '{kind}': the provided value is not of type 'function'."
            )


async def _call(handlers: object, name: str, node: Any) -> None:
    """Call a function of a handler's object, if it has one of that name."""
    function = read(handlers, name)
    if callable(function):
        await adopt(function(node))
