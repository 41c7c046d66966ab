"""Clients of the APIs over HTTP: each in a process of its own, whose functions a test calls."""

import asyncio
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from paddock.bindings.ai.doors.access import OPEN, Access
from paddock.bindings.ai.engines.scripted import ScriptedEngine

PYTHON = Path(__file__).parents[1] / "python"
#: Seconds; a client that does not answer a call for longer is ended.
_LIMIT_S = 240


@pytest.fixture
def scripted(serve, until) -> Callable[..., Any]:
    """`scripted(engine, use)`: what `use(url)` gives, while a server with that engine runs. `use` may block.

    With `after`, the server goes on until that condition holds; `access` is the server's token.
    """

    def run(
        engine: ScriptedEngine,
        use: Callable[[str], Any],
        after: Callable[[], object] = lambda: True,
        access: Access = OPEN,
    ) -> Any:
        async def main() -> Any:
            async with serve(None, engine, access=access) as running:
                given = await asyncio.to_thread(use, str(running.client.base_url).rstrip("/"))
                await until(after)
                return given

        return asyncio.run(main())

    return run


class Refusal(NamedTuple):
    """What a user of the client sees of a failed call."""

    type: str
    status: int | None
    message: str
    #: The whole answer, where the client keeps it.
    body: str | None = None
    #: The failure's own number or word, where the client has a place for it.
    code: str | int | None = None


class Client:
    """A client in its process. `client(function, **arguments)` is what the function returns."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, text=True, encoding="utf-8"
        )

    def __call__(self, function: str, **arguments: Any) -> Any:
        answer = self._ask(function, arguments)
        assert "value" in answer, answer
        return answer["value"]

    def refusal(self, function: str, **arguments: Any) -> Refusal:
        """The exception that the function raises."""
        answer = self._ask(function, arguments)
        assert "error" in answer, answer
        return Refusal(**answer["error"])

    def close(self) -> None:
        """End it: it does when its input ends."""
        self._process.communicate(timeout=30)

    def _ask(self, function: str, arguments: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        end = threading.Timer(_LIMIT_S, self._process.kill)
        end.start()
        try:
            self._process.stdin.write(json.dumps({"name": function, "arguments": arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        finally:
            end.cancel()
        assert line, f"the client ended in {function}, after {_LIMIT_S} s at most"
        return json.loads(line)


@pytest.fixture(scope="module")
def node_client(project_of, node_files, environment) -> Iterator[Callable[..., Client]]:
    """`node_client(name, *packages)`: the functions that `node/<name>.mjs` exports."""
    clients: list[Client] = []

    def start(name: str, *packages: str) -> Client:
        folder = project_of(node_files, *packages)
        clients.append(Client(["node", "program.mjs", name], folder, environment))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def python_client(python_packages, environment) -> Iterator[Callable[..., Client]]:
    """`python_client(name, package)`: the functions of `python/<name>.py`."""
    clients: list[Client] = []

    def start(name: str, package: str) -> Client:
        program = python_packages(package).parents[2] / "bin" / "python"
        clients.append(Client([str(program), "program.py", name], PYTHON, environment))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
