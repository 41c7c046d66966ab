"""One model's life: loaded by its first call, kept while it is used and a while longer, then gone with its memory.

```
cold ── load ── loading ── warm ⇄ busy ── idle ── sleeping ── idle ── cold
                   └─ failed (a pause, then the next call starts it again)
```
Source: the rules of Ollama's `keep_alive`, and of hosts that sell units of concurrency.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Literal, Protocol

from paddock.bindings.ai.engines.breaker import Breaker
from paddock.bindings.ai.engines.clock import deadline
from paddock.bindings.ai.engines.policy import FOREVER
from paddock.bindings.errors import (
    EngineDead,
    EngineOverloaded,
    EngineUnavailable,
    FirstTokenTimeout,
    PaddockError,
    RunTimeout,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine

    from paddock.bindings.ai.engines.clock import Clock, Timer
    from paddock.bindings.ai.engines.policy import LifePolicy
    from paddock.bindings.ai.engines.protocol import Engine, EngineChunk, EngineRequest
    from paddock.bindings.ai.engines.turns import Turns

__all__ = ["House", "LifeState", "ModelLife"]

#: As `EngineState`, and: `busy`, warm with calls that run; `sleeping`, its weights are off the device.
LifeState = Literal["cold", "loading", "warm", "busy", "sleeping", "failed"]


class House(Protocol):
    """What models of one machine share."""

    policy: LifePolicy
    turns: Turns

    @property
    def clock(self) -> Clock: ...

    async def make_room(self, life: ModelLife) -> None:
        """Return when the model may be loaded, after others had to go for it."""
        ...

    def tell_free(self) -> None:
        """A model has no calls any more, or is gone."""
        ...

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        """Do this beside the calls, as long as the house stands."""
        ...


class ModelLife:
    """Keeps the contract of `Engine.generate`, and decides when the engine behind it comes and goes."""

    def __init__(self, name: str, engine: Engine, path: str, cost: int, house: House) -> None:
        self.name = name
        self.engine = engine
        #: Folder of the weights; empty when they are on other machines, and take no room here.
        self.path = path
        self.breaker = Breaker(name, house.clock)
        #: Never unloaded, but by `unload(is_forced=True)`.
        self.is_pinned = False
        #: When its last call came, by the house's clock.
        self.used_at = house.clock.time()
        #: When it will be unloaded; None while it is in use, pinned, kept for ever, or not there.
        self.expires_at: float | None = None
        #: Calls that are open, the waiting ones included.
        self.calls = 0
        #: Has room, or holds it already.
        self.is_resident = False
        #: Open calls that somebody waits for, and when the last of them ended, by the house's clock.
        self.urgent_calls = 0
        self.urgent_at = -math.inf
        self._running = 0
        self._cost = cost
        self._house = house
        self._coming_or_going = asyncio.Lock()
        self._is_asleep = False
        #: The start that was ended on purpose: what its calls die of is no failure.
        self._ended_start = -1
        self._timer: Timer | None = None
        self._is_retired = False

    @property
    def state(self) -> LifeState:
        """The state that the next call meets."""
        inner = self.engine.state
        if inner == "warm":
            return "sleeping" if self._is_asleep else "busy" if self._running else "warm"
        if self.is_resident and inner in ("cold", "failed"):
            return "loading"  # the load has begun, though the engine does not know it yet
        return inner

    async def generate(
        self, request: EngineRequest, keep_alive_s: float | None = None
    ) -> AsyncGenerator[EngineChunk, None]:
        """As `Engine.generate`. `keep_alive_s` goes before the policy's, from the end of this call on.

        Raises, besides: EngineOverloaded when the wait for room or for a turn is too long, or when a cold model is to
        be refused; FirstTokenTimeout, RunTimeout.
        """
        self.breaker.check()
        house = self._house
        if house.policy.on_cold == "reject" and self.state in ("cold", "loading", "failed"):
            house.spawn(self.try_load())
            raise EngineOverloaded
        self._begin()
        is_urgent = not request.is_patient
        self.urgent_calls += is_urgent
        try:
            await self._make_ready()
            async with AsyncExitStack() as held:
                limit_s = None if house.turns.is_free(self._cost) else house.policy.queue_timeout_s
                async with deadline(house.clock, limit_s, EngineOverloaded):
                    await held.enter_async_context(house.turns.turn(self._cost))
                self._running += 1
                held.callback(self._stop_running)
                async with aclosing(self._chunks(request)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            self.breaker.record_success()
        except (EngineDead, EngineUnavailable) as error:
            self._record_failure(error)
            raise
        finally:
            if is_urgent:
                self.urgent_calls -= 1
                self.urgent_at = house.clock.time()
            self._end(keep_alive_s)

    async def load(self) -> None:
        """Make the model ready, as a call does, and keep it as if one had just ended. Raises what a load raises."""
        self.breaker.check()
        self._begin()
        try:
            await self._make_ready()
        except (EngineDead, EngineUnavailable) as error:
            self._record_failure(error)
            raise
        finally:
            self._end(None)

    async def unload(self, *, is_forced: bool = False) -> bool:
        """End the engine's process; its memory comes back. False, and nothing done, while it has calls or is pinned.

        Forced, the open calls raise EngineDead.
        """
        if self._must_stay and not is_forced:
            return False
        async with self._coming_or_going:
            if self._must_stay and not is_forced:  # a call came while another load or unload ended
                return False
            self._stop_timer()
            self._ended_start = self.engine.starts
            try:
                await self.engine.close()
            finally:
                self._is_asleep = self.is_resident = False
        self._house.tell_free()
        return True

    def pin(self, *, is_pinned: bool) -> None:
        """Keep the model until it is unpinned, or let it go by the policy's times again."""
        self.is_pinned = is_pinned
        if not self.calls:
            self._stop_timer()
            self._start_timer(None)
        self._house.tell_free()

    def retire(self) -> None:
        """Unload it when its last call has ended: another engine serves the next one."""
        self._is_retired, self.is_pinned = True, False
        if not self.calls:
            self._stop_timer()
            self._start_timer(None)

    @property
    def expires_in_s(self) -> float | None:
        """Seconds until it is unloaded, when nobody calls; None where `expires_at` is."""
        return None if self.expires_at is None else max(0.0, self.expires_at - self._house.clock.time())

    @property
    def is_idle(self) -> bool:
        """Loaded, and nobody would miss it."""
        return self.is_resident and not self._must_stay

    @property
    def _must_stay(self) -> bool:
        return self.calls > 0 or self.is_pinned

    async def _make_ready(self) -> None:
        """Load the model or wake it, once for all calls that wait. Lets them through in the order of arrival."""
        if self.engine.state == "warm" and not self._is_asleep and not self._coming_or_going.locked():
            return
        async with self._coming_or_going:
            if self.engine.state == "warm":
                self.is_resident = True
                if self._is_asleep:
                    await self.engine.wake()
                    self._is_asleep = False
                return
            async with deadline(self._house.clock, self._house.policy.queue_timeout_s, EngineOverloaded):
                await self._house.make_room(self)
            self.is_resident = True
            try:
                await self.engine.load()
            finally:
                # A call that leaves does not stop the load, which the next one joins.
                self.is_resident = self.engine.state in ("warm", "loading")
                self._house.tell_free()

    async def try_load(self) -> None:
        """As `load`, for nobody who could be told why it failed."""
        with contextlib.suppress(PaddockError):  # the call that waits for it will say what is wrong
            await self.load()

    def _chunks(self, request: EngineRequest) -> AsyncGenerator[EngineChunk, None]:
        """The engine's chunks, as long as they come in time where there is a limit: without one, nothing is between."""
        policy = self._house.policy
        is_timed = policy.first_token_timeout_s is not None or policy.total_timeout_s is not None
        return self._timed(request) if is_timed else self.engine.generate(request)

    async def _timed(self, request: EngineRequest) -> AsyncGenerator[EngineChunk, None]:
        clock, policy = self._house.clock, self._house.policy
        end = None if policy.total_timeout_s is None else clock.time() + policy.total_timeout_s
        first = [policy.first_token_timeout_s]
        async with aclosing(self.engine.generate(request)) as chunks:
            while True:
                async with (
                    deadline(clock, first.pop() if first else None, FirstTokenTimeout),
                    deadline(clock, None if end is None else end - clock.time(), RunTimeout),
                ):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield chunk

    def _record_failure(self, error: PaddockError) -> None:
        if self.engine.starts != self._ended_start:
            self.breaker.record_failure(self.engine.starts, error.message)
        if self.engine.state not in ("warm", "loading"):
            self.is_resident = self._is_asleep = False

    # Coming and going of calls

    def _begin(self) -> None:
        self.calls += 1
        self.used_at = self._house.clock.time()
        self._stop_timer()

    def _stop_running(self) -> None:
        self._running -= 1

    def _end(self, keep_alive_s: float | None) -> None:
        self.calls -= 1
        if self.calls == 0:
            self._start_timer(keep_alive_s)
            self._house.tell_free()

    def _stop_timer(self) -> None:
        self.expires_at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self, keep_alive_s: float | None) -> None:
        policy, clock = self._house.policy, self._house.clock
        stay_s = policy.keep_alive_s if keep_alive_s is None else keep_alive_s
        if self._is_retired:
            stay_s = 0.0
        if self.is_pinned or not self.is_resident or stay_s == FOREVER:
            return
        self.expires_at = clock.time() + stay_s
        sleep_s = policy.sleep_after_s
        if sleep_s is not None and sleep_s < stay_s and self.engine.can_sleep:
            self._timer = clock.call_later(sleep_s, lambda: self._house.spawn(self._sleep()))
        else:
            self._timer = clock.call_later(stay_s, lambda: self._house.spawn(self.unload()))

    async def _sleep(self) -> None:
        async with self._coming_or_going:
            if self._must_stay or self.engine.state != "warm" or self.expires_at is None:
                return
            await self.engine.sleep()
            self._is_asleep = True
            left_s = max(0.0, self.expires_at - self._house.clock.time())
            self._timer = self._house.clock.call_later(left_s, lambda: self._house.spawn(self.unload()))
