"""The life of a worker under test: its thread and its stage, and the tests that come one after the other."""

from __future__ import annotations

import concurrent.futures
import contextlib
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from paddock.bindings.ai.engines.device import installed_build
from paddock.bindings.errors import EngineUnavailable
from paddock.worker.testing.context import DRAIN_S
from paddock.worker.testing.errors import StaleHandle
from paddock.worker.testing.exchanges import Exchanges
from paddock.worker.testing.props import Play
from paddock.worker.testing.stage import Stage
from paddock.worker.testing.threads import LoopThread, Pending
from paddock.worker.testing.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import TypeVar

    from paddock.worker.testing.ai import Ai
    from paddock.worker.testing.outbound import OutboundRoutes
    from paddock.worker.testing.project import Project

    _T = TypeVar("_T")

__all__ = ["Lifecycle"]

_NOT_RUNNING: Final = "the worker under test is not running: use Paddock in a `with` block"


class Lifecycle:
    """A worker that is started, plays in tests, and is stopped. What takes time returns a `Pending`."""

    def __init__(
        self, project: Project, ai: Ai, outbound: OutboundRoutes, on_log: Callable[[str, str], None] | None
    ) -> None:
        self._project = project
        self._on_log = on_log or _print_line
        self._thread: LoopThread | None = None
        self._stage: Stage | None = None
        self._running: Pending[None] | None = None
        self._folders = contextlib.ExitStack()
        #: By the name of the worker, the one under test first.
        self._exchanges: dict[str, Exchanges] = {}
        #: How models answer, and what they were asked.
        self.ai = ai
        #: How requests of the handler to elsewhere are answered, and what they were.
        self.outbound = outbound
        #: What happened in this test.
        self.timeline = Timeline()

    def open(self) -> None:
        """Start; `begin_test` comes next. Raises ConfigError; what is wrong with the handler is raised by the first
        event.
        """
        with contextlib.ExitStack() as folders:
            configs = self._project.load(folders)
            self._stage = Stage(configs, self._heard, in_process=self._project.in_process)
            self._folders = folders.pop_all()
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
        self._exchanges = {}
        thread.start(stage.close()).result()
        self._running.result()
        thread.stop()
        self._folders.close()

    def begin_test(self, ai: Ai, outbound: OutboundRoutes, *, keeps_state: bool = False) -> None:
        """Fresh storage, queues and AI state, unless state is to be kept; models and the world answer as these say.

        After `end_test` of the test before, if there was one.
        """
        self.ai, self.outbound, self.timeline = ai, outbound, Timeline()
        ai.attach(self.start)
        self._begin(keeps_state=keeps_state)

    def end_test(self, timeout_s: float = DRAIN_S) -> Pending[None]:
        """Wait for background work, and forget what was stored. Raises what the work raised, BackgroundWorkLeft,
        UnexpectedAiCall and NetworkBlocked.
        """
        return self.start(self._end(timeout_s))

    def reset(self) -> Pending[None]:
        """Fresh storage, queues and AI state, in the middle of a test."""
        return self.start(self._reset())

    def flush(self) -> Pending[None]:
        """Return when everything that the handler has printed so far has been shown."""
        return self.start(self._flushed())

    def drain(self, timeout_s: float) -> Pending[None]:
        """Wait for background work. Raises as `end_test`."""
        return self.start(self._staged().drain(timeout_s))

    def start(self, work: Coroutine[Any, Any, _T]) -> Pending[_T]:
        """Begin work on the worker's loop."""
        try:
            return self._looped().start(work)
        except StaleHandle:
            work.close()
            raise

    # Its models and its secrets

    @property
    def lacks_engine(self) -> str:
        """Why no real engine can answer; empty where one can."""
        if self._staged().configs[0].paddock.engine.kind != "vllm":
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
        configs = self._staged().configs
        return {
            name if config is configs[0] else f"{config.name}.{name}": str(config.vars[name])
            for config in configs
            for name in config.secret_names
        }

    # For its heirs

    def _looped(self) -> LoopThread:
        if self._thread is None:
            raise StaleHandle(_NOT_RUNNING)
        return self._thread

    def _staged(self) -> Stage:
        if self._stage is None:
            raise StaleHandle(_NOT_RUNNING)
        return self._stage

    def exchanges_with(self, name: str | None = None) -> Exchanges:
        """Those of the test that runs, with the worker under test or one beside it. Raises StaleHandle and KeyError."""
        if not self._exchanges:
            raise StaleHandle(_NOT_RUNNING)
        if name is None:
            return next(iter(self._exchanges.values()))
        if name not in self._exchanges:
            raise KeyError(f"worker: expected one of {', '.join(self._exchanges)}; got {name!r}")
        return self._exchanges[name]

    def _begin(self, *, keeps_state: bool = False) -> None:
        play = Play(self.ai, self.outbound, self.timeline)
        stage, looped, is_first = self._staged(), self._looped(), not self._exchanges
        shows_name = len(stage.actors) > 1
        self._exchanges = {name: Exchanges(actor, play, shows_name=shows_name) for name, actor in stage.actors.items()}
        # The first one starts the isolate, at once; whatever is asked of the worker comes later on its loop.
        call = looped.call if is_first else looped.call_before_next
        call(partial(stage.begin, stage.scene(play, keeps_state=keeps_state)))

    async def _end(self, timeout_s: float) -> None:
        await self._staged().end(timeout_s)
        self.exchanges_with().explain(None)

    async def _flushed(self) -> None:
        for actor in self._staged().actors.values():
            actor.controls.catch_up()

    async def _reset(self) -> None:
        await self._end(DRAIN_S)
        self._begin()

    def _heard(self, stream: str, line: str) -> None:
        self.timeline.note(stream, line)
        self._on_log(stream, line)


def _print_line(stream: str, text: str) -> None:
    """What the handler prints is the test's output."""
    print(text, file=sys.stderr if stream == "stderr" else sys.stdout)
