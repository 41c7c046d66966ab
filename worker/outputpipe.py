"""What a child prints: a pipe whose lines are handed on as they come, or at once when somebody asks for them."""

from __future__ import annotations

import asyncio
import os
import struct
from fcntl import ioctl
from termios import FIONREAD
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OutputPipe"]

#: A line longer than this is handed on in parts.
_LINE_BYTES: Final = 64 * 1024


class OutputPipe:
    """A pipe to one stream of a child. `writing` is for the child: close it here once the child has it.

    `on_line` gets each line without its end, unaltered, on the loop that this was made on.
    """

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self._reading, self.writing = os.pipe()
        os.set_blocking(self._reading, False)
        self._on_line = on_line
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._reading, self._read)
        #: Set when nobody can write to it any more, and all of it was handed on.
        self.ended = asyncio.Event()

    def catch_up(self) -> None:
        """Hand on all that is in the pipe by now; a line whose end is still to come is not."""
        left = 0 if self.ended.is_set() else _waiting_bytes(self._reading)
        while left > 0 and (count := self._read()):
            left -= count

    def close(self) -> None:
        """Hand on the rest, and read no more. Idempotent."""
        if self.ended.is_set():
            return
        self._loop.remove_reader(self._reading)
        os.close(self._reading)
        if self._rest:
            self._on_line(self._rest)
        self.ended.set()

    def _read(self) -> int:
        """Hand on some of what is there. How many bytes."""
        try:
            data = os.read(self._reading, _LINE_BYTES)
        except BlockingIOError:  # read already
            return 0
        if not data:
            self.close()
            return 0
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_BYTES:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._on_line(line)
        return len(data)


def _waiting_bytes(descriptor: int) -> int:
    (count,) = struct.unpack("i", ioctl(descriptor, FIONREAD, b"\0\0\0\0"))
    return int(count)
