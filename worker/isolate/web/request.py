"""`Request`.

Source: Fetch standard, Request class; workerd, api/http. PW-040 to PW-064.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.abort import AbortSignal
from paddock.worker.isolate.web.body import Body, Extracted, extract
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.objects import is_nullish, read
from paddock.worker.isolate.web.text import js_string
from paddock.worker.isolate.web.url import URL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.worker.isolate.web.streams import ByteSource

__all__ = ["Request"]

#: Methods that the platform's HTTP library knows. Source: Cap'n Proto, kj/compat/http.
_METHODS: Final = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "PURGE", "OPTIONS", "TRACE", "COPY", "LOCK", "MKCOL", "MOVE",
    "PROPFIND", "PROPPATCH", "SEARCH", "UNLOCK", "ACL", "REPORT", "MKACTIVITY", "CHECKOUT", "MERGE", "MSEARCH",
    "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE", "QUERY", "BAN",
}  # fmt: skip
_BODILESS: Final = ("GET", "HEAD")
_WRONG_REDIRECT: Final = (
    'Invalid redirect value, must be one of "follow" or "manual" ("error" won\'t be implemented since it does not make '
    'sense at the edge; use "manual" and check the response status code).'
)


class Request(Body, metaclass=JsClass):
    """A request, incoming or outgoing. `redirect` is carried along for whoever sends it."""

    _url: str
    _method: str
    _redirect: str
    _signal: AbortSignal | None
    _cf: object
    _cache: str | None

    def __init__(self, source: object, init: object = None) -> None:
        base = source if isinstance(source, Request) else None
        self._url = base._url if base else _url(js_string(source))
        self._method = _method(read(init, "method"), base)
        self._redirect = _redirect(read(init, "redirect"), base)
        self._signal = _signal(read(init, "signal"), base)
        self._cache = _cache(read(init, "cache"), base)
        self._cf = read(init, "cf") if not is_nullish(read(init, "cf")) else (base._cf if base else None)
        given = read(init, "headers")
        self._headers = Headers.new(given if not is_nullish(given) else base._headers if base else None)
        extracted = extract(read(init, "body"))
        if extracted.content is not None and self._method in _BODILESS:
            raise type_error("Request with a GET or HEAD method cannot have a body.")
        if extracted.content is None and base is not None:
            # The body moves over: the request that it came from counts as used.
            extracted = Extracted(base.payload())
        if extracted.content_type and not self._headers.has("content-type"):
            self._headers.set("content-type", extracted.content_type)
        self._take_content(extracted.content)

    @classmethod
    def from_parts(
        cls,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes | ByteSource | None,
        cf: Mapping[str, object] | None = None,
        signal: object = None,
    ) -> Request:
        """A request as it came over the wire: its headers cannot be changed. `signal` is an AbortSignal or nullish."""
        made = cls.__new__(cls)
        # What a client sent is handed on with redirects unfollowed: they are for the client. Source: workerd, api/http.
        made._url, made._method, made._redirect = url, method, "manual"
        made._headers = Headers.from_pairs(headers, is_immutable=True)
        made._signal = _signal(signal, None)
        made._cache, made._cf = None, cf
        made._take_wire_body(body)
        return made

    @property
    def method(self) -> str:
        return self._method

    @property
    def url(self) -> str:
        return self._url

    @property
    def redirect(self) -> str:
        return self._redirect

    @property
    def cache(self) -> str | None:
        """How the request may be answered from a cache; undefined where nobody said."""
        return self._cache

    @property
    def signal(self) -> AbortSignal:
        if self._signal is None:
            self._signal = AbortSignal.pending()
        return self._signal

    @property
    def cf(self) -> object:
        """What the network knows about the client; undefined for a request made by a handler."""
        if isinstance(self._cf, Mapping):  # made only for those who look
            self._cf = jsonvalue.from_python(dict(self._cf))
        return self._cf

    @property
    def integrity(self) -> str:
        return ""

    @property
    def keepalive(self) -> bool:
        return False

    def clone(self) -> Request:
        """A second request with the same content. Raises a TypeError after the body was used."""
        copy = type(self).__new__(type(self))
        copy._url, copy._method, copy._redirect = self._url, self._method, self._redirect
        copy._headers, copy._signal, copy._cf = self._headers.clone(), self._signal, self._cf
        copy._cache = self._cache
        copy._take_content(self._cloned_content())
        return copy

    @property
    def abort_signal(self) -> AbortSignal | None:
        """The signal, if anybody holds one."""
        return self._signal


def _method(value: object, base: Request | None) -> str:
    if is_nullish(value):
        return base._method if base else "GET"
    method = js_string(value).upper()
    if method not in _METHODS:
        raise type_error(f"Invalid HTTP method string: {js_string(value)}")
    return method


def _redirect(value: object, base: Request | None) -> str:
    if is_nullish(value):
        return base._redirect if base else "follow"
    redirect = js_string(value)
    if redirect not in ("follow", "manual"):
        raise type_error(_WRONG_REDIRECT)
    return redirect


def _signal(value: object, base: Request | None) -> AbortSignal | None:
    if is_nullish(value):
        return base._signal if base else None
    if not isinstance(value, AbortSignal):
        raise type_error(
            "Incorrect type for the 'signal' field on 'RequestInitializerDict': the provided value is not of type "
            "'AbortSignal'."
        )
    return value


def _cache(value: object, base: Request | None) -> str | None:
    if is_nullish(value):
        return base._cache if base else None
    mode = js_string(value)
    if mode not in ("no-store", "no-cache"):
        raise type_error(f"Unsupported cache mode: {mode}")
    return mode


def _url(text: str) -> str:
    try:
        return URL.new(text).href
    except JsException as error:
        raise type_error(f"Invalid URL: {text}") from error
