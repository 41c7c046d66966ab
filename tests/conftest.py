"""What every test gets: a clean environment, no network but this machine's own, and no process left behind."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOT = Path(__file__).parents[1]
#: What a wheel is built from.
_SOURCES = ("worker", "bindings", "catalog", "pyproject.toml", "README.md", "LICENSE")
_PREFIXES = ("CLOUDFLARE_", "WRANGLER_", "PADDOCK_")
_NAMES = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
#: Helpers that live as long as the process that started them, and isolates that the fixture `worker` shares.
_LASTING = (b"multiprocessing.resource_tracker", b"multiprocessing.forkserver", b"paddock.worker.testing.inside")


class DevServer(NamedTuple):
    """`paddock dev` in a process of its own, with the real engine."""

    process: subprocess.Popen[bytes]
    url: str

    @property
    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=120)

    def status(self, model: str) -> dict[str, Any]:
        """What the server says about a model's engine."""
        with self.client as client:
            found: dict[str, Any] = client.get("/cdn-cgi/local/ai/status").json()["models"][model]
            return found

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send it a signal, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


def _start_dev(folder: Path, ready_file: Path, *flags: str) -> DevServer:
    os.mkfifo(ready_file)
    command = [sys.executable, "-m", "paddock.worker.cli", "dev", "--port", "0", "--no-reload", "--log-level", "warn"]
    process = subprocess.Popen([*command, "--ready-file", str(ready_file), *flags], cwd=folder)
    address = json.loads(ready_file.read_bytes())
    return DevServer(process, f"http://{address['ip']}:{address['port']}")


@pytest.fixture(scope="session")
def start_dev() -> Callable[..., DevServer]:
    """`start_dev(project, ready_file, *flags)`: the server on a free port, ready. Whoever starts it stops it.

    Readiness is the end of a pipe that the ready file is.
    """
    return _start_dev


@pytest.fixture(scope="session")
def wheel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel that is built from a copy of the tree, without a network."""
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in _SOURCES:
        source = _ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(out)], cwd=copy, check=True, capture_output=True)
    (file,) = out.iterdir()
    return file


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's shell cannot change a result, and no library goes looking for models online."""
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name.upper() in _NAMES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to another machine fails and names the address."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0] if isinstance(address, tuple) else address
            if host not in ("localhost", "::1") and not str(host).startswith("127."):
                raise OSError(f"tests have no network: connection to {address!r} refused")
        connect(self, address)  # type: ignore[arg-type] # whatever the caller passed; the original checks it

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """What a test logs to, and from which level on, is not what the next one does."""
    root, ours = logging.getLogger(), logging.getLogger("paddock")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


@pytest.fixture(autouse=True)
def no_child_left() -> Iterator[None]:
    """Fail a test that leaves a running child behind, and end the child."""
    before = set(_child_pids())  # whatever they run: one that has just been started has no command line yet
    yield
    left = {pid: command for pid, command in _children().items() if pid not in before}
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    if left:
        pytest.fail(f"left running: {left}")


def _children() -> dict[int, str]:
    """Running children of this process: pid -> command. Empty where there is no /proc."""
    commands = {pid: _command(pid) for pid in _child_pids()}
    return {pid: command.decode() for pid, command in commands.items() if command and not _is_lasting(command)}


def _child_pids() -> list[int]:
    lists = [_read(file).split() for file in Path("/proc/self/task").glob("*/children")]
    return [int(pid) for pids in lists for pid in pids]


def _command(pid: int) -> bytes:
    """The command line; empty for a child that has ended."""
    return _read(Path(f"/proc/{pid}/cmdline")).replace(b"\0", b" ").strip()


def _read(file: Path) -> bytes:
    """A file of /proc; empty when its thread or process has just ended."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _is_lasting(command: bytes) -> bool:
    return any(name in command for name in _LASTING)
