"""The engines of a run of pytest-xdist, for one of its processes: they are in a process that all of them share."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from typing import TYPE_CHECKING, Any

import msgspec

from paddock.bindings.ai.price import token_price
from paddock.bindings.ai.service import RunResult
from paddock.bindings.binding import CallRecord
from paddock.bindings.errors import EngineDead
from paddock.worker.assembly import project_catalog, read_catalog
from paddock.worker.channel import BodyBroken, Channel
from paddock.worker.testing.shared.frames import (
    Answer,
    Broken,
    Cancel,
    Failed,
    FromEngines,
    Leave,
    Piece,
    Pull,
    Run,
    Wanted,
    Welcome,
    error_of,
)
from paddock.worker.testing.shared.meeting import folder_of_run, met

if TYPE_CHECKING:
    import socket

    from paddock.bindings.ai.catalog import Catalog
    from paddock.bindings.ai.tasks.contract import Dialect
    from paddock.worker.config.loading import Config
    from paddock.worker.testing.shared.frames import FromTests

__all__ = ["SharedModels"]


class SharedModels:
    """Models that are run elsewhere, as `AiService` runs them. `prepare` blocks; the rest is for the loop."""

    def __init__(self, config: Config, run: str) -> None:
        self._config = config
        self._folder = folder_of_run(run)
        self._sock: socket.socket | None = None
        self._started_pid: int | None = None
        self._channel: Channel | None = None
        self._opening = asyncio.Lock()
        self._closed = asyncio.Event()
        self._catalog: Catalog | None = None
        self._ids = itertools.count()
        #: Answers that are waited for, by the id of their call.
        self._waiting: dict[int, asyncio.Future[FromEngines]] = {}

    def prepare(self) -> None:
        """Connect to the engines, once, and start them where no other process has. Raises EngineUnavailable."""
        if self._sock is not None:
            return
        self._catalog = read_catalog(self._config)
        catalog, state = project_catalog(self._config), self._config.state
        wanted = Wanted(
            self._config.paddock,
            str(catalog) if catalog.is_dir() else None,
            str(state) if state.exists() else None,
        )
        self._sock, self._started_pid = met(self._folder, wanted)

    async def service(self, tasks: asyncio.TaskGroup) -> SharedModels:
        """As `LiveModels.service`."""
        assert self._sock is not None, "whoever begins a test that needs engines prepares them"
        async with self._opening:
            if self._channel is None:
                self._channel = await Channel.open(self._sock, self._hear, self._gone)
        return self

    async def run(
        self,
        model: str,
        inputs: object,
        calls: list[CallRecord],
        dialect: Dialect = "native",
        keep_alive: object = None,
    ) -> RunResult:
        """As `AiService.run`."""
        assert self._catalog is not None
        card = self._catalog.card(model)
        record = CallRecord(model, card.task.name if card.task else "", price=token_price(card))
        calls.append(record)
        id = next(self._ids)
        match await self.ask(Run(id, model, inputs, dialect, keep_alive)):
            case Answer(output=output, headers=headers, record=counted):
                _fill(record, counted)
                return RunResult(output, None, headers)
            case Failed(error=error, record=counted):
                _fill(record, counted)
                raise error_of(error)
            case streams:
                return RunResult(None, _Stream(self, id, record), streams.headers)  # type: ignore[union-attr]  # nothing else answers a Run

    async def ask(self, frame: Run | Pull) -> FromEngines:
        """What the engines say to that. Raises EngineDead when they have ended."""
        if self._channel is None or self._closed.is_set():
            raise _ended()
        answer: asyncio.Future[FromEngines] = asyncio.get_running_loop().create_future()
        self._waiting[frame.id] = answer
        self._say(frame)
        try:
            return await answer
        except asyncio.CancelledError:
            self.cancel(frame.id)
            raise
        finally:
            self._waiting.pop(frame.id, None)

    def cancel(self, id: int) -> None:
        """End a call."""
        self._say(Cancel(id))

    async def close(self) -> None:
        """Leave. The last one of the run returns when the engines have ended."""
        if self._channel is not None:
            self._say(Leave())
            await self._closed.wait()
        elif self._sock is not None:
            self._sock.close()
        self._reap()

    def _reap(self) -> None:
        """Keep nothing of a process that this one has started, if it has ended."""
        if self._started_pid is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._started_pid, os.WNOHANG)

    def _say(self, frame: FromTests) -> None:
        assert self._channel is not None
        self._channel.send(msgspec.msgpack.encode(frame))

    def _hear(self, payload: bytes) -> None:
        frame = msgspec.msgpack.decode(payload, type=FromEngines)
        assert not isinstance(frame, Welcome), "that was read before the loop"
        answer = self._waiting.get(frame.id)
        if answer is not None and not answer.done():
            answer.set_result(frame)

    def _gone(self) -> None:
        self._closed.set()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(_ended())


class _Stream:
    """The events of one call, pulled one by one."""

    def __init__(self, models: SharedModels, id: int, record: CallRecord) -> None:
        self._models = models
        self._id = id
        self._record = record
        self._has_ended = False

    async def pull(self) -> bytes | None:
        if self._has_ended:
            return None
        try:
            frame = await self._models.ask(Pull(self._id))
        except EngineDead as error:
            raise BodyBroken(str(error)) from error
        assert isinstance(frame, Piece | Broken)
        _fill(self._record, frame.record)
        if isinstance(frame, Broken):
            self._has_ended = True
            raise BodyBroken(frame.message) from (None if frame.error is None else error_of(frame.error))
        self._has_ended = frame.data is None
        return frame.data

    async def cancel(self, reason: object) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._models.cancel(self._id)


def _fill(record: CallRecord, counted: dict[str, Any]) -> None:
    """Have the record say what was counted there."""
    for name, value in counted.items():
        setattr(record, name, value)


def _ended() -> EngineDead:
    return EngineDead("The process of the engines has ended.")
