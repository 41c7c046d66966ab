"""The `tail` event: what became of other events, as tail workers see it. Source: workerd, api/trace and api/util."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from paddock.worker.isolate.cf import ClientProperties
from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.objects import JsProxy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.worker.wire import Headers

__all__ = ["EventInfo", "Tailed", "TraceException", "TraceItem", "TraceLog", "TracedRequest", "redacted"]

_REDACTED: Final = "REDACTED"
_SECRET_WORDS: Final = ("auth", "jwt", "key", "secret", "token")
_SPAN: Final = re.compile(r"[A-Za-z0-9+_-]+")
_HEX_DIGITS: Final = 32
_BASE64_CHARACTERS: Final = 21
_CARD_DIGITS: Final = range(13, 20)


class Tailed:
    """One delivery: a list of trace items."""

    def __init__(self, _headers: Headers, body: bytes) -> None:
        self.subject = JsArray(_item(item) for item in msgspec.json.decode(body))

    def result(self) -> dict[str, object]:
        """Nothing is told of it but its outcome."""
        return {}


class _Told(JsProxy):
    """An object of the platform: what it has are attributes."""

    def __init__(self, members: Mapping[str, object]) -> None:
        for name, value in members.items():
            setattr(self, name, jsonvalue.from_python(value))


class TraceItem(_Told):
    """What became of one event."""


class TraceLog(_Told):
    """A line that it logged: `message` is the list of the logged values."""


class TraceException(_Told):
    """What ended it."""


class EventInfo(_Told):
    """What the event was; its members say of which kind."""


class TracedRequest(_Told):
    """The request of a fetch event."""

    _js_name = "Request"

    def __init__(self, told: dict[str, Any], *, is_redacted: bool = True) -> None:
        self._told = told
        pairs = [(name, value) for name, value in told["headers"]]
        headers = {name: _REDACTED if is_redacted and _is_secret(name) else value for name, value in pairs}
        url = redacted(told["url"]) if is_redacted else told["url"]
        cf = dict(ClientProperties(tuple(pairs)))
        super().__init__({"cf": cf, "headers": headers, "method": told["method"], "url": url})

    def getUnredacted(self) -> TracedRequest:
        """The same, with what looks like a secret or an id."""
        return TracedRequest(self._told, is_redacted=False)


def _item(told: dict[str, Any]) -> TraceItem:
    event = told["event"]
    if "request" in event:
        event["request"] = TracedRequest(event["request"])
    logs = JsArray(map(TraceLog, told["logs"]))
    exceptions = JsArray(map(TraceException, told["exceptions"]))
    return TraceItem({**told, "event": EventInfo(event), "logs": logs, "exceptions": exceptions})


def _is_secret(header: str) -> bool:
    return header in ("cookie", "set-cookie") or any(word in header for word in _SECRET_WORDS)


def redacted(url: str) -> str:
    """The URL without what looks like an id or a card's number."""
    return _SPAN.sub(lambda span: _REDACTED if _is_id(span[0]) else span[0], url)


def _is_id(span: str) -> bool:
    letters = span.replace("+", "").replace("-", "").replace("_", "")
    if len(letters) >= _HEX_DIGITS and all(letter in "0123456789abcdefABCDEF" for letter in letters):
        return True
    kinds = (sum(map(kind, letters)) for kind in (str.isdigit, str.isupper, str.islower))
    return (len(span) >= _BASE64_CHARACTERS and all(count >= 2 for count in kinds)) or _is_card(letters)


def _is_card(digits: str) -> bool:
    """Luhn's sum, of as many digits as cards have."""
    if not digits.isdigit() or len(digits) not in _CARD_DIGITS:
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
