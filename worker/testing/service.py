"""The AI service of a test: the real one, over engines that say what the test wants."""

from __future__ import annotations

import itertools
from contextlib import aclosing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from paddock.bindings.ai.batch.service import Batches
from paddock.bindings.ai.batch.store import BatchStore
from paddock.bindings.ai.engines.made_up import made_up
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.protocol import joined
from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.bindings.ai.service import AiService, RunResult
from paddock.bindings.ai.weights import Weights
from paddock.bindings.binding import CallRecord
from paddock.bindings.errors import ModelNotFound, PaddockError
from paddock.worker.testing.aicalls import AiCall
from paddock.worker.testing.asked import ASKED
from paddock.worker.testing.faults import NO_WAITS
from paddock.worker.testing.recorder import checked, recorded, replayed, unrecorded

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest, EngineState
    from paddock.bindings.ai.tasks.contract import Dialect
    from paddock.bindings.state import StateFolder
    from paddock.worker.channel import ByteSource
    from paddock.worker.testing.ai import Ai
    from paddock.worker.testing.clock import VirtualClock
    from paddock.worker.testing.live import Runs
    from paddock.worker.testing.props import Play, Props
    from paddock.worker.testing.timeline import Span

__all__ = ["Live", "TestedService"]

#: Gives the service of the real engines.
Live: TypeAlias = "Callable[[], Awaitable[Runs]]"

_CALL: Final[ContextVar[AiCall]] = ContextVar("ai_call")
#: Nothing waits between two pieces: they are all there.
_OPEN: Final = Gate()
_OPEN.open()
_WEIGHTS: Final = Weights("", "fake")


class TestedService(AiService):
    """Notes every call, and has it answered by `ai`."""

    def __init__(self, props: Props, play: Play, state: StateFolder, live: Live) -> None:
        ai = play.ai
        self._live = live
        self._state = state
        self._tasks: asyncio.TaskGroup | None = None
        self._fingerprint = props.fingerprint
        engines = EnginePool(lambda card: _WEIGHTS, lambda card, _: _Engine(card, ai), props.policy, ai.clock)
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
        _CALL.set(call)
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
        return result._replace(events=_Heard(result.events, call, self._ai.clock, span))

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


class _Engine(ScriptedEngine):
    """One model's engine: `ai` says what it answers, in which state it is, and how long it takes."""

    def __init__(self, card: ModelCard, ai: Ai) -> None:
        super().__init__()
        self._card = card
        self._ai = ai

    @property
    def state(self) -> EngineState:
        """As `Engine.state`."""
        return self._ai.state_of(self._card.name)

    async def load(self) -> None:
        """As `Engine.load`."""
        self.starts += 1
        await self._ai.load(self._card.name)

    async def close(self) -> None:
        """As `Engine.close`."""
        await super().close()
        self._ai.unloaded(self._card.name)

    async def generate(self, request: EngineRequest) -> AsyncGenerator[EngineChunk, None]:
        """As `Engine.generate`."""
        call = _CALL.get()
        reply = self._ai.answer(self._card, call, request)
        if reply.error is not None:
            raise reply.error
        call.settle_with(reply.settle)
        engine = ScriptedEngine(
            itertools.repeat(reply.pieces),
            finish_reason=reply.finish_reason,
            gate=_OPEN,
            work=lambda work: reply.result or made_up(work),
        )
        waits, is_first = self._ai.waits, True
        async with aclosing(engine.generate(request)) as chunks:
            if request.is_whole and waits == NO_WAITS and not reply.delay_s:
                first, *rest = [chunk async for chunk in chunks]
                yield first
                if rest:
                    yield joined(rest)
                return
            async for chunk in chunks:
                if wait_s := waits.ttft if is_first else waits.per_token + reply.delay_s:
                    await self._ai.clock.sleep(wait_s)
                    call.waited(wait_s, is_first=is_first)
                yield chunk
                is_first = False


class _Heard:
    """The events of a stream, kept for the test as they pass. The timeline says how many there were."""

    def __init__(self, events: ByteSource, call: AiCall, clock: VirtualClock, span: Span) -> None:
        self._events = events
        self._call = call
        self._clock = clock
        self._span = span

    async def pull(self) -> bytes | None:
        try:
            piece = await self._events.pull()
        except OSError as broken:
            self._call.error = broken.__cause__ if isinstance(broken.__cause__, PaddockError) else None
            self._span.end(f"a stream that broke off behind {self._count()} events: {broken}")
            self._end()
            raise
        if piece is None:
            self._span.end(f"a stream of {self._count()} events")
            self._end()
        else:
            self._call.chunks.append(piece.decode(errors="replace"))
        return piece

    async def cancel(self, reason: object) -> None:
        self._end()
        await self._events.cancel(reason)

    def _end(self) -> None:
        if self._call.ended_s is None:
            self._call.ended_s = self._clock.time()

    def _count(self) -> int:
        return "".join(self._call.chunks).count("\n\n")
