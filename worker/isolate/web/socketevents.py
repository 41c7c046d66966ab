"""The events of a WebSocket.

Source: HTML standard, MessageEvent and ErrorEvent; WebSockets standard, CloseEvent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from paddock.worker.isolate.web.abort import Event
from paddock.worker.isolate.web.objects import is_nullish, null, read
from paddock.worker.isolate.web.text import js_string, utf8

if TYPE_CHECKING:
    from paddock.worker.isolate.web.array import JsArray

__all__ = ["CloseEvent", "ErrorEvent", "MessageEvent"]


class MessageEvent(Event):
    """A message came: a string, or bytes as an ArrayBuffer or a Blob."""

    def __init__(self, kind: str, init: object = None) -> None:
        super().__init__(kind, init)
        self._data = read(init, "data")

    @property
    def data(self) -> object:
        return self._data

    @property
    def origin(self) -> object:
        return null()

    @property
    def lastEventId(self) -> str:
        return ""

    @property
    def source(self) -> object:
        return null()

    @property
    def ports(self) -> JsArray:
        from paddock.worker.isolate.web.array import JsArray  # only those who ask need it

        return JsArray()


class CloseEvent(Event):
    """The connection is over; `wasClean` says whether with a Close frame."""

    def __init__(self, kind: str, init: object = None) -> None:
        super().__init__(kind, init)
        code, reason = read(init, "code"), read(init, "reason")
        self._code = 0 if is_nullish(code) else int(cast("int", code))
        self._reason = "" if is_nullish(reason) else utf8(js_string(reason)).decode()
        self._was_clean = bool(read(init, "wasClean"))

    @property
    def code(self) -> int:
        return self._code

    @property
    def reason(self) -> str:
        return self._reason

    @property
    def wasClean(self) -> bool:
        return self._was_clean


class ErrorEvent(Event):
    """Something failed; `error` is what was thrown."""

    def __init__(self, kind: str, init: object = None) -> None:
        super().__init__(kind, init)
        message = read(init, "message")
        self._message = "" if is_nullish(message) else js_string(message)
        self._error = read(init, "error")

    @property
    def message(self) -> str:
        return self._message

    @property
    def error(self) -> object:
        return self._error

    @property
    def filename(self) -> str:
        return ""

    @property
    def lineno(self) -> int:
        return 0

    @property
    def colno(self) -> int:
        return 0
