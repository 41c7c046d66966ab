"""`pyodide.ffi`: conversion between the two languages, and the classes of JavaScript values.

Source: Pyodide, "pyodide.ffi". There is no `to_py` here: it is a method (PW-113).
"""

from __future__ import annotations

import json
from typing import Any, Final

from paddock.worker.isolate.web import era
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.bigint import JsBigInt
from paddock.worker.isolate.web.buffers import JsBuffer, TypedArray
from paddock.worker.isolate.web.convert import ConversionError, to_js
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.kinds import (
    InternalError,
    JsAsyncGenerator,
    JsAsyncIterable,
    JsAsyncIterator,
    JsCallable,
    JsDomElement,
    JsGenerator,
    JsIterable,
    JsIterator,
)
from paddock.worker.isolate.web.map import JsMap
from paddock.worker.isolate.web.modules import register_js_module, unregister_js_module
from paddock.worker.isolate.web.objects import JsNull, JsProxy
from paddock.worker.isolate.web.objects import jsnull as _jsnull
from paddock.worker.isolate.web.promise import Promise as JsPromise
from paddock.worker.isolate.web.proxies import OnceCallable as JsOnceCallable
from paddock.worker.isolate.web.proxies import PyProxy as JsDoubleProxy
from paddock.worker.isolate.web.proxies import create_once_callable, create_proxy, destroy_proxies
from paddock.worker.isolate.web.response import Response as JsFetchResponse
from paddock.worker.isolate.web.suspend import can_run_sync, run_sync
from paddock.worker.isolate.web.weak import WeakRef as JsWeakRef

__all__ = [
    "IN_BROWSER", "IN_PYODIDE", "ConversionError", "InternalError", "JsArray", "JsAsyncGenerator", "JsAsyncIterable",
    "JsAsyncIterator", "JsBigInt", "JsBuffer", "JsCallable", "JsDomElement", "JsDoubleProxy", "JsException",
    "JsFetchResponse", "JsGenerator", "JsIterable", "JsIterator", "JsMap", "JsMutableMap", "JsNull", "JsOnceCallable",
    "JsPromise", "JsProxy", "JsTypedArray", "JsWeakRef", "can_run_sync", "create_once_callable", "create_proxy",
    "destroy_proxies", "register_js_module", "run_sync", "to_js", "unregister_js_module",
]  # fmt: skip

JsMutableMap = JsMap
JsTypedArray = TypedArray

#: Code that branches on this wants to know whether `js` can be imported: here it can.
IN_PYODIDE: Final = True
IN_BROWSER: Final = True

if not era.current().null_is_none:
    jsnull = _jsnull
    __all__ += ["jsnull"]


_default = json.JSONEncoder.default


def _encode_null(self: json.JSONEncoder, o: Any) -> Any:  # the signature of the hook
    return None if o is _jsnull else _default(self, o)


# Production's interpreter writes jsnull as null wherever json.dumps meets it (PW-115); ours has to be told, once.
json.JSONEncoder.default = _encode_null  # type: ignore[method-assign]  # the hook that json has for this
