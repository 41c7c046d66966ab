"""`paddock dev` as a process of its own, at a terminal or between pipes."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .terminal import Session, spawn

CONFIG = """
name = "shop"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
"""
HANDLER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        print("printed")
        return Response("first version")
"""


Start = Callable[..., Session]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(*flags, config=..., handler=..., terminal=columns)`: without `terminal`, both streams are one pipe.

    The project is `tmp_path`. No engine runs unless the flags say so.
    """
    with contextlib.ExitStack() as ends:

        def run(
            *flags: str,
            config: str | None = CONFIG,
            handler: str = HANDLER,
            terminal: int | None = None,
            engine: str | None = "off",
            environment: dict[str, str] | None = None,
        ) -> Session:
            if config is not None:
                (tmp_path / "wrangler-like.toml").write_text(config)
            (tmp_path / "handler.py").write_text(handler)
            command = [sys.executable, "-m", "paddock.worker.cli", "dev"]
            command += ["--port", "0"] if not {"--port", "-p"} & set(flags) else []
            command += ["--engine", engine] if engine else []
            env = os.environ | {"TERM": "xterm", "XDG_CACHE_HOME": str(tmp_path / "cache")} | (environment or {})
            session = spawn([*command, *flags], tmp_path, env, terminal)
            ends.callback(session.close)
            return session

        yield run
