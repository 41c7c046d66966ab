"""A session under a debugger: where it listens, and what it does to the configuration."""

from __future__ import annotations

import importlib.util
import logging
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.worker.errors import DebuggerMissing
from paddock.worker.inspector import Inspector
from paddock.worker.listener import listen

if TYPE_CHECKING:
    from paddock.worker.config.loading import Config
    from paddock.worker.options import DevOptions

__all__ = ["is_inspected", "make_inspector", "relaxed"]

logger = logging.getLogger(__name__)

#: wrangler's.
_DEFAULT_IP: Final = "127.0.0.1"
_DEFAULT_PORT: Final = 9229
#: Longer than anybody looks at a breakpoint.
_FOR_EVER_S: Final = 1e6


def is_inspected(config: Config, options: DevOptions) -> bool:
    """Whether a debugger is wanted."""
    return options.inspect_brk or config.dev.inspector_port is not None


def make_inspector(config: Config, options: DevOptions) -> Inspector | None:
    """What debuggers connect to, None where none is wanted. Raises DebuggerMissing, PortInUse, and OSError for an
    address that is not of this machine.
    """
    if not is_inspected(config, options):
        return None
    if importlib.util.find_spec("debugpy") is None:
        raise DebuggerMissing
    port, ip = config.dev.inspector_port, config.dev.inspector_ip or _DEFAULT_IP
    sockets = listen(ip, _DEFAULT_PORT if port is None else port, is_fixed=port is not None)
    if not all(ip_address(sock.getsockname()[0]).is_loopback for sock in sockets):
        logger.warning("Whoever reaches %s can run code here: the debugger has no password.", ip)
    return Inspector(sockets, waits=options.inspect_brk)


def relaxed(config: Config) -> Config:
    """The configuration of a worker that is debugged: who looks at a breakpoint takes any time, and one isolate."""
    limits = msgspec.structs.replace(config.limits, cpu_ms=int(_FOR_EVER_S * 1000))
    engine = msgspec.structs.replace(config.paddock.engine, first_token_timeout_s=None, total_timeout_s=None)
    paddock = msgspec.structs.replace(
        config.paddock,
        isolates=1,
        isolate_start_timeout_s=_FOR_EVER_S,
        startup_cpu_ms=None,
        cpu_limit_s=_FOR_EVER_S,
        wait_until_s=_FOR_EVER_S,
        engine=engine,
    )
    return msgspec.structs.replace(config, limits=limits, paddock=paddock)
