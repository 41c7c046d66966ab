"""A worker under test, on the loop: its isolate, which outlives tests, and the scene of the test that runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from paddock.bindings.ai.doors import rest
from paddock.bindings.ai.doors.access import Access
from paddock.worker import triggers, wire
from paddock.worker.assembly import isolate_limits, make_assets, make_start
from paddock.worker.guard import RESERVED, Guard
from paddock.worker.peer import Answer, PeerFault
from paddock.worker.process import IsolateProcess, IsolateSettings
from paddock.worker.supervisor import Supervisor
from paddock.worker.testing import http
from paddock.worker.testing.errors import BackgroundWorkLeft
from paddock.worker.testing.inprocess import LocalIsolate
from paddock.worker.testing.live import LiveModels
from paddock.worker.testing.props import Props
from paddock.worker.testing.rebuilt import rebuilt
from paddock.worker.testing.scene import CurrentBindings, CurrentOutbound, Scene
from paddock.worker.testing.threads import raised_in_handler
from paddock.worker.watchdog import Limits

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable, Mapping, Sequence

    from paddock.bindings.ai.service import AiService
    from paddock.bindings.binding import CallRecord, FetchRequest
    from paddock.worker.config.loading import Config
    from paddock.worker.testing.props import Play

__all__ = ["Stage"]

#: The target of what is for the kit; the isolate's half is `inside/control.py`.
_KIT: Final = "kit"
_PRINT_S: Final = 1.0
#: Paths that are the dev server's: those of this machine, and the REST API.
_RESERVED: Final = (RESERVED, rest.PREFIX)


#: Of a process that is the tests' own: a debugger may stop it for as long as it takes.
_NO_LIMITS: Final = Limits(cpu_ms=10**9, memory_mb=10**9, loop_s=1e9)


class _Account(msgspec.Struct):
    """What there was of background work: where that began which is left, and descriptions of what it raised."""

    left: list[str]
    failures: list[str]


class _Mark:
    """A line that the isolate prints on both of its streams: all that was printed before has been heard then."""

    def __init__(self) -> None:
        self.text = f"paddock-testing-{uuid.uuid4().hex}"
        self._open = {"stdout", "stderr"}
        self._seen = asyncio.Event()

    def is_in(self, stream: str, line: str) -> bool:
        """Whether the line is the mark."""
        if line != self.text:
            return False
        self._open.discard(stream)
        if not self._open:
            self._seen.set()
        return True

    async def seen(self, timeout_s: float) -> None:
        """Return when it was heard on both; a handler may have closed one, so not later than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._seen.wait()


class Stage:
    """One worker. Everything but `__init__` and `scene` happens on the loop."""

    def __init__(self, config: Config, on_line: Callable[[str, str], None], *, in_process: bool = False) -> None:
        self.config = config
        self._in_process = in_process
        self._has_started = False
        self._on_line = on_line
        self._props = Props.of(config)
        #: Name in `env` to kind, of every binding, once there was a scene.
        self.kinds: dict[str, str] = {}
        self._assets = make_assets(config)
        self._folder: str | None = None
        self._number = 0
        self._scene: Scene | None = None
        self._supervisor: Supervisor | None = None
        self._tasks: asyncio.TaskGroup | None = None
        #: The real engines.
        self.live = LiveModels(config)
        self._closing = asyncio.Event()
        self._mark: _Mark | None = None

    async def run(self, opened: concurrent.futures.Future[None]) -> None:
        """Live until `close`. `opened` is settled when tests can begin."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._supervisor = Supervisor(self._tasks, self._isolate, has_standby=False)
                opened.set_result(None)
                await self._closing.wait()
                await self._supervisor.close()
                await self.end()
                await self.live.close()
        finally:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    async def close(self) -> None:
        """End the worker."""
        self._closing.set()

    def scene(self, play: Play, *, keeps_state: bool = False) -> Scene:
        """A scene for the next test, after the last one was taken down. Not on the loop."""
        self._folder = self._folder or tempfile.mkdtemp(prefix="paddock-test-")
        if not keeps_state:
            if os.path.exists(self._state):
                shutil.rmtree(self._state, ignore_errors=True)
            self._number += 1
        scene = Scene(self._props, play, Path(self._state), self._live_service)
        self.kinds = scene.bindings.kinds() | {service.binding: "service" for service in self.config.services}
        return scene

    def begin(self, scene: Scene) -> None:
        """Set the scene for the next test."""
        assert self._tasks is not None
        assert self._scene is None
        self._scene = scene
        scene.start(self._tasks, triggers.consumer(self._current))
        if not self._has_started:  # while the test sets up what else it needs
            assert self._supervisor is not None
            self._has_started = True
            self._supervisor.replace()

    async def end(self, timeout_s: float = 0.0) -> None:
        """Wait for background work, and take the scene down. Raises as `drain`; what was printed is shown by then."""
        try:
            if self._scene is not None:
                await self.drain(timeout_s, is_final=True)
        finally:
            scene, self._scene = self._scene, None
            if scene is not None:
                await scene.close()

    @property
    def _state(self) -> str:
        return f"{self._folder}/{self._number}"

    async def fetch(self, request: FetchRequest) -> Answer:
        """The worker's response, that of its static assets, or on a reserved path the dev server's.

        Raises what the handler raised.
        """
        if urlsplit(request.url).path.startswith(_RESERVED):
            return await self._reserved(request)
        asset = None if self._assets is None else await self._assets.route(request)
        if asset is not None:
            return Answer(asset.status, asset.status_text, asset.headers, asset.body)
        fetch = wire.Fetch(wire.FetchId(0), wire.FETCH, request.method, request.url, request.headers, None)
        return await self._sent(fetch, request.body, request.calls)

    async def _live_service(self) -> AiService:
        assert self._tasks is not None
        return await self.live.service(self._tasks)

    async def _reserved(self, request: FetchRequest) -> Answer:
        # Few tests come here, and the app brings the doors along.
        from paddock.worker.answers import Front
        from paddock.worker.app import make_app

        assert self._supervisor is not None
        host = urlsplit(request.url).hostname or ""
        front = Front(guard=Guard(frozenset({host})))
        service, limit_bytes = self._current_scene().service, self.config.paddock.max_body_bytes
        app = make_app(
            self._supervisor, service, limit_bytes, access=Access(self.config.paddock.api_token), front=front
        )
        asked = httpx.Request(
            request.method, request.url, headers=list(request.headers), content=await request.read(limit_bytes)
        )
        response = await httpx.ASGITransport(app).handle_async_request(asked)
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
        return Answer(response.status_code, "", headers, await response.aread())

    async def deliver(self, kind: str, arguments: bytes, headers: wire.Headers = ()) -> triggers.Outcome:
        """Have the handler take an event that is no fetch. The outcome's error is a description."""
        return await triggers.deliver(await self._current(), kind, arguments, [], headers, is_logged=False)

    async def call_env(self, path: Sequence[str], args: Sequence[object], kwargs: dict[str, object]) -> Answer:
        """Call a method of a binding inside the isolate. The status text says what the answer is."""
        return await self._ask("/call", {"path": path, "args": args, "kwargs": kwargs})

    async def drain(self, timeout_s: float, *, is_final: bool = False) -> None:
        """Wait for background work. Raises what it raised, or BackgroundWorkLeft for what did not end.

        With `is_final` everything that the handler has printed has been shown by then.
        """
        assert self._supervisor is not None
        if not self._supervisor.is_serving:
            return
        mark = self._mark = _Mark() if is_final else None
        arguments = {
            "timeout_s": timeout_s,
            "is_final": is_final,
            "mark": mark.text if mark and not self._in_process else "",
        }
        answer = await self._ask("/drain", arguments)
        assert isinstance(answer.body, bytes)
        if mark is not None and not self._in_process:
            await mark.seen(_PRINT_S)
        _raise_for(msgspec.msgpack.decode(answer.body, type=_Account), timeout_s)

    async def flush(self) -> None:
        """Return when everything that the handler has printed so far has been shown."""
        assert self._supervisor is not None
        if self._supervisor.is_serving and not self._in_process:
            mark = self._mark = _Mark()
            await self._ask("/flush", {"mark": mark.text})
            await mark.seen(_PRINT_S)

    async def whole(self, answer: Answer) -> Answer:
        """The answer with its body read to the end. Raises httpx.RemoteProtocolError where it breaks off."""
        if answer.body is None or isinstance(answer.body, bytes):
            return answer
        pieces = []
        while (piece := await http.pulled(answer.body)) is not None:
            pieces.append(piece)
        return answer._replace(body=b"".join(pieces))

    async def _ask(self, path: str, arguments: dict[str, object]) -> Answer:
        fetch = wire.Fetch(wire.FetchId(0), _KIT, "POST", f"http://kit{path}", (), None)
        return await self._sent(fetch, msgspec.msgpack.encode(arguments), [])

    async def _sent(self, fetch: wire.Fetch, body: Any, calls: list[CallRecord]) -> Answer:
        isolate = await self._current()
        try:
            return await isolate.fetch(fetch, body, calls)
        except PeerFault as fault:
            raise raised_in_handler(rebuilt(fault.name, fault.message, fault.report.decode())) from None

    async def _current(self) -> IsolateProcess:
        assert self._supervisor is not None
        return await self._supervisor.current()

    def _isolate(self) -> IsolateProcess:
        bindings = CurrentBindings(self._current_scene)
        settings = IsolateSettings(
            folder=self.config.root,
            start_timeout_s=self.config.paddock.isolate_start_timeout_s,
            drain_timeout_s=self.config.paddock.drain_timeout_s,
            limits=_NO_LIMITS if self._in_process else isolate_limits(self.config),
            on_line=self._heard,
            module="paddock.worker.testing.inside",
            environment=_coverage(os.environ),
        )
        kind = LocalIsolate if self._in_process else IsolateProcess
        return kind(make_start(self.config, bindings), settings, bindings, CurrentOutbound(self._current_scene))

    def _current_scene(self) -> Scene:
        assert self._scene is not None, "events come from tests, and each test has a scene"
        return self._scene

    def _heard(self, stream: str, line: str) -> None:
        if self._mark is None or not self._mark.is_in(stream, line):
            self._on_line(stream, line)


def _coverage(environment: Mapping[str, str]) -> dict[str, str]:
    """What coverage.py measures child processes by."""
    return {name: value for name, value in environment.items() if name.startswith(("COVERAGE_", "COV_CORE_"))}


def _raise_for(account: _Account, timeout_s: float) -> None:
    if account.failures:
        raise raised_in_handler(rebuilt("", "", account.failures[0]))
    if account.left:
        places = "\n".join(account.left)
        raise BackgroundWorkLeft(
            f"{len(account.left)} of waitUntil had not ended {timeout_s:g} s after the test. Begun here:\n{places}"
        )
