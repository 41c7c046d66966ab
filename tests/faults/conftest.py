"""A dev server with the real engine, and what breaks it. Every test leaves it able to answer.

What took how long is printed at the end of the run: it is reported, never asserted.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

import paddock.bindings

HERE = Path(__file__).parent
STAND_INS = Path(paddock.bindings.__file__).parent.parent / "catalog" / "stand-ins"
DEMO = HERE.parents[1] / "handler.py"
#: Ends its answers by itself; its weights are the test's own copy.
PHI = "@cf/microsoft/phi-2"
#: Never ends its answers.
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
#: Has adapters, in the test's own copy.
MISTRAL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
CONFIG = f"""
name = "faults"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[ai]
binding = "AI"
[paddock.engine]
max_num_seqs = 512
kv_cache_bytes = 200_000_000
stall_timeout_s = 4
keep_alive = -1
[paddock.models."{PHI}"]
weights = "models/phi"
[paddock.models."{LLAMA}"]
weights = "models/tireless"
[paddock.models."{MISTRAL}"]
lora = {{ pet = "adapters/pet" }}
"""
RUN = "/client/v4/accounts/any/ai/run/"
_MEASURED: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for a server here needs vLLM, and the time to start it."""
    missing = importlib.util.find_spec("vllm") is None
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(600))
            needs_engine = isinstance(item, pytest.Function) and {"server", "doomed"} & set(item.fixturenames)
            if needs_engine:
                item.add_marker(pytest.mark.engine)
            if needs_engine and missing:
                item.add_marker(pytest.mark.skip(reason='vLLM is not installed: pip install "paddock[cpu]"'))
            elif not hasattr(os, "pidfd_open"):
                item.add_marker(pytest.mark.skip(reason="needs Linux: pidfd_open, /proc and prlimit"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _MEASURED:
        terminalreporter.section("measured after faults")
        for line in _MEASURED:
            terminalreporter.write_line(line)


@pytest.fixture
def measured() -> Callable[[str], AbstractContextManager[None]]:
    """`with measured("what"):` puts the time that the block takes into the report."""

    @contextmanager
    def measure(what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        _MEASURED.append(f"{time.monotonic() - began:7.3f} s  {what}")

    return measure


def children(pid: int) -> set[int]:
    """The processes that this one has started and that it has not reaped."""
    lists = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return {int(child) for found in lists for child in found}


def descendants(pid: int) -> set[int]:
    """Its children, theirs, and so on."""
    found = children(pid)
    return found.union(*(descendants(child) for child in found))


class Client(httpx.AsyncClient):
    """Calls one server. Models are named by id."""

    async def answer(self, model: str, **inputs: object) -> httpx.Response:
        """One whole answer, or the error in its place."""
        whole = {"prompt": "Tell me about lighthouses.", "max_tokens": 8, "temperature": 0, **inputs}
        return await self.post(RUN + model, json=whole)

    def streamed(self, model: str, **inputs: object) -> AbstractAsyncContextManager[httpx.Response]:
        """An answer as it comes; LLAMA's goes on for 1,500 tokens."""
        whole = {"prompt": "Tell me about lighthouses.", "max_tokens": 1500, "stream": True, **inputs}
        return self.stream("POST", RUN + model, json=whole)

    async def status(self, model: str) -> dict:
        """What the server says of a model; the counts are those of the engine's own scheduler."""
        found: dict = (await self.get("/cdn-cgi/local/ai/status")).json()["models"][model]
        return found

    async def until(self, model: str, holds: Callable[[dict], object]) -> dict:
        """Ask until it is so. The engine answers between two steps, so there is nothing else to wait for."""
        while not holds(found := await self.status(model)):
            pass
        return found

    async def unload(self, model: str) -> None:
        """Return when the model is cold and nothing of it runs."""
        order = {"model": model, "force": True}
        assert (await self.post("/cdn-cgi/local/ai/unload", json=order)).status_code == 200

    async def warm(self, model: str) -> int:
        """Have the model loaded, and no failure counted. Its process id."""
        assert (await self.answer(model)).status_code == 200
        pid: int = (await self.status(model))["pid"]
        return pid


class Server:
    """`paddock dev` in a folder of its own, from its readiness on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: The temporary folder of everything that it starts.
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        #: What it has said on standard error.
        self.lines: list[str] = []
        self._said = threading.Condition()
        ready_file = folder / "ready"
        os.mkfifo(ready_file)
        command = [sys.executable, "-m", "paddock.worker.cli", "dev", "--port", "0", "--no-reload"]
        self.process = subprocess.Popen(
            [*command, "--ready-file", str(ready_file)],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(self.scratch)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        address = json.loads(ready_file.read_bytes())
        self.url = f"http://{address['ip']}:{address['port']}"

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._said:
                self.lines.append(line)
                self._said.notify_all()

    def wait_for_line(self, text: str) -> str:
        """The first line with this text, which may be still to come."""
        with self._said:
            while True:
                for line in self.lines:
                    if text in line:
                        return line
                assert self._said.wait(60), f"never said: {text}"

    def said(self, text: str) -> int:
        """How many lines so far have this text."""
        with self._said:
            return sum(text in line for line in self.lines)

    def stop(self, number: signal.Signals) -> int:
        """Its exit code, after this signal."""
        self.process.send_signal(number)
        status = self.process.wait(30)
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status

    @property
    def nursery(self) -> int:
        """Process id of the fork server."""
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(self.process.pid)}
        (pid,) = (pid for pid, command in commands.items() if b"engines.nursery" in command)
        return pid

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        async with Client(base_url=self.url, timeout=None, limits=httpx.Limits(max_connections=None)) as client:
            yield client

    @property
    def hosts(self) -> set[int]:
        """Process ids of the engine hosts."""
        return children(self.nursery)

    def below(self, pid: int | None = None) -> set[int]:
        """Everything that this process (the server itself) has started, and what that has started."""
        return descendants(self.process.pid if pid is None else pid)


def make_project(folder: Path) -> Path:
    """A project whose models and adapters are its own, to be broken."""
    shutil.copy(DEMO, folder / "handler.py")
    (folder / "wrangler-like.toml").write_text(CONFIG)
    shutil.copytree(STAND_INS / "phi", folder / "models" / "phi")
    shutil.copytree(STAND_INS / "ranch-hand", folder / "adapters" / "pet")
    tireless = folder / "models" / "tireless"
    shutil.copytree(STAND_INS / "llama", tireless)
    vocabulary = json.loads((tireless / "tokenizer.json").read_text())["model"]["vocab"]
    for file, key, value in [
        ("config.json", "eos_token_id", vocabulary["~"]),
        ("generation_config.json", "eos_token_id", vocabulary["~"]),
        ("tokenizer_config.json", "eos_token", "~"),
    ]:
        (tireless / file).write_text(json.dumps({**json.loads((tireless / file).read_text()), key: value}))
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of all tests that it survives."""
    running = Server(make_project(tmp_path_factory.mktemp("faults")))
    yield running
    assert running.stop(signal.SIGINT) == 130, "it is still in order"


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[Server]:
    """A server that the test ends."""
    running = Server(make_project(tmp_path))
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGKILL)
