"""One worker of a session: what it has for itself, from its configuration to its isolates."""

from __future__ import annotations

import logging
import sys
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from paddock.worker import jsonlog
from paddock.worker.assembly import isolate_limits, make_assets, make_bindings, make_start
from paddock.worker.errorpage import ErrorPages
from paddock.worker.log import LOG
from paddock.worker.neighbours import Neighbours, Route
from paddock.worker.process import IsolateProcess, IsolateSettings
from paddock.worker.reload import watch
from paddock.worker.supervisor import Supervisor
from paddock.worker.tail import Tail

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from paddock.bindings.ai.service import AiService
    from paddock.bindings.queues.broker import Broker
    from paddock.worker.config import Config
    from paddock.worker.neighbours import Isolates
    from paddock.worker.options import DevOptions
    from paddock.worker.outbound import Outbound

__all__ = ["HostedWorker", "Shared"]

logger = logging.getLogger(__name__)


class Shared(NamedTuple):
    """What all workers of a session use."""

    service: AiService
    broker: Broker
    outbound: Outbound
    #: Of all workers.
    names: frozenset[str]
    #: By name; complete before the first isolate starts.
    workers: dict[str, HostedWorker]
    isolates: Isolates


class HostedWorker:
    """A worker's bindings, isolates, assets and error pages, and the watch over its files. `start` it once.

    `tasks` outlives every request, and `close`.
    """

    def __init__(self, config: Config, options: DevOptions, shared: Shared, tasks: asyncio.TaskGroup) -> None:
        self.config = config
        self.assets = make_assets(config)
        self.pages = ErrorPages(config.root, config.secrets)
        self._options = options
        self._tasks = tasks
        self._bindings = make_bindings(config, shared.service, shared.broker)
        self._settings = IsolateSettings(
            folder=config.root,
            start_timeout_s=config.paddock.isolate_start_timeout_s,
            drain_timeout_s=config.paddock.drain_timeout_s,
            limits=isolate_limits(config),
            on_line=_line_printer(config, options),
            tail=_tail(config, shared, tasks),
        )
        self._start = make_start(config, self._bindings, shared.names)
        self._shared = shared
        self.supervisor = Supervisor(tasks, self._isolate, config.paddock.isolates)
        self._watcher: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start its isolates, and look at its files from now on; once all workers of the session are made."""
        self.supervisor.replace()
        if self._options.reload:
            self._watcher = self._tasks.create_task(watch(self.config.main.parent, self._reload))

    async def close(self) -> None:
        """End the isolates, then the bindings that they use."""
        if self._watcher is not None:
            self._watcher.cancel()
        await self.supervisor.close()
        await self._bindings.close()

    def _isolate(self) -> IsolateProcess:
        neighbours = Neighbours(_routes(self, self._shared.workers), self._shared.isolates)
        return IsolateProcess(self._start, self._settings, self._bindings, self._shared.outbound, neighbours)

    def _reload(self, path: str) -> None:
        where = f" of {self.config.name}" if self._options.others else ""
        logger.log(LOG, "⎔ Reloading local server... (%s%s changed)", path, where)
        self.supervisor.replace()


def _tail(config: Config, shared: Shared, tasks: asyncio.TaskGroup) -> Tail:
    """The consumers of the worker's events: those that run in this session."""

    async def current(name: str) -> IsolateProcess:
        return await shared.workers[name].supervisor.current()

    consumers = [partial(current, name) for name in config.tail_consumers if name in shared.names]
    return Tail(config.name, consumers, tasks)


def _routes(worker: HostedWorker, session: Mapping[str, HostedWorker]) -> dict[str, Route]:
    """Where the worker's service bindings lead."""
    routes = {}
    for service in worker.config.services:
        other = session.get(service.service)
        if other is not None and other is not worker:
            props = msgspec.json.encode(service.props).decode()
            name, current = service.service, other.supervisor.current
            routes[service.binding] = Route(name, current, other.assets, service.entrypoint, props)
    return routes


def _line_printer(config: Config, options: DevOptions) -> partial[None]:
    """What prints the lines of this worker's handler."""
    if options.json_logs:
        return partial(jsonlog.print_line, worker=config.name if options.others else "")
    return partial(_print_line)


def _print_line(stream: str, text: str) -> None:
    """What the handler prints is the user's: unaltered, and on the stream that it chose."""
    target = sys.stderr if stream == "stderr" else sys.stdout
    target.write(text + "\n")
    target.flush()
