"""Which engine serves which model, and which models are loaded at a time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from paddock.bindings.ai.engines.lifecycle import LifeState, ModelLife
from paddock.bindings.ai.engines.memory import fits_memory
from paddock.bindings.ai.engines.policy import LifePolicy
from paddock.bindings.ai.engines.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.clock import Clock
    from paddock.bindings.ai.engines.protocol import Engine
    from paddock.bindings.ai.weights import Weights

__all__ = ["EnginePool", "Serving"]

logger = logging.getLogger(__name__)


class Serving(NamedTuple):
    """A model's life, the weights that it runs, and the state that this call meets."""

    life: ModelLife
    weights: Weights
    state: LifeState


class EnginePool:
    """One engine per model id. `find` resolves weights, `make` builds an engine that has not loaded anything yet.

    Models come with their first call and go by the policy. What is done beside calls (unloading, and loading for a call
    that was refused) needs `start`.
    """

    def __init__(
        self,
        find: Callable[[ModelCard], Weights],
        make: Callable[[ModelCard, Weights], Engine],
        policy: LifePolicy | None = None,
        clock: Clock | None = None,
        has_memory: Callable[[str], bool] = fits_memory,
    ) -> None:
        self._find = find
        self._make = make
        self._has_memory = has_memory
        self._clock = clock
        self._serving: dict[str, tuple[ModelLife, Weights]] = {}
        self._room = asyncio.Lock()
        self._freed = asyncio.Event()
        self._parent: asyncio.TaskGroup | None = None
        self._beside: set[asyncio.Task[object]] = set()
        self.policy = policy or LifePolicy()
        self.turns = Turns(self.policy.concurrency)

    @property
    def clock(self) -> Clock:
        """The time that models live by."""
        return self._clock or asyncio.get_running_loop()

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Do what is to be done beside calls in this group, until `close`."""
        self._parent = tasks

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        """As `House.spawn`; before `start` and after `close` there is nobody to do it."""
        if self._parent is None:
            work.close()
            return
        task = self._parent.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def serving(self, card: ModelCard) -> Serving:
        """The engine of a model. Raises WeightsMissing; loads nothing."""
        found = self._serving.get(card.name)
        if found is None:
            weights = self._find(card)
            cost = card.paddock.concurrency_cost if card.paddock else 1
            life = ModelLife(card.name, self._make(card, weights), weights.path, cost, self)
            found = self._serving[card.name] = (life, weights)
        life, weights = found
        return Serving(life, weights, life.state)

    def weights(self, card: ModelCard) -> Weights:
        """What the model would run on. Raises WeightsMissing."""
        found = self._serving.get(card.name)
        return found[1] if found else self._find(card)

    def life(self, card: ModelCard) -> ModelLife | None:
        """The model's life, None when it was never asked for."""
        found = self._serving.get(card.name)
        return found[0] if found else None

    def state(self, card: ModelCard) -> LifeState:
        """The state of a model, `cold` when it was never asked for."""
        life = self.life(card)
        return life.state if life else "cold"

    def pin(self, card: ModelCard) -> None:
        """Load a model now, and keep it. Raises WeightsMissing; a load that fails is tried again by the next call."""
        life = self.serving(card).life
        life.pin(is_pinned=True)
        self.spawn(life.try_load())

    async def make_room(self, life: ModelLife) -> None:
        """As `House.make_room`: the models that were used least recently go first, and newcomers wait in order."""
        async with self._room:
            while not self._has_room(life):
                self._freed.clear()
                victim = min((other for other in self._others(life) if other.is_idle), key=_last_use, default=None)
                if victim is None:
                    await self._freed.wait()
                elif await victim.unload():
                    logger.info("engine_evicted model=%s for=%s", victim.name, life.name)

    def tell_free(self) -> None:
        """As `House.tell_free`."""
        self._freed.set()

    def _has_room(self, life: ModelLife) -> bool:
        if not life.path:
            return True
        others = len(self._others(life))
        most = self.policy.max_loaded
        # A machine that is too small for one model alone is for the engine to tell.
        return others == 0 or ((most is None or others < most) and self._has_memory(life.path))

    def _others(self, life: ModelLife) -> list[ModelLife]:
        return [other for other, _ in self._serving.values() if other.path and other.is_resident and other is not life]

    async def close(self) -> None:
        """Stop every engine."""
        self._parent = None
        for task in list(self._beside):
            task.cancel()
        for life, _ in self._serving.values():
            await life.unload(is_forced=True)
        self._serving.clear()


def _last_use(life: ModelLife) -> float:
    return life.used_at
