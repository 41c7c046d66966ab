"""The engine of a model under test: it says what the fixture `ai` wants it to say."""

from __future__ import annotations

import itertools
from contextlib import aclosing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.engines.made_up import made_up
from paddock.bindings.ai.engines.protocol import joined
from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.worker.testing.faults import NO_WAITS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest, EngineState
    from paddock.worker.testing.ai import Ai
    from paddock.worker.testing.aicalls import AiCall

__all__ = ["CALL", "TestedEngine"]

#: The call that the running task answers.
CALL: Final[ContextVar[AiCall]] = ContextVar("ai_call")
#: Nothing waits between two pieces: they are all there.
_OPEN: Final = Gate()
_OPEN.open()


class TestedEngine(ScriptedEngine):
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
        call = CALL.get()
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
