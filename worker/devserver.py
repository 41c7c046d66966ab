"""What the dev server consists of, put together in one visible place: how it starts, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, cast

import msgspec
from hypercorn.asyncio import serve

from paddock.bindings.ai.doors.access import Access
from paddock.worker import jsonlog
from paddock.worker.app import make_app
from paddock.worker.assembly import isolate_limits, make_assets, make_bindings, make_broker, make_service, make_start
from paddock.worker.errorpage import ErrorPages
from paddock.worker.greeting import bindings_table, exposure_warning, models_table
from paddock.worker.log import LOG, wants_colour
from paddock.worker.metrics import Metrics
from paddock.worker.outbound import Outbound
from paddock.worker.process import IsolateProcess, IsolateSettings
from paddock.worker.reload import watch
from paddock.worker.serving import serving_config
from paddock.worker.supervisor import Supervisor
from paddock.worker.tracing import from_environment as tracing_from_environment
from paddock.worker.triggers import consumer
from paddock.worker.usage import UsageLedger

if TYPE_CHECKING:
    import socket

    from hypercorn.typing import Framework

    from paddock.bindings.ai.engines.forkserver import ForkServer
    from paddock.bindings.binding import CallRecord
    from paddock.worker.config import Config
    from paddock.worker.options import DevOptions

__all__ = ["DevServer"]

logger = logging.getLogger(__name__)


class DevServer:
    """One worker, its bindings and the models, until `stop` is set. Used once."""

    def __init__(self, config: Config, options: DevOptions, forkserver: ForkServer | None) -> None:
        self._config = config
        self._options = options
        self._forkserver = forkserver
        self._ledger = UsageLedger(config.state)
        self._metrics = Metrics()
        self._tracing = tracing_from_environment()
        self._service = make_service(config, forkserver, self._count)
        self._broker = make_broker(config)
        self._bindings = make_bindings(config, self._service, self._broker)
        self._outbound = Outbound()
        self._settings = IsolateSettings(
            folder=config.root,
            start_timeout_s=config.paddock.isolate_start_timeout_s,
            drain_timeout_s=config.paddock.drain_timeout_s,
            limits=isolate_limits(config),
            on_line=jsonlog.print_line if options.json_logs else _print_line,
        )
        self._start = make_start(config, self._bindings)

    async def run(self, sockets: list[socket.socket], stop: asyncio.Event) -> None:
        """Serve on these sockets. Nothing that was started is left behind."""
        self._greet()
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._start_engines(tasks)
                supervisor = Supervisor(tasks, self._isolate, self._config.paddock.isolates)
                supervisor.replace()
                self._broker.start(tasks, consumer(supervisor.current))
                watcher = tasks.create_task(self._reload(supervisor)) if self._options.reload else None
                self._announce(sockets)
                app = cast("Framework", self._app(supervisor))
                await serve(app, serving_config(sockets), shutdown_trigger=stop.wait)
                logger.log(LOG, "⎔ Shutting down local server...")
                if watcher is not None:
                    watcher.cancel()
                await self._close(supervisor)
        finally:
            await self._outbound.close()
            if self._tracing is not None:
                await asyncio.to_thread(self._tracing.close)
            if self._forkserver is not None:
                await self._forkserver.close()

    # Its parts

    def _count(self, record: CallRecord) -> None:
        self._ledger.add(record)
        self._metrics.add(record)

    async def _start_engines(self, tasks: asyncio.TaskGroup) -> None:
        tasks.create_task(self._ledger.run())
        if self._forkserver is not None:
            await self._forkserver.attach()
        engines = self._service.engines
        engines.start(tasks)
        for model in (name for name, chosen in self._config.paddock.models.items() if chosen.pinned):
            engines.pin(self._service.catalog.card(model))

    def _isolate(self) -> IsolateProcess:
        return IsolateProcess(self._start, self._settings, self._bindings, self._outbound)

    def _app(self, supervisor: Supervisor) -> object:
        config = self._config
        return make_app(
            supervisor,
            self._service,
            config.paddock.max_body_bytes,
            access=Access(config.paddock.api_token),
            colour=wants_colour(sys.stderr),
            metrics=self._metrics,
            tracing=self._tracing,
            pages=ErrorPages(config.root, config.secrets),
            assets=make_assets(config),
        )

    async def _reload(self, supervisor: Supervisor) -> None:
        def replace(path: str) -> None:
            logger.log(LOG, "⎔ Reloading local server... (%s changed)", path)
            supervisor.replace()

        await watch(self._config.main.parent, replace)

    async def _close(self, supervisor: Supervisor) -> None:
        """In the order in which one part needs the next."""
        self._broker.close()
        await supervisor.close()
        await self._bindings.close()
        await self._service.engines.close()
        self._ledger.close()

    # What it says

    def _greet(self) -> None:
        if self._config.paddock.engine.kind == "off":
            logger.warning(
                'The engine is switched off ([paddock.engine] kind = "off"): AI calls of models without a server will '
                "fail."
            )
        for problem in self._service.catalog.problems:
            logger.warning("%s", problem)
        logger.log(LOG, "%s\n\n%s", bindings_table(self._config), models_table(self._service))

    def _announce(self, sockets: list[socket.socket]) -> None:
        """Once everything is there that the first request needs: whoever reads the ready file may ask at once."""
        if warning := exposure_warning(self._config, [sock.getsockname()[0] for sock in sockets]):
            logger.warning("%s", warning)
        ip, port = sockets[0].getsockname()[:2]
        named = self._config.dev.ip
        logger.info("Ready on http://%s:%d", f"[{named}]" if ":" in named else named, port)
        if self._options.ready_file is not None:
            self._options.ready_file.write_bytes(msgspec.json.encode({"ip": ip, "port": port}))


def _print_line(stream: str, text: str) -> None:
    """What the handler prints is the user's: unaltered, and on the stream that it chose."""
    target = sys.stderr if stream == "stderr" else sys.stdout
    target.write(text + "\n")
    target.flush()
