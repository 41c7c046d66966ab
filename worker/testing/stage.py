"""Workers under test, on the loop: they outlive tests, and the scene of the test that runs is around them."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from paddock.worker.neighbours import Isolates
from paddock.worker.testing.actor import Actor, Cast
from paddock.worker.testing.errors import BackgroundWorkLeft
from paddock.worker.testing.live import live_models
from paddock.worker.testing.props import Props
from paddock.worker.testing.scene import Scene

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable

    from paddock.bindings.queues.broker import Deliver
    from paddock.worker.config.loading import Config
    from paddock.worker.testing.live import Runs
    from paddock.worker.testing.props import Play

__all__ = ["Stage"]


class Stage:
    """The worker under test, and those beside it. Everything but `__init__` and `scene` happens on the loop."""

    #: By name, the worker under test first; once it runs.
    actors: dict[str, Actor]

    def __init__(
        self, configs: tuple[Config, ...], on_line: Callable[[str, str], None], *, in_process: bool = False
    ) -> None:
        """With `in_process` the worker under test is in this process; those beside it never are."""
        self.configs = configs
        self._in_process = in_process
        self._has_started = False
        self._on_line = on_line
        self._props = Props.of(configs)
        self._folder: str | None = None
        self._number = 0
        self._scene: Scene | None = None
        self._tasks: asyncio.TaskGroup | None = None
        #: The real engines.
        self.live = live_models(configs[0])
        self._closing = asyncio.Event()

    @property
    def primary(self) -> Actor:
        """The worker under test."""
        return self.actors[self.configs[0].name]

    async def run(self, opened: concurrent.futures.Future[None]) -> None:
        """Live until `close`. `opened` is settled when tests can begin."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self.actors = {}
                cast = Cast(self._tasks, self._current_scene, self._on_line, Isolates(), set(), self.actors)
                for config in self.configs:
                    in_process = self._in_process and not self.actors
                    self.actors[config.name] = Actor(config, cast, in_process=in_process)
                opened.set_result(None)
                await self._closing.wait()
                for actor in self.actors.values():  # an open request of the first needs the others
                    await actor.supervisor.close()
                await self.end()
                await self.live.close()
        finally:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    async def close(self) -> None:
        """End the workers."""
        self._closing.set()

    def scene(self, play: Play, *, keeps_state: bool = False) -> Scene:
        """A scene for the next test, after the last one was taken down. Not on the loop."""
        self._folder = self._folder or tempfile.mkdtemp(prefix="paddock-test-")
        if not keeps_state:
            if os.path.exists(self._state):
                shutil.rmtree(self._state, ignore_errors=True)
            self._number += 1
        scene = Scene(self._props, play, Path(self._state), self._live_service)
        for name, actor in self.actors.items():
            services = {service.binding: "service" for service in actor.config.services}
            actor.kinds = scene.bindings[name].kinds() | services
        return scene

    def begin(self, scene: Scene) -> None:
        """Set the scene for the next test."""
        assert self._tasks is not None
        assert self._scene is None
        self._scene = scene
        scene.start(self._tasks, self._deliver())
        if not self._has_started:  # while the test sets up what else it needs
            self._has_started = True
            for actor in self.actors.values():
                actor.supervisor.replace()

    async def end(self, timeout_s: float = 0.0) -> None:
        """Wait for background work, and take the scene down. Raises as `Controls.clean_up`."""
        try:
            if self._scene is not None:
                await self._clean_up(timeout_s)
        finally:
            scene, self._scene = self._scene, None
            if scene is not None:
                await scene.close()

    async def drain(self, timeout_s: float) -> None:
        """Wait for background work, have queued messages consumed, and wait for what that begins in any worker.

        Raises as `Controls.drain`.
        """
        if len(self.actors) == 1:
            await self.primary.controls.drain(timeout_s)
        # Each may have given the others something to do: until a round finds nothing.
        while await self._flush(timeout_s) or await self._settle(timeout_s):
            pass

    async def _flush(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._current_scene().broker.flush()
        except TimeoutError:
            raise BackgroundWorkLeft(f"the consumers of queues had not ended after {timeout_s:g} s") from None

    async def _settle(self, timeout_s: float) -> bool:
        return any([await actor.settle(timeout_s) for actor in self.actors.values()])

    async def _clean_up(self, timeout_s: float) -> None:
        errors: list[Exception] = []
        if len(self.actors) > 1:
            try:
                while await self._settle(timeout_s):
                    pass
            except Exception as error:  # user code: the others are cleaned up all the same
                errors.append(error)
        for actor in self.actors.values():
            try:
                await actor.controls.clean_up(0.0 if errors else timeout_s)
            except Exception as error:  # user code, as above
                errors.append(error)
        if errors:
            raise errors[0]

    def _deliver(self) -> Deliver:
        """Has the worker that consumes a queue take a batch of it."""
        actors = {queue.queue: actor for actor in self.actors.values() for queue in actor.config.consumers}
        return lambda queue, messages: actors[queue].consume(queue, messages)

    @property
    def _state(self) -> str:
        return f"{self._folder}/{self._number}"

    async def _live_service(self) -> Runs:
        assert self._tasks is not None
        return await self.live.service(self._tasks)

    def _current_scene(self) -> Scene:
        assert self._scene is not None, "events come from tests, and each test has a scene"
        return self._scene
