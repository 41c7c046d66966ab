"""Calls that are answered by real engines, or by what those have answered before."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

from paddock.bindings.ai.price import token_price
from paddock.bindings.ai.service import RunResult
from paddock.bindings.ai.tasks import TASKS
from paddock.bindings.binding import CallRecord
from paddock.bindings.errors import EngineUnavailable, PaddockError
from paddock.worker.testing.cassettes import Event, Failure, Recording, Tokens
from paddock.worker.testing.failures import error_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.tasks.contract import Dialect
    from paddock.worker.channel import ByteSource
    from paddock.worker.testing.ai import Ai
    from paddock.worker.testing.cassettes import Cassette
    from paddock.worker.testing.clock import VirtualClock
    from paddock.worker.testing.live import Runs

__all__ = ["CassetteWarning", "checked", "recorded", "replayed", "unrecorded"]

_HEADERS = (("paddock-weights", "recorded"), ("paddock-model-state", "warm"))


class CassetteWarning(UserWarning):
    """A cassette was recorded with other weights or another engine than this machine has."""


def checked(card: ModelCard, inputs: object, dialect: Dialect) -> Mapping[str, object]:
    """The inputs with defaults, after every check that a call meets before it meets an engine. Raises InputError."""
    given = card.schema.check(inputs)
    if card.task is not None and card.task.name in TASKS and given.get("lora") is None:
        TASKS[card.task.name].prepare(card, given, None, dialect)
    return given


async def recorded(
    live: Runs,
    cassette: Cassette,
    model: str,
    inputs: object,
    calls: list[CallRecord],
    dialect: Dialect,
    by: str,
) -> RunResult:
    """The answer of a real engine, kept in the cassette when it is complete. `by` are its weights and the engine."""
    began, number = time.perf_counter(), len(calls)
    recording = Recording(model, inputs, by=by, dialect=dialect)
    try:
        result = await live.run(model, inputs, calls, dialect)
    except PaddockError as error:
        recording.error = Failure(error.internal_code, error.status, error.message)
        cassette.add(recording)
        raise
    if result.events is None:
        recording.output, recording.tokens = result.output, _tokens(calls[number])
        cassette.add(recording)
        return result
    return result._replace(events=_Recorder(result.events, recording, cassette, calls[number], began))


async def replayed(ai: Ai, recording: Recording, card: ModelCard, calls: list[CallRecord], here: str) -> RunResult:
    """The answer of a recording. Its times pass by the virtual clock."""
    if here and recording.by and here != recording.by:
        warnings.warn(
            f"The cassette was recorded with {recording.by}; this machine has {here}.", CassetteWarning, stacklevel=1
        )
    record = _record(recording, card)
    calls.append(record)
    if recording.error is not None:
        failure = recording.error
        record.outcome = "recorded_error"
        raise error_for(failure.code, failure.message, failure.status, card.name)
    if recording.events is None:
        return RunResult(recording.output, None, _HEADERS)
    return RunResult(None, _Replay(recording.events, ai.clock), _HEADERS)


def unrecorded(ai: Ai, cassette: Cassette, model: str, inputs: object) -> EngineUnavailable:
    """The error of a call that the cassette has not; the test is told, too."""
    text = cassette.missing(model, inputs)
    ai.report(text)
    return EngineUnavailable(text.splitlines()[0])


class _Recorder:
    """Events of a stream, on their way into the cassette."""

    def __init__(
        self, source: ByteSource, recording: Recording, cassette: Cassette, record: CallRecord, began: float
    ) -> None:
        self._source = source
        self._recording = recording
        self._cassette = cassette
        self._record = record
        self._began = began
        self._events: list[Event] = []

    async def pull(self) -> bytes | None:
        piece = await self._source.pull()
        at_ms = round((time.perf_counter() - self._began) * 1000, 1)
        if piece is not None:
            texts = [text for text in piece.decode().split("\n\n") if text]
            self._events += [Event(at_ms, text) for text in texts]
        elif self._events:
            self._recording.events, self._events = self._events, []
            self._recording.tokens = _tokens(self._record)
            self._cassette.add(self._recording)
        return piece

    async def cancel(self, reason: object) -> None:
        await self._source.cancel(reason)


class _Replay:
    """Recorded events, one piece each."""

    def __init__(self, events: list[Event], clock: VirtualClock) -> None:
        self._events = list(events)
        self._clock = clock
        self._at_ms = 0.0

    async def pull(self) -> bytes | None:
        if not self._events:
            return None
        event = self._events.pop(0)
        if event.at_ms > self._at_ms:
            await self._clock.sleep((event.at_ms - self._at_ms) / 1000)
            self._at_ms = event.at_ms
        return f"{event.event}\n\n".encode()

    async def cancel(self, reason: object) -> None:
        self._events.clear()


def _tokens(record: CallRecord) -> Tokens:
    return Tokens(record.prompt_tokens, record.completion_tokens)


def _record(recording: Recording, card: ModelCard) -> CallRecord:
    tokens, task = recording.tokens, card.task.name if card.task else ""
    return CallRecord(
        recording.model, task, prompt_tokens=tokens.prompt, completion_tokens=tokens.completion, price=token_price(card)
    )
