"""`Paddock`: a worker under test, for the fixtures of the pytest plugin and for any other program."""

from __future__ import annotations

import concurrent.futures
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import httpx
import msgspec

from paddock.bindings.ai.engines.device import installed_build
from paddock.bindings.errors import EngineUnavailable
from paddock.worker.testing import http
from paddock.worker.testing.ai import Ai
from paddock.worker.testing.envproxy import Env
from paddock.worker.testing.errors import NetworkBlocked, StaleHandle, UnexpectedAiCall
from paddock.worker.testing.events import EventResult, make_batch, make_scheduled
from paddock.worker.testing.outbound import OutboundRoutes
from paddock.worker.testing.project import Project
from paddock.worker.testing.props import Play
from paddock.worker.testing.rebuilt import rebuilt
from paddock.worker.testing.stage import Stage
from paddock.worker.testing.threads import LoopThread, Pending, in_thread, raised_in_handler
from paddock.worker.testing.timeline import Timeline

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Coroutine, Iterable, Mapping
    from types import TracebackType
    from typing import TypeVar

    from paddock.bindings.binding import FetchRequest
    from paddock.worker.peer import Answer
    from paddock.worker.testing.ai import AiMode
    from paddock.worker.triggers import Outcome

    _T = TypeVar("_T")

__all__ = ["Context", "Paddock"]

_DRAIN_S: Final = 5.0
_NOT_RUNNING: Final = "the worker under test is not running: use Paddock in a `with` block"


class Paddock:
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
        self._open(project, Ai(ai, seed), OutboundRoutes(allow_net, transport), on_log)

    @classmethod
    def of(cls, project: Project, on_log: Callable[[str, str], None] | None = None) -> Paddock:
        """The worker of a project."""
        made = cls.__new__(cls)
        made._open(project, Ai(), OutboundRoutes(), on_log)
        return made

    def _open(
        self, project: Project, ai: Ai, outbound: OutboundRoutes, on_log: Callable[[str, str], None] | None
    ) -> None:
        self._project = project
        self._on_log = on_log or _print_line
        self._thread: LoopThread | None = None
        self._stage: Stage | None = None
        self._running: Pending[None] | None = None
        self._folder: Any = None
        #: How models answer, and what they were asked.
        self.ai = ai
        #: How requests of the handler to elsewhere are answered, and what they were.
        self.outbound = outbound
        #: What happened in this test.
        self.timeline = Timeline()
        #: What the handler sees as `self.env`.
        self.env = Env(self._values, self._bindings, self._call_env)
        #: Background work of the handler.
        self.ctx = Context(self)

    # Its life

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

    def _begin_first(self) -> None:
        if self.ai.needs_engines:
            self.prepare_engines()
        self.begin_test(self.ai, self.outbound)

    def open(self) -> None:
        """Start; `begin_test` comes next. Raises ConfigError; what is wrong with the handler is raised by the first
        event.
        """
        config, self._folder = self._project.load()
        self._stage = Stage(config, self._heard, in_process=self._project.in_process)
        self._thread = LoopThread()
        opened: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._running = self._thread.start(self._stage.run(opened))
        try:
            opened.result()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop everything that was started. Idempotent."""
        if self._thread is None or self._stage is None or self._running is None:
            return
        thread, stage, self._thread, self._stage = self._thread, self._stage, None, None
        thread.start(stage.close()).result()
        self._running.result()
        thread.stop()
        if self._folder is not None:
            self._folder.cleanup()

    def begin_test(self, ai: Ai, outbound: OutboundRoutes, *, keeps_state: bool = False) -> None:
        """Fresh storage, queues and AI state, unless state is to be kept; models and the world answer as these say.

        After `end_test` of the test before, if there was one.
        """
        self.ai, self.outbound, self.timeline = ai, outbound, Timeline()
        ai.attach(self.start)
        self._begin(keeps_state=keeps_state)

    def end_test(self, timeout_s: float = _DRAIN_S) -> Pending[None]:
        """Wait for background work, and forget what was stored. Raises what the work raised, BackgroundWorkLeft,
        UnexpectedAiCall and NetworkBlocked.
        """
        return self.start(self._end(timeout_s))

    def reset(self) -> Pending[None]:
        """Fresh storage, queues and AI state, in the middle of a test."""
        return self.start(self._reset())

    # Requests and events

    def fetch(
        self, target: str | httpx.Request, method: str | None = None, **arguments: Any
    ) -> Pending[httpx.Response]:
        """The worker's response to a path, a URL or a request, read to its end. Raises what the handler raises.

        `arguments` are httpx's: `json`, `data`, `content`, `files`, `params`, `headers`, `cookies`. With a body the
        method is POST, unless it is given. No redirect is followed.
        """
        request = http.request_for(target, method, arguments)
        return self.start(self._fetch(request))

    def stream(self, target: str | httpx.Request, method: str | None = None, **arguments: Any) -> http.Streamed:
        """As `fetch`, for `with` or `async with`: the response's body comes as the handler makes it."""
        return http.Streamed(self, http.request_for(target, method, arguments))

    def send(self, request: httpx.Request, body: bytes) -> Pending[Answer]:
        """The worker's answer to a request; its body may be a stream that is still to come."""
        return self.start(self._answered(http.fetch_request(request, body)))

    def client(self, **arguments: Any) -> httpx.Client:
        """A client of httpx for tests that are no coroutines; its requests go to the worker."""
        return httpx.Client(transport=http.SyncTransport(self), **{"base_url": http.BASE_URL, **arguments})

    def async_client(self, **arguments: Any) -> httpx.AsyncClient:
        """A client of httpx for coroutines; its requests go to the worker."""
        return httpx.AsyncClient(transport=http.AsyncTransport(self), **{"base_url": http.BASE_URL, **arguments})

    def scheduled(self, cron: str = "", at: datetime.datetime | float | None = None) -> Pending[EventResult]:
        """Have the handler take a scheduled event. Raises what it raises."""
        return self.start(self._deliver("scheduled", make_scheduled(cron, at)))

    def queue(self, name: str, bodies: Iterable[Any], *, attempts: int = 1) -> Pending[EventResult]:
        """Have the handler take a batch of messages. Raises what it raises."""
        return self.start(self._deliver("queue", make_batch(name, bodies, attempts=attempts)))

    def email(self, raw: bytes | str, *, sender: str, recipient: str) -> Pending[EventResult]:
        """Have the handler take a mail. Raises what it raises."""
        data = raw.encode() if isinstance(raw, str) else raw
        return self.start(self._deliver("email", data, (("mail-from", sender), ("rcpt-to", recipient))))

    # For its parts

    @property
    def lacks_engine(self) -> str:
        """Why no real engine can answer; empty where one can."""
        if self._staged().config.paddock.engine.kind != "vllm":
            return ""
        try:
            installed_build()
        except EngineUnavailable as error:
            return f"needs a real engine: {error}"
        return ""

    def prepare_engines(self) -> None:
        """Have real engines ready to be started. In the program's main thread."""
        self._staged().live.prepare()

    @property
    def secrets(self) -> dict[str, str]:
        """Values of the configuration that nobody may see, by name."""
        config = self._staged().config
        return {name: str(config.vars[name]) for name in config.secret_names}

    def start(self, work: Coroutine[Any, Any, _T]) -> Pending[_T]:
        """Begin work on the worker's loop."""
        try:
            return self._looped().start(work)
        except StaleHandle:
            work.close()
            raise

    def flush(self) -> Pending[None]:
        """Return when everything that the handler has printed so far has been shown."""
        return self.start(self._staged().flush())

    def drain(self, timeout_s: float) -> Pending[None]:
        """Wait for background work."""
        return self.start(self._staged().drain(timeout_s))

    def _looped(self) -> LoopThread:
        if self._thread is None:
            raise StaleHandle(_NOT_RUNNING)
        return self._thread

    def _staged(self) -> Stage:
        if self._stage is None:
            raise StaleHandle(_NOT_RUNNING)
        return self._stage

    async def _fetch(self, request: httpx.Request) -> httpx.Response:
        stage = self._staged()
        answer = await stage.whole(await self._answered(http.fetch_request(request, request.read())))
        self._explain(None)
        return http.response_of(answer, request)

    async def _answered(self, request: FetchRequest) -> Answer:
        with self.timeline.spans("request", f"{request.method} {request.url}") as span:
            try:
                answer = await self._staged().fetch(request)
            except Exception as error:
                self._explain(error)
                raise
            span.end(str(answer.status))
            return answer

    async def _deliver(self, kind: str, arguments: bytes, headers: tuple[tuple[str, str], ...] = ()) -> EventResult:
        with self.timeline.spans("event", kind) as span:
            outcome: Outcome = await self._staged().deliver(kind, arguments, headers)
            if outcome.outcome == "exception":
                error = raised_in_handler(rebuilt("", "", outcome.error))
                self._explain(error)
                raise error
            span.end(outcome.outcome)
        self._explain(None)
        return EventResult.of(outcome)

    def _explain(self, error: BaseException | None) -> None:
        """Raise UnexpectedAiCall or NetworkBlocked where the test had no answer, whatever the handler made of it."""
        for kind, take in (
            (UnexpectedAiCall, self.ai.take_problems),
            (NetworkBlocked, self.outbound.take_problems),
        ):
            if problems := take():
                unexpected = kind("\n".join(problems))
                unexpected.__cause__ = error
                raise raised_in_handler(unexpected)

    def _begin(self, *, keeps_state: bool = False) -> None:
        # Whatever is asked of the worker later comes later on its loop, too.
        play = Play(self.ai, self.outbound, self.timeline)
        stage = self._staged()
        self._looped().call(partial(stage.begin, stage.scene(play, keeps_state=keeps_state)))

    async def _end(self, timeout_s: float) -> None:
        await self._staged().end(timeout_s)
        self._explain(None)

    async def _reset(self) -> None:
        await self._end(_DRAIN_S)
        self._begin()

    def _heard(self, stream: str, line: str) -> None:
        self.timeline.note(stream, line)
        self._on_log(stream, line)

    def _values(self) -> dict[str, Any]:
        return dict(self._staged().config.vars)

    def _bindings(self) -> dict[str, str]:
        return self._staged().kinds

    def _call_env(self, path: list[str], args: tuple[object, ...], kwargs: dict[str, object]) -> Pending[Any]:
        return self.start(self._called(path, args, kwargs))

    async def _called(self, path: list[str], args: tuple[object, ...], kwargs: dict[str, object]) -> Any:
        stage = self._staged()
        try:
            answer = await stage.call_env(path, args, kwargs)
        except Exception as error:
            self._explain(error)
            raise
        if answer.status_text == "value":
            assert isinstance(answer.body, bytes)
            return msgspec.msgpack.decode(answer.body)
        if answer.status_text == "stream":
            return (await stage.whole(answer)).body
        whole = await stage.whole(answer)
        return http.plain_response(whole)


class Context:
    """The fixture `ctx`: what handlers leave to do with `waitUntil`."""

    def __init__(self, paddock: Paddock) -> None:
        self._paddock = paddock

    def drain(self, timeout_s: float = _DRAIN_S) -> Pending[None]:
        """Wait until it is done. Raises what it raised, and BackgroundWorkLeft with where that began which is not."""
        return self._paddock.drain(timeout_s)


def _print_line(stream: str, text: str) -> None:
    """What the handler prints is the test's output."""
    print(text, file=sys.stderr if stream == "stderr" else sys.stdout)
