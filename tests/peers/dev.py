"""`paddock dev` as a child process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["StartFailed", "serving"]

_START_S = 60.0
_STOP_S = 10.0


class StartFailed(Exception):
    """The server ended, or was not ready in time; the text is the end of its log."""


@contextlib.contextmanager
def serving(config: Path, environment: dict[str, str]) -> Iterator[str]:
    """The server's address, for as long as the block runs. Its output goes to `dev.log` beside the configuration."""
    ready, log = config.with_name("ready.json"), config.with_name("dev.log")
    command = [sys.executable, "-P", "-m", "paddock.worker.cli", "dev", "--no-reload", "--ip", "127.0.0.1"]
    command += ["--port", "0", "--config", str(config), "--ready-file", str(ready)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=config.parent, env=os.environ | environment
        )
        try:
            yield f"http://127.0.0.1:{_port(process, ready, log)}"
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port(process: subprocess.Popen[bytes], ready: Path, log: Path) -> int:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            return int(json.loads(ready.read_bytes())["port"])
        time.sleep(0.05)
    raise StartFailed(log.read_text(errors="replace")[-2000:])
