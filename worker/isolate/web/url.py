"""`URL` and `URLSearchParams`.

Source: URL standard. URLs are parsed by Ada, the library that workerd has, too. PW-082, PW-083, PW-109.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, unquote_to_bytes

import ada_url

from paddock.worker.isolate.web.array import JsArray, JsIterator
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.map import pairs
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, null
from paddock.worker.isolate.web.text import js_string, utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["URL", "URLSearchParams", "decode_form", "encode_form"]


class _Part:
    """A part of a URL that can be assigned; a value that does not fit is ignored."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, url: URL, owner: type[URL]) -> str:
        return str(getattr(url._url, self._name))

    def __set__(self, url: URL, value: object) -> None:
        with contextlib.suppress(ValueError):
            setattr(url._url, self._name, _text(value))


class URL(JsProxy, metaclass=JsClass):
    """A URL. Assigning `href` raises where the value is none; all other parts ignore what does not fit."""

    protocol, username, password, host, hostname, port, pathname, hash = (_Part() for _ in range(8))

    def __init__(self, url: object, base: object = None) -> None:
        try:
            self._url = ada_url.URL(_text(url), None if base is None else _text(base))
        except ValueError as error:
            raise type_error("Invalid URL string.") from error
        self._params: URLSearchParams | None = None

    @staticmethod
    def canParse(url: object, base: object = None) -> bool:
        return bool(ada_url.URL.can_parse(_text(url), None if base is None else _text(base)))

    @staticmethod
    def parse(url: object, base: object = None) -> object:
        """The URL, or null where the text is none."""
        return URL.new(url, base) if URL.canParse(url, base) else null()

    @property
    def href(self) -> str:
        return self._url.href

    @href.setter
    def href(self, value: object) -> None:
        try:
            self._url = ada_url.URL(_text(value))
        except ValueError as error:
            raise type_error("Invalid URL string.") from error
        self._query_changed()

    @property
    def origin(self) -> str:
        return self._url.origin

    @property
    def search(self) -> str:
        return self._url.search

    @search.setter
    def search(self, value: object) -> None:
        self._url.search = _text(value)
        self._query_changed()

    @property
    def searchParams(self) -> URLSearchParams:
        if self._params is None:
            self._params = URLSearchParams.of_query(self._url.search[1:], self._take_query)
        return self._params

    def toString(self) -> str:
        return self.href

    def toJSON(self) -> str:
        return self.href

    def _take_query(self, query: str) -> None:
        self._url.search = query

    def _query_changed(self) -> None:
        if self._params is not None:
            self._params._reset(self._url.search[1:])


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
            entries = pairs(source, wrong_size="Invalid URL search params sequence.")
            self._pairs = [(js_string(name), js_string(value)) for name, value in entries]

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


def _text(value: object) -> str:
    """A value as text without surrogates that stand alone."""
    return utf8(js_string(value)).decode()


def _decoded(text: str) -> str:
    return unquote_to_bytes(utf8(text.replace("+", " "))).decode("utf-8", "replace")


def _encoded(text: str) -> str:
    return quote_plus(utf8(text), safe="*").replace("~", "%7E")
