"""`Paddock`: a worker under test, for the fixtures of the pytest plugin and for any other program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from paddock.worker.testing import http
from paddock.worker.testing.ai import Ai
from paddock.worker.testing.context import Context
from paddock.worker.testing.envproxy import Env
from paddock.worker.testing.events import EventResult, make_batch, make_scheduled
from paddock.worker.testing.lifecycle import Lifecycle
from paddock.worker.testing.outbound import OutboundRoutes
from paddock.worker.testing.project import Project
from paddock.worker.testing.threads import Pending, in_thread

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from paddock.worker.peer import Answer
    from paddock.worker.testing.ai import AiMode
    from paddock.worker.testing.websocket import WebSocketSession

__all__ = ["Paddock"]


class Paddock(Lifecycle):
    """A worker, its bindings and its models, in this program: no server, no port. `with` and `async with` start it.

    Without arguments it is the worker of the nearest configuration from the current folder upwards. What takes time
    returns a `Pending`: await it, or take its `result()`.
    """

    def __init__(
        self,
        config: str | Path | None = None,
        *,
        source: str | None = None,
        settings: Mapping[str, Any] | None = None,
        env: str | None = None,
        vars: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        ai: AiMode = "fake",
        seed: int = 0,
        allow_net: Iterable[str] = (),
        outbound: Callable[[httpx.Request], httpx.Response] | httpx.MockTransport | None = None,
        in_process: bool = False,
        on_log: Callable[[str, str], None] | None = None,
    ) -> None:
        """`source` is a handler's text, with `settings` as its configuration, in place of a project on disk.

        `vars` and `secrets` go before those of the configuration; `env` chooses one of its environments. Requests
        of the handler to elsewhere are answered by `outbound`, leave for the hosts of `allow_net`, or are refused.
        With `in_process` the handler runs in this program. `on_log` gets each line that the handler prints, after the
        name of its stream.
        """
        project = Project(
            config=None if config is None else Path(config),
            source=source,
            settings=json.dumps(settings or {}),
            env=env,
            vars=json.dumps(vars or {}),
            secrets=json.dumps(secrets or {}),
            in_process=in_process,
        )
        transport = httpx.MockTransport(outbound) if callable(outbound) else outbound
        self._make(project, Ai(ai, seed), OutboundRoutes(allow_net, transport), on_log)

    @classmethod
    def of(cls, project: Project, on_log: Callable[[str, str], None] | None = None) -> Paddock:
        """The worker of a project."""
        made = cls.__new__(cls)
        made._make(project, Ai(), OutboundRoutes(), on_log)
        return made

    def _make(
        self, project: Project, ai: Ai, outbound: OutboundRoutes, on_log: Callable[[str, str], None] | None
    ) -> None:
        super().__init__(project, ai, outbound, on_log)
        #: What the handler sees as `self.env`.
        self.env = Env(lambda: dict(self._staged().config.vars), lambda: self._staged().kinds, self._call_env)
        #: Background work of the handler.
        self.ctx = Context(self)

    def __enter__(self) -> Self:
        self.open()
        self._begin_first()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.end_test().result()
        finally:
            self.close()

    async def __aenter__(self) -> Self:
        await in_thread(self.open)
        self._begin_first()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await in_thread(lambda: self.__exit__(kind, error, trace))

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

    def client(self, **arguments: Any) -> httpx.Client:
        """A client of httpx for tests that are no coroutines; its requests go to the worker."""
        return httpx.Client(transport=http.SyncTransport(self), **{"base_url": http.BASE_URL, **arguments})

    def async_client(self, **arguments: Any) -> httpx.AsyncClient:
        """A client of httpx for coroutines; its requests go to the worker."""
        return httpx.AsyncClient(transport=http.AsyncTransport(self), **{"base_url": http.BASE_URL, **arguments})

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

    def _begin_first(self) -> None:
        if self.ai.needs_engines:
            self.prepare_engines()
        self.begin_test(self.ai, self.outbound)
