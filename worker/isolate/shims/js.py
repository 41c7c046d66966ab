"""The `js` module of isolates: the names of the JavaScript global scope.

One name is one object of the web platform, under the name that handlers import. A name that stands in `_LATER` exists
in production and not here yet; any other unknown name exists nowhere.
"""

from __future__ import annotations

import sys
from typing import Final

from paddock.worker.isolate.web.abort import AbortController, AbortSignal, Event, EventTarget
from paddock.worker.isolate.web.array import Array
from paddock.worker.isolate.web.blob import Blob, File
from paddock.worker.isolate.web.buffers import TYPED_ARRAYS, ArrayBuffer, DataView
from paddock.worker.isolate.web.console import CONSOLE as console
from paddock.worker.isolate.web.crypto import CRYPTO as crypto
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.encoding import ATOB as atob
from paddock.worker.isolate.web.encoding import BTOA as btoa
from paddock.worker.isolate.web.encoding import TextDecoder, TextEncoder
from paddock.worker.isolate.web.errors import ErrorClass
from paddock.worker.isolate.web.fetch import FETCH as fetch
from paddock.worker.isolate.web.formdata import FormData
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.jsonvalue import JSON
from paddock.worker.isolate.web.map import JsMap as Map
from paddock.worker.isolate.web.map import JsSet as Set
from paddock.worker.isolate.web.objectclass import Object
from paddock.worker.isolate.web.objects import JsProxy
from paddock.worker.isolate.web.promise import Promise
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.socketevents import CloseEvent, ErrorEvent, MessageEvent
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.isolate.web.timers import CLEAR_TIMEOUT as clearTimeout
from paddock.worker.isolate.web.timers import QUEUE_MICROTASK as queueMicrotask
from paddock.worker.isolate.web.timers import SET_INTERVAL as setInterval
from paddock.worker.isolate.web.timers import SET_TIMEOUT as setTimeout
from paddock.worker.isolate.web.transform import TransformStream
from paddock.worker.isolate.web.url import URL, URLSearchParams
from paddock.worker.isolate.web.websocket import WebSocket, WebSocketPair
from paddock.worker.isolate.web.writable import WritableStream

__all__ = [
    "JSON",
    "URL",
    "AbortController",
    "AbortSignal",
    "Array",
    "ArrayBuffer",
    "BigInt64Array",
    "BigUint64Array",
    "Blob",
    "CloseEvent",
    "DataView",
    "Date",
    "Error",
    "ErrorEvent",
    "Event",
    "EventTarget",
    "File",
    "Float32Array",
    "Float64Array",
    "FormData",
    "Headers",
    "Int8Array",
    "Int16Array",
    "Int32Array",
    "Map",
    "MessageEvent",
    "Object",
    "Promise",
    "RangeError",
    "ReadableStream",
    "Request",
    "Response",
    "Set",
    "SyntaxError",
    "TextDecoder",
    "TextEncoder",
    "TransformStream",
    "TypeError",
    "URLSearchParams",
    "Uint8Array",
    "Uint8ClampedArray",
    "Uint16Array",
    "Uint32Array",
    "WebSocket",
    "WebSocketPair",
    "WritableStream",
    "atob",
    "btoa",
    "clearInterval",
    "clearTimeout",
    "console",
    "crypto",
    "fetch",
    "globalThis",
    "queueMicrotask",
    "setInterval",
    "setTimeout",
    "undefined",
]  # fmt: skip

Error = ErrorClass.of("Error")
RangeError = ErrorClass.of("RangeError")
SyntaxError = ErrorClass.of("SyntaxError")
TypeError = ErrorClass.of("TypeError")

Int8Array = TYPED_ARRAYS["Int8Array"]
Uint8Array = TYPED_ARRAYS["Uint8Array"]
Uint8ClampedArray = TYPED_ARRAYS["Uint8ClampedArray"]
Int16Array = TYPED_ARRAYS["Int16Array"]
Uint16Array = TYPED_ARRAYS["Uint16Array"]
Int32Array = TYPED_ARRAYS["Int32Array"]
Uint32Array = TYPED_ARRAYS["Uint32Array"]
Float32Array = TYPED_ARRAYS["Float32Array"]
Float64Array = TYPED_ARRAYS["Float64Array"]
BigInt64Array = TYPED_ARRAYS["BigInt64Array"]
BigUint64Array = TYPED_ARRAYS["BigUint64Array"]

clearInterval = clearTimeout
undefined = None

#: Names of production that are still to come here.
_LATER: Final = {
    "BigInt", "Boolean", "CompressionStream", "DOMException", "DecompressionStream", "EventSource", "Float16Array",
    "HTMLRewriter", "Math", "Number", "Proxy", "Reflect", "RegExp", "String", "Symbol", "TextDecoderStream",
    "TextEncoderStream", "WeakMap", "WeakSet", "WebAssembly", "caches", "navigator",
    "performance", "process", "scheduler", "self", "structuredClone",
}  # fmt: skip
#: Production blocks these: text must not become code.
_BLOCKED: Final = {"eval", "Function"}


class _GlobalThis(JsProxy):
    """The global object: the names of this module as attributes; what is assigned to it becomes a name."""

    _js_name = "Object"

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(sys.modules[__name__], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(sys.modules[__name__], name, value)


globalThis = _GlobalThis()


def __getattr__(name: str) -> object:
    if name in _LATER:
        raise AttributeError(f"js.{name} exists on Cloudflare but is not implemented in Paddock yet")
    if name in _BLOCKED:
        raise AttributeError(f"js.{name} is blocked: code generation from strings is disallowed")
    raise AttributeError(f"module 'js' has no attribute {name!r}: it is not a name of the JavaScript global scope")
