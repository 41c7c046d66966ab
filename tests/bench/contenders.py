"""The servers that `isolate.py` compares: each a process with its children, and the same hello world.

`wrangler dev` runs a Worker in JavaScript. It is the one that `.ci/clients` installs, with that Node.js where there is
one, else those of the PATH; nothing of it leaves the machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).resolve().parent
_CLIENTS: Final = HERE.parents[1] / ".cache" / "clients" / "node_modules"
_PYTHON: Final = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("{text}")
"""
_JAVASCRIPT: Final = 'export default {{ async fetch(request) {{ return new Response("{text}"); }} }};\n'
_SETTINGS: Final = """
name = "bench"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[paddock.engine]
kind = "off"
"""
#: wrangler asks nobody for versions, keeps its settings in the folder, and tells nobody that it runs.
_QUIET: Final = {"WRANGLER_SEND_METRICS": "false", "CLOUDFLARE_CF_FETCH_ENABLED": "false", "CI": "1"}
_READY: Final = re.compile(rb"Ready on http://[^:]+:(\d+)")


class Server(NamedTuple):
    process: subprocess.Popen[bytes]
    port: int
    #: From the command until it said that it is ready.
    ready_s: float

    def cpu_us(self) -> float:
        """Microseconds on a CPU so far, of all its processes."""
        return sum(map(_cpu_us, family(self.process.pid)))

    def rss_mb(self) -> float:
        """Resident memory of all its processes; what they share is counted for each."""
        return sum(memory_mb(pid) for pid in family(self.process.pid))


class Contender(NamedTuple):
    """One kind of server. `start` takes a folder to run in; `write` gives its handler another text."""

    name: str
    path: str
    start: Callable[[Path], AbstractContextManager[Server]]
    write: Callable[[Path, str], object]


def plain(folder: Path) -> AbstractContextManager[Server]:
    """The HTTP server that Paddock stands on, with nothing behind it."""
    answers = folder / "answers.json"
    answers.write_text(json.dumps({"0": {"headers": {"content-type": "text/plain"}, "pieces": ["hello"]}}))
    return _running([sys.executable, str(HERE / "serving.py"), "plain", "{ready}", str(answers)], folder)


def paddock(folder: Path) -> AbstractContextManager[Server]:
    """`paddock dev` as users have it, but for the engine."""
    (folder / "wrangler-like.toml").write_text(_SETTINGS)
    command = [sys.executable, "-m", "paddock.worker.cli", "dev", "--port", "0", "--ready-file", "{ready}"]
    return _running(command, folder)


def demo(folder: Path) -> AbstractContextManager[Server]:
    """`paddock dev` with the demo handler and a scripted engine; the folder is not used."""
    return _running([sys.executable, str(HERE / "serving.py"), "paddock", "{ready}"], folder)


@contextmanager
def wrangler(folder: Path) -> Iterator[Server]:
    """`wrangler dev` as users have it."""
    settings = {"name": "bench", "main": "handler.js", "compatibility_date": "2026-09-15"}
    (folder / "wrangler.json").write_text(json.dumps(settings))
    began = time.monotonic()
    process = subprocess.Popen(
        [*_wrangler(), "dev", "--ip", "127.0.0.1", "--port", "0"],
        cwd=folder, env={**os.environ, **_QUIET, "XDG_CONFIG_HOME": str(folder / "config")},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = b""
    while (found := _READY.search(said)) is None:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"wrangler dev did not start: {said.decode(errors='replace')}")
        said += line
    ready_s = time.monotonic() - began
    drain = threading.Thread(target=process.stdout.read)  # it would stop at a full pipe
    drain.start()
    try:
        yield Server(process, int(found[1]), ready_s)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        drain.join()
        process.stdout.close()


def missing() -> str:
    """Why there is no `wrangler dev` here; empty where there is one."""
    if not _wrangler():
        return "wrangler is not installed (.ci/clients installs it)"
    try:
        subprocess.run([*_wrangler(), "--version"], env={**os.environ, **_QUIET}, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"wrangler does not run: {error}"
    return ""


BARE: Final = Contender("hypercorn + Starlette", "/bare/0", plain, lambda folder, text: None)
PADDOCK: Final = Contender(
    "`paddock dev`", "/", paddock, lambda folder, text: (folder / "handler.py").write_text(_PYTHON.format(text=text))
)
WRANGLER: Final = Contender(
    "`wrangler dev`", "/", wrangler,
    lambda folder, text: (folder / "handler.js").write_text(_JAVASCRIPT.format(text=text)),
)  # fmt: skip


def family(pid: int) -> list[int]:
    """A process and everything below it."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for file in lists for child in file.read_text().split()]
    return [pid, *(found for child in children for found in family(child))]


def memory_mb(pid: int, what: str = "VmRSS") -> float:
    """Of one process. `VmHWM` is the most that it ever was."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith(what)), 0.0)


def _wrangler() -> list[str]:
    program = _CLIENTS / "wrangler" / "bin" / "wrangler.js"
    if program.exists():
        own = _CLIENTS / ".bin" / "node"
        node = str(own) if own.exists() else shutil.which("node")
        return [node, str(program)] if node is not None else []
    found = shutil.which("wrangler")
    return [found] if found is not None else []


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator[Server]:
    """A server that writes its address to the descriptor that `{ready}` becomes, its log thrown away as it comes."""
    readable, writable = os.pipe()
    began = time.monotonic()
    process = subprocess.Popen(
        [part.format(ready=f"/dev/fd/{writable}") for part in command],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[writable],
    )  # fmt: skip
    os.close(writable)
    try:
        address = json.loads(os.read(readable, 1000))
        yield Server(process, address["port"], time.monotonic() - began)
    finally:
        os.close(readable)
        process.send_signal(signal.SIGTERM)
        process.wait()


def _cpu_us(pid: int) -> float:
    return sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1000
