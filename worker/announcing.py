"""What `paddock dev` says from its start until it is ready, in wrangler's order. DT-002."""

from __future__ import annotations

import logging
import shutil
import sys
from typing import TYPE_CHECKING

import msgspec

from paddock.worker.engineline import describe_engine
from paddock.worker.greeting import (
    bindings_table,
    cron_advice,
    exposure_warning,
    models_in_use,
    models_table,
    tail_list,
)
from paddock.worker.log import LOG

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from paddock.bindings.ai.service import AiService
    from paddock.worker.config.loading import Config
    from paddock.worker.options import DevOptions

__all__ = ["announce_ready", "greet", "server_url"]

logger = logging.getLogger(__name__)


def server_url(config: Config, sockets: Sequence[socket.socket]) -> str:
    """Where the server is, by the name that the configuration gives it."""
    named, port = config.dev.ip, sockets[0].getsockname()[1]
    return f"{config.dev.local_protocol}://{f'[{named}]' if ':' in named else named}:{port}"


def greet(configs: Sequence[Config], options: DevOptions, service: AiService, sockets: Sequence[socket.socket]) -> None:
    """Warnings, then what the workers have, and that the server starts."""
    config = configs[0]
    engine = config.paddock.engine
    if engine.kind == "off":
        logger.warning(
            'The engine is switched off ([paddock.engine] kind = "off"): AI calls of models without a server will fail.'
        )
    for problem in service.catalog.problems:
        logger.warning("%s", problem)
    if warning := exposure_warning(config, [sock.getsockname()[0] for sock in sockets]):
        logger.warning("%s", warning)
    if advice := cron_advice(config, server_url(config, sockets)):
        logger.warning("%s", advice)
    session, line = [config.name for config in configs], describe_engine(engine)
    columns = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
    tables = [
        table
        for config in configs
        for table in (bindings_table(config, session, engine=line, columns=columns), tail_list(config, session))
    ]
    preload = options.overrides.preload
    models = models_table(service, set().union(*(models_in_use(config, preload) for config in configs)))
    logger.log(LOG, "%s\n", "\n\n".join(filter(None, [*tables, models])))
    logger.log(LOG, "⎔ Starting local server...")


def announce_ready(config: Config, options: DevOptions, sockets: Sequence[socket.socket]) -> None:
    """Once everything is there that the first request needs: whoever reads the ready file may ask at once."""
    ip, port = sockets[0].getsockname()[:2]
    event = {"event": "DEV_SERVER_READY", "ip": ip, "port": port}
    logger.info("Ready on %s", server_url(config, sockets), extra={"fields": event})
    if options.ready_file is not None:
        options.ready_file.write_bytes(msgspec.json.encode({"ip": ip, "port": port}))
