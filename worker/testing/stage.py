"""A worker under test, on the loop: its isolate, which outlives tests, and the scene of the test that runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from paddock.worker import triggers, wire
from paddock.worker.assembly import make_assets
from paddock.worker.peer import Answer
from paddock.worker.supervisor import Supervisor
from paddock.worker.testing import reserved
from paddock.worker.testing.controls import Controls
from paddock.worker.testing.isolates import Heard, make_isolate
from paddock.worker.testing.live import live_models
from paddock.worker.testing.props import Props
from paddock.worker.testing.scene import Scene
from paddock.worker.testing.sending import sent

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable

    from paddock.bindings.binding import FetchRequest
    from paddock.worker.config.loading import Config
    from paddock.worker.process import IsolateProcess
    from paddock.worker.testing.live import Runs
    from paddock.worker.testing.props import Play

__all__ = ["Stage"]


class Stage:
    """One worker. Everything but `__init__` and `scene` happens on the loop."""

    #: What the kit asks of the isolate, once it runs.
    controls: Controls

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
        self.live = live_models(config)
        self._closing = asyncio.Event()

    async def run(self, opened: concurrent.futures.Future[None]) -> None:
        """Live until `close`. `opened` is settled when tests can begin."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._supervisor = Supervisor(self._tasks, self._isolate, has_standby=False)
                self.controls = Controls(self._supervisor)
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
        """Wait for background work, and take the scene down. Raises as `Controls.clean_up`."""
        try:
            if self._scene is not None:
                await self.controls.clean_up(timeout_s)
        finally:
            scene, self._scene = self._scene, None
            if scene is not None:
                await scene.close()

    async def fetch(self, request: FetchRequest, *, is_upgrade: bool = False) -> Answer:
        """The worker's response, that of its static assets, or on a reserved path the dev server's.

        Raises what the handler raised.
        """
        if reserved.is_reserved(request) and not is_upgrade:
            assert self._supervisor is not None
            return await reserved.answer(self._supervisor, self._current_scene().service, self.config, request)
        asset = None if self._assets is None else await self._assets.route(request)
        if asset is not None:
            return Answer(asset.status, asset.status_text, asset.headers, asset.body)
        fetch = wire.Fetch(
            wire.FetchId(0), wire.FETCH, request.method, request.url, request.headers, None, is_upgrade=is_upgrade
        )
        return await sent(await self._current(), fetch, request.body, request.calls)

    async def deliver(self, kind: str, arguments: bytes, headers: wire.Headers = ()) -> triggers.Outcome:
        """Have the handler take an event that is no fetch. The outcome's error is a description."""
        return await triggers.deliver(await self._current(), kind, arguments, [], headers, is_logged=False)

    @property
    def _state(self) -> str:
        return f"{self._folder}/{self._number}"

    async def _live_service(self) -> Runs:
        assert self._tasks is not None
        return await self.live.service(self._tasks)

    async def _current(self) -> IsolateProcess:
        assert self._supervisor is not None
        return await self._supervisor.current()

    def _isolate(self) -> IsolateProcess:
        heard = Heard(self._on_line, self.controls.note_residue)
        return make_isolate(self.config, self._current_scene, heard, in_process=self._in_process)

    def _current_scene(self) -> Scene:
        assert self._scene is not None, "events come from tests, and each test has a scene"
        return self._scene
