"""Which engine serves which model: made on first use, kept until the pool closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Engine, EngineState
    from paddock.bindings.ai.weights import Weights

__all__ = ["EnginePool", "Serving"]


class Serving(NamedTuple):
    """A model's engine, the weights that it runs, and the state that this call meets."""

    engine: Engine
    weights: Weights
    state: EngineState


class EnginePool:
    """One engine per model id. `find` resolves weights, `make` builds an engine that has not loaded anything yet."""

    def __init__(self, find: Callable[[ModelCard], Weights], make: Callable[[ModelCard, Weights], Engine]) -> None:
        self._find = find
        self._make = make
        self._serving: dict[str, tuple[Engine, Weights]] = {}

    def serving(self, card: ModelCard) -> Serving:
        """The engine of a model. Raises WeightsMissing; loads nothing."""
        found = self._serving.get(card.name)
        if found is None:
            weights = self._find(card)
            found = self._serving[card.name] = (self._make(card, weights), weights)
        engine, weights = found
        return Serving(engine, weights, engine.state)

    def weights(self, card: ModelCard) -> Weights:
        """What the model would run on. Raises WeightsMissing."""
        found = self._serving.get(card.name)
        return found[1] if found else self._find(card)

    def engine(self, card: ModelCard) -> Engine | None:
        """The model's engine, None when it was never asked for."""
        found = self._serving.get(card.name)
        return found[0] if found else None

    def state(self, card: ModelCard) -> EngineState:
        """The state of a model, `cold` when it was never asked for."""
        engine = self.engine(card)
        return engine.state if engine else "cold"

    async def close(self) -> None:
        """Stop every engine."""
        for engine, _ in self._serving.values():
            await engine.close()
        self._serving.clear()
