"""One worker on the stage, on the loop: its isolate, which outlives tests, and how it is reached."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from paddock.bindings.queues.broker import Decision
from paddock.worker import triggers, wire
from paddock.worker.assembly import make_assets
from paddock.worker.neighbours import Isolates, Neighbours, Reach, routes_of
from paddock.worker.peer import Answer
from paddock.worker.supervisor import Supervisor
from paddock.worker.testing import reserved
from paddock.worker.testing.controls import Controls
from paddock.worker.testing.entrypoints import DEFAULT_TARGET
from paddock.worker.testing.errors import BackgroundWorkLeft
from paddock.worker.testing.isolates import Heard, make_isolate
from paddock.worker.testing.rebuilt import rebuilt
from paddock.worker.testing.sending import sent
from paddock.worker.testing.tails import TestedTail

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.assets.binding import AssetsBinding
    from paddock.bindings.binding import FetchRequest
    from paddock.bindings.queues.broker import Message
    from paddock.worker.config.loading import Config
    from paddock.worker.process import IsolateProcess
    from paddock.worker.testing.entrypoints import Target
    from paddock.worker.testing.scene import Scene

__all__ = ["Actor", "Cast"]


class Cast(NamedTuple):
    """What the workers on a stage share."""

    tasks: asyncio.TaskGroup
    scene: Callable[[], Scene]
    on_line: Callable[[str, str], None]
    isolates: Isolates
    #: Told when background work or a listener of any of them has raised something.
    on_failure: set[Callable[[], None]]
    #: By name; complete before the first isolate starts.
    actors: dict[str, Actor]


class Actor:
    """One worker. With `in_process` it is a thread of the tests' process."""

    def __init__(self, config: Config, cast: Cast, *, in_process: bool) -> None:
        self.config = config
        #: What it shares with the others.
        self.cast = cast
        self._in_process = in_process
        self._assets = make_assets(config)
        self.supervisor = Supervisor(cast.tasks, self._isolate, has_standby=False)
        #: What the kit asks of the isolate.
        self.controls = Controls(self.supervisor, cast.on_failure)
        #: Name in `env` to kind, of every binding, once there was a scene.
        self.kinds: dict[str, str] = {}
        self._tail: TestedTail | None = None

    def find_assets(self) -> AssetsBinding | None:
        """Its static files."""
        return self._assets

    async def fetch(
        self, request: FetchRequest, target: Target = DEFAULT_TARGET, *, is_upgrade: bool = False
    ) -> Answer:
        """The worker's response, that of its static assets, or on a reserved path the dev server's.

        Raises what the handler raised.
        """
        is_default = target.entrypoint == wire.DEFAULT
        if reserved.is_reserved(request) and is_default and not is_upgrade:
            return await reserved.answer(self.supervisor, self.cast.scene().service, self.config, request)
        asset = None if self._assets is None or not is_default else await self._assets.route(request)
        if asset is not None:
            return Answer(asset.status, asset.status_text, asset.headers, asset.body)
        fetch = wire.Fetch(
            wire.FetchId(0), wire.FETCH, request.method, request.url, request.headers, None,
            is_upgrade=is_upgrade, entrypoint=target.entrypoint, props=target.props,
        )  # fmt: skip
        return await sent(await self.supervisor.current(), fetch, request.body, request.calls)

    async def deliver(self, kind: str, arguments: bytes, headers: wire.Headers = ()) -> triggers.Outcome:
        """Have the handler take an event that is no fetch. The outcome's error is a description."""
        return await triggers.deliver(await self.supervisor.current(), kind, arguments, [], headers, is_logged=False)

    async def consume(self, queue: str, messages: list[Message]) -> Decision:
        """Have the handler take a batch of a queue. What it raises is in the timeline: the batch comes again."""
        arguments = msgspec.json.encode({"queue": queue, "messages": messages})
        with self.cast.scene().timeline.spans("event", f"{self.config.name}: queue {queue}") as span:
            outcome = await self.deliver("queue", arguments)
            error = rebuilt("", "", outcome.error) if outcome.outcome == "exception" else None
            span.end(outcome.outcome if error is None else f"{type(error).__name__}: {error}")
        return msgspec.convert(outcome.details, Decision)

    async def settle(self, timeout_s: float) -> bool:
        """Wait for background work, and until tail workers were told of it. Whether there was something to wait for.

        Raises as `Controls.drain`.
        """
        was_busy = await self.controls.settle(timeout_s)
        if self._tail is None:
            return was_busy
        try:
            async with asyncio.timeout(timeout_s):
                return await self._tail.told() or was_busy
        except TimeoutError:
            raise BackgroundWorkLeft(
                f"the tail workers of {self.config.name} had not taken its events {timeout_s:g} s after the test"
            ) from None

    def _isolate(self) -> IsolateProcess:
        cast, config = self.cast, self.config
        consumers = [cast.actors[name].supervisor.current for name in config.tail_consumers if name in cast.actors]
        self._tail = TestedTail(config.name, consumers, cast.tasks) if consumers else None
        reach = {name: Reach(a.supervisor.current, a.find_assets) for name, a in cast.actors.items()}
        return make_isolate(
            config,
            cast.scene,
            Heard(cast.on_line, self.controls.note_residue),
            Neighbours(routes_of(config, reach), cast.isolates),
            session=reach.keys(),
            tail=self._tail,
            in_process=self._in_process,
        )
