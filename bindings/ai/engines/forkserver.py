"""The server's end of the warm fork server: starts it, asks it for hosts, hears how they end, keeps what they print."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

import msgspec

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
from paddock.bindings.errors import EngineUnavailable
from paddock.worker.channel import Channel, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from paddock.bindings.ai.engines.settings import DeviceName

__all__ = ["ForkServer", "HostPlan", "HostProcess", "engine_environment", "quote"]

logger = logging.getLogger(__name__)
_output_logger = logging.getLogger("paddock.engine")

#: Enough to hold the dump of a crash, and what was said before it.
_KEPT_LINES = 100
#: Output lines that an error text quotes; the rest is in the log.
_QUOTED_LINES = 10
#: How long the news of a death waits for its last lines of output. A grandchild can hold the pipe open.
_LAST_WORDS_S = 0.5
#: How long a killed host may take to be reaped: the kernel frees a large one, and its GPU memory, for seconds.
_REAP_S = 30.0
#: How long a fork server that has closed its socket may take to exit.
_LEAVE_S = 1.0


class HostPlan(msgspec.Struct, frozen=True):
    """What the fork server imports, and what a host runs. The default is vLLM as it is installed."""

    #: `module:function`; the function gets the host's socket and returns when the host is done.
    host: str = "paddock.bindings.ai.engines.host:main"
    #: Modules to import before forking; `None` is the measured list for the installed vLLM, which then must be there.
    modules: tuple[str, ...] | None = None
    #: Environment on top of `engine_environment`.
    environment: dict[str, str] = {}


def engine_environment(base: Mapping[str, str]) -> dict[str, str]:
    """The environment of the fork server and of every host. What a user has set wins, but for the last group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        # One core stays free for the server; more threads than cores spin against each other.
        "OMP_NUM_THREADS": str(max(1, cores - 1)),
        "HF_HUB_OFFLINE": "1",
        # vLLM's warnings then reach standard error unadorned; setting up its own handlers takes 0.1 s of every load.
        "VLLM_CONFIGURE_LOGGING": "0",
        "VLLM_HOST_IP": "127.0.0.1",
        "TOKENIZERS_PARALLELISM": "false",
        **base,
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        # The host's only thread steps the engine itself; a core process of vLLM's would be outside the chain of deaths.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "PYTHONUNBUFFERED": "1",
    }


class _Output(asyncio.Protocol):
    """What one process prints: line by line to the log, the last lines kept."""

    def __init__(self, source: str, lines: deque[str]) -> None:
        self._source = source
        self._lines = lines
        self._rest = b""
        self._transport: asyncio.BaseTransport | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def follow(cls, pipe_fd: int, source: str, lines: deque[str]) -> _Output:
        """Read this pipe, which is ours from now on, to its end."""
        loop = asyncio.get_running_loop()
        _, output = await loop.connect_read_pipe(lambda: cls(source, lines), os.fdopen(pipe_fd, "rb", 0))
        return output

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._keep(line)

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep(self._rest)
        if not self.ended.done():
            self.ended.set_result(None)

    def close(self) -> None:
        """Stop reading. Idempotent."""
        if self._transport is not None:
            self._transport.close()

    def _keep(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if text:
            self._lines.append(text)
            _output_logger.debug("%s: %s", self._source, text)


class HostProcess:
    """One host, from the wish for it to its end."""

    def __init__(self, name: str, sock: socket.socket, kill: Callable[[], None]) -> None:
        self.name = name
        #: Our end of the engine connection.
        self.sock = sock
        #: Known once the fork server has forked it.
        self.pid: int | None = None
        self.last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        #: How it ended, in words: `exit code 1`, `signal 9 (SIGKILL)`. Resolved once, after its last line of output.
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        #: End it at once, whatever it does.
        self.kill = kill
        self._output: _Output | None = None

    async def follow_output(self, pipe_fd: int) -> None:
        """Log and keep what comes out of this pipe, which is ours from now on."""
        self._output = await _Output.follow(pipe_fd, self.name, self.last_lines)

    def has_exited(self, cause: str) -> None:
        """The process is no more. `gone` waits for the rest of the output, but not long."""

        def resolve(*_: object) -> None:
            if not self.gone.done():
                self.gone.set_result(cause)
            if self._output is not None:
                self._output.close()

        if self._output is None:
            resolve()
        else:
            self._output.ended.add_done_callback(resolve)
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, resolve)


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
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._channel: Channel | None = None
        self._output: _Output | None = None
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

    async def _attach(self) -> None:
        assert self._socket is not None and self._pipe_fd is not None  # set by _start
        pipe_fd, self._pipe_fd = self._pipe_fd, None
        self._ended = asyncio.get_running_loop().create_future()
        self._output = await _Output.follow(pipe_fd, "forkserver", self._last_lines)
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
                    host.has_exited(_exit_text(status))

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
                host.has_exited(f"the end of its fork server ({_exit_text(reaped.result())})")
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
        async with self._attaching:
            if self._process is not None and self._channel is None:
                await self._attach()
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


def _exit_text(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"signal {-status}"


def quote(lines: Iterable[str]) -> str:
    """The last lines of a process's output, for the end of an error text.

    Of one that crashed in native code, those around the beginning of Python's dump, which has the last frame first.
    """
    kept = list(lines)
    crash = next((index for index, line in enumerate(kept) if line.startswith("Fatal Python error")), None)
    end = len(kept) if crash is None else crash + _QUOTED_LINES // 2
    text = "\n  ".join(kept[max(0, end - _QUOTED_LINES) : end])
    return f"Its last output:\n  {text}" if text else "It printed nothing."
