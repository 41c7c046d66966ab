"""Options of a call that decide whether it is taken at all. Source: developer docs, "Reject busy requests"."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from paddock.bindings.errors import EngineDead, EngineOverloaded, OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.ai.service import AiService

__all__ = ["admit"]

_TRUE: Final = frozenset({"true", "1"})


async def admit(service: AiService, model: str, options: Mapping[str, object]) -> None:
    """Return when the options let the call go on; they come from a body, or as text from a query.

    Raises: OptionUnsupported for `queueRequest`; EngineOverloaded where `rejectIfBusy` wants a refusal at once instead
    of a place in the queue; ModelNotFound.
    """
    if _is_true(options.get("queueRequest")):
        raise OptionUnsupported("queueRequest: asynchronous batch is not served by Paddock yet; leave it out")
    if _is_true(options.get("rejectIfBusy")):
        await _refuse_if_busy(service, model)


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
