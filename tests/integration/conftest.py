"""A whole server around a handler's text: real sockets, a real isolate, a scripted engine."""

import asyncio
import contextlib
import datetime
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from hypercorn.asyncio import serve as serve_http

from paddock.bindings.ai.binding import AiBinding
from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.doors.access import OPEN, Access
from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.service import AiService
from paddock.bindings.ai.weights import Weights
from paddock.bindings.assets.binding import AssetsBinding
from paddock.bindings.binding import Binding, CallRecord
from paddock.bindings.hello.binding import HelloBinding
from paddock.bindings.host import BindingsHost
from paddock.bindings.queues.binding import QueueBinding, QueueSettings
from paddock.bindings.queues.broker import Broker, Consumer
from paddock.worker import wire
from paddock.worker.answers import Front
from paddock.worker.app import make_app
from paddock.worker.cli import main
from paddock.worker.compat import enabled_flags
from paddock.worker.debugging import make_inspector
from paddock.worker.devserver import DevServer
from paddock.worker.errorpage import ErrorPages
from paddock.worker.listener import listen
from paddock.worker.log import LOG, ConsoleFormatter, Redactor
from paddock.worker.options import DevOptions
from paddock.worker.outbound import Outbound
from paddock.worker.process import IsolateProcess, IsolateSettings
from paddock.worker.serving import serving_config
from paddock.worker.session import load_session
from paddock.worker.supervisor import Supervisor
from paddock.worker.testing import Paddock
from paddock.worker.triggers import consumer
from paddock.worker.watchdog import Limits

from . import snippets

LIMIT = 10_000_000
LIMITS = Limits(loop_s=20.0)
#: What a scripted engine runs on.
NO_WEIGHTS = Weights("/nowhere", "stand_in")


class Running(NamedTuple):
    """A server that runs. `lines` collects what the handler prints."""

    client: httpx.AsyncClient
    supervisor: Supervisor
    handler: Path
    lines: list[str]

    async def pid(self) -> int:
        pid = (await self.supervisor.current()).pid
        assert pid is not None
        return pid

    async def isolates(self) -> list[IsolateProcess]:
        """All of them, when every one is ready."""
        await self.supervisor.current()
        while True:
            slots = list(self.supervisor._slots)
            await asyncio.wait(slots)
            found = [slot.result() for slot in slots]
            if slots == self.supervisor._slots and not any(isolate.is_gone for isolate in found):
                return found
            await asyncio.sleep(0)


Serve = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def run_code(worker: Paddock) -> Callable[..., httpx.Response]:
    """`run_code(code)`: the response of the worker after it ran the code. Calls in one test see the same state."""
    return functools.partial(snippets.run_code, worker)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """`await until(condition)`: let everything else run until the condition holds; the suite's timeout is the limit."""

    async def wait(condition: Callable[[], object]) -> None:
        while not condition():  # noqa: ASYNC110 - it waits for code that knows no event of ours
            await asyncio.sleep(0)

    return wait


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """`async with serve(handler_source, engine) as running:`"""
    catalog = Catalog.read([SHIPPED_CATALOG])

    @contextlib.asynccontextmanager
    async def run(
        source: str | None,
        engine: ScriptedEngine | None = None,
        *,
        date: str = "2026-09-15",
        flags: tuple[str, ...] = (),
        strings: dict[str, str] | None = None,
        json: dict[str, str] | None = None,
        start_timeout_s: float = 20.0,
        limits: Limits = LIMITS,
        isolates: int = 1,
        has_standby: bool = False,  # the dev server has one; without it, a test starts one process less
        wait_until_s: float = 5.0,
        drain_s: float = 5.0,
        access: Access = OPEN,
        limit_s: float = 50.0,
        more: dict[str, Binding] | None = None,
        assets: AssetsBinding | None = None,
        services: tuple[wire.ServiceSpec, ...] = (),
        is_strict: bool = True,
        has_ai: bool = True,
        consumers: tuple[Consumer, ...] = (),
        producers: dict[str, str] | None = None,
        main: str = "handler.py",
        limit_bytes: int = LIMIT,
        front: Front = Front(),  # noqa: B008 - immutable
        on_end: Callable[[CallRecord], None] | None = None,
    ) -> AsyncIterator[Running]:
        handler = tmp_path / main
        handler.parent.mkdir(exist_ok=True)
        if source is not None:
            handler.write_text(source)
        scripted = engine or ScriptedEngine()
        pool = EnginePool(lambda card: NO_WEIGHTS, lambda card, weights: scripted)
        service = AiService(catalog, pool, on_end=on_end)
        own: dict[str, Binding] = {"AI": AiBinding(service, LIMIT), "HELLO": HelloBinding()} if has_ai else {}
        broker = Broker(consumers)
        own |= {name: QueueBinding(broker, QueueSettings(queue)) for name, queue in (producers or {}).items()}
        bindings = BindingsHost(own | (more or {}))
        on = enabled_flags(datetime.date.fromisoformat(date), ["python_workers", *flags])
        specs = tuple(wire.BindingSpec(name, kind) for name, kind in bindings.kinds().items())
        start = wire.Start(
            wire.PROTOCOL, str(handler), "test", strings or {}, json or {}, specs, date, tuple(sorted(on)),
            wait_until_s, root=str(tmp_path), is_strict=is_strict, services=services, cpu_ms=limits.cpu_ms,
        )  # fmt: skip
        lines: list[str] = []
        settings = IsolateSettings(tmp_path, start_timeout_s, drain_s, limits, lambda _, line: lines.append(line))
        sockets = listen("127.0.0.1", 0, is_fixed=True)
        url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        stop, outbound = asyncio.Event(), Outbound()
        async with asyncio.timeout(limit_s), asyncio.TaskGroup() as tasks:
            service.engines.start(tasks)
            supervisor = Supervisor(
                tasks,
                lambda: IsolateProcess(start, settings, bindings, outbound),
                isolates,
                has_standby=has_standby,
            )
            broker.start(tasks, consumer(supervisor.current))
            app = make_app(
                supervisor,
                service,
                limit_bytes,
                access=access,
                assets=assets,
                pages=ErrorPages(tmp_path, ["hunter2"]),
                front=front,
            )
            tasks.create_task(serve_http(app, serving_config(sockets), shutdown_trigger=stop.wait))
            try:
                async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                    yield Running(client, supervisor, handler, lines)
            finally:
                stop.set()
                broker.close()
                await supervisor.close()
                await bindings.close()
                await service.engines.close()
                await outbound.close()

    return run


CONFIG = """
name = "app"
main = "src/handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
{keys}
[vars]
GREETING = "{greeting}"
[paddock]
drain_timeout_s = 5.0
[paddock.engine]
kind = "off"
{tables}
"""
HANDLER = """
from workers import Response, WorkerEntrypoint
{top}
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response({answer})
"""


class _Said(logging.Handler):
    """What the log said; a line can be waited for, once."""

    def __init__(self) -> None:
        super().__init__()
        #: All of them, and those that nobody has waited for.
        self.all: list[str] = []
        self.lines: list[str] = []
        self._more = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        self.all.append(self.lines[-1])
        self._more.set()

    async def line(self, part: str) -> str:
        while True:
            found = next((number for number, line in enumerate(self.lines) if part in line), None)
            if found is not None:
                line = self.lines[found]
                del self.lines[: found + 1]
                return line
            self._more.clear()
            await self._more.wait()


class Edited(NamedTuple):
    client: httpx.AsyncClient
    log: _Said
    root: Path

    def handler(self, answer: str, top: str = "") -> None:
        _save(self.root / "src" / "handler.py", HANDLER.format(answer=answer, top=top))

    def config(self, greeting: str = "hi", keys: str = "", tables: str = "") -> None:
        _save(self.root / "wrangler.toml", CONFIG.format(greeting=greeting, keys=keys, tables=tables))

    async def text(self, path: str = "/") -> str:
        return (await self.client.get(path)).text


@pytest.fixture
def command(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Runs commands of `paddock ai`, each given as its words, against a server of their own: their exit codes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrangler-like.toml").write_text('main = "handler.py"\n')

    def run(engine: ScriptedEngine, *commands: list[str]) -> list[int]:
        async def scene() -> list[int]:
            async with serve("", engine) as running:
                port = str(running.client.base_url.port)
                return [await asyncio.to_thread(main, ["ai", *words, "--port", port]) for words in commands]

        return asyncio.run(scene())

    return run


@pytest.fixture
def edit(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Edited]]:
    """`async with edit(answer) as edited:` a running server of one worker, without an engine."""

    @contextlib.asynccontextmanager
    async def run(
        answer: str = "1",
        *,
        top: str = "",
        keys: str = "",
        reload: bool = True,
        forkserver: ForkServer | None = None,
        **more: Any,
    ) -> AsyncIterator[Edited]:
        (tmp_path / "src").mkdir(exist_ok=True)
        log = _Said()
        log.setFormatter(ConsoleFormatter(Redactor()))
        logger = logging.getLogger("paddock")
        edited = Edited(httpx.AsyncClient(timeout=30), log, tmp_path)
        edited.config(keys=keys)
        edited.handler(answer, top)
        options = DevOptions(config=tmp_path / "wrangler.toml", reload=reload, **more)
        configs = load_session(options)
        sockets = listen("127.0.0.1", 0, is_fixed=True)
        edited.client.base_url = httpx.URL(f"http://127.0.0.1:{sockets[0].getsockname()[1]}")
        level = logger.level
        root = logging.getLogger()
        logger.setLevel(LOG)
        root.addHandler(log)
        stop = asyncio.Event()
        try:
            async with asyncio.timeout(50), asyncio.TaskGroup() as tasks, edited.client:
                tasks.create_task(
                    DevServer(configs, options, forkserver, inspector=make_inspector(configs[0], options)).run(
                        sockets, stop
                    )
                )
                try:
                    if not options.inspect_brk:
                        await log.line("isolate_ready")
                    yield edited
                finally:
                    stop.set()
        finally:
            root.removeHandler(log)
            logger.setLevel(level)

    return run


def _save(file: Path, text: str) -> None:
    """As editors do: the file is another one afterwards."""
    beside = file.with_name(f".{file.name}.tmp")
    beside.write_text(text)
    beside.rename(file)
