"""What a test asks of a worker: the one under test, or one beside it. What takes time returns a `Pending`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from paddock.worker.testing import http
from paddock.worker.testing.clients import WorkerAsyncClient, WorkerClient
from paddock.worker.testing.entrypoints import DEFAULT_TARGET, Entrypoint, Target
from paddock.worker.testing.envproxy import Env
from paddock.worker.testing.events import EventResult, make_batch, make_scheduled

if TYPE_CHECKING:
    import datetime
    from collections.abc import Coroutine, Iterable, Mapping, Sequence
    from typing import TypeVar

    import httpx

    from paddock.worker.peer import Answer
    from paddock.worker.testing.exchanges import Exchanges
    from paddock.worker.testing.lifecycle import Lifecycle
    from paddock.worker.testing.threads import Pending
    from paddock.worker.testing.websocket import WebSocketSession

    _T = TypeVar("_T")

__all__ = ["Requests", "WorkerBeside"]


class Requests:
    """Requests and events. Each raises what the handler raises, UnexpectedAiCall and NetworkBlocked."""

    def start(self, work: Coroutine[Any, Any, _T]) -> Pending[_T]:
        """Begin work on the worker's loop."""
        raise NotImplementedError

    def _exchanging(self) -> Exchanges:
        """Those of the test that runs. Raises StaleHandle."""
        raise NotImplementedError

    @property
    def env(self) -> Env:
        """What the handler sees as `self.env`."""
        return Env(
            lambda: dict(self._exchanging().actor.config.vars), lambda: self._exchanging().actor.kinds, self._call_env
        )

    def fetch(
        self, target: str | httpx.Request, method: str | None = None, **arguments: Any
    ) -> Pending[httpx.Response]:
        """The worker's response to a path, a URL or a request, read to its end. Raises what the handler raises.

        `arguments` are httpx's: `json`, `data`, `content`, `files`, `params`, `headers`, `cookies`. With a body the
        method is POST, unless it is given. No redirect is followed.
        """
        request = http.request_for(target, method, arguments)
        return self.start(self._exchanging().response(request))

    def stream(self, target: str | httpx.Request, method: str | None = None, **arguments: Any) -> http.Streamed:
        """As `fetch`, for `with` or `async with`: the response's body comes as the handler makes it."""
        return http.Streamed(self, http.request_for(target, method, arguments))

    def send(self, request: httpx.Request, body: bytes) -> Pending[Answer]:
        """The worker's answer to a request; its body may be a stream that is still to come."""
        return self.start(self._exchanging().answer(http.fetch_request(request, body)))

    def websocket(
        self, target: str, subprotocols: Sequence[str] = (), headers: Any = None, **arguments: Any
    ) -> WebSocketSession:
        """A WebSocket to the worker, for `with` or `async with`; `arguments` are httpx's, such as `params`."""
        from paddock.worker.testing.websocket import WebSocketSession  # most tests have none

        request = http.request_for(target, "GET", {"headers": headers, **arguments})
        return WebSocketSession(self.start, self._exchanging(), request, subprotocols)

    def entrypoint(self, name: str = "default", props: Mapping[str, Any] | None = None) -> Entrypoint:
        """An entrypoint of the worker, whose methods are called as over RPC; `props` are its `ctx.props`."""
        target = Target(DEFAULT_TARGET.entrypoint if name == "Default" else name, json.dumps(props or {}))
        return Entrypoint(self.start, self._exchanging(), target)

    def client(self, **arguments: Any) -> httpx.Client:
        """A client of httpx for tests that are no coroutines; its requests go to the worker."""
        return WorkerClient(self, **arguments)

    def async_client(self, **arguments: Any) -> httpx.AsyncClient:
        """A client of httpx for coroutines; its requests go to the worker."""
        return WorkerAsyncClient(self, **arguments)

    def scheduled(self, cron: str = "", at: datetime.datetime | float | None = None) -> Pending[EventResult]:
        """Have the handler take a scheduled event. Raises what it raises."""
        return self.start(self._exchanging().deliver("scheduled", make_scheduled(cron, at)))

    def queue(self, name: str, bodies: Iterable[Any], *, attempts: int = 1) -> Pending[EventResult]:
        """Have the handler take a batch of messages. Raises what it raises."""
        return self.start(self._exchanging().deliver("queue", make_batch(name, bodies, attempts=attempts)))

    def email(self, raw: bytes | str, *, sender: str, recipient: str) -> Pending[EventResult]:
        """Have the handler take a mail. Raises what it raises."""
        data = raw.encode() if isinstance(raw, str) else raw
        return self.start(self._exchanging().deliver("email", data, (("mail-from", sender), ("rcpt-to", recipient))))

    def _call_env(self, path: list[str], args: tuple[object, ...], kwargs: dict[str, object]) -> Pending[Any]:
        return self.start(self._exchanging().call_env(path, args, kwargs))


class WorkerBeside(Requests):
    """A worker that runs beside the one under test."""

    def __init__(self, lifecycle: Lifecycle, name: str) -> None:
        self._lifecycle = lifecycle
        self.name = name
        self._exchanging()  # so that a name that is none is refused at once

    def start(self, work: Coroutine[Any, Any, _T]) -> Pending[_T]:
        """As in `Requests`."""
        return self._lifecycle.start(work)

    def _exchanging(self) -> Exchanges:
        return self._lifecycle.exchanges_with(self.name)
