"""`breakpoint()` in a handler of `paddock dev`, in a terminal and without one."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
name = "app"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[paddock]
cpu_limit_s = 0.1
drain_timeout_s = 2.0
[paddock.engine]
kind = "off"
"""
HANDLER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        number = 20
        breakpoint()
        return Response(str(number + 1))
"""


class Terminal:
    """The other side of a terminal, with `paddock dev` in it."""

    def __init__(self, folder: Path) -> None:
        (folder / "wrangler.toml").write_text(CONFIG)
        (folder / "handler.py").write_text(HANDLER)
        ready = folder / "ready"
        os.mkfifo(ready)
        self._ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "paddock.worker.cli", "dev", "--port", "0", "--ready-file", str(ready)]
        self.process = subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.seen = ""
        self.url = f"http://127.0.0.1:{json.loads(ready.read_bytes())['port']}"

    def until(self, text: str) -> None:
        """Read until this was shown."""
        while text not in self.seen:
            self.seen += os.read(self._ours, 4096).decode(errors="replace")
        self.seen = self.seen.partition(text)[2]

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def stop(self) -> int:
        """End it; what it still says is read, so that it does not wait for us."""
        self.process.send_signal(signal.SIGINT)
        reader = threading.Thread(target=self._drain)
        reader.start()
        code = self.process.wait(timeout=30)
        reader.join()
        os.close(self._ours)
        return code

    def _drain(self) -> None:
        try:
            while os.read(self._ours, 4096):
                pass
        except OSError:  # the last process at the other end has gone
            return


def test_pdb_has_the_terminal_and_the_server_has_it_again(tmp_path: Path) -> None:
    """DT-041: values are seen and set, nothing runs out of time, and the keys work before and after."""
    terminal = Terminal(tmp_path)
    answers: list[str] = []
    try:
        terminal.until("│")
        asking = threading.Thread(target=lambda: answers.append(httpx.get(terminal.url, timeout=30).text))
        asking.start()
        terminal.until("(Pdb)")
        # Longer than the event loop may stand still otherwise.
        terminal.type("import _thread; lock = _thread.allocate_lock(); lock.acquire(); lock.acquire(timeout=0.3)\n")
        terminal.until("(Pdb)")
        terminal.type("number = 41\n")
        terminal.until("(Pdb)")
        terminal.type("p number + 1000\n")
        terminal.until("1041")
        terminal.type("c\n")
        asking.join()
        assert answers == ["42"]
        terminal.until("│")
        terminal.type("x")
        assert terminal.process.wait(timeout=30) == 0
    finally:
        terminal.stop()


def test_a_server_that_ends_does_not_wait_for_pdb(tmp_path: Path) -> None:
    """DT-048: ctrl-C at the prompt."""
    terminal = Terminal(tmp_path)
    asking = threading.Thread(target=lambda: _ask(terminal.url))
    try:
        asking.start()
        terminal.until("(Pdb)")
    finally:
        code = terminal.stop()
        asking.join()
    assert code == 130


def _ask(url: str) -> None:
    try:
        httpx.get(url, timeout=30)
    except httpx.HTTPError:  # the server has gone
        return


def test_without_a_terminal_it_is_refused_with_the_reason(serve) -> None:
    async def run() -> httpx.Response:
        async with serve(HANDLER) as running:
            return await running.client.get("/")

    reply = asyncio.run(run())
    assert reply.status_code == 500
    assert "breakpoint() needs a terminal or a debugger" in reply.text and "--inspector-port" in reply.text
