"""What a worker's tests are made from: what all of them share, and what is one test's own."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple, Self

from paddock.worker.assembly import life_policy, make_service, read_catalog
from paddock.worker.testing.live import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.catalog import Catalog
    from paddock.bindings.ai.engines.policy import LifePolicy
    from paddock.worker.config.loading import Config
    from paddock.worker.testing.ai import Ai
    from paddock.worker.testing.outbound import OutboundRoutes
    from paddock.worker.testing.timeline import Timeline

__all__ = ["Play", "Props"]


class Play(NamedTuple):
    """What a test says, and what it learns."""

    ai: Ai
    outbound: OutboundRoutes
    timeline: Timeline


class Props(NamedTuple):
    """What all tests of a worker share, and of those beside it."""

    #: The first is the worker under test, whose models all use.
    configs: tuple[Config, ...]
    catalog: Catalog
    #: LoRA adapters by model and name.
    adapters: Mapping[str, Mapping[str, str]]
    policy: LifePolicy
    #: What would answer for a model on this machine: weights and engine.
    fingerprint: Callable[[ModelCard], str]

    @classmethod
    def of(cls, configs: tuple[Config, ...]) -> Self:
        """Those of configurations. Blocking: reads the catalog."""
        config = configs[0]
        catalog = read_catalog(config)
        # Adapters that ship fit stand-ins only, and the fake models are given them, too.
        adapters = {card.name: _shipped(card) for card in catalog}
        for name, model in config.paddock.models.items():
            adapters.setdefault(name, {}).update(model.lora)
        service = functools.cache(lambda: make_service(config, None))
        known = functools.cache(lambda name: fingerprint(service(), catalog.card(name)))
        return cls(configs, catalog, adapters, life_policy(config.paddock.engine), lambda card: known(card.name))


def _shipped(card: ModelCard) -> dict[str, str]:
    adapters = card.paddock.adapters if card.paddock else {}
    return {name: str(card.folder / place) for name, place in adapters.items()}
