"""`paddock dev`: the process, its signals and its sockets; what runs in it is in `devserver.py`."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from typing import TYPE_CHECKING

import uvloop

from paddock.bindings.ai.engines.device import has_nvidia_gpu
from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.worker.assembly import host_plan
from paddock.worker.debugging import make_inspector
from paddock.worker.devserver import DevServer
from paddock.worker.errors import PortInUse
from paddock.worker.listener import listen
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from paddock.worker.certificate import CertificateFiles
    from paddock.worker.config.loading import Config
    from paddock.worker.inspector import Inspector
    from paddock.worker.options import DevOptions

__all__ = ["run_dev"]

logger = logging.getLogger(__name__)


def run_dev(configs: Sequence[Config], options: DevOptions) -> int:
    """Serve until a signal ends it; the first configuration is the primary worker's. Returns the exit code.

    Nothing that was started is left behind.
    """
    config = configs[0]
    certificate = None
    if config.dev.local_protocol == "https":
        from paddock.worker.certificate import find_certificate  # loads `cryptography`

        certificate = find_certificate(options.https_key, options.https_certificate)
    try:
        inspector = make_inspector(config, options)
    except (PortInUse, OSError) as error:
        logger.error("The debugger cannot listen: %s", error)
        return ExitCode.PORT_IN_USE if isinstance(error, PortInUse) else ExitCode.FAILURE
    # First, and from the main thread: the fork server imports the engine while everything else starts.
    forkserver = ForkServer(host_plan(config, gpu=has_nvidia_gpu())) if config.paddock.engine.kind == "vllm" else None
    if forkserver is not None:
        forkserver.start()
    try:
        sockets = listen(
            config.dev.ip, config.dev.port, is_fixed=options.has_fixed_port, tries_next=not os.environ.get("CI")
        )
    except PortInUse as error:
        logger.error("%s", error)
        return ExitCode.PORT_IN_USE
    except OSError as error:
        logger.error("Cannot listen on %s, port %d: %s.", config.dev.ip, config.dev.port, error.strerror)
        return ExitCode.FAILURE
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(configs, options, sockets, forkserver, certificate, inspector))


async def _serve(
    configs: Sequence[Config],
    options: DevOptions,
    sockets: list[socket.socket],
    forkserver: ForkServer | None,
    certificate: CertificateFiles | None,
    inspector: Inspector | None,
) -> int:
    stop = asyncio.Event()
    ended_by: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        ended_by.append(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    gc.freeze()  # what is imported stays: looking for garbage need not look there
    gc.enable()  # off since the command began
    code = await DevServer(configs, options, forkserver, certificate, inspector).run(sockets, stop)
    return ExitCode.INTERRUPTED if ended_by[:1] == [signal.SIGINT] else code
