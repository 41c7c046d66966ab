"""What decides whether a call is run at all, now, or in a batch.

Source: developer docs, "Reject busy requests", "Asynchronous Batch API".
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.batch.service import polled_id
from paddock.bindings.errors import EngineDead, EngineOverloaded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.ai.service import AiService

__all__ = ["admit"]

_TRUE: Final = frozenset({"true", "1"})


async def admit(
    service: AiService, model: str, inputs: object, options: Mapping[str, object]
) -> dict[str, object] | None:
    """The answer to a call that accepts or fetches a batch; None when the call is to be run.

    The options come from a body, or as text from a query. Raises: EngineOverloaded where `rejectIfBusy` wants a refusal
    at once instead of a place in the queue; ModelNotFound; what `Batches` raises.
    """
    if (id := polled_id(inputs)) is not None:
        return await service.batches.poll(service.catalog.card(model), id)
    if _is_true(options.get("queueRequest")):
        return await service.batches.enqueue(service.runnable(model), inputs)
    if _is_true(options.get("rejectIfBusy")):
        await _refuse_if_busy(service, model)
    return None


async def _refuse_if_busy(service: AiService, model: str) -> None:
    """A call would have to wait when others wait for the batch already.

    A model that is not loaded is not busy, nor is one whose process has just died: the call loads it.
    """
    life = service.engines.life(service.catalog.card(model))
    if life is None:
        return
    is_waited_for = False
    if life.engine.state == "warm":
        with contextlib.suppress(EngineDead):
            is_waited_for = (await life.engine.stats()).waiting > 0
    if is_waited_for or service.engines.turns.waiting:
        raise EngineOverloaded


def _is_true(value: object) -> bool:
    return value is True or str(value).lower() in _TRUE
