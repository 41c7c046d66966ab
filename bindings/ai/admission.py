"""`rejectIfBusy`: a refusal at once instead of a place in the queue. Source: developer docs, "Reject busy requests"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.bindings.errors import EngineOverloaded

if TYPE_CHECKING:
    from paddock.bindings.ai.service import AiService

__all__ = ["refuse_if_busy"]


async def refuse_if_busy(service: AiService, model: str) -> None:
    """Raise EngineOverloaded when a call of this model would have to wait, because others wait for the batch already.

    A model that is not loaded is not busy: its first call loads it. Raises ModelNotFound, EngineDead.
    """
    life = service.engines.life(service.catalog.card(model))
    if life is None:
        return
    is_waited_for = life.engine.state == "warm" and (await life.engine.stats()).waiting
    if is_waited_for or service.engines.turns.waiting:
        raise EngineOverloaded
