"""`Response`.

Source: Fetch standard, Response class; workerd, api/http. PW-065 to PW-095.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.body import Body, Content, extract
from paddock.worker.isolate.web.classes import JsClass, with_keywords
from paddock.worker.isolate.web.errors import range_error, type_error
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.objects import is_nullish, null, read
from paddock.worker.isolate.web.text import js_string
from paddock.worker.isolate.web.url import URL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.worker.isolate.web.streams import ByteSource

__all__ = ["Response"]

_NULL_BODY: Final = frozenset((101, 204, 205, 304))
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}


class _Json:
    """`Response.json(value, init)` on the class; `response.json()` on an instance."""

    def __get__(self, instance: Response | None, owner: type[Response]) -> Any:  # two different functions
        return owner._of_value if instance is None else super(Response, instance).json


class Response(Body, metaclass=JsClass):
    """A response, made by a handler or received by one."""

    _status: int
    _status_text: str
    _url: str
    _is_redirected: bool
    _web_socket: object
    _kind = "default"

    def __init__(self, body: object = None, init: object = None) -> None:
        self._web_socket = read(init, "webSocket")
        self._status = _status(read(init, "status"), has_socket=not is_nullish(self._web_socket))
        self._status_text = _status_text(read(init, "statusText"), self._status)
        self._url, self._is_redirected = "", False
        given = read(init, "headers")
        self._headers = Headers.new(None if is_nullish(given) else given)
        extracted = extract(body)
        content = _allowed(extracted.content, self._status)
        if extracted.content_type and not self._headers.has("content-type"):
            self._headers.set("content-type", extracted.content_type)
        self._take_content(content)

    @classmethod
    def from_parts(
        cls,
        status: int,
        status_text: str,
        headers: Sequence[tuple[str, str]],
        body: bytes | ByteSource | None,
        url: str = "",
        redirected: bool = False,
        web_socket: object = None,
    ) -> Response:
        """A response as it came over the wire: its headers cannot be changed."""
        made = cls.__new__(cls)
        made._status, made._status_text, made._url, made._is_redirected = status, status_text, url, redirected
        made._headers = Headers.from_pairs(headers, is_immutable=True)
        made._web_socket = web_socket
        made._take_wire_body(body)
        return made

    json: Any = _Json()

    @classmethod
    def _of_value(cls, value: object = None, *init: object, **members: object) -> Response:
        """A JSON response, compact. Raises a TypeError for a value that JSON cannot express, but for undefined."""
        text = jsonvalue.stringify(value) or "undefined"
        response = cls.new(text, *with_keywords(init, members))
        headers = read(with_keywords(init, members)[-1], "headers") if init or members else None
        if is_nullish(headers) or not Headers.new(headers).has("content-type"):
            response._headers.set("content-type", "application/json")
        return response

    @classmethod
    def error(cls) -> Response:
        """What a failed network request would be; nothing can be sent with it."""
        made = cls.new()
        made._status, made._status_text, made._kind = 0, "", "error"
        made._headers.freeze()
        return made

    @classmethod
    def redirect(cls, url: object, status: int = 302) -> Response:
        """A redirect to an absolute URL. Raises a RangeError for another status, a TypeError for another URL."""
        if status not in _REDIRECTS:
            raise range_error(f"{status} is not a redirect status code. It must be one of: 301, 302, 303, 307, or 308.")
        if not URL.canParse(url):
            raise type_error(f"Unable to parse URL: {js_string(url)}")
        location = URL.new(url).href
        return cls.new(None, status=status, headers={"location": location})

    @property
    def status(self) -> int:
        return self._status

    @property
    def statusText(self) -> str:
        return self._status_text

    @property
    def ok(self) -> bool:
        return 200 <= self._status < 300

    @property
    def redirected(self) -> bool:
        return self._is_redirected

    @property
    def url(self) -> str:
        return self._url

    @property
    def type(self) -> str:
        return self._kind

    @property
    def webSocket(self) -> object:
        return null() if is_nullish(self._web_socket) else self._web_socket

    def payload(self) -> Content:
        """The body for sending. Raises a TypeError for an error response: it cannot be sent."""
        if self._kind == "error":
            raise type_error("Return value from serve handler must not be an error response (like Response.error())")
        return super().payload()

    def clone(self) -> Response:
        """A second response with the same content. Raises a TypeError after the body was used."""
        if not is_nullish(self._web_socket):
            raise type_error("Cannot clone a response to a WebSocket handshake.")
        copy = type(self).__new__(type(self))
        copy._status, copy._status_text = self._status, self._status_text
        copy._url, copy._is_redirected = self._url, self._is_redirected
        copy._headers, copy._web_socket = self._headers.clone(), self._web_socket
        copy._take_content(self._cloned_content())
        return copy


def _status(value: object, *, has_socket: bool) -> int:
    if value is None:
        return 200
    try:
        status = int(value) if isinstance(value, int | float) else int(js_string(value))
    except (ValueError, OverflowError):
        status = 0  # what JavaScript makes of no number: out of range below
    if status == 101 and has_socket:
        return status
    if has_socket:
        raise range_error("Responses with a WebSocket must have status code 101.")
    if not 200 <= status <= 599:
        raise range_error("Responses may only be constructed with status codes in the range 200 to 599, inclusive.")
    return status


def _status_text(value: object, status: int) -> str:
    text = "" if is_nullish(value) else js_string(value)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise type_error("Invalid statusText")
    return text or _PHRASES.get(status, "")


def _allowed(content: Content, status: int) -> Content:
    if status not in _NULL_BODY or content is None or content == b"":
        return None if status in _NULL_BODY else content
    raise type_error("Response with null body status (101, 204, 205, or 304) cannot have a body.")
