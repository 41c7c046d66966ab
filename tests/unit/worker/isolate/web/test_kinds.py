"""`isinstance` with the classes of `pyodide.ffi`, and JavaScript objects as modules."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.convert import FROM_ENTRIES
from paddock.worker.isolate.web.jsonvalue import parse
from paddock.worker.isolate.web.kinds import JsAsyncIterable, JsCallable, JsDomElement, JsIterable, JsIterator
from paddock.worker.isolate.web.modules import register_js_module, unregister_js_module
from paddock.worker.isolate.web.objects import JsObject
from paddock.worker.isolate.web.streams import ReadableStream


def test_values_are_told_apart_by_what_they_can_do() -> None:
    kinds = (JsCallable, JsIterable, JsIterator, JsAsyncIterable, JsDomElement)
    stream = ReadableStream.of_bytes(b"")
    found = [[isinstance(value, kind) for kind in kinds] for value in (
        FROM_ENTRIES, JsArray(), JsArray().values(), stream, JsObject(), [],
    )]  # fmt: skip
    assert found == [
        [True, False, False, False, False],
        [False, True, False, False, False],
        [False, True, True, False, False],
        [False, False, False, True, False],
        [False] * 5,
        [False] * 5,
    ]


def test_object_as_a_module() -> None:
    register_js_module("paddock_test_module", parse('{"answer": 42, "inner": {"deep": 1}}'))
    try:
        assert import_module("paddock_test_module").answer == 42
        assert import_module("paddock_test_module.inner").deep == 1
    finally:
        unregister_js_module("paddock_test_module")
    assert not [name for name in sys.modules if name.startswith("paddock_test_module")]
    with pytest.raises(ValueError, match="no Javascript module with that name"):
        unregister_js_module("paddock_test_module")


def test_only_javascript_objects_become_modules() -> None:
    with pytest.raises(TypeError, match="must be a JsProxy, not 'dict'"):
        register_js_module("paddock_test_module", {})
