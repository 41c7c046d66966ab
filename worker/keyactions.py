"""What the hotkeys of `paddock dev` do."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
from typing import TYPE_CHECKING, Final

from paddock.worker.greeting import models_table
from paddock.worker.hotkeys import Hotkey, bar
from paddock.worker.log import LOG, flush

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.service import AiService
    from paddock.worker.config.loading import Config

__all__ = ["KeyActions"]

logger = logging.getLogger(__name__)

#: Clears the screen and what scrolled off it, and goes to its first place.
_CLEAR: Final = "\x1b[2J\x1b[3J\x1b[H"


_WRITES: Final = "Text Generation"


class KeyActions:
    """The keys of one session. `reload` replaces the workers, `stop` ends the server."""

    def __init__(
        self, url: str, service: AiService, config: Config, reload: Callable[[], None], stop: asyncio.Event
    ) -> None:
        self._url = url
        self._service = service
        self._config = config
        self._reload = reload
        self._stop = stop

    @property
    def hotkeys(self) -> list[Hotkey]:
        """In the order of the bar: wrangler's keys where they mean the same here."""
        return [
            Hotkey(("b",), "open a browser", self._browse),
            Hotkey(("r",), "reload the worker", self._replace),
            Hotkey(("w",), "warm the default model", self._warm),
            Hotkey(("u",), "unload all models", self._unload),
            Hotkey(("m",), "show the models", self._show),
            Hotkey(("c",), "clear console", self._clear),
            Hotkey(("x", "q"), "to exit", self._exit),
        ]

    async def _browse(self) -> None:
        import webbrowser  # nobody has pressed the key at the start

        if not await asyncio.to_thread(webbrowser.open, self._url):
            raise OSError(f"there is no browser to be started here; open {self._url}")

    async def _replace(self) -> None:
        logger.log(LOG, "⎔ Reloading local server...")
        self._reload()

    async def _warm(self) -> None:
        card = self._default_model()
        logger.log(LOG, "Loading %s...", card.name)
        await self._service.engines.serving(card).life.load()
        logger.log(LOG, "%s is loaded.", card.name)

    async def _unload(self) -> None:
        lives = [life for card in self._service.catalog if (life := self._service.engines.life(card)) is not None]
        loaded = [life for life in lives if life.is_resident]
        gone = [life.name for life in loaded if await life.unload()]
        kept = [life.name for life in loaded if life.name not in gone]
        logger.log(LOG, "Unloaded: %s.", ", ".join(gone) or "nothing")
        if kept:
            logger.log(LOG, "Pinned, or with open calls: %s.", ", ".join(kept))

    async def _show(self) -> None:
        logger.log(LOG, "%s", models_table(self._service))

    async def _clear(self) -> None:
        flush()
        sys.stderr.write(_CLEAR + bar(self.hotkeys, shutil.get_terminal_size().columns) + "\n")
        sys.stderr.flush()

    async def _exit(self) -> None:
        self._stop.set()

    def _default_model(self) -> ModelCard:
        """The first pinned model, else the first that the configuration names, else the catalog's first that writes."""
        models, catalog = self._config.paddock.models, self._service.catalog
        if chosen := [*(name for name, model in models.items() if model.pinned), *models]:
            return catalog.card(chosen[0])
        return next(card for card in catalog if card.task is not None and card.task.name == _WRITES)
