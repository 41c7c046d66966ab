"""The server's end of the warm fork server: starts it, asks it for hosts, hears how they end, keeps what they print."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

from paddock.bindings.ai.engines import device, preload
from paddock.bindings.ai.engines.frames import (
    Exited,
    Forked,
    ForkHost,
    KillHost,
    Preload,
    ToNursery,
    Warm,
    decode_from_nursery,
    encode,
)
from paddock.bindings.ai.engines.hostplan import HostPlan, engine_environment
from paddock.bindings.ai.engines.hostprocess import KEPT_LINES, HostProcess, Output, exit_text, quote
from paddock.bindings.errors import EngineUnavailable
from paddock.worker.channel import Channel, frame

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.settings import DeviceName

__all__ = ["ForkServer"]

logger = logging.getLogger(__name__)

#: How long a killed host may take to be reaped: the kernel frees a large one, and its GPU memory, for seconds.
_REAP_S = 30.0
#: How long a fork server that has closed its socket may take to exit.
_LEAVE_S = 1.0


class ForkServer:
    """A warm process to fork engine hosts from; one per server, shared by all models.

    `start` returns at once, because the imports happen in the child; a host that is asked for meanwhile is forked when
    they are done. If the fork server dies, its hosts die with it, and the next `fork` starts another. After its first
    `fork` it belongs to that event loop.
    """

    def __init__(self, plan: HostPlan | None = None) -> None:
        self._plan = plan or HostPlan()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._pipe_fd: int | None = None
        self._last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._channel: Channel | None = None
        self._output: Output | None = None
        #: Resolved when the attached process is reaped.
        self._ended: asyncio.Future[None] | None = None
        self._attaching = asyncio.Lock()
        #: True once it has imported everything, and forks what it is told to at once.
        self._is_warm = False
        self._hosts: dict[int, HostProcess] = {}
        #: Hosts that were told to end, and are not known to have.
        self._doomed: set[int] = set()
        self._serial = 0

    @property
    def pid(self) -> int | None:
        """The fork server's process, if it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process, unless it runs or vLLM is missing (the first `fork` will say so).

        Call it from the server's main thread, as early as possible: on Linux a child that dies with its parent really
        dies with the parent's thread.
        """
        with contextlib.suppress(EngineUnavailable):
            self._start()

    def _start(self) -> None:
        if self._process is not None:
            return
        modules = self._plan.modules
        if modules is None:
            modules = preload.modules_for(device.installed_build())
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the fork server must be started from the main thread: it dies with the starting thread")
        self._socket, theirs = socket.socketpair()
        self._pipe_fd, output_fd = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"{__package__}.nursery", str(theirs.fileno()), str(os.getpid())],
                env=engine_environment(os.environ) | self._plan.environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output_fd,
                stderr=output_fd,
            )
        except OSError as exc:
            self._socket.close()
            os.close(self._pipe_fd)
            self._socket = self._pipe_fd = None
            raise EngineUnavailable(f"The fork server did not start: {exc}") from exc
        finally:
            theirs.close()
            os.close(output_fd)
        self._tell(Preload(modules, self._plan.host))
        logger.debug("forkserver_started pid=%d modules=%d", self._process.pid, len(modules))

    def _tell(self, message: ToNursery, fds: tuple[int, ...] = ()) -> None:
        # Descriptors cannot pass through a transport. All our writes are this small and go this way, so none is torn;
        # a full socket would mean that thousands of them are unread.
        if self._socket is None:
            raise BrokenPipeError("the fork server has ended")
        socket.send_fds(self._socket, [frame(encode(message))], fds)

    async def fork(self, name: str, wanted_device: DeviceName = "auto") -> HostProcess:
        """Ask for a host; `name` marks its lines in the log. Returns before it runs: its socket can be used at once.

        Raises EngineUnavailable when vLLM is missing, is not for this device, or the fork server does not start.
        Cancel: do not; shield it. It waits for nothing but the event loop.
        """
        if self._plan.modules is None:
            device.resolve_device(wanted_device, device.installed_build(), gpu=device.has_nvidia_gpu())
        async with self._attaching:
            self._start()
            if self._channel is None:
                await self._attach()
        self._serial += 1
        serial = self._serial
        ours, theirs = socket.socketpair()
        pipe_fd, output_fd = os.pipe()
        host = HostProcess(name, ours, lambda: self._kill(serial))
        try:
            await host.follow_output(pipe_fd)
            self._tell(ForkHost(serial), (theirs.fileno(), output_fd))
        except OSError as exc:
            ours.close()
            raise EngineUnavailable(f"The fork server does not run: {exc}. {quote(self._last_lines)}") from exc
        finally:
            theirs.close()
            os.close(output_fd)
        self._hosts[serial] = host
        return host

    async def attach(self) -> None:
        """Hear from now on what the process says, if it runs: the first `fork` is early enough, for all but the log."""
        async with self._attaching:
            if self._process is not None and self._channel is None:
                await self._attach()

    async def _attach(self) -> None:
        assert self._socket is not None and self._pipe_fd is not None  # set by _start
        pipe_fd, self._pipe_fd = self._pipe_fd, None
        self._ended = asyncio.get_running_loop().create_future()
        self._output = await Output.follow(pipe_fd, "forkserver", self._last_lines)
        self._channel = await Channel.open(self._socket, self._on_payload, self._on_closed)

    def _on_payload(self, payload: bytes) -> None:
        match decode_from_nursery(payload):
            case Warm(seconds, missing):
                self._is_warm = True
                logger.debug("forkserver_warm seconds=%.2f missing=%s", seconds, "; ".join(missing) or "none")
            case Forked(serial, pid):
                if serial in self._hosts:
                    self._hosts[serial].pid = pid
            case Exited(serial, status):
                host = self._hosts.pop(serial, None)
                self._doomed.discard(serial)
                if host is not None:
                    host.has_exited(exit_text(status))

    def _on_closed(self) -> None:
        process, self._process = self._process, None
        hosts, self._hosts = self._hosts, {}
        self._doomed.clear()
        ended, output = self._ended, self._output
        self._channel = self._socket = None
        self._is_warm = False
        assert process is not None and ended is not None and output is not None  # a channel is opened after both

        def report(reaped: asyncio.Future[int]) -> None:
            output.close()
            for host in hosts.values():
                host.last_lines.extend(self._last_lines)
                host.has_exited(f"the end of its fork server ({exit_text(reaped.result())})")
            ended.set_result(None)

        # In a thread, because the kernel takes its time to free a process of this size.
        asyncio.get_running_loop().run_in_executor(None, _reap, process).add_done_callback(report)

    def _kill(self, serial: int) -> None:
        host = self._hosts.get(serial)
        if host is None:
            return
        with contextlib.suppress(OSError):  # gone already, and the hosts with it
            self._tell(KillHost(serial))
        if not self._is_warm:
            # The fork server still imports, for seconds or, if that hangs, for ever. It reads both frames in one go
            # afterwards, so nobody has to wait for a process that will never do anything.
            del self._hosts[serial]
            host.has_exited("a kill before it was forked")
        elif serial not in self._doomed:
            self._doomed.add(serial)
            asyncio.get_running_loop().call_later(_REAP_S, self._insist, serial)

    def _insist(self, serial: int) -> None:
        """The fork server has not reaped what it was told to kill: it hangs itself, and others wait for it too."""
        if serial in self._doomed and self._process is not None:
            logger.warning("forkserver_hangs pid=%d", self._process.pid)
            self._process.kill()

    async def close(self) -> None:
        """End the process and every host that is left. Idempotent."""
        await self.attach()
        if self._process is not None and self._channel is not None:
            self._process.kill()
            self._channel.close()
        if self._ended is not None:
            await self._ended


def _reap(process: subprocess.Popen[bytes]) -> int:
    """The exit status of a process that has closed its socket; one that does not leave is killed."""
    try:
        return process.wait(_LEAVE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
