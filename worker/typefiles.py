"""`--types`: what `paddock types` writes, written at the start and whenever configuration or catalog change."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from paddock.worker.log import LOG
from paddock.worker.stubs import render

if TYPE_CHECKING:
    from paddock.bindings.ai.catalog import Catalog
    from paddock.worker.config.loading import Config

__all__ = ["write_types"]

logger = logging.getLogger(__name__)


def write_types(config: Config, catalog: Catalog) -> None:
    """Write the files whose text is another one now. Blocking: compiles every model's schema."""
    for name, text in render(config, catalog).items():
        file = config.root / name
        try:
            if not file.is_file() or file.read_text("utf-8") != text:
                file.write_text(text, "utf-8")
                logger.log(LOG, "✨ Types written to %s", file.name)
        except OSError as error:
            logger.warning("Types could not be written to %s: %s.", file, error.strerror)
