"""One isolate as the server sees it: the child process, its connection, its output and its watchdog."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from paddock.worker import wire
from paddock.worker.errors import HandlerImportError, IsolateCrashed, IsolateStartTimeout
from paddock.worker.host import IsolateHost
from paddock.worker.peer import Peer, PeerGone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from paddock.bindings.binding import CallRecord
    from paddock.bindings.host import BindingsHost
    from paddock.worker.channel import ByteSource
    from paddock.worker.outbound import Outbound
    from paddock.worker.peer import Answer

__all__ = ["IsolateProcess", "IsolateSettings"]

#: What an error about a dead isolate shows of its last output.
_LOG_LINES: Final = 30
#: A line longer than this is shown in parts.
_LINE_BYTES: Final = 64 * 1024
#: Time for the child to write down where it loops, before it is killed.
_TRACE_S: Final = 0.2
_PING_EVERY_S: Final = 1.0
#: Time for a process that hung up to end by itself, and for the last of its output.
_LEAVE_S: Final = 1.0


class IsolateSettings(NamedTuple):
    """What an isolate needs beside its Start frame. Times in seconds."""

    folder: Path
    start_timeout_s: float
    drain_timeout_s: float
    #: How long a handler may keep its event loop. Source: developer docs, Workers limits, CPU time.
    cpu_limit_s: float
    #: Gets each line that the handler prints: stream name (`stdout` or `stderr`) and text.
    on_line: Callable[[str, str], None]


class IsolateProcess:
    """A child process that runs one handler. `run` owns it from spawn to reaping."""

    def __init__(
        self, start: wire.Start, settings: IsolateSettings, bindings: BindingsHost, outbound: Outbound
    ) -> None:
        self._start = start
        self._settings = settings
        self._calls: dict[int, list[CallRecord]] = {}
        self._peer = Peer(2, IsolateHost(bindings, outbound, self._calls), self._on_frame)
        self._ready: asyncio.Future[IsolateProcess] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        #: What the watchdog says, and where the handler was when it said so.
        self._verdict: list[str] = []
        self._busy = asyncio.Event()
        self._pong = asyncio.Event()
        self._draining = asyncio.Event()
        self._closed = asyncio.Event()
        self.import_ms = 0.0

    @property
    def pid(self) -> int | None:
        """Process id, None before the spawn."""
        return self._process.pid if self._process else None

    @property
    def is_draining(self) -> bool:
        """True once it was asked to leave: it takes no new events."""
        return self._draining.is_set()

    async def run(self, ready: asyncio.Future[IsolateProcess]) -> None:
        """Spawn, settle `ready` with this object or with the reason, and return when the process is gone.

        What the handler does wrong is never raised here: its errors, as in `Supervisor.current`, go to `ready`.
        """
        self._ready = ready
        try:
            ours, self._process = await self._spawn()
        except BaseException:
            self._closed.set()
            raise
        try:
            async with asyncio.TaskGroup() as tasks:
                guards = [
                    tasks.create_task(guard()) for guard in (self._expect_ready, self._watch, self._expect_drained)
                ]
                assert self._process.stdout is not None
                assert self._process.stderr is not None
                outputs = [
                    tasks.create_task(self._forward("stdout", self._process.stdout)),
                    tasks.create_task(self._forward("stderr", self._process.stderr)),
                ]
                await self._peer.run(ours)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LEAVE_S):
                        await self._process.wait()
                # The output ends with the process, unless a process that the handler started holds on to it.
                await asyncio.wait(outputs, timeout=_LEAVE_S)
                for task in [*guards, *outputs]:
                    task.cancel()
        finally:
            self.kill()
            await self._process.wait()
            self._closed.set()
            if not ready.done():
                ready.set_exception(self.crash())

    async def _spawn(self) -> tuple[socket.socket, asyncio.subprocess.Process]:
        """The process, and our end of the connection with it. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-m", "paddock.worker.isolate", str(theirs.fileno()), str(os.getpid()),
                    stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                    pass_fds=[theirs.fileno()], cwd=self._settings.folder,
                    start_new_session=True,  # ctrl-C in the terminal is for the server, which drains us
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                )  # fmt: skip
            except BaseException:
                ours.close()
                raise
        return ours, process

    async def fetch(self, fetch: wire.Fetch, body: bytes | ByteSource | None, calls: list[CallRecord]) -> Answer:
        """Send an event. Raises PeerFault with the handler's exception, IsolateCrashed when the process died."""
        sent = msgspec.structs.replace(fetch, id=self._peer.number(), body=None, cause=None)
        self._calls[sent.id] = calls
        self._busy.set()
        try:
            return await self._peer.fetch(sent, body)
        except PeerGone as gone:
            await self._closed.wait()
            raise self.crash() from gone

    def drain(self) -> None:
        """Let open events finish within the drain time, then end the process. Returns at once."""
        self._draining.set()

    async def wait_closed(self) -> None:
        """Return when the process is gone."""
        await self._closed.wait()

    def kill(self) -> None:
        """End the process now."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def crash(self) -> IsolateCrashed:
        """Why it died. Its output is quoted only where it cannot be that of somebody else's request."""
        has_started = self._ready is not None and self._ready.done() and self._ready.exception() is None
        exit_code = self._process.returncode if self._process else None
        return IsolateCrashed(exit_code, tuple(self._verdict if has_started else self._log), has_started=has_started)

    def _on_frame(self, frame: wire.Frame) -> None:
        match frame:
            case wire.Ready():
                self.import_ms = frame.import_ms
                self._settle(None)
            case wire.Failed():
                self._settle(
                    HandlerImportError(
                        frame.message, file=frame.file, line=frame.line, column=frame.column, frames=frame.frames
                    )
                )
                self._peer.close()
            case wire.Pong():
                self._pong.set()
            case wire.Finished(event):
                self._peer.close_bodies_of(event)
                self._calls.pop(event, None)
                if not self._calls:
                    self._busy.clear()
            case _:
                raise ValueError(f"unexpected frame {type(frame).__name__} from an isolate")

    def _settle(self, error: Exception | None) -> None:
        if self._ready is None or self._ready.done():
            return
        if error is None:
            self._ready.set_result(self)
        else:
            self._ready.set_exception(error)

    async def _expect_ready(self) -> None:
        assert self._ready is not None
        await self._peer.opened.wait()
        self._peer.send(self._start)
        try:
            async with asyncio.timeout(self._settings.start_timeout_s):
                await asyncio.shield(self._ready)
        except TimeoutError:
            await self._show_where_it_is()
            phase = f"import {os.path.basename(self._start.main)}"
            self._settle(IsolateStartTimeout(phase, self._settings.start_timeout_s))
            self.kill()
        except HandlerImportError:
            pass  # whoever waits for `ready` has it

    async def _watch(self) -> None:
        """Kill the process when its event loop stands still while events are open: an endless loop in the handler."""
        while True:
            await self._busy.wait()
            self._pong.clear()
            self._peer.send(wire.Ping())
            try:
                async with asyncio.timeout(self._settings.cpu_limit_s):
                    await self._pong.wait()
            except TimeoutError:
                limit = f"{self._settings.cpu_limit_s:g} s"
                self._verdict = [
                    f"The handler kept its event loop busy for more than {limit}: an endless loop? It was here:"
                ]
                await self._show_where_it_is()
                self.kill()
                return
            await asyncio.sleep(_PING_EVERY_S)

    async def _show_where_it_is(self) -> None:
        """Have the child write its Python stack to its stderr, which needs no cooperation of the handler."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGUSR2)
            await asyncio.sleep(_TRACE_S)

    async def _expect_drained(self) -> None:
        await self._draining.wait()
        assert self._ready is not None
        if not self._ready.done():
            self.kill()  # it has no events yet, and nobody waits for it any more
            return
        self._peer.send(wire.Drain())
        await asyncio.sleep(self._settings.drain_timeout_s)
        self.kill()

    async def _forward(self, stream: str, reader: asyncio.StreamReader) -> None:
        """Hand on what the handler prints, line by line and unaltered."""
        rest = b""
        while data := await reader.read(_LINE_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > _LINE_BYTES:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._show(stream, line)
        if rest:
            self._show(stream, rest)

    def _show(self, stream: str, line: bytes) -> None:
        text = line.decode(errors="replace")
        if self._verdict:
            # The stack that was asked for: the user's own frames, and not a second time on the console.
            if f'"{self._settings.folder}' in text:
                self._verdict.append(text)
            return
        self._log.append(text)
        self._settings.on_line(stream, text)
