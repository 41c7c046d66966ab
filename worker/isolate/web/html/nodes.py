"""What the handlers of an HTMLRewriter get: elements, text, comments, the doctype, end tags, the end of the document.

Source: developer docs, "HTMLRewriter", Global types. Content is text, and escaped, unless `html` is set. What is
inserted again and again stays in the order that the docs of each method give: nearest to the element comes the last
`prepend` and the last `after`, the first `before` is farthest from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paddock.worker.isolate.web.array import JsArray, JsIterator
from paddock.worker.isolate.web.classes import JsClass, folds_keywords
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.html.tokens import Attribute
from paddock.worker.isolate.web.objects import JsProxy, null, read
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from paddock.worker.isolate.web.html.tokens import CommentToken, DoctypeToken, EndToken, StartToken, TextToken

__all__ = ["Comment", "Doctype", "DocumentEnd", "Element", "EndTag", "Text", "content_text"]


def content_text(content: object, options: object) -> str:
    """Content for the document. Raises a TypeError for anything but text and numbers."""
    if not isinstance(content, str | int | float):
        raise type_error("HTMLRewriter: expected the content as a string; streams are not available in Paddock")
    text = js_string(content)
    if read(options, "html"):
        return text
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _checked_name(name: str, what: str) -> str:
    """A name that can stand in a tag. Raises a TypeError for any other."""
    if not name:
        raise type_error(f"Parser error: {what} name can't be empty.")
    forbidden = next((char for char in name if char in " \n\r\t\f/>="), None)
    if forbidden is not None:
        raise type_error(f"Parser error: `{forbidden}` character is forbidden in the {what.lower()} name")
    return name


class _Node(JsProxy, metaclass=JsClass):
    """What can have something before and after itself, or in its place."""

    def __init__(self) -> None:
        raise type_error("Illegal constructor")

    @classmethod
    def of(cls, token: Any) -> Any:
        """The node of a token."""
        node = cls.__new__(cls)
        node._setup(token)
        return node

    def _setup(self, token: Any) -> None:
        self._token = token
        self._before = self._after = self._replacement = ""
        self._is_removed = False

    @property
    def removed(self) -> bool:
        return self._is_removed

    @folds_keywords
    def before(self, content: object, options: object = None) -> _Node:
        self._before += content_text(content, options)
        return self

    @folds_keywords
    def after(self, content: object, options: object = None) -> _Node:
        self._after = content_text(content, options) + self._after
        return self

    @folds_keywords
    def replace(self, content: object, options: object = None) -> _Node:
        self._replacement = content_text(content, options)
        self._is_removed = True
        return self

    def remove(self) -> _Node:
        self._is_removed = True
        return self

    def _own_text(self) -> str:
        return str(self._token.raw)

    def _markup(self) -> str:
        """The node as it is written."""
        return self._before + (self._replacement if self._is_removed else self._own_text()) + self._after


class Text(_Node):
    """A piece of text; a run of text ends with an empty one."""

    _js_name = "Text"
    _token: TextToken

    @property
    def text(self) -> str:
        return self._token.raw

    @property
    def lastInTextNode(self) -> bool:
        return self._token.is_last


class Comment(_Node):
    """A comment, whose text can be changed."""

    _js_name = "Comment"
    _token: CommentToken

    def _setup(self, token: CommentToken) -> None:
        super()._setup(token)
        self._text: str | None = None

    @property
    def text(self) -> str:
        return self._token.text if self._text is None else self._text

    @text.setter
    def text(self, value: object) -> None:
        text = js_string(value)
        if "-->" in text:
            raise type_error("Parser error: Comment text shouldn't contain a comment-closing sequence.")
        self._text = text

    def _own_text(self) -> str:
        return super()._own_text() if self._text is None else f"<!--{self._text}-->"


class Doctype(_Node):
    """The doctype. It can only be looked at."""

    _js_name = "Doctype"
    _token: DoctypeToken

    @property
    def name(self) -> object:
        return null() if self._token.name is None else self._token.name

    @property
    def publicId(self) -> object:
        return null() if self._token.public_id is None else self._token.public_id

    @property
    def systemId(self) -> object:
        return null() if self._token.system_id is None else self._token.system_id


class EndTag(_Node):
    """The end tag of an element, for the function that its `onEndTag` got."""

    _js_name = "EndTag"
    _token: EndToken

    def _setup(self, token: EndToken) -> None:
        super()._setup(token)
        self._name: str | None = None

    @property
    def name(self) -> str:
        return self._token.name if self._name is None else self._name

    @name.setter
    def name(self, value: object) -> None:
        self._name = js_string(value)

    def _own_text(self) -> str:
        return super()._own_text() if self._name is None else f"</{self._name}>"


class Element(_Node):
    """A start tag, and through it everything up to its end tag.

    What is inserted before its end tag and behind it is written at the end tag that ends it, its own or another's.
    """

    _js_name = "Element"
    _token: StartToken

    def _setup(self, token: StartToken) -> None:
        super()._setup(token)
        self._name, self._attributes = token.name, list(token.attributes)
        self._prepended = self._appended = ""
        self._is_changed = self._hides_content = False
        self._has_end, self._has_slash = True, token.is_self_closing
        self._on_end: list[object] = []

    @property
    def tagName(self) -> str:
        return self._name

    @tagName.setter
    def tagName(self, value: object) -> None:
        self._name, self._is_changed = _checked_name(js_string(value), "Tag"), True

    @property
    def attributes(self) -> JsIterator:
        """Pairs of name and value."""
        return JsIterator([JsArray((attribute.name, attribute.value)) for attribute in self._attributes])

    @property
    def namespaceURI(self) -> str:
        return "http://www.w3.org/1999/xhtml"

    def getAttribute(self, name: object) -> object:
        """The value as it is written; null where there is none."""
        wanted = js_string(name).lower()
        return next((attribute.value for attribute in self._attributes if attribute.name == wanted), null())

    def hasAttribute(self, name: object) -> bool:
        return any(attribute.name == js_string(name).lower() for attribute in self._attributes)

    def setAttribute(self, name: object, value: object) -> Element:
        key, text = _checked_name(js_string(name), "Attribute").lower(), js_string(value)
        place = next(
            (i for i, attribute in enumerate(self._attributes) if attribute.name == key), len(self._attributes)
        )
        old = self._attributes[place : place + 1]
        spelling = old[0].raw[: len(key)] if old else key
        made = Attribute(key, text, f'{spelling}="{text.replace(chr(34), "&quot;")}"')
        self._attributes[place : place + 1] = [made]
        self._is_changed = True
        return self

    def removeAttribute(self, name: object) -> Element:
        key = js_string(name).lower()
        self._attributes = [attribute for attribute in self._attributes if attribute.name != key]
        self._is_changed = True
        return self

    @folds_keywords
    def prepend(self, content: object, options: object = None) -> Element:
        self._prepended = content_text(content, options) + self._prepended
        return self._with_content()

    @folds_keywords
    def append(self, content: object, options: object = None) -> Element:
        self._appended += content_text(content, options)
        return self._with_content()

    @folds_keywords
    def setInnerContent(self, content: object, options: object = None) -> Element:
        self._prepended, self._appended, self._hides_content = content_text(content, options), "", True
        return self._with_content()

    @folds_keywords
    def replace(self, content: object, options: object = None) -> Element:
        self._replacement = content_text(content, options)
        return self.remove()

    def remove(self) -> Element:
        self._prepended = self._appended = ""
        self._is_removed = self._hides_content = True
        return self

    def removeAndKeepContent(self) -> Element:
        self._is_removed = True
        return self

    def onEndTag(self, handler: object) -> None:
        """Have a function called with the end tag. Raises a TypeError for an element that has none."""
        if not self._has_end:
            raise type_error("Parser error: No end tag.")
        self._on_end.append(handler)

    def _with_content(self) -> Element:
        """The element with room for content: a slash at the end of its tag has to go."""
        if self._has_end and self._has_slash:
            self._has_slash, self._is_changed = False, True
        return self

    def _own_text(self) -> str:
        if not self._is_changed:
            return super()._own_text()
        spelling = self._token.raw[1 : len(self._token.name) + 1]
        name = spelling if self._name == self._token.name else self._name
        attributes = "".join(f" {attribute.raw}" for attribute in self._attributes)
        return f"<{name}{attributes}{' /' if self._has_slash else ''}>"

    def _begin(self) -> str:
        """What stands in place of the start tag."""
        return self._before + (self._replacement if self._is_removed else self._own_text()) + self._prepended

    def _change_end(self, tag: EndTag) -> bool:
        """Do to an end tag what was asked for; whether anything was."""
        is_renamed = self._name != self._token.name
        if not (self._appended or self._after or self._is_removed or is_renamed):
            return False
        tag._before, tag._after, tag._is_removed = self._appended, self._after, self._is_removed
        tag._name = self._name if is_renamed else None
        return True


class DocumentEnd(JsProxy, metaclass=JsClass):
    """The end of the document, where something can be added."""

    _js_name = "DocumentEnd"

    def __init__(self) -> None:
        self._appended = ""

    @folds_keywords
    def append(self, content: object, options: object = None) -> DocumentEnd:
        self._appended += content_text(content, options)
        return self
