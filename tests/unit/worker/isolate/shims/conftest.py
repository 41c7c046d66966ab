"""`worker`: runs handlers on the unmodified SDK in one child process per test module."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import paddock.worker.isolate

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHIMS = Path(paddock.worker.isolate.__file__).parent / "shims"
_DRIVER = Path(__file__).with_name("driver.py")


class Answer(NamedTuple):
    """What the client would have seen, or the handler's exception."""

    status: int = 0
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    chunks: tuple[str, ...] = ()
    error: str = ""
    message: str = ""

    @property
    def text(self) -> str:
        """The body; characters are bytes."""
        return "".join(self.chunks)

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.text)

    def header(self, name: str) -> str | None:
        """A header's value."""
        return dict(self.headers).get(name)


class Worker:
    """Sends cases to the child."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def fetch(
        self,
        handler: str,
        *,
        method: str = "GET",
        url: str = "https://worker.test/",
        headers: tuple[tuple[str, str], ...] = (),
        body: str | list[str] | None = None,
        env: dict[str, Any] | None = None,
        upstream: dict[str, Any] | None = None,
    ) -> Answer:
        """Run a handler for one request. A body given as a list arrives in pieces."""
        pieces = [body] if isinstance(body, str) else body
        case = {"handler": textwrap.dedent(handler), "method": method, "url": url, "headers": headers, "body": pieces,
                "env": env or {}, "upstream": upstream}  # fmt: skip
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        answer["headers"] = tuple(map(tuple, answer.get("headers", ())))
        return Answer(**answer | {"chunks": tuple(answer.get("chunks", ()))})

    def respond(self, expression: str, **case: Any) -> Answer:
        """Answer with an expression of `workers` and `js` names; `request` is the request."""
        return self.fetch(
            f"""
            import js, json
            from workers import *

            class Default(WorkerEntrypoint):
                async def fetch(self, request):
                    return {expression}
            """,
            **case,
        )

    def evaluate(self, expression: str, **case: Any) -> Any:
        """The value of such an expression, through JSON."""
        answer = self.respond(f"Response.json({expression})", **case)
        assert not answer.error, f"{answer.error}: {answer.message}"
        return answer.json


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A child process with the shims and the SDK."""
    command = [sys.executable, "-P", str(_DRIVER), str(_SHIMS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Worker(process)
        process.stdin.close()
