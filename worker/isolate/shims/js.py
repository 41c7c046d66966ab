"""The `js` module of isolates: the names of the JavaScript global scope.

One name is one object of the web platform, under the name that handlers import. What few handlers use stands in
`_ON_DEMAND` and is imported with its first use. A name that stands in `_LATER` exists in production and not here yet;
any other unknown name exists nowhere.
"""

from __future__ import annotations

import math
import sys
from importlib import import_module
from typing import Final

from paddock.worker.isolate.web import era
from paddock.worker.isolate.web.abort import AbortController, AbortSignal, CustomEvent, Event, EventTarget
from paddock.worker.isolate.web.array import Array
from paddock.worker.isolate.web.blob import Blob, File
from paddock.worker.isolate.web.buffers import TYPED_ARRAYS, ArrayBuffer, DataView
from paddock.worker.isolate.web.console import CONSOLE as console
from paddock.worker.isolate.web.crypto import CRYPTO as crypto
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.encoding import ATOB as atob
from paddock.worker.isolate.web.encoding import BTOA as btoa
from paddock.worker.isolate.web.encoding import TextDecoder, TextEncoder
from paddock.worker.isolate.web.errors import DOM_EXCEPTION as DOMException
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
from paddock.worker.isolate.web.scope import in_request
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
    "AggregateError",
    "Array",
    "ArrayBuffer",
    "BigInt64Array",
    "BigUint64Array",
    "Blob",
    "CloseEvent",
    "CustomEvent",
    "DOMException",
    "DataView",
    "Date",
    "Error",
    "ErrorEvent",
    "EvalError",
    "Event",
    "EventTarget",
    "File",
    "Float32Array",
    "Float64Array",
    "FormData",
    "Headers",
    "Infinity",
    "Int8Array",
    "Int16Array",
    "Int32Array",
    "Map",
    "MessageEvent",
    "NaN",
    "Object",
    "Promise",
    "RangeError",
    "ReadableStream",
    "ReferenceError",
    "Request",
    "Response",
    "Set",
    "SyntaxError",
    "TextDecoder",
    "TextEncoder",
    "TransformStream",
    "TypeError",
    "URIError",
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
    "self",
    "setInterval",
    "setTimeout",
    "undefined",
]  # fmt: skip

AggregateError = ErrorClass.of("AggregateError")
Error = ErrorClass.of("Error")
EvalError = ErrorClass.of("EvalError")
RangeError = ErrorClass.of("RangeError")
ReferenceError = ErrorClass.of("ReferenceError")
SyntaxError = ErrorClass.of("SyntaxError")
TypeError = ErrorClass.of("TypeError")
URIError = ErrorClass.of("URIError")

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
Infinity = math.inf
NaN = math.nan

#: Name -> module of the web platform and what it is called there.
_ON_DEMAND: Final = {
    "BigInt": "bigint.BIGINT",
    "Boolean": "numbers.BOOLEAN",
    "ByteLengthQueuingStrategy": "strategies.ByteLengthQueuingStrategy",
    "Cache": "caches.Cache",
    "CompressionStream": "compression.CompressionStream",
    "CountQueuingStrategy": "strategies.CountQueuingStrategy",
    "CryptoKey": "algorithms.key.CryptoKey",
    "DecompressionStream": "compression.DecompressionStream",
    "FixedLengthStream": "identity.FixedLengthStream",
    "HTMLRewriter": "html.rewriter.HTMLRewriter",
    "IdentityTransformStream": "identity.IdentityTransformStream",
    "Math": "numbers.MATH",
    "Number": "numbers.NUMBER",
    "ReadableStreamBYOBReader": "byob.ReadableStreamBYOBReader",
    "ReadableStreamDefaultReader": "streams.ReadableStreamDefaultReader",
    "RegExp": "regexp.RegExp",
    "String": "strings.STRING",
    "Symbol": "strings.SYMBOL",
    "TextDecoderStream": "textstreams.TextDecoderStream",
    "TextEncoderStream": "textstreams.TextEncoderStream",
    "WeakMap": "weak.WeakMap",
    "WeakRef": "weak.WeakRef",
    "WeakSet": "weak.WeakSet",
    "WritableStreamDefaultWriter": "writable.WritableStreamDefaultWriter",
    "caches": "caches.CACHES",
    "decodeURI": "strings.DECODE_URI",
    "decodeURIComponent": "strings.DECODE_URI_COMPONENT",
    "encodeURI": "strings.ENCODE_URI",
    "encodeURIComponent": "strings.ENCODE_URI_COMPONENT",
    "isFinite": "numbers.IS_FINITE",
    "isNaN": "numbers.IS_NAN",
    "navigator": "runtime.NAVIGATOR",
    "parseFloat": "numbers.PARSE_FLOAT",
    "parseInt": "numbers.PARSE_INT",
    "performance": "runtime.PERFORMANCE",
    "reportError": "runtime.REPORT_ERROR",
    "scheduler": "runtime.SCHEDULER",
    "structuredClone": "structured.STRUCTURED_CLONE",
}
#: Names of production that are still to come here.
_LATER: Final = {
    "Cloudflare", "EventSource", "FinalizationRegistry", "Float16Array", "Intl", "MessageChannel", "Proxy", "Reflect",
    "URLPattern", "WebAssembly", "WebSocketRequestResponsePair",
}  # fmt: skip
#: Names that only `nodejs_compat` makes global, in the form of `_ON_DEMAND`.
_NODE: Final = {"process": "node.PROCESS"}
#: Production blocks these: text must not become code.
_BLOCKED: Final = {"eval", "Function"}


class _GlobalThis(JsProxy):
    """The global object: the names of this module as attributes; what is assigned to it becomes a name.

    It equals this module, but not while a handler is imported: production has another global scope there, without I/O.
    """

    _js_name = "Object"
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        is_scope = other is sys.modules[__name__] and (in_request() or era.current().null_is_none)
        return other is self or is_scope

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(sys.modules[__name__], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(sys.modules[__name__], name, value)


globalThis = _GlobalThis()
self = globalThis


def __getattr__(name: str) -> object:
    if place := _ON_DEMAND.get(name) or (_NODE.get(name) if era.current().has_node else None):
        module, _, attribute = place.rpartition(".")
        found: object = getattr(import_module(f"paddock.worker.isolate.web.{module}"), attribute)
        globals()[name] = found
        return found
    if name in _LATER:
        raise AttributeError(f"js.{name} exists on Cloudflare but is not implemented in Paddock yet")
    if name in _BLOCKED:
        raise AttributeError(f"js.{name} is blocked: code generation from strings is disallowed")
    raise AttributeError(f"module 'js' has no attribute {name!r}: it is not a name of the JavaScript global scope")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ON_DEMAND})
