"""The calls of one process of tests, run by the process of the engines."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from paddock.bindings.errors import PaddockError
from paddock.worker.testing.shared.frames import Answer, Broken, Cancel, Failed, Piece, Pull, Streams, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.ai.service import AiService
    from paddock.bindings.binding import CallRecord
    from paddock.worker.channel import ByteSource
    from paddock.worker.testing.shared.frames import FromEngines, Run

__all__ = ["Calls"]

logger = logging.getLogger(__name__)


class Calls:
    """Runs what comes, each call in a task of its own; `say` answers."""

    def __init__(self, service: AiService, tasks: asyncio.TaskGroup, say: Callable[[FromEngines], None]) -> None:
        self._service = service
        self._tasks = tasks
        self._say = say
        #: What each call does now: it runs, or a piece of its stream is pulled.
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._streams: dict[int, tuple[ByteSource, CallRecord]] = {}

    def begin(self, run: Run) -> None:
        """Run a call."""
        self._do(run.id, self._run(run))

    def go_on(self, frame: Pull | Cancel) -> None:
        """Give the next piece of a stream, or end a call."""
        if isinstance(frame, Pull):
            if frame.id in self._streams:
                self._do(frame.id, self._pull(frame.id))
            return
        if (task := self._busy.get(frame.id)) is not None:
            task.cancel()
        elif (stream := self._streams.pop(frame.id, None)) is not None:
            self._do(frame.id, stream[0].cancel(None))

    def close(self) -> None:
        """End every call."""
        for id in [*self._busy, *self._streams]:
            self.go_on(Cancel(id))

    def _do(self, id: int, work: Any) -> None:
        task = self._busy[id] = self._tasks.create_task(work)
        task.add_done_callback(lambda _: self._busy.pop(id, None))

    async def _run(self, run: Run) -> None:
        records: list[CallRecord] = []
        try:
            result = await self._service.run(run.model, run.inputs, records, run.dialect, run.keep_alive)  # type: ignore[arg-type]  # it was one of them
        except Exception as error:  # this call's alone
            if not isinstance(error, PaddockError):
                logger.exception("run_failed model=%s", run.model)
            self._say(Failed(run.id, told(error), _record_of(records[0]) if records else {}))
            return
        if result.events is None:
            self._say(Answer(run.id, result.output, result.headers, _record_of(records[0])))
            return
        self._streams[run.id] = result.events, records[0]
        self._say(Streams(run.id, result.headers))

    async def _pull(self, id: int) -> None:
        source, record = self._streams[id]
        try:
            piece = await source.pull()
        except asyncio.CancelledError:
            del self._streams[id]
            await source.cancel(None)
            raise
        except OSError as broken:
            del self._streams[id]
            cause = None if broken.__cause__ is None else told(broken.__cause__)
            self._say(Broken(id, str(broken), cause, _record_of(record)))
            return
        if piece is None:
            del self._streams[id]
        self._say(Piece(id, piece, _record_of(record)))


def _record_of(record: CallRecord) -> dict[str, Any]:
    """What was counted so far. The price is known on both sides."""
    names = record.__struct_fields__
    return {name: getattr(record, name) for name in names if name != "price"}
