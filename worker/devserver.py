"""What the dev server consists of, put together in one visible place: how it starts, and how it ends.

Here is what the workers of a session share; what each has for itself is in `hosted.py`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hypercorn.asyncio import serve

from paddock.bindings.ai.doors.access import Access
from paddock.worker import whereabouts
from paddock.worker.addressees import Addressees
from paddock.worker.announcing import announce_ready, greet, server_url
from paddock.worker.answers import Front
from paddock.worker.app import make_app
from paddock.worker.assembly import make_broker, make_service
from paddock.worker.guard import Guard
from paddock.worker.hosted import HostedWorker, Shared
from paddock.worker.hotkeys import listen_to_keys
from paddock.worker.keyactions import KeyActions
from paddock.worker.log import LOG, ai_fields, wants_colour
from paddock.worker.metrics import Metrics
from paddock.worker.neighbours import Isolates
from paddock.worker.options import ExitCode
from paddock.worker.outbound import Outbound
from paddock.worker.preloading import load_pinned
from paddock.worker.reconfigure import Reconfigurer
from paddock.worker.reload import Tree, watch
from paddock.worker.serving import serving_config
from paddock.worker.terminal import TerminalDesk
from paddock.worker.tracing import from_environment as tracing_from_environment
from paddock.worker.triggers import consumer
from paddock.worker.upstream import Upstream
from paddock.worker.usage import UsageLedger

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from hypercorn.typing import Framework
    from starlette.types import ASGIApp, Receive, Scope, Send

    from paddock.bindings.ai.engines.forkserver import ForkServer
    from paddock.bindings.binding import CallRecord
    from paddock.bindings.queues.broker import Deliver
    from paddock.worker.certificate import CertificateFiles
    from paddock.worker.config.loading import Config
    from paddock.worker.inspector import Inspector
    from paddock.worker.livereload import LiveReload
    from paddock.worker.options import DevOptions

__all__ = ["DevServer"]

logger = logging.getLogger(__name__)


class DevServer:
    """The workers of a session and the models, until `stop` is set. Used once.

    The first configuration is the primary worker's: it gets the requests, and decides what all share.
    """

    def __init__(
        self,
        configs: Sequence[Config],
        options: DevOptions,
        forkserver: ForkServer | None,
        certificate: CertificateFiles | None = None,
        inspector: Inspector | None = None,
    ) -> None:
        self._configs = configs
        self._config = configs[0]
        self._options = options
        self._forkserver = forkserver
        self._certificate = certificate
        self._ledger = UsageLedger(self._config.state)
        self._metrics = Metrics()
        self._sign: whereabouts.Sign | None = None
        self._tracing = tracing_from_environment()
        self._service = make_service(self._config, forkserver, self._count)
        names = frozenset(config.name for config in configs)
        self._shared = Shared(
            self._service,
            make_broker(*configs),
            Outbound(),
            names,
            {},
            Isolates(),
            inspector,
            TerminalDesk.of_this_process(),
        )

    async def run(self, sockets: list[socket.socket], stop: asyncio.Event) -> ExitCode:
        """Serve on these sockets. Nothing that was started is left behind. Returns the exit code, signals aside."""
        greet(self._configs, self._options, self._service, sockets)
        try:
            async with asyncio.TaskGroup() as tasks:
                if (failure := await self._start_engines(tasks, stop)) is not None:
                    await self._close([])
                    return failure
                for config in self._configs:
                    self._shared.workers[config.name] = HostedWorker(config, self._options, self._shared, tasks)
                workers = list(self._shared.workers.values())
                if self._shared.inspector is not None:
                    await self._shared.inspector.start(tasks)
                for worker in workers:
                    worker.start()
                self._shared.broker.start(tasks, _deliver(workers))
                if self._config.dev.generate_types:
                    await asyncio.to_thread(self._write_types, self._config)
                protocol, (ip, port) = self._config.dev.local_protocol, sockets[0].getsockname()[:2]
                self._sign = whereabouts.leave(self._config.state, protocol, ip, port)
                current = _CurrentApp(self._app(workers[0]))
                follower = self._follower(workers, current) if self._options.reload else None
                announce_ready(self._config, self._options, sockets)
                self._listen_to_keys(tasks, sockets, workers, stop)
                watcher = tasks.create_task(follower.run()) if follower is not None else None
                pages = self._live_pages(current, workers[0]) if self._options.live_reload else None
                assets = None if pages is None else self._reload_pages(pages, workers, tasks)
                ended = stop.wait if pages is None else partial(pages.close_after, stop)
                app = cast("Framework", pages or current)
                await serve(app, serving_config(sockets, self._certificate), shutdown_trigger=ended)
                logger.log(LOG, "⎔ Shutting down local server...")
                for task in filter(None, (watcher, assets)):
                    task.cancel()
                if self._shared.desk is not None:
                    self._shared.desk.close()
                if self._shared.inspector is not None:
                    await self._shared.inspector.close()
                await self._close(workers)
            return ExitCode.OK
        finally:
            if self._sign is not None:
                self._sign.remove()
            await self._shared.outbound.close()
            if self._tracing is not None:
                await asyncio.to_thread(self._tracing.close)
            if self._forkserver is not None:
                await self._forkserver.close()

    # Its parts

    def _count(self, record: CallRecord) -> None:
        named = {"fields": {"request_id": record.request_id}} if record.request_id else None
        logger.debug("ai %s", ai_fields(record), extra=named)
        self._ledger.add(record)
        self._metrics.add(record)

    def _write_types(self, config: Config) -> None:
        from paddock.worker.typefiles import write_types  # few ask for it, and every start would wait

        write_types(config, self._service.catalog)

    async def _start_engines(self, tasks: asyncio.TaskGroup, stop: asyncio.Event) -> ExitCode | None:
        tasks.create_task(self._ledger.run())
        if self._forkserver is not None:
            await self._forkserver.attach()
        self._service.engines.start(tasks)
        self._service.batches.start(tasks)
        pinned = [name for name, chosen in self._config.paddock.models.items() if chosen.pinned]
        return await load_pinned(self._service, pinned, self._options.overrides.preload, stop)

    def _listen_to_keys(
        self,
        tasks: asyncio.TaskGroup,
        sockets: Sequence[socket.socket],
        workers: Sequence[HostedWorker],
        stop: asyncio.Event,
    ) -> None:
        wanted = self._options.hotkeys is not False and not self._options.json_logs
        if self._shared.desk is None or not wanted:
            return

        def replace() -> None:
            for worker in workers:
                worker.reload()

        actions = KeyActions(server_url(self._config, sockets), self._service, self._config, replace, stop)
        self._shared.desk.open(lambda: tasks.create_task(listen_to_keys(actions.hotkeys)))

    def _follower(self, workers: Sequence[HostedWorker], app: _CurrentApp) -> Reconfigurer:
        """Goes by what the configuration, the secrets and the model files say, as they are saved from now on."""

        loop = asyncio.get_running_loop()

        def renew() -> None:
            app.current = self._app(workers[0])
            if workers[0].config.dev.generate_types:
                loop.run_in_executor(None, self._write_types, workers[0].config)

        return Reconfigurer(workers, self._options, self._service, self._forkserver, renew)

    def _live_pages(self, app: ASGIApp, primary: HostedWorker) -> LiveReload:
        from paddock.worker.livereload import LiveReload  # few ask for it, and every start would wait

        return LiveReload(app, lambda: _guard(primary.config))

    def _reload_pages(
        self, pages: LiveReload, workers: Sequence[HostedWorker], tasks: asyncio.TaskGroup
    ) -> asyncio.Task[None] | None:
        """Load pages again behind every change of a worker, and of the primary one's static files."""
        for worker in workers:
            worker.supervisor.on_replace = pages.reload
        assets = workers[0].config.assets
        if assets is None:
            return None

        async def reload(_: Sequence[str]) -> None:
            pages.reload()

        everything = partial(Tree, Path(assets.settings.directory), suffixes=("",))
        return tasks.create_task(watch(everything, reload))

    def _app(self, primary: HostedWorker) -> ASGIApp:
        config = primary.config
        return make_app(
            primary.supervisor,
            self._service,
            config.paddock.max_body_bytes,
            access=Access(config.paddock.api_token),
            colour=wants_colour(sys.stderr) and not self._options.json_logs,
            metrics=self._metrics,
            tracing=self._tracing,
            pages=primary.pages,
            assets=primary.assets,
            front=Front(
                _guard(config),
                Upstream(config.upstream_host, config.dev.upstream_protocol),
                self._options.test_scheduled,
                names_requests=self._options.json_logs or self._options.log_level == "debug",
            ),
            addressees=_addressees(primary, self._shared.workers),
        )

    async def _close(self, workers: Sequence[HostedWorker]) -> None:
        """In the order in which one part needs the next; the primary worker's open requests need the others."""
        self._shared.broker.close()
        for worker in workers:
            await worker.close()
        await self._service.batches.close()
        await self._service.engines.close()
        self._ledger.close()


class _CurrentApp:
    """The app that the configuration of the moment describes. Requests that run keep theirs."""

    def __init__(self, app: ASGIApp) -> None:
        self.current = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.current(scope, receive, send)


def _guard(config: Config) -> Guard:
    return Guard.of(config.routes, config.upstream_host)


def _addressees(primary: HostedWorker, workers: Mapping[str, HostedWorker]) -> Addressees:
    """Who takes events by hand."""
    current = {name: worker.supervisor.current for name, worker in workers.items()}
    consumers = {queue.queue: current[name] for name, worker in workers.items() for queue in worker.config.consumers}
    return Addressees(primary.supervisor.current, current, consumers)


def _deliver(workers: Sequence[HostedWorker]) -> Deliver:
    """Has the worker that consumes a queue take a batch of it."""
    consumers = {
        queue.queue: consumer(worker.supervisor.current) for worker in workers for queue in worker.config.consumers
    }
    return lambda queue, messages: consumers[queue](queue, messages)
