"""The isolate of a worker under test: it outlives tests, and takes part in the scene of whichever runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from paddock.bindings.host import BindingsHost
from paddock.worker.assembly import isolate_limits, make_start
from paddock.worker.outbound import Outbound
from paddock.worker.process import IsolateProcess, IsolateSettings
from paddock.worker.testing.asked import answered
from paddock.worker.testing.inprocess import LocalIsolate
from paddock.worker.watchdog import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from paddock.bindings.binding import FetchRequest, FetchResponse
    from paddock.worker.config.loading import Config
    from paddock.worker.neighbours import Neighbours
    from paddock.worker.peer import IncomingFetch
    from paddock.worker.tail import Tail
    from paddock.worker.testing.scene import Scene

__all__ = ["Heard", "make_isolate"]

#: Of a process that is the tests' own: a debugger may stop it for as long as it takes.
_NO_LIMITS: Final = Limits(cpu_ms=10**9, memory_mb=10**9, loop_s=1e9)

#: How long an isolate may take to leave. Tests have waited for what they want of it; what is open has no reader.
_LEAVE_S: Final = 1.0


class Heard(NamedTuple):
    """Who is told of what the isolate says by itself: lines that it prints, and that it has something to clean up."""

    on_line: Callable[[str, str], None]
    on_residue: Callable[[bool], None]


def make_isolate(
    config: Config,
    scene: Callable[[], Scene],
    heard: Heard,
    neighbours: Neighbours,
    *,
    session: Collection[str],
    tail: Tail | None,
    in_process: bool,
) -> IsolateProcess:
    """An isolate that was not started yet; `in_process`, a thread stands for its process. `session`: all workers."""
    bindings = _CurrentBindings(scene, config.name)
    settings = IsolateSettings(
        folder=config.root,
        start_timeout_s=config.paddock.isolate_start_timeout_s,
        drain_timeout_s=min(config.paddock.drain_timeout_s, _LEAVE_S),
        limits=_NO_LIMITS if in_process else isolate_limits(config),
        on_line=heard.on_line,
        on_residue=heard.on_residue,
        module="paddock.worker.testing.inside",
        environment=_coverage(os.environ),
        tail=tail,
    )
    kind = LocalIsolate if in_process else IsolateProcess
    return kind(make_start(config, bindings, session), settings, bindings, _CurrentOutbound(scene), neighbours)


class _CurrentBindings(BindingsHost):
    """The bindings of whatever test runs."""

    def __init__(self, scene: Callable[[], Scene], worker: str) -> None:
        super().__init__({})
        self._scene = scene
        self._worker = worker

    def kinds(self) -> dict[str, str]:
        """As in `BindingsHost`."""
        return self._scene().bindings[self._worker].kinds()

    async def fetch(self, name: str, request: FetchRequest) -> FetchResponse:
        """As in `BindingsHost`. What is stored or sent has its place in the timeline, as models have theirs."""
        scene = self._scene()
        bindings = scene.bindings[self._worker]
        if bindings.kinds().get(name) == "ai":
            return await answered(bindings, name, request, self._worker)
        with scene.timeline.spans("binding", f"{name} {request.method} {urlsplit(request.url).path}") as span:
            response = await bindings.fetch(name, request)
            span.end(str(response.status))
        return response


class _CurrentOutbound(Outbound):
    """The outside world of whatever test runs."""

    def __init__(self, scene: Callable[[], Scene]) -> None:
        super().__init__()
        self._scene = scene

    async def fetch(self, request: FetchRequest, redirect: str, count: Callable[[], str] = str) -> FetchResponse:
        """As in `Outbound`."""
        return await self._scene().outbound.fetch(request, redirect, count)

    async def upgrade(self, incoming: IncomingFetch) -> None:
        """As in `Outbound`."""
        await self._scene().outbound.upgrade(incoming)


def _coverage(environment: Mapping[str, str]) -> dict[str, str]:
    """What coverage.py measures child processes by."""
    return {name: value for name, value in environment.items() if name.startswith(("COVERAGE_", "COV_CORE_"))}
