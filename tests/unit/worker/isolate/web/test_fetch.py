"""fetch, fetchers and aborting them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate.web import fetch as fetch_module
from paddock.worker.isolate.web.abort import AbortController, AbortSignal
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.fetch import FETCH, Fetcher, set_transport
from paddock.worker.isolate.web.proxies import create_proxy
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.scope import enter_request

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from paddock.worker.isolate.web.request import Request


class Upstream:
    """A transport: remembers requests; answers with their target, or never."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.is_silent = False
        self.cancelled = 0

    async def __call__(self, target: str, request: Request) -> Response:
        self.requests.append(request)
        try:
            if self.is_silent:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Response.from_parts(200, "", (), target.encode(), request.url)


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    """The transport of this test."""
    monkeypatch.setattr(fetch_module, "_transport", None)
    transport = Upstream()
    set_transport(transport)
    yield transport


def _run(coroutine: Coroutine[object, object, Any]) -> Any:  # results of every type
    async def main() -> Any:
        async with enter_request():
            return await coroutine

    return asyncio.run(main())


def test_options_as_keywords_or_object(upstream: Upstream) -> None:
    """PW-099, PW-102, PW-103."""

    async def main() -> None:
        call: Any = FETCH
        await call("https://a.test", method="POST", body="b", redirect="manual")
        await call("https://a.test", {"method": "PUT", "headers": {"x": "y"}})

    _run(main())
    first, second = upstream.requests
    assert (first.method, first.payload(), first.redirect) == ("POST", b"b", "manual")
    assert (second.method, second.headers.get("x")) == ("PUT", "y")


def test_fetcher_sends_to_its_target(upstream: Upstream) -> None:
    async def main() -> object:
        fetcher = Fetcher("ASSETS")
        assert fetcher.constructor.name == "Fetcher"  # type: ignore[attr-defined]  # constructors have names
        return await (await fetcher.fetch("https://a.test", method="DELETE")).text()

    assert _run(main()) == "ASSETS"
    assert upstream.requests[0].method == "DELETE"


def test_wrong_arguments_reject(upstream: Upstream) -> None:
    async def main() -> None:
        promise: Any = FETCH("/relative")
        await promise

    with pytest.raises(JsException, match="Invalid URL"):
        _run(main())


def test_global_scope_is_refused(upstream: Upstream) -> None:
    """PW-104."""
    for call in (FETCH, Fetcher("X").fetch):
        with pytest.raises(JsException, match="Disallowed operation called within global scope"):
            call("https://a.test")


def test_abort_rejects_and_cancels_the_transport(upstream: Upstream) -> None:
    upstream.is_silent = True

    async def main() -> None:
        controller = AbortController.new()
        promise: Any = FETCH("https://a.test", signal=controller.signal)
        await asyncio.sleep(0)
        controller.abort()
        await promise

    with pytest.raises(JsException, match="AbortError: The operation was aborted"):
        _run(main())
    assert upstream.cancelled == 1


def test_aborted_signal_sends_nothing(upstream: Upstream) -> None:
    async def main() -> None:
        promise: Any = FETCH("https://a.test", signal=AbortSignal.abort(ValueError("mine")))
        await promise

    with pytest.raises(ValueError, match="mine"):
        _run(main())
    assert upstream.requests == []


def test_abort_after_the_head_breaks_the_body(upstream: Upstream) -> None:
    class Stuck:
        cancelled = False

        async def pull(self) -> bytes | None:
            await asyncio.Event().wait()
            return None

        async def cancel(self, reason: object) -> None:
            self.cancelled = True

    source = Stuck()

    async def transport(target: str, request: Request) -> Response:
        return Response.from_parts(200, "", (), source)

    async def main() -> None:
        set_transport(transport)
        controller = AbortController.new()
        promise: Any = FETCH("https://a.test", signal=controller.signal)
        reading = (await promise).text()
        await asyncio.sleep(0)
        controller.abort()
        with pytest.raises(JsException, match="AbortError"):
            await reading

    _run(main())
    assert source.cancelled


def test_end_of_the_event_cancels_what_is_under_way(upstream: Upstream) -> None:
    upstream.is_silent = True

    async def main() -> None:
        FETCH("https://a.test")
        await asyncio.sleep(0)

    _run(main())
    assert upstream.cancelled == 1


def test_signals_combine_and_call_listeners() -> None:
    controller, seen = AbortController.new(), list[object]()
    combined = AbortSignal.any([controller.signal, AbortController.new().signal])
    combined.addEventListener("abort", create_proxy(lambda event: seen.append(event.type)), once=True)
    combined.onabort = lambda event: seen.append("on")  # type: ignore[attr-defined]  # assigned as in JavaScript
    controller.abort("reason")
    controller.abort("again")
    assert (combined.reason, seen) == ("reason", ["on", "abort"])


def test_timeout_signal() -> None:
    async def main() -> None:
        signal = AbortSignal.timeout(0)
        aborted = asyncio.Event()
        signal.when_aborted(lambda reason: aborted.set())
        await aborted.wait()
        signal.throwIfAborted()

    with pytest.raises(JsException, match="TimeoutError"):
        _run(main())
