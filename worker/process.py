"""One isolate as the server sees it: the child process, its connection, its output and its watchdog."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from paddock.worker import wire
from paddock.worker.ending import Ending, with_trace
from paddock.worker.errors import (
    CpuLimitExceeded,
    HandlerImportError,
    IsolateError,
    IsolateStartTimeout,
)
from paddock.worker.host import IsolateHost, OpenEvent
from paddock.worker.neighbours import NO_NEIGHBOURS
from paddock.worker.peer import Peer, PeerFault, PeerGone
from paddock.worker.spawning import spawn_isolate
from paddock.worker.watchdog import Limits, Watchdog

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from paddock.bindings.binding import CallRecord
    from paddock.bindings.host import BindingsHost
    from paddock.worker.channel import ByteSource
    from paddock.worker.inspector import Inspector
    from paddock.worker.neighbours import Neighbours
    from paddock.worker.outbound import Outbound
    from paddock.worker.outputpipe import OutputPipe
    from paddock.worker.peer import Answer, Parts
    from paddock.worker.tail import Tail
    from paddock.worker.terminal import TerminalDesk

__all__ = ["IsolateProcess", "IsolateSettings"]

#: Time for a process that hung up to end by itself, and for the last of its output.
_LEAVE_S: Final = 1.0


class IsolateSettings(NamedTuple):
    """What an isolate needs beside its Start frame. Times in seconds."""

    folder: Path
    start_timeout_s: float
    drain_timeout_s: float
    limits: Limits
    #: Gets each line that the handler prints: stream name (`stdout` or `stderr`) and text.
    on_line: Callable[[str, str], None]
    #: What the process runs; the test kit has its own.
    module: str = "paddock.worker.isolate"
    #: What the kit's own process calls when something will be left of the test.
    on_residue: Callable[[bool], None] = lambda has_failed: None
    #: What its environment has besides.
    environment: Mapping[str, str] = {}
    #: Who is told of its events, where somebody is.
    tail: Tail | None = None
    #: What is told of the debugger in the process, where there shall be one.
    inspector: Inspector | None = None
    #: Lends the terminal to `breakpoint()`, where there is one.
    desk: TerminalDesk | None = None


class IsolateProcess:
    """A child process that runs one handler. `run` owns it from spawn to reaping."""

    def __init__(
        self,
        start: wire.Start,
        settings: IsolateSettings,
        bindings: BindingsHost,
        outbound: Outbound,
        neighbours: Neighbours = NO_NEIGHBOURS,
    ) -> None:
        self._start = msgspec.structs.replace(start, isolate=neighbours.enter(self))
        self._settings = settings
        self._events: dict[int, OpenEvent] = {}
        self._peer = Peer(2, IsolateHost(bindings, outbound, neighbours, self._events), self._on_frame)
        self._ready: asyncio.Future[IsolateProcess] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._ending = Ending(settings.folder, settings.limits.cpu_ms, settings.on_line)
        self._watchdog = Watchdog(settings.limits, lambda: self._peer.send(wire.Ping()))
        self._outputs: Sequence[OutputPipe] = ()
        self._wanted = asyncio.Event()
        self._terminal: socket.socket | None = None
        self._unlent = asyncio.Event()
        self._unlent.set()
        self._debugger_port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._draining = asyncio.Event()
        self._folder = _identity(settings.folder)
        self._closed = asyncio.Event()
        self.import_ms = 0.0

    @property
    def pid(self) -> int | None:
        """Process id, None before the spawn."""
        return self._process.pid if self._process else None

    @property
    def open_events(self) -> int:
        """Events that it works on, `waitUntil` included."""
        return len(self._events)

    @property
    def is_gone(self) -> bool:
        """True once its connection is over: an event that it was sent now would fail."""
        return self._peer.is_gone

    @property
    def is_draining(self) -> bool:
        """True once it was asked to leave: it takes no new events."""
        return self._draining.is_set()

    async def run(self, ready: asyncio.Future[IsolateProcess]) -> None:
        """Spawn, settle `ready` with this object or with the reason, once it was told to `begin`. Returns when the
        process is gone.

        What the handler does wrong is never raised here: its errors, as in `Supervisor.current`, go to `ready`.
        """
        self._ready = ready
        try:
            ours, self._process = await self.spawn()
        except BaseException:
            self._closed.set()
            raise
        try:
            async with asyncio.TaskGroup() as tasks:
                guards = [
                    tasks.create_task(guard())
                    for guard in (self._expect_ready, self._watch, self._expect_drained, self._lend_terminal)
                ]
                await self._peer.run(ours)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LEAVE_S):
                        await self._process.wait()
                # The output ends with the process, unless a process that the handler started holds on to it.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LEAVE_S):
                        for output in self._outputs:
                            await output.ended.wait()
                for task in guards:
                    task.cancel()
        finally:
            self.kill()
            for output in self._outputs:
                output.close()
            await self._process.wait()
            for event in self._events.values():
                if event.traced is not None:
                    event.traced.failed(self.crash())
                    self._tell_of(event, b"")
            self._closed.set()
            if not ready.done():
                ready.set_exception(self.crash())

    async def spawn(self) -> tuple[socket.socket, asyncio.subprocess.Process]:
        """The process, and our end of the connection with it. Raises OSError."""
        child = await spawn_isolate(self._settings, self._ending.show)
        self._outputs, self._terminal = child.outputs, child.terminal
        return child.sock, child.process

    async def _lend_terminal(self) -> None:
        """Lend the terminal for as long as somebody stands at a breakpoint. Nothing runs out of time meanwhile."""
        if self._settings.desk is None or self._terminal is None:
            return

        def note(is_lent: bool) -> None:
            self._watchdog.is_paused = is_lent
            (self._unlent.clear if is_lent else self._unlent.set)()

        with self._terminal, contextlib.suppress(ConnectionError):
            await self._settings.desk.serve(self._terminal, note, self.kill)

    async def fetch(
        self, fetch: wire.Fetch, body: bytes | ByteSource | None, calls: list[CallRecord], parts: Parts = ()
    ) -> Answer:
        """Send an event. Raises PeerFault with the handler's exception, IsolateCrashed when the process died."""
        sent = msgspec.structs.replace(fetch, id=self._peer.number(), body=None, cause=None)
        traced = self._settings.tail.open(sent, body) if self._settings.tail is not None else None
        self._events[sent.id] = OpenEvent(calls, self._settings.limits.subrequests, traced)
        self._watchdog.busy.set()
        if traced is None:
            return await self._send(sent, body, parts)
        try:
            answer = await self._send(sent, body, parts)
        except BaseException as error:
            traced.failed(error)
            raise
        traced.answered(answer)
        return answer

    async def _send(self, sent: wire.Fetch, body: bytes | ByteSource | None, parts: Parts) -> Answer:
        try:
            return await self._peer.fetch(sent, body, parts)
        except PeerFault as fault:
            if fault.name != wire.CPU_LIMIT:
                raise
            # The isolate has stopped this one event itself; the others go on.
            raise with_trace(CpuLimitExceeded(self._settings.limits.cpu_ms), fault.stack.splitlines()) from fault
        except PeerGone as gone:
            await self._closed.wait()
            raise self.crash() from gone

    def begin(self) -> None:
        """Have it import the handler. Until then it only gets ready to."""
        self._wanted.set()

    @property
    def can_begin(self) -> bool:
        """False when it died meanwhile, and when the project's folder is another one by now."""
        return not (self._closed.is_set() or self.is_gone) and _identity(self._settings.folder) == self._folder

    def catch_up(self) -> None:
        """Show all that the handler has printed by now. What it printed before a frame was sent has been shown, if the
        frame is here."""
        for output in self._outputs:
            output.catch_up()

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

    def crash(self) -> IsolateError:
        """Why it died."""
        has_started = self._ready is not None and self._ready.done() and self._ready.exception() is None
        return self._ending.error(self._process.returncode if self._process else None, has_started=has_started)

    def _on_frame(self, frame: wire.Frame) -> None:
        match frame:
            case wire.Inspectable():
                self._debugger_port.set_result(frame.port)
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
                self._watchdog.pong()
            case wire.Residue(has_failed):
                self._settings.on_residue(has_failed)
            case wire.Finished(event, trace):
                self._peer.close_bodies_of(event)
                self._tell_of(self._events.pop(event, None), trace)
                if not self._events:
                    self._watchdog.busy.clear()
            case _:
                raise ValueError(f"unexpected frame {type(frame).__name__} from an isolate")

    def _tell_of(self, event: OpenEvent | None, told: bytes) -> None:
        if event is not None and event.traced is not None and self._settings.tail is not None:
            # Later: who waits for the reply, which may have come in the same breath, notes it first.
            asyncio.get_running_loop().call_soon(self._settings.tail.close, event.traced, told)

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
        await self._wanted.wait()
        await self._send_start()
        try:
            while not self._ready.done():
                await self._unlent.wait()
                await asyncio.wait([self._ready], timeout=self._settings.start_timeout_s)
                if not self._ready.done() and self._unlent.is_set():
                    raise TimeoutError
            await asyncio.shield(self._ready)
        except TimeoutError:
            await self._show_where_it_is()
            phase = f"import {os.path.basename(self._start.main)}"
            self._settle(IsolateStartTimeout(phase, self._settings.start_timeout_s))
            self.kill()
        except (HandlerImportError, IsolateError):
            pass  # whoever waits for `ready` has it

    async def _send_start(self) -> None:
        """Send it. The debugger comes before the handler's first line, where there is one."""
        if (inspector := self._settings.inspector) is None:
            self._peer.send(self._start)
            return
        port = await self._debugger_port
        self._peer.send(inspector.prepare(self._start))
        await inspector.switch(port)

    async def _watch(self) -> None:
        """Kill the process when it breaks a limit, first while it starts, then while it has events."""
        assert self._ready is not None
        assert self._process is not None
        await self._wanted.wait()
        async with asyncio.TaskGroup() as tasks:
            starting = tasks.create_task(self._watchdog.while_starting(self._process.pid))
            either: list[asyncio.Future[Any]] = [starting, self._ready]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            starting.cancel()
        if starting.cancelled():
            await self._end(await self._watchdog.while_serving(self._process.pid))
        else:
            await self._end(starting.result())

    async def _end(self, verdict: IsolateError) -> None:
        self._ending.verdict = verdict
        await self._show_where_it_is()
        self._settle(self.crash())
        self.kill()

    async def _show_where_it_is(self) -> None:
        """Have the child write its Python stack to its stderr, which needs no cooperation of the handler."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGUSR2)
            await self._ending.shown()

    async def _expect_drained(self) -> None:
        await self._draining.wait()
        assert self._ready is not None
        if not self._ready.done():
            self.kill()  # it has no events yet, and nobody waits for it any more
            return
        self._peer.send(wire.Drain())
        await asyncio.sleep(self._settings.drain_timeout_s)
        await self._unlent.wait()
        self._ending.is_cut_off = True
        self.kill()


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
