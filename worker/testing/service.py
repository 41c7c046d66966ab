"""The AI service of a test: the real one, over engines that say what the test wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from paddock.bindings.ai.batch.service import Batches
from paddock.bindings.ai.batch.store import BatchStore
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.service import AiService, RunResult
from paddock.bindings.ai.weights import Weights
from paddock.bindings.binding import CallRecord
from paddock.bindings.errors import ModelNotFound, PaddockError
from paddock.worker.testing.aicalls import AiCall
from paddock.worker.testing.asked import ASKED
from paddock.worker.testing.engine import CALL, TestedEngine
from paddock.worker.testing.heard import HeardEvents
from paddock.worker.testing.recorder import checked, recorded, replayed, unrecorded

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.tasks.contract import Dialect
    from paddock.bindings.state import StateFolder
    from paddock.worker.testing.live import Runs
    from paddock.worker.testing.props import Play, Props

__all__ = ["Live", "TestedService"]

#: Gives the service of the real engines.
Live: TypeAlias = "Callable[[], Awaitable[Runs]]"

_WEIGHTS: Final = Weights("", "fake")


class TestedService(AiService):
    """Notes every call, and has it answered by `ai`."""

    def __init__(self, props: Props, play: Play, state: StateFolder, live: Live) -> None:
        ai = play.ai
        self._live = live
        self._state = state
        self._tasks: asyncio.TaskGroup | None = None
        self._fingerprint = props.fingerprint
        engines = EnginePool(lambda card: _WEIGHTS, lambda card, _: TestedEngine(card, ai), props.policy, ai.clock)
        super().__init__(props.catalog, engines, props.adapters)
        self._ai = ai
        self._timeline = play.timeline
        ai.attach_batches(self._settled)

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Do what is to be done beside calls in this group, until `close`."""
        self._tasks = tasks
        self.engines.start(tasks)

    async def close(self) -> None:
        """Unload every model, and answer no more batches."""
        if self._batches is not None:
            await self._batches.close()
        await self.engines.close()

    @property
    def batches(self) -> Batches:
        """As in `AiService`; they begin with the first, because most tests have none."""
        if self._batches is None:
            assert self._tasks is not None, "calls come from tests, and their scene has begun"
            store, engines, pause = BatchStore(self._state), self.engines, self._ai.clock.sleep
            quiet_s, clock = (lambda: engines.quiet_s), (lambda: engines.clock)
            self._batches = Batches(store, self._run_of_batch, quiet_s, clock, pause)
            self._batches.start(self._tasks)
        return self._batches

    async def _run_of_batch(self, model: str, inputs: object) -> object:
        ASKED.set(None)  # whichever request had the batches begin, it is not this one's
        return await super()._run_of_batch(model, inputs)

    async def _settled(self) -> None:
        if self._batches is not None:
            await self._batches.settled()

    async def run(
        self,
        model: str,
        inputs: object,
        calls: list[CallRecord],
        dialect: Dialect = "native",
        keep_alive: object = None,
        *,
        is_patient: bool = False,
    ) -> RunResult:
        """As in `AiService`."""
        card = self._card(model)
        call = AiCall(model, inputs, dialect, None if card is None else card.schema.check)
        call.task = card.task.name if card is not None and card.task is not None else ""
        call.asked, call.started_s = ASKED.get(), self._ai.clock.time()
        self._ai.begin(call)
        CALL.set(call)
        number = len(calls)
        with self._timeline.spans("ai", f"{model} {call.prompt!r}") as span:
            try:
                result = await self._answered(model, inputs, calls, dialect, keep_alive, is_patient=is_patient)
            except PaddockError as error:
                call.error = error
                raise
            finally:
                call.record = calls[number] if len(calls) > number else CallRecord(model, outcome="refused")
                call.ended_s = self._ai.clock.time()
            result = result._replace(output=call.settled(result.output))
            call.output = result.output
            span.end("a stream" if result.events is not None else msgspec.json.encode(result.output).decode())
        if result.events is None:
            return result
        call.ended_s = None
        return result._replace(events=HeardEvents(result.events, call, self._ai.clock, span))

    def _card(self, model: str) -> ModelCard | None:
        try:
            return self.catalog.card(model)
        except ModelNotFound:
            return None

    async def _answered(
        self,
        model: str,
        inputs: object,
        calls: list[CallRecord],
        dialect: Dialect,
        keep_alive: object,
        *,
        is_patient: bool,
    ) -> RunResult:
        ai, cassette = self._ai, self._ai.cassette
        if ai.mode == "vllm" and (fault := ai.fault(model)) is not None:
            raise fault
        if ai.mode == "vllm":
            return await (await self._live()).run(model, inputs, calls, dialect, keep_alive)
        if ai.mode != "replay" or cassette is None:
            return await super().run(model, inputs, calls, dialect, keep_alive, is_patient=is_patient)
        card = self.runnable(model)
        checked(card, inputs, dialect)
        if (fault := ai.fault(model)) is not None:
            raise fault
        if (recording := cassette.find(model, inputs, dialect)) is not None:
            return await replayed(ai, recording, card, calls, self._fingerprint(card))
        if not cassette.records:
            raise unrecorded(ai, cassette, model, inputs)
        return await recorded(await self._live(), cassette, model, inputs, calls, dialect, self._fingerprint(card))
