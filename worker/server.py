"""The dev server: everything that it consists of, put together in one visible place."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import TYPE_CHECKING, Final, cast

import msgspec
import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config as HypercornConfig

from paddock.bindings.ai.doors.access import Access
from paddock.bindings.ai.engines.device import has_nvidia_gpu
from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.worker import jsonlog
from paddock.worker.app import make_app
from paddock.worker.assembly import (
    host_plan,
    isolate_limits,
    make_assets,
    make_bindings,
    make_broker,
    make_service,
    make_start,
)
from paddock.worker.errorpage import ErrorPages
from paddock.worker.errors import PortInUse
from paddock.worker.greeting import bindings_table, exposure_warning, models_table
from paddock.worker.http import MAX_HEADER_BYTES, MAX_URL_BYTES
from paddock.worker.listener import BACKLOG, listen
from paddock.worker.log import LOG, wants_colour
from paddock.worker.metrics import Metrics
from paddock.worker.options import ExitCode
from paddock.worker.outbound import Outbound
from paddock.worker.process import IsolateProcess, IsolateSettings
from paddock.worker.reload import watch
from paddock.worker.supervisor import Supervisor
from paddock.worker.tracing import from_environment as tracing_from_environment
from paddock.worker.triggers import consumer
from paddock.worker.usage import UsageLedger
from paddock.worker.wsstream import install as install_sockets

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from hypercorn.typing import Framework

    from paddock.bindings.binding import CallRecord
    from paddock.worker.config import Config
    from paddock.worker.options import DevOptions

__all__ = ["run_dev", "serving_config"]

logger = logging.getLogger(__name__)

_KEEP_ALIVE_S: Final = 75.0
#: Open responses get this long when the server stops.
_GRACE_S: Final = 1.0


def run_dev(config: Config, options: DevOptions) -> int:
    """Serve until a signal ends it. Returns the exit code; nothing that was started is left behind."""
    # First, and from the main thread: the fork server imports the engine while everything else starts.
    forkserver = ForkServer(host_plan(config, gpu=has_nvidia_gpu())) if config.paddock.engine.kind == "vllm" else None
    if forkserver is not None:
        forkserver.start()
    try:
        sockets = listen(config.dev.ip, config.dev.port, is_fixed=options.has_fixed_port)
    except PortInUse as error:
        logger.error("%s", error)
        return ExitCode.PORT_IN_USE
    except OSError as error:
        logger.error("Cannot listen on %s, port %d: %s.", config.dev.ip, config.dev.port, error.strerror)
        return ExitCode.FAILURE
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(config, options, sockets, forkserver))


async def _serve(
    config: Config, options: DevOptions, sockets: list[socket.socket], forkserver: ForkServer | None
) -> int:
    stop = asyncio.Event()
    ended_by: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        ended_by.append(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    ledger = UsageLedger(config.state)
    metrics, tracing = Metrics(), tracing_from_environment()

    def count(record: CallRecord) -> None:
        ledger.add(record)
        metrics.add(record)

    service = make_service(config, forkserver, count)
    if config.paddock.engine.kind == "off":
        logger.warning(
            'The engine is switched off ([paddock.engine] kind = "off"): AI calls of models without a server will fail.'
        )
    for problem in service.catalog.problems:
        logger.warning("%s", problem)
    broker = make_broker(config)
    bindings = make_bindings(config, service, broker)
    outbound = Outbound()
    settings = IsolateSettings(
        folder=config.root,
        start_timeout_s=config.paddock.isolate_start_timeout_s,
        drain_timeout_s=config.paddock.drain_timeout_s,
        limits=isolate_limits(config),
        on_line=jsonlog.print_line if options.json_logs else _print_line,
    )
    start = make_start(config, bindings)
    logger.log(LOG, "%s\n\n%s", bindings_table(config), models_table(service))
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ledger.run())
            if forkserver is not None:
                await forkserver.attach()
            service.engines.start(tasks)
            for model in (name for name, chosen in config.paddock.models.items() if chosen.pinned):
                service.engines.pin(service.catalog.card(model))
            supervisor = Supervisor(
                tasks, lambda: IsolateProcess(start, settings, bindings, outbound), config.paddock.isolates
            )
            supervisor.replace()
            broker.start(tasks, consumer(supervisor.current))
            watcher = tasks.create_task(_reload(config, supervisor)) if options.reload else None
            limit_bytes, access = config.paddock.max_body_bytes, Access(config.paddock.api_token)
            app = make_app(
                supervisor,
                service,
                limit_bytes,
                access=access,
                colour=wants_colour(sys.stderr),
                metrics=metrics,
                tracing=tracing,
                pages=ErrorPages(config.root, config.secrets),
                assets=make_assets(config),
            )
            if warning := exposure_warning(config, [sock.getsockname()[0] for sock in sockets]):
                logger.warning("%s", warning)
            _announce(config, options, sockets)
            await serve(cast("Framework", app), serving_config(sockets), shutdown_trigger=_waiter(stop))
            logger.log(LOG, "⎔ Shutting down local server...")
            if watcher is not None:
                watcher.cancel()
            broker.close()
            await supervisor.close()
            await bindings.close()
            await service.engines.close()
            ledger.close()
    finally:
        await outbound.close()
        if tracing is not None:
            await asyncio.to_thread(tracing.close)
        if forkserver is not None:
            await forkserver.close()
    return ExitCode.INTERRUPTED if ended_by[:1] == [signal.SIGINT] else ExitCode.OK


def _waiter(stop: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def wait() -> None:
        await stop.wait()

    return wait


async def _reload(config: Config, supervisor: Supervisor) -> None:
    def replace(path: str) -> None:
        logger.log(LOG, "⎔ Reloading local server... (%s changed)", path)
        supervisor.replace()

    await watch(config.main.parent, replace)


def _announce(config: Config, options: DevOptions, sockets: list[socket.socket]) -> None:
    port = sockets[0].getsockname()[1]
    host = f"[{config.dev.ip}]" if ":" in config.dev.ip else config.dev.ip
    logger.info("Ready on http://%s:%d", host, port)
    if options.ready_file is not None:
        options.ready_file.write_bytes(msgspec.json.encode({"ip": sockets[0].getsockname()[0], "port": port}))


def serving_config(sockets: list[socket.socket]) -> HypercornConfig:
    """How hypercorn serves bound sockets, which it takes over."""
    install_sockets()
    config = HypercornConfig()
    config.bind = [f"fd://{sock.detach()}" for sock in sockets]
    config.backlog = BACKLOG
    config.keep_alive_timeout = _KEEP_ALIVE_S
    config.keep_alive_max_requests = sys.maxsize
    config.graceful_timeout = _GRACE_S
    config.shutdown_timeout = _GRACE_S
    config.accesslog = None
    config.errorlog = logging.getLogger("paddock.http")
    config.errorlog.setLevel(logging.WARNING)  # where it listens is said once, by us
    config.loglevel = "WARNING"
    config.include_server_header = False
    config.h11_max_incomplete_size = MAX_HEADER_BYTES + MAX_URL_BYTES
    config.h2_max_header_list_size = MAX_HEADER_BYTES + MAX_URL_BYTES
    return config


def _print_line(stream: str, text: str) -> None:
    """What the handler prints is the user's: unaltered, and on the stream that it chose."""
    target = sys.stderr if stream == "stderr" else sys.stdout
    target.write(text + "\n")
    target.flush()
