"""What crosses between two entrypoints: copies of values, requests and responses as they are, functions as stubs.

Source: workerd, worker-rpc and jsg/ser: what can be serialized, and the text for what cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from paddock.worker.isolate.calls import settled
from paddock.worker.isolate.web.abort import AbortSignal
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.blob import Blob
from paddock.worker.isolate.web.buffers import JsBuffer
from paddock.worker.isolate.web.classes import JsClass, JsFunction, with_keywords
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.fetch import Fetcher
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.map import JsMap, JsSet
from paddock.worker.isolate.web.objects import JsNull, JsObject, JsProxy
from paddock.worker.isolate.web.promise import Promise, start
from paddock.worker.isolate.web.proxies import PyProxy
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.isolate.web.writable import WritableStream

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LASTING", "JsRpcStub", "crossed"]

#: Results that the event behind them has to outlive: they bring bytes that are still to come.
LASTING: Final = (Request, Response, ReadableStream, WritableStream)
_SAME: Final = (*LASTING, Headers, AbortSignal, Fetcher, JsBuffer, Date, JsNull, str, int, float, type(None))
#: Wrapper objects, which the platform unwraps.
_WRAPPERS: Final = ("Number", "String", "Boolean", "BigInt")


class JsRpcStub(JsProxy):
    """A function of the other side. A call is a promise for a copy of what it returns."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *args: object, **members: object) -> Promise[object]:
        given = [crossed(argument) for argument in with_keywords(args, members)]

        async def call() -> object:
            return crossed(await settled(self._function(*given)))

        return start(call())


def crossed(value: object) -> object:
    """The value as the other side gets it. Raises a DataCloneError for what cannot be sent."""
    return _Crossing().convert(value)


class _Crossing:
    """One value with everything in it; what stands in it twice, or in itself, is copied once."""

    def __init__(self) -> None:
        self._copies: dict[int, object] = {}

    def convert(self, value: object) -> object:
        # A Blob cannot change, so the other side may have the same one; a File is not sent.
        if type(value) is Blob or (isinstance(value, _SAME) and not isinstance(value, Blob)):
            return value
        if id(value) in self._copies:
            return self._copies[id(value)]
        match value:
            case JsArray():
                items = self._copies[id(value)] = JsArray()
                items._items.extend(self.convert(item) for item in value._items)
                return items
            case JsObject():
                made = self._copies[id(value)] = JsObject()
                for name, member in value._members().items():
                    made._put(name, self.convert(member))
                return made
            case JsMap():
                entries = self._copies[id(value)] = JsMap.new()
                for key, member in value._entries.items():
                    entries.set(self.convert(key), self.convert(member))
                return entries
            case JsSet():
                members = self._copies[id(value)] = JsSet.new()
                for member in value:
                    members.add(self.convert(member))
                return members
            case JsException():
                return JsException(value.name, value.message)
        return self._other(value)

    def _other(self, value: object) -> object:
        if isinstance(value, JsRpcStub):
            return value
        if isinstance(value, PyProxy | JsFunction) and callable(value):
            return JsRpcStub(cast("Callable[..., object]", value))
        if isinstance(value, JsProxy) and not isinstance(value, JsClass) and _name(value) in _WRAPPERS:
            return value
        raise JsException(
            "DataCloneError",
            f'Could not serialize object of type "{_name(value)}". This type does not support serialization.',
        )


def _name(value: object) -> str:
    return getattr(type(value), "_js_name", "") or type(value).__name__
