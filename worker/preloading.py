"""Models that are there before the first request: pinned ones begin to load, those of `--preload` are waited for."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from paddock.bindings.errors import ModelNotFound, PaddockError
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.service import AiService

__all__ = ["load_pinned"]

logger = logging.getLogger(__name__)


async def load_pinned(
    service: AiService, pinned: Iterable[str], awaited: Sequence[str], stop: asyncio.Event
) -> ExitCode | None:
    """Pin models, and wait for some of them until they are loaded or `stop` is set.

    Returns the exit code when one is unknown or cannot be loaded, which is logged; None to go on.
    """
    try:
        cards = {model: service.catalog.card(model) for model in (*pinned, *awaited)}
    except ModelNotFound as error:
        logger.error("A model that shall be loaded at the start: %s", error)
        return ExitCode.CONFIG
    try:
        for card in cards.values():
            service.engines.pin(card)
    except PaddockError as error:
        logger.error("%s", error)
        return ExitCode.ENGINE
    async with asyncio.TaskGroup() as tasks:
        loading = tasks.create_task(_load(service, [cards[model] for model in awaited]))
        stopping = tasks.create_task(stop.wait())
        await asyncio.wait([loading, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in (loading, stopping):
            task.cancel()
    return None if loading.cancelled() else loading.result()


async def _load(service: AiService, cards: Iterable[ModelCard]) -> ExitCode | None:
    for card in cards:
        logger.info("Loading %s...", card.name)
        try:
            await service.engines.serving(card).life.load()
        except PaddockError as error:
            logger.error("%s could not be loaded: %s", card.name, error)
            return ExitCode.ENGINE
    return None
