"""What a handler sees of the machine: its own environment and connection, nothing of the server's."""

import contextlib
import os
import socket

import pytest

from paddock.worker.testing import Paddock

from .snippets import get

HANDLER = """
import contextlib, os
from workers import Response, WorkerEntrypoint

def files(numbers):
    found = []
    for number in numbers:
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return found

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        every, standard = files(os.listdir("/proc/self/fd")), files(range(3))
        return Response.json({"environment": dict(os.environ), "files": every, "standard": standard})
"""


def own_files() -> set[str]:
    """What this process, the server's, has open."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/self/fd/{number}"))
    return found


def test_the_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "PADDOCK_API_TOKEN": "one",
        "PADDOCK_REMOTE_KEY": "two",
        "AWS_SECRET_ACCESS_KEY": "three",
        "HTTPS_PROXY": "http://user:four@proxy",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TZ", "Europe/Lisbon")
    found = get(HANDLER).json()["environment"]
    assert not found.keys() & secrets.keys()
    assert (found["TZ"], found["PATH"]) == ("Europe/Lisbon", os.environ["PATH"])


def test_no_descriptor_of_the_server_is_inherited() -> None:
    """Sockets and pipes are told apart by their numbers, which /proc shows on both sides."""
    with socket.create_server(("127.0.0.1", 0)), Paddock(source=HANDLER) as worker:
        isolate, server = worker.fetch("/").result().json(), own_files()
    connections = {file for file in isolate["files"] if file.startswith(("socket:", "pipe:"))}
    assert connections - set(isolate["standard"]), "the connection with the server"
    assert connections & server <= set(isolate["standard"])
