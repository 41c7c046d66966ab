"""`URL` and `URLSearchParams`.

Source: URL standard. PW-082, PW-083, PW-109.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus, unquote_to_bytes

from paddock.worker.isolate.web.array import JsArray, JsIterator
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.map import pairs
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, null
from paddock.worker.isolate.web.text import js_string, utf8
from paddock.worker.isolate.web.urlparser import (
    DEFAULT_PORTS,
    FRAGMENT_SET,
    QUERY_SET,
    SPECIAL_QUERY_SET,
    USERINFO_SET,
    InvalidUrl,
    UrlRecord,
    encode,
    parse_host,
    parse_path,
    parse_port,
    parse_url,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["URL", "URLSearchParams", "decode_form", "encode_form"]

_OPAQUE_ORIGIN: Final = "null"


class URL(JsProxy, metaclass=JsClass):
    """A URL. Its parts can be assigned; a value that does not fit is ignored, except for `href`, which raises."""

    def __init__(self, url: object, base: object = None) -> None:
        try:
            against = None if base is None else parse_url(js_string(base))
            self._record = parse_url(js_string(url), against)
        except InvalidUrl as error:
            raise type_error("Invalid URL string.") from error
        self._params = URLSearchParams.of_query(self._record.query or "", self._take_query)

    @staticmethod
    def canParse(url: object, base: object = None) -> bool:
        return URL.parse(url, base) is not null()

    @staticmethod
    def parse(url: object, base: object = None) -> object:
        """The URL, or null where the text is none."""
        try:
            parse_url(js_string(url), None if base is None else parse_url(js_string(base)))
        except InvalidUrl:
            return null()
        return URL.new(url, base)

    @property
    def href(self) -> str:
        return self._record.text()

    @href.setter
    def href(self, value: object) -> None:
        try:
            self._record = parse_url(js_string(value))
        except InvalidUrl as error:
            raise type_error("Invalid URL string.") from error
        self._params._reset(self._record.query or "")

    @property
    def origin(self) -> str:
        record = self._record
        if not record.is_special or record.scheme == "file":
            return _OPAQUE_ORIGIN
        return f"{record.scheme}://{self.host}"

    @property
    def protocol(self) -> str:
        return f"{self._record.scheme}:"

    @protocol.setter
    def protocol(self, value: object) -> None:
        scheme = js_string(value).partition(":")[0].lower()
        is_valid = re.fullmatch(r"[a-z][a-z0-9+.\-]*", scheme) is not None
        if is_valid and (scheme in DEFAULT_PORTS) == self._record.is_special and self._record.scheme != "file":
            port = None if self._record.port == DEFAULT_PORTS.get(scheme) else self._record.port
            self._record = self._record._replace(scheme=scheme, port=port)

    @property
    def username(self) -> str:
        return self._record.username

    @username.setter
    def username(self, value: object) -> None:
        if self._record.host:
            self._record = self._record._replace(username=encode(js_string(value), USERINFO_SET))

    @property
    def password(self) -> str:
        return self._record.password

    @password.setter
    def password(self, value: object) -> None:
        if self._record.host:
            self._record = self._record._replace(password=encode(js_string(value), USERINFO_SET))

    @property
    def host(self) -> str:
        host, port = self._record.host or "", self._record.port
        return host if port is None else f"{host}:{port}"

    @host.setter
    def host(self, value: object) -> None:
        match = re.match(r"(\[[^\]]*\]|[^:/?#\\]*)(?::([0-9]+))?", js_string(value))
        if match is not None:
            self.hostname = match[1]
            if match[2]:
                self.port = match[2]

    @property
    def hostname(self) -> str:
        return self._record.host or ""

    @hostname.setter
    def hostname(self, value: object) -> None:
        text = re.split(r"[/?#\\]", js_string(value))[0]
        if isinstance(self._record.path, str) or (not text and self._record.is_special):
            return
        try:
            self._record = self._record._replace(host=parse_host(text, is_special=self._record.is_special))
        except InvalidUrl:
            return  # a host that does not parse leaves the URL as it was

    @property
    def port(self) -> str:
        return "" if self._record.port is None else str(self._record.port)

    @port.setter
    def port(self, value: object) -> None:
        text = js_string(value)
        digits = re.match(r"[0-9]*", text)
        if not self._record.host or self._record.scheme == "file" or digits is None:
            return
        if not text:
            self._record = self._record._replace(port=None)
        elif digits[0]:
            with contextlib.suppress(InvalidUrl):  # a port that is too high leaves the URL as it was
                port = parse_port(digits[0])
                default = DEFAULT_PORTS.get(self._record.scheme)
                self._record = self._record._replace(port=None if port == default else port)

    @property
    def pathname(self) -> str:
        return self._record.pathname

    @pathname.setter
    def pathname(self, value: object) -> None:
        if isinstance(self._record.path, str):
            return
        text = js_string(value)
        is_special = self._record.is_special
        if text.startswith("/") or (is_special and text.startswith("\\")):
            text = text[1:]
        # Unlike in a whole URL, these two do not end the path here.
        path = parse_path(text.replace("?", "%3F").replace("#", "%23"), is_special=is_special)
        self._record = self._record._replace(path=path)

    @property
    def search(self) -> str:
        return f"?{self._record.query}" if self._record.query else ""

    @search.setter
    def search(self, value: object) -> None:
        text = js_string(value).removeprefix("?")
        query = encode(text, SPECIAL_QUERY_SET if self._record.is_special else QUERY_SET)
        self._record = self._record._replace(query=query or None)
        self._params._reset(query)

    @property
    def searchParams(self) -> URLSearchParams:
        return self._params

    @property
    def hash(self) -> str:
        return f"#{self._record.fragment}" if self._record.fragment else ""

    @hash.setter
    def hash(self, value: object) -> None:
        fragment = encode(js_string(value).removeprefix("#"), FRAGMENT_SET)
        self._record = self._record._replace(fragment=fragment or None)

    def toString(self) -> str:
        return self.href

    def toJSON(self) -> str:
        return self.href

    def _take_query(self, query: str) -> None:
        self._record = self._record._replace(query=query or None)

    @property
    def record(self) -> UrlRecord:
        """The parsed URL."""
        return self._record


class URLSearchParams(JsProxy, metaclass=JsClass):
    """The parameters of a query, in order and with repeats. Those of a URL write through to it."""

    _pairs: list[tuple[str, str]]

    def __init__(self, source: object = "") -> None:
        self._on_change: Callable[[str], None] | None = None
        if isinstance(source, URLSearchParams):
            self._pairs = list(source._pairs)
        elif isinstance(source, JsObject | dict):
            members = source._members() if isinstance(source, JsObject) else source
            self._pairs = [(js_string(name), js_string(value)) for name, value in members.items()]
        elif is_nullish(source) or isinstance(source, str):
            self._pairs = decode_form((source or "").removeprefix("?")) if isinstance(source, str) else []
        else:
            self._pairs = [(js_string(name), js_string(value)) for name, value in pairs(source)]

    @classmethod
    def of_query(cls, query: str, on_change: Callable[[str], None]) -> URLSearchParams:
        """The parameters of a URL, which is told of every change."""
        params = cls.__new__(cls)
        params._pairs, params._on_change = decode_form(query), on_change
        return params

    @property
    def size(self) -> int:
        return len(self._pairs)

    def get(self, name: object) -> object:
        """The first value of a name; null where there is none (PW-109)."""
        return next((value for key, value in self._pairs if key == js_string(name)), null())

    def getAll(self, name: object) -> JsArray:
        return JsArray(value for key, value in self._pairs if key == js_string(name))

    def has(self, name: object, value: object = None) -> bool:
        return any(key == js_string(name) and value in (None, found) for key, found in self._pairs)

    def append(self, name: object, value: object) -> None:
        self._pairs.append((js_string(name), js_string(value)))
        self._changed()

    def set(self, name: object, value: object) -> None:
        """Give a name one value, in the place of its first one."""
        key, pair = js_string(name), (js_string(name), js_string(value))
        kept: list[tuple[str, str]] = []
        is_set = False
        for old in self._pairs:
            if old[0] != key:
                kept.append(old)
            elif not is_set:
                kept.append(pair)
                is_set = True
        self._pairs = kept if is_set else [*kept, pair]
        self._changed()

    def delete(self, name: object, value: object = None) -> None:
        key = js_string(name)
        self._pairs = [pair for pair in self._pairs if pair[0] != key or value not in (None, pair[1])]
        self._changed()

    def sort(self) -> None:
        self._pairs.sort(key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass"))
        self._changed()

    def keys(self) -> JsIterator:
        return JsIterator([name for name, _ in self._pairs])

    def values(self) -> JsIterator:
        return JsIterator([value for _, value in self._pairs])

    def entries(self) -> JsIterator:
        return JsIterator([JsArray(pair) for pair in self._pairs])

    def forEach(self, callback: Callable[..., object]) -> None:
        for name, value in list(self._pairs):
            callback(value, name, self)

    def toString(self) -> str:
        return encode_form(self._pairs)

    def __iter__(self) -> Iterator[JsArray]:
        return iter(self.entries())

    def __len__(self) -> int:
        return len(self._pairs)

    def __contains__(self, name: object) -> bool:
        return self.has(name)

    def __getitem__(self, name: str) -> object:
        return self.get(name)

    def _reset(self, query: str) -> None:
        self._pairs = decode_form(query)

    def _changed(self) -> None:
        if self._on_change:
            self._on_change(self.toString())


def decode_form(text: str) -> list[tuple[str, str]]:
    """The pairs of an `application/x-www-form-urlencoded` text."""
    return [
        (_decoded(name), _decoded(value))
        for name, _, value in (part.partition("=") for part in text.split("&") if part)
    ]


def encode_form(form: Iterable[tuple[str, str]]) -> str:
    """Pairs as `application/x-www-form-urlencoded` text."""
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in form)


def _decoded(text: str) -> str:
    return unquote_to_bytes(utf8(text.replace("+", " "))).decode("utf-8", "replace")


def _encoded(text: str) -> str:
    return quote_plus(utf8(text), safe="*").replace("~", "%7E")
