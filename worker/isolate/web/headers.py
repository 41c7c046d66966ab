"""`Headers`: the header list of a request or a response.

Source: Fetch standard, Headers class; workerd, api/headers. PW-050, PW-073 to PW-076, PW-106.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.array import JsArray, JsIterator
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.map import pairs
from paddock.worker.isolate.web.objects import JsObject, JsProxy, null
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Headers"]

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FORBIDDEN_IN_VALUE: Final = re.compile(r"[\0\r\n]")
_SET_COOKIE: Final = "set-cookie"


_WRONG_SOURCE: Final = (
    "Failed to construct 'Headers': constructor parameter 1 is not of type 'Headers or Sequence or object'."
)
_WRONG_SIZE: Final = (
    "To initialize a Headers object from a sequence, each inner sequence must have exactly two elements."
)


class Headers(JsProxy, metaclass=JsClass):
    """Names are case-insensitive and read back in lower case; values of one name join with ", ", except Set-Cookie."""

    def __init__(self, source: object = None) -> None:
        self._values: dict[str, list[str]] = {}
        self._is_immutable = False
        if source is not None:
            self._fill(source)

    @classmethod
    def from_pairs(cls, headers: Iterable[tuple[str, str]], *, is_immutable: bool = False) -> Headers:
        """Headers as they came over the wire. Immutable ones raise when a handler changes them."""
        made = cls.__new__(cls)
        made._values, made._is_immutable = {}, is_immutable
        for name, value in headers:
            made._values.setdefault(name.lower(), []).append(value)
        return made

    def append(self, name: object, value: object) -> None:
        """Add a value; earlier values of the name stay."""
        key, text = self._checked(name), _value(value)
        self._values.setdefault(key, []).append(text)

    def set(self, name: object, value: object) -> None:
        """Replace all values of a name."""
        key, text = self._checked(name), _value(value)
        self._values[key] = [text]

    def delete(self, name: object) -> None:
        self._values.pop(self._checked(name), None)

    def get(self, name: object) -> object:
        """The joined values of a name; null where there are none."""
        values = self._values.get(_key(name))
        return null() if values is None else ", ".join(values)

    def getSetCookie(self) -> JsArray:
        """The values of Set-Cookie, each by itself."""
        return JsArray(self._values.get(_SET_COOKIE, ()))

    def getAll(self, name: object) -> JsArray:
        """The values of Set-Cookie; any other name is refused, as in production."""
        if _key(name) != _SET_COOKIE:
            raise type_error('getAll() can only be used with the header name "Set-Cookie".')
        return self.getSetCookie()

    def has(self, name: object) -> bool:
        return _key(name) in self._values

    def keys(self) -> JsIterator:
        return JsIterator([name for name, _ in self.header_pairs()])

    def values(self) -> JsIterator:
        return JsIterator([value for _, value in self.header_pairs()])

    def entries(self) -> JsIterator:
        return JsIterator([JsArray(pair) for pair in self.header_pairs()])

    def forEach(self, callback: Callable[..., object]) -> None:
        for name, value in self.header_pairs():
            callback(value, name, self)

    def header_pairs(self) -> list[tuple[str, str]]:
        """Pairs as sent: sorted by name, in lower case, values joined, each Set-Cookie by itself."""
        found: list[tuple[str, str]] = []
        for name in sorted(self._values):
            values = self._values[name]
            found.extend((name, value) for value in (values if name == _SET_COOKIE else [", ".join(values)]))
        return found

    def freeze(self) -> None:
        """Let nobody change them from now on."""
        self._is_immutable = True

    def clone(self) -> Headers:
        """A copy; one of immutable headers is immutable."""
        return Headers.from_pairs(
            ((name, value) for name, values in self._values.items() for value in values),
            is_immutable=self._is_immutable,
        )

    def __iter__(self) -> Iterator[JsArray]:
        return iter(self.entries())

    def __contains__(self, name: object) -> bool:
        return self.has(name)

    def __getitem__(self, name: str) -> object:
        return self.get(name)

    def _fill(self, source: object) -> None:
        if isinstance(source, Headers):
            self._values = {name: list(values) for name, values in source._values.items()}
        elif isinstance(source, JsObject | dict):
            members = source._members() if isinstance(source, JsObject) else source
            for name, value in members.items():
                self.append(name, value)
        elif isinstance(source, str) or not isinstance(source, Iterable):
            raise type_error(_WRONG_SOURCE)
        else:
            for name, value in pairs(source, wrong_size=_WRONG_SIZE):
                self.append(name, value)

    def _checked(self, name: object) -> str:
        if self._is_immutable:
            raise type_error("Can't modify immutable headers.")
        return _key(name)


def _key(name: object) -> str:
    text = js_string(name)
    if not _NAME.fullmatch(text):
        raise type_error("Invalid header name.")
    return text.lower()


def _value(value: object) -> str:
    text = js_string(value).strip(" \t\r\n")
    if _FORBIDDEN_IN_VALUE.search(text):
        raise type_error("Invalid header value.")
    return text
