"""One worker of a session: what it has for itself, from its configuration to its isolates."""

from __future__ import annotations

import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from paddock.worker import jsonlog
from paddock.worker.assembly import isolate_limits, make_assets, make_bindings, make_start, project_catalog
from paddock.worker.build import run_build
from paddock.worker.errorpage import ErrorPages
from paddock.worker.log import LOG, SHORT_ID
from paddock.worker.neighbours import Neighbours, Reach, routes_of
from paddock.worker.outputlines import unmarked
from paddock.worker.process import IsolateProcess, IsolateSettings
from paddock.worker.reload import ANY, PYTHON, Tree, watch
from paddock.worker.supervisor import Supervisor
from paddock.worker.tail import Tail

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from paddock.bindings.ai.service import AiService
    from paddock.bindings.assets.binding import AssetsBinding
    from paddock.bindings.host import BindingsHost
    from paddock.bindings.queues.broker import Broker
    from paddock.worker.config.loading import Config
    from paddock.worker.inspector import Inspector
    from paddock.worker.neighbours import Isolates
    from paddock.worker.options import DevOptions
    from paddock.worker.outbound import Outbound
    from paddock.worker.terminal import TerminalDesk

__all__ = ["HostedWorker", "Shared"]

logger = logging.getLogger(__name__)


#: Between two looks at installed packages, at least and at most.
_MODULES_LEAST_S: Final = 0.5
_MODULES_MOST_S: Final = 10.0
#: Before those of the build's own folders.
_SOURCE_WATCHERS: Final = 2


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
    #: Debugs the first worker.
    inspector: Inspector | None = None
    #: Lends the terminal to breakpoints.
    desk: TerminalDesk | None = None


class HostedWorker:
    """A worker's bindings, isolates, assets and error pages, and the watch over its files. `start` it once.

    `tasks` outlives every request, and `close`.
    """

    def __init__(self, config: Config, options: DevOptions, shared: Shared, tasks: asyncio.TaskGroup) -> None:
        self._options = options
        self._tasks = tasks
        self._shared = shared
        is_first = not shared.workers
        self._inspector = shared.inspector if is_first else None
        self._configure(config)
        self.supervisor = Supervisor(tasks, self._isolate, config.paddock.isolates)
        self._watchers: list[asyncio.Task[None]] = []
        self._building: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start its isolates, and look at its files from now on; once all workers of the session are made."""
        if self.config.build is not None:
            self._begin_build(is_first=True)
            return
        self.supervisor.replace()
        self._watch()

    def find_assets(self) -> AssetsBinding | None:
        """Its static files, as the configuration has them at the moment."""
        return self.assets

    def reload(self) -> None:
        """Start fresh isolates, though nothing was saved."""
        self._replace()

    def reconfigure(self, config: Config) -> None:
        """Serve by this configuration from now on. Requests that run end by the old one."""
        bindings, isolates, build = self._bindings, self.supervisor.isolates, self.config.build
        self._configure(config)
        self._replace(count=config.paddock.isolates)
        self._tasks.create_task(_close_behind(isolates, bindings))
        if config.build is not None and config.build != build:
            self._begin_build()
        else:
            self._watch()

    async def close(self) -> None:
        """End the isolates, then the bindings that they use."""
        for task in (*self._watchers, *([self._building] if self._building is not None else [])):
            task.cancel()
        await self.supervisor.close()
        await self._bindings.close()

    def _configure(self, config: Config) -> None:
        shared = self._shared
        self.config = config
        self.assets = make_assets(config)
        self.pages = ErrorPages(config.root, config.secrets)
        self._bindings = make_bindings(config, shared.service, shared.broker)
        self._settings = IsolateSettings(
            folder=config.root,
            start_timeout_s=config.paddock.isolate_start_timeout_s,
            drain_timeout_s=config.paddock.drain_timeout_s,
            limits=isolate_limits(config),
            on_line=_line_printer(config, self._options),
            tail=_tail(config, shared, self._tasks),
            inspector=self._inspector,
            desk=shared.desk,
        )
        self._start = make_start(config, self._bindings, shared.names)

    def _isolate(self) -> IsolateProcess:
        session = {name: Reach(w.supervisor.current, w.find_assets) for name, w in self._shared.workers.items()}
        neighbours = Neighbours(routes_of(self.config, session), self._shared.isolates)
        return IsolateProcess(self._start, self._settings, self._bindings, self._shared.outbound, neighbours)

    def _watch(self) -> None:
        """Look at the files of the configuration that counts now."""
        for watcher in self._watchers:
            watcher.cancel()
        if not self._options.reload:
            return
        config = self.config
        inputs = config.build.watch_dirs if config.build is not None else ()
        sources = partial(Tree, config.main.parent, without=[*_others(config, self._options), *inputs])
        modules = partial(Tree, config.root / "python_modules", PYTHON)
        # There may be very many of these, and they are seldom saved.
        looks = (
            watch(sources, self._reload),
            watch(modules, self._reload, shortest_s=_MODULES_LEAST_S, longest_s=_MODULES_MOST_S),
        )
        self._watchers = [self._tasks.create_task(look) for look in looks]
        self._watchers += [self._tasks.create_task(watch(partial(Tree, at, ANY), self._rebuild)) for at in inputs]

    async def _rebuild(self, paths: Sequence[str]) -> None:
        self._tell_reload(paths)
        self._begin_build()

    def _begin_build(self, *, is_first: bool = False) -> None:
        """Build, instead of whatever was being built. Requests wait for it."""
        if self._building is not None:
            self._building.cancel()
        self.supervisor.hold()
        self._building = self._tasks.create_task(self._build(is_first=is_first))

    async def _build(self, *, is_first: bool) -> None:
        build = self.config.build
        assert build is not None
        # What the build itself writes is no reason for another one, or for a reload while it runs.
        for number, watcher in enumerate(self._watchers):
            if number < _SOURCE_WATCHERS or build.makes(self.config.main):
                watcher.cancel()
        if await run_build(build) or is_first:
            self._replace()
        else:
            logger.log(LOG, "The server goes on with the code that it has.")
            self.supervisor.release()
        self._watch()

    async def _reload(self, paths: Sequence[str]) -> None:
        self._tell_reload(paths)
        self._replace()

    def _tell_reload(self, paths: Sequence[str]) -> None:
        where = f" of {self.config.name}" if self._options.others else ""
        logger.log(LOG, "⎔ Reloading local server... (%s%s changed)", paths[0], where)

    def _replace(self, *, count: int | None = None) -> None:
        self.supervisor.replace(count=count)
        self._tasks.create_task(self._tell_updated())

    async def _tell_updated(self) -> None:
        if await self.supervisor.updated():
            logger.log(LOG, "⎔ Local server updated and ready")


async def _close_behind(isolates: Sequence[IsolateProcess], bindings: BindingsHost) -> None:
    """Close bindings when nobody is left who could call them."""
    for isolate in isolates:
        await isolate.wait_closed()
    await bindings.close()


def _others(config: Config, options: DevOptions) -> list[Path]:
    """What may lie among the sources and is none: it has watchers of its own, or is written by the server itself."""
    places = [config.path, project_catalog(config), config.state]
    places += [Path(config.assets.settings.directory)] if config.assets is not None else []
    places += [options.ready_file] if options.ready_file is not None else []
    # `paddock dev > log.txt`: what is said of a reload would be the reason for the next one.
    places += [Path(f"/proc/self/fd/{output}").resolve() for output in (1, 2)]
    return [place.absolute() for place in places]


def _tail(config: Config, shared: Shared, tasks: asyncio.TaskGroup) -> Tail:
    """The consumers of the worker's events: those that run in this session."""

    async def current(name: str) -> IsolateProcess:
        return await shared.workers[name].supervisor.current()

    consumers = [partial(current, name) for name in config.tail_consumers if name in shared.names]
    return Tail(config.name, consumers, tasks)


def _line_printer(config: Config, options: DevOptions) -> Callable[[str, str], None]:
    """What prints the lines of this worker's handler."""
    if options.json_logs:
        worker = config.name if options.others else ""

        def print_json(stream: str, text: str) -> None:
            request_id, line = unmarked(text)
            jsonlog.print_line(stream, line, worker=worker, request_id=request_id)

        return print_json
    return _print_line


def _print_line(stream: str, text: str) -> None:
    """What the handler prints is the user's: unaltered, and on the stream that it chose. At debug with its request."""
    target = sys.stderr if stream == "stderr" else sys.stdout
    request_id, line = unmarked(text)
    target.write(f"[{request_id[:SHORT_ID]}] {line}\n" if request_id else line + "\n")
    target.flush()
