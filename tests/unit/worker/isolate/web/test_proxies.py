"""Python objects in JavaScript's hands: who keeps them, and what comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from paddock.worker.isolate.web.abort import AbortController, EventTarget
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.convert import to_js
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject
from paddock.worker.isolate.web.promise import Promise
from paddock.worker.isolate.web.proxies import create_once_callable, create_proxy, destroy_proxies
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.scope import enter_request, set_strict
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.isolate.web.timers import SET_TIMEOUT

_GONE = "This borrowed proxy was automatically destroyed at the end of a function call"


def _logged_after_timers(callback: object, caplog: pytest.LogCaptureFixture) -> str:
    async def main() -> None:
        done = asyncio.Event()
        async with enter_request():
            SET_TIMEOUT(callback, 0)
            SET_TIMEOUT(create_once_callable(done.set), 1)
            await done.wait()

    asyncio.run(main())
    return caplog.text


def test_bare_function_is_gone_when_its_timer_fires(caplog: pytest.LogCaptureFixture) -> None:
    """PW-124: as in production, where only `create_proxy` and `create_once_callable` keep a function."""
    assert _GONE in _logged_after_timers(lambda: None, caplog)


def test_kept_function_is_called_by_its_timer(caplog: pytest.LogCaptureFixture) -> None:
    """PW-124."""
    seen: list[int] = []
    assert _logged_after_timers(create_proxy(lambda: seen.append(1)), caplog) == ""
    assert seen == [1]


def test_bare_listener_is_gone_when_the_event_comes() -> None:
    controller = AbortController.new()
    controller.signal.addEventListener("abort", lambda event: None)
    with pytest.raises(JsException, match=_GONE):
        controller.abort()


def test_bare_function_is_called_with_a_warning_where_nothing_is_strict(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []
    set_strict(False)
    try:
        text = _logged_after_timers(lambda: seen.append(1), caplog)
    finally:
        set_strict(True)
    assert (seen, _GONE in text) == ([1], True)


def test_kept_listener_gets_the_event() -> None:
    seen: list[str] = []
    controller = AbortController.new()
    controller.signal.addEventListener("abort", create_proxy(lambda event: seen.append(event.type)))
    controller.abort()
    assert seen == ["abort"]


def test_assigned_listener_is_kept() -> None:
    """An attribute that is set from Python holds its value; only arguments are lent."""
    seen: list[str] = []
    controller = AbortController.new()
    controller.signal.onabort = lambda event: seen.append(event.type)  # type: ignore[attr-defined]  # events have one
    controller.abort()
    assert seen == ["abort"]


def test_bare_source_is_gone_after_the_constructor() -> None:
    """PW-092: `start` is called by the constructor itself, `pull` is not."""
    started: list[object] = []

    async def main() -> None:
        async with enter_request():
            stream = ReadableStream.new(start=started.append, pull=lambda controller: controller.close())
            await stream.getReader().read()

    with pytest.raises(JsException, match=_GONE):
        asyncio.run(main())
    assert len(started) == 1


def test_executor_of_a_promise_needs_no_proxy() -> None:
    async def main() -> object:
        return await Promise.new(lambda resolve, reject: resolve(5))

    assert asyncio.run(main()) == 5


def test_captured_this_is_the_first_argument() -> None:
    target, seen = EventTarget.new(), []
    listener = create_proxy(lambda this, event: seen.append((this is target, event)), capture_this=True)
    target.addEventListener("x", listener)
    event: Any = JsObject({"type": "x", "defaultPrevented": False})
    target.dispatchEvent(event)
    called: Any = create_proxy(lambda this, value: (this, value), capture_this=True)
    assert (seen, called(1)) == ([(True, event)], (None, 1))


def test_proxy_comes_back_as_a_proxy_or_as_the_object() -> None:
    thing, holder = object(), JsObject()
    holder.kept, holder.passing = create_proxy(thing), create_proxy(thing, roundtrip=False)
    assert holder.kept.unwrap() is thing
    assert holder.passing is thing


def test_copy_outlives_its_original() -> None:
    proxy: Any = create_proxy([1])
    copy = proxy.copy()
    proxy.destroy()
    assert copy.unwrap() == [1]
    with pytest.raises(JsException, match="already been destroyed"):
        proxy.unwrap()


def test_destroy_proxies_takes_javascripts_arrays_only() -> None:
    with pytest.raises(TypeError, match="JsArray"):
        destroy_proxies([create_proxy(1)])


def test_made_proxies_are_collected_and_destroyed() -> None:
    made, thing = JsArray(), object()
    converted: Any = to_js([thing, 1, lambda: 2], pyproxies=made)
    assert (converted[0] is thing, len(made)) == (True, 2)
    destroy_proxies(made)
    with pytest.raises(JsException, match="already been destroyed"):
        converted[0]


def test_what_stays_python_as_a_whole_comes_back_as_a_proxy() -> None:
    thing = object()
    proxy: Any = to_js(thing)
    assert (proxy.constructor.name, proxy.unwrap()) == ("PyProxy", thing)
    function: Any = to_js(lambda value: value + 1)
    assert function(1) == 2


def test_options_are_read_through_the_proxy_of_a_dict() -> None:
    request = Request.new("https://a.test/", create_proxy({"method": "PUT", "body": "x"}))
    assert request.method == "PUT"
