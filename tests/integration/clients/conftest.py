"""Software that we did not write, pointed at a running server."""

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

INSTALLED = Path(__file__).parents[3] / ".venv" / "clients"


class Ended(NamedTuple):
    """A program that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> object:
        assert self.code == 0, self.err
        return json.loads(self.out)


Node = Callable[..., Awaitable[Ended]]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """`await node(package, *arguments, **environment)`: run Node.js where the JavaScript clients are installed."""
    own = sorted(INSTALLED.glob("node_modules/node-linux-*/bin/node"))
    program = str(own[0]) if own else shutil.which("node")

    async def run(package: str, *arguments: str, **environment: str) -> Ended:
        if program is None:
            pytest.skip("Node.js is not installed")
        if not (INSTALLED / "node_modules" / package).is_dir():
            pytest.skip(f"{package} is not installed: make test-clients installs it")
        # A home of its own, so that nobody's login is read.
        path = os.pathsep.join([str(Path(program).parent), os.environ["PATH"]])
        given = {"PATH": path, "HOME": str(tmp_path), "WRANGLER_SEND_METRICS": "false", "CI": "1"}
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            cwd=INSTALLED,
            env=given | environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    return run
