"""The custom build of a worker, `[build]`: a command that makes what runs, before the start and after changes.

Source: configuration reference of the developer docs, "Custom builds".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from typing import TYPE_CHECKING

import msgspec

from paddock.worker.log import LOG

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Build", "run_build"]

logger = logging.getLogger(__name__)


class Build(msgspec.Struct, frozen=True):
    """A command for the shell, where it runs, and the folders whose changes call for it."""

    command: str
    cwd: Path
    watch_dirs: tuple[Path, ...]

    def makes(self, file: Path) -> bool:
        """Whether a file lies in a folder that is looked at: then a change may be the build's own."""
        return any(file.is_relative_to(folder) for folder in self.watch_dirs)


async def run_build(build: Build) -> bool:
    """Run it, and log what it prints. Whether it succeeded. Cancel: the command ends, and what it started with it."""
    logger.log(LOG, "[custom build] Running: %s", build.command)
    try:
        process = await asyncio.create_subprocess_shell(
            build.command,
            cwd=build.cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        logger.error("[custom build] It cannot run in %s: %s.", build.cwd, error.strerror)
        return False
    try:
        assert process.stdout is not None
        rest = b""
        while chunk := await process.stdout.read(64 * 1024):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                logger.log(LOG, "[custom build] %s", line.decode(errors="replace"))
        if rest:
            logger.log(LOG, "[custom build] %s", rest.decode(errors="replace"))
        code = await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if code:
        logger.error("[custom build] The command failed with exit code %d: %s", code, build.command)
    return code == 0
