"""The process of the engines of one run of pytest-xdist: `python -P -m ... LISTENING_FD FOLDER`.

It has the AI service of `paddock dev`, one for each set of settings that tests want, and leaves with the last process
that is connected. Its engines die with it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec

from paddock.worker.channel import Channel
from paddock.worker.testing.shared.frames import FromTests, Leave, Run, Wanted, Welcome
from paddock.worker.testing.shared.meeting import locked
from paddock.worker.testing.shared.models import Models
from paddock.worker.testing.shared.serving import Calls

if TYPE_CHECKING:
    from paddock.worker.testing.shared.frames import FromEngines

__all__ = ["main"]


class _Guest:
    """One process of tests."""

    def __init__(self, house: _House) -> None:
        self._house = house
        self._channel: Channel | None = None
        self._calls: Calls | None = None

    async def enter(self, sock: socket.socket) -> None:
        self._channel = await Channel.open(sock, self._hear, self._gone)

    def close(self) -> None:
        assert self._channel is not None
        self._channel.close()

    def _hear(self, payload: bytes) -> None:
        match msgspec.msgpack.decode(payload, type=FromTests):
            case Wanted() as wanted:
                self._house.tasks.create_task(self._welcome(wanted))
            case Leave():
                self._house.left(self)
            case frame:
                if self._calls is None:
                    raise ValueError(f"expected {Wanted.__name__} first; got {type(frame).__name__}")
                self._calls.begin(frame) if isinstance(frame, Run) else self._calls.go_on(frame)

    async def _welcome(self, wanted: Wanted) -> None:
        service = await self._house.models.service(wanted)
        self._calls = Calls(service, self._house.tasks, self._say)
        self._say(Welcome())

    def _say(self, frame: FromEngines) -> None:
        if self._channel is not None:
            self._channel.send(msgspec.msgpack.encode(frame))

    def _gone(self) -> None:
        if self._calls is not None:
            self._calls.close()
        self._house.left(self)


class _House:
    """Who is connected, and what they share."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.tasks = tasks
        self.models = Models(tasks)
        self._guests: set[_Guest] = set()
        #: Those that have said goodbye, and wait to hear that nothing is left.
        self._leaving: set[_Guest] = set()
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    async def receive(self, listening: socket.socket) -> NoReturn:
        """Let in whoever comes."""
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(listening)
            guest = _Guest(self)
            self._guests.add(guest)
            self._is_empty.clear()
            await guest.enter(sock)

    def left(self, guest: _Guest) -> None:
        """It has said goodbye, or is gone."""
        self._guests.discard(guest)
        self._leaving.add(guest)
        if self._guests:
            self._dismiss()
        else:
            self._is_empty.set()

    async def leave(self, folder: Path) -> NoReturn:
        """End the process when nobody is here, and nobody can be on the way."""
        while True:
            await self._is_empty.wait()
            lock = locked(folder)
            await asyncio.to_thread(lock.__enter__)
            # Whoever connects has the lock until they are welcome: nobody is on the way now.
            if not self._guests:
                await self.models.close()
                shutil.rmtree(folder, ignore_errors=True)
                os._exit(0)
            lock.__exit__(None, None, None)
            self._dismiss()

    def _dismiss(self) -> None:
        leaving, self._leaving = self._leaving, set()
        for guest in leaving:
            guest.close()


async def _live(listening: socket.socket, folder: Path) -> None:
    async with asyncio.TaskGroup() as tasks:
        house = _House(tasks)
        tasks.create_task(house.receive(listening))
        tasks.create_task(house.leave(folder))


def main(listening_fd: int, folder: str) -> None:
    """Live until nobody is connected."""
    # ctrl-C reaches every process of the terminal; this one leaves when the tests' processes have.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listening = socket.socket(fileno=listening_fd)
    listening.setblocking(False)
    os.set_inheritable(listening_fd, False)
    asyncio.run(_live(listening, Path(folder)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
