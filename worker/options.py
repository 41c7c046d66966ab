"""What the command line and the server tell each other: options on the way in, an exit code on the way out."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec

from paddock.worker.config.settings import Overrides

if TYPE_CHECKING:
    from pathlib import Path

    from paddock.worker.log import Level

__all__ = ["DevOptions", "ExitCode"]


class ExitCode(enum.IntEnum):
    """How a command ended. `PORT_IN_USE` is only for a port that was asked for; others are replaced by a free one."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    CONFIG = 3
    PORT_IN_USE = 4
    ENGINE = 5
    INTERRUPTED = 130


class DevOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`paddock dev` as it was called. The first four fields are enough to load the configurations again."""

    #: Of the primary worker, which gets the requests; None: the nearest one.
    config: Path | None = None
    #: Of the workers beside it.
    others: tuple[Path, ...] = ()
    env: str | None = None
    overrides: Overrides = Overrides()
    log_level: Level = "log"
    #: One JSON object a line, for programs.
    json_logs: bool = False
    #: Where to write `{"ip": ..., "port": ...}` once the server takes requests.
    ready_file: Path | None = None
    #: Whether a saved handler or configuration is taken up.
    reload: bool = True
    #: Whether HTML pages get a script that loads them again when the worker was replaced.
    live_reload: bool = False
    #: Whether `/__scheduled` runs `scheduled()`.
    test_scheduled: bool = False
    #: PEM files for https; without them a certificate is made.
    https_key: Path | None = None
    https_certificate: Path | None = None
    #: Whether keys are read. None: when input and output are a terminal.
    hotkeys: bool | None = None
    #: Whether the handler is imported only when a debugger has connected.
    inspect_brk: bool = False

    @property
    def has_fixed_port(self) -> bool:
        """Whether the command line named a port: then a busy one is an error and not a reason to take another."""
        return bool(self.overrides.port)
