"""The warm fork server: a process that has vLLM imported and forks a host for each model.

`python -P -m paddock.bindings.ai.engines.nursery CONTROL_FD PARENT_PID`. One thread, no vLLM object, no CUDA: what is
copied into a host is imported code and nothing else. The collector is off while it imports and the result is frozen, so
that no collection of a host walks (and unshares) five thousand modules. It reaps its hosts and says how each ended.

Nothing outlives the server: this process asks the kernel to die with its parent, each host asks to die with this one,
and both leave when their socket ends.
"""

from __future__ import annotations

import array
import contextlib
import faulthandler
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections import deque
from typing import TYPE_CHECKING, NoReturn

from paddock.bindings.ai.engines.frames import (
    Exited,
    Forked,
    ForkHost,
    FromNursery,
    KillHost,
    Preload,
    ToNursery,
    Warm,
    decode_to_nursery,
    encode,
)
from paddock.worker.channel import FrameBuffer, die_with_parent, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["main"]

_READ_BYTES = 1 << 16
_MOST_FDS = 16


class _Control:
    """This end of the control connection: frames with descriptors in, frames out. End of file ends the process."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.fds: deque[int] = deque()
        self._buffer = FrameBuffer()

    def receive(self) -> list[ToNursery]:
        """Wait for bytes; every message they complete."""
        fds = array.array("i")
        data, ancillary, _, _ = self.sock.recvmsg(_READ_BYTES, socket.CMSG_SPACE(_MOST_FDS * fds.itemsize))
        if not data:
            os._exit(0)
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
        self.fds.extend(fds)
        return [decode_to_nursery(payload) for payload in self._buffer.feed(data)]

    def send(self, message: FromNursery) -> None:
        """Write one message; a server that is gone ends the process."""
        try:
            self.sock.sendall(frame(encode(message)))
        except OSError:
            os._exit(0)

    def close(self) -> None:
        """Close everything that a host must not hold open."""
        for fd in self.fds:
            os.close(fd)
        self.sock.close()


class _Nursery:
    """Forks, kills and reaps."""

    def __init__(self, control: _Control, run_host: Callable[[socket.socket], None]) -> None:
        self._control = control
        self._run_host = run_host
        self._serials: dict[int, int] = {}
        self._woken_fd, wake_fd = os.pipe()
        os.set_blocking(self._woken_fd, False)
        os.set_blocking(wake_fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_fd)
        self._selector = selectors.DefaultSelector()
        self._selector.register(control.sock, selectors.EVENT_READ)
        self._selector.register(self._woken_fd, selectors.EVENT_READ)

    def serve(self, messages: Iterable[ToNursery]) -> NoReturn:
        """Obey for ever, `messages` first."""
        for message in messages:
            self._obey(message)
        while True:
            for key, _ in self._selector.select():
                if key.fd == self._woken_fd:
                    self._reap()
                    continue
                for message in self._control.receive():
                    self._obey(message)

    def _obey(self, message: ToNursery) -> None:
        match message:
            case ForkHost(serial):
                self._fork(serial)
            case KillHost(serial):
                for pid in [pid for pid, known in self._serials.items() if known == serial]:
                    os.kill(pid, signal.SIGKILL)
            case Preload():
                raise RuntimeError("a second Preload frame: the fork server imports once")

    def _fork(self, serial: int) -> None:
        sock_fd, output_fd = self._control.fds.popleft(), self._control.fds.popleft()
        nursery_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError as exc:  # no memory or no more processes: the hosts that run go on
            os.write(output_fd, f"fork: {exc}\n".encode())
            self._control.send(Exited(serial, 1))
        else:
            if pid == 0:
                self._live_as_host(nursery_pid, sock_fd, output_fd)
            self._serials[pid] = serial
            self._control.send(Forked(serial, pid))
        finally:
            os.close(sock_fd)
            os.close(output_fd)

    def _live_as_host(self, nursery_pid: int, sock_fd: int, output_fd: int) -> NoReturn:
        """The forked child's whole life. Leaves without the interpreter's clean-up, which takes seconds with vLLM."""
        status = 1
        try:
            die_with_parent(nursery_pid)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            self._control.close()
            for fd in (1, 2):
                os.dup2(output_fd, fd)
            os.close(output_fd)
            self._run_host(socket.socket(fileno=sock_fd))
            status = 0
        except SystemExit as exc:
            status = exc.code if isinstance(exc.code, int) else 1
        except BaseException:  # the process ends here, whatever it was
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken_fd, _READ_BYTES)
        while self._serials:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            serial = self._serials.pop(pid, None)
            if serial is not None:
                self._control.send(Exited(serial, os.waitstatus_to_exitcode(status)))


def _import_all(names: Iterable[str]) -> tuple[str, ...]:
    """Import each name; what could not be imported, with the reason. A host that needs it meets the error itself."""
    missing = []
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as exc:  # whatever a foreign module raises at import, the news is the same: it is not there
            missing.append(f"{name}: {type(exc).__name__}: {exc}")
    return tuple(missing)


def _warm_up(names: Iterable[str]) -> Warm:
    began = time.monotonic()
    gc.disable()
    missing = _import_all(names)
    gc.collect()
    gc.freeze()
    gc.enable()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        raise SystemExit("a preloaded module has initialised CUDA: hosts that are forked from here could not use a GPU")
    return Warm(time.monotonic() - began, missing)


def main(control_fd: int, parent_pid: int) -> NoReturn:
    """Warm up, say so, then fork hosts until the server is gone."""
    die_with_parent(parent_pid)
    # ctrl-C reaches every process of the terminal; the server alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    control = _Control(socket.socket(fileno=control_fd))
    messages: list[ToNursery] = []
    while not messages:
        messages = control.receive()
    first, *rest = messages
    if not isinstance(first, Preload):
        raise SystemExit(f"expected the Preload frame first, got {type(first).__name__}")
    warm = _warm_up(first.modules)
    module, _, function = first.host.partition(":")
    run_host = getattr(importlib.import_module(module), function)
    control.send(warm)
    _Nursery(control, run_host).serve(rest)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
