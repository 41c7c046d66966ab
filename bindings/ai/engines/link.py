"""The host's end of the engine connection: frames in and out between two engine steps, never in the way of one."""

from __future__ import annotations

import contextlib
import os
import select
from typing import TYPE_CHECKING

from paddock.bindings.ai.engines.frames import decode_to_host, encode
from paddock.worker.channel import FrameBuffer, frame

if TYPE_CHECKING:
    import socket

    from paddock.bindings.ai.engines.frames import FromHost, ToHost

__all__ = ["ServerLink"]

_READ_BYTES = 1 << 18
#: Unsent bytes at which the steps pause: some ten thousand chunks, so the server has not read for seconds.
_CONGESTED_BYTES = 1 << 20


class ServerLink:
    """A non-blocking socket with a bounded send queue. Its end of file ends the process, because the server is gone."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._buffer = FrameBuffer()
        self._unsent = bytearray()
        self._woken_fd, self._wake_fd = os.pipe()
        os.set_blocking(self._woken_fd, False)
        os.set_blocking(self._wake_fd, False)

    def send(self, message: FromHost) -> None:
        """Hand one message to the kernel, or queue it. The queue is bounded by whoever heeds `is_congested`."""
        self._unsent += frame(encode(message))
        self._flush()

    @property
    def is_congested(self) -> bool:
        """True when the server reads too slowly for more output."""
        return len(self._unsent) >= _CONGESTED_BYTES

    def receive(self, *, wait: bool) -> list[ToHost]:
        """Every message that is there; with `wait`, return only after bytes, `wake` or room to send."""
        if wait:
            self._wait()
        if self._unsent:
            self._flush()
        try:
            data = self._sock.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            os._exit(0)
        return [decode_to_host(payload) for payload in self._buffer.feed(data)]

    def wake(self) -> None:
        """End a wait of `receive`. The only method that another thread may call."""
        with contextlib.suppress(BlockingIOError):  # full of wakes that nobody has waited for yet: one is enough
            os.write(self._wake_fd, b"\0")

    def drain(self, timeout_s: float) -> None:
        """Send what is queued, as far as the server takes it in this time."""
        self._sock.settimeout(timeout_s)
        try:
            self._sock.sendall(self._unsent)
        except OSError:
            os._exit(0)

    def _wait(self) -> None:
        fd = self._sock.fileno()
        readable, _, _ = select.select([fd, self._woken_fd], [fd] if self._unsent else [], [])
        if self._woken_fd in readable:
            os.read(self._woken_fd, _READ_BYTES)

    def _flush(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            os._exit(0)
        del self._unsent[:sent]
