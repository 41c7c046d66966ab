"""Which engine serves which model, and which models are loaded at a time."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, NamedTuple

from paddock.bindings.ai.engines.lifecycle import LifeState, ModelLife
from paddock.bindings.ai.engines.memory import fits_memory
from paddock.bindings.ai.engines.policy import LifePolicy
from paddock.bindings.ai.engines.turns import Turns
from paddock.bindings.errors import PaddockError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

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


class _Served(NamedTuple):
    """A model that was asked for. Its engine stays for as long as weights and plan are the same."""

    life: ModelLife
    weights: Weights
    plan: object


class EnginePool:
    """One engine per model id. `find` resolves weights, `make` builds an engine that has not loaded anything yet, and
    `plan` tells everything else that this engine would run by.

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
        plan: Callable[[ModelCard, Weights], object] = lambda card, weights: None,
    ) -> None:
        self._find = find
        self._make = make
        self._plan = plan
        self._has_memory = has_memory
        self._clock = clock
        self._serving: dict[str, _Served] = {}
        #: Those that leave with their last call.
        self._retired: list[ModelLife] = []
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
            found = self._serving[card.name] = _Served(life, weights, self._plan(card, weights))
        return Serving(found.life, found.weights, found.life.state)

    def weights(self, card: ModelCard) -> Weights:
        """What the model would run on. Raises WeightsMissing."""
        found = self._serving.get(card.name)
        return found.weights if found else self._find(card)

    def life(self, card: ModelCard) -> ModelLife | None:
        """The model's life, None when it was never asked for."""
        found = self._serving.get(card.name)
        return found.life if found else None

    def state(self, card: ModelCard) -> LifeState:
        """The state of a model, `cold` when it was never asked for."""
        life = self.life(card)
        return life.state if life else "cold"

    @property
    def quiet_s(self) -> float:
        """How long nobody has waited for an answer, of any model; 0 while somebody does."""
        lives = [*(served.life for served in self._serving.values()), *self._retired]
        if any(life.urgent_calls for life in lives):
            return 0.0
        return self.clock.time() - max((life.urgent_at for life in lives), default=-math.inf)

    def pin(self, card: ModelCard) -> None:
        """Load a model now, and keep it. Raises WeightsMissing; a load that fails is tried again by the next call."""
        life = self.serving(card).life
        life.pin(is_pinned=True)
        self.spawn(life.try_load())

    def renew(
        self,
        find: Callable[[ModelCard], Weights],
        make: Callable[[ModelCard, Weights], Engine],
        plan: Callable[[ModelCard, Weights], object],
        policy: LifePolicy,
        cards: Mapping[str, ModelCard],
    ) -> list[str]:
        """Go by all of this from now on. Engines that would be the same stay; the others leave with their last call.

        Returns the models of those that leave.
        """
        self._find, self._make, self._plan, self.policy = find, make, plan, policy
        gone = [name for name, served in self._serving.items() if not self._is_same(served, cards.get(name))]
        self._retired = [life for life in self._retired if life.is_resident]
        for name in gone:
            life = self._serving.pop(name).life
            self._retired.append(life)
            life.retire()
        return gone

    def _is_same(self, served: _Served, card: ModelCard | None) -> bool:
        if card is None:
            return False
        try:
            weights = self._find(card)
        except PaddockError:  # there are none any more; the next call says so
            return False
        return (weights, self._plan(card, weights)) == (served.weights, served.plan)

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
        lives = (*(served.life for served in self._serving.values()), *self._retired)
        return [other for other in lives if other.path and other.is_resident and other is not life]

    async def close(self) -> None:
        """Stop every engine."""
        self._parent = None
        for task in list(self._beside):
            task.cancel()
        for life in (*(served.life for served in self._serving.values()), *self._retired):
            await life.unload(is_forced=True)
        self._serving.clear()


def _last_use(life: ModelLife) -> float:
    return life.used_at
