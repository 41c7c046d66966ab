"""An engine that answers from a list: for tests of handlers that need no model, and for our own."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from paddock.bindings.ai.engines.made_up import made_up
from paddock.bindings.ai.engines.protocol import (
    CallDelta,
    EngineChunk,
    EngineRequest,
    EngineState,
    FinishReason,
    TokenLogprob,
)
from paddock.bindings.ai.engines.work import Pooling, Result, Work
from paddock.bindings.errors import ContextOverflow, EngineDead, EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["PICTURE_TOKENS", "Call", "Gate", "Pieces", "Reply", "ScriptedEngine", "ScriptedStats", "Thought"]


#: What a picture counts for in a prompt; a word counts for one. Real models differ, by size and by kind.
PICTURE_TOKENS: Final = 256


class Thought(NamedTuple):
    """A piece of a reply that the model thinks and does not say."""

    text: str


class Call(NamedTuple):
    """A tool call in a reply: its name is one chunk, its arguments are the next."""

    name: str
    arguments: dict[str, object]


#: The chunks of a reply, one token each. An exception among them is raised in its place, as in mid-stream.
Pieces = Sequence[str | Thought | Call | CallDelta | Exception]
_Chunked = str | Thought | CallDelta | Exception
#: Text (a chunk per word), the pieces themselves, an error to raise at once, or a function that gives one of these.
Reply = str | Pieces | Exception | Callable[[EngineRequest], str | Pieces | Exception]

_WORD = re.compile(r"\s*\S+|\s+$")


class Gate:
    """Holds scripted streams before every chunk until a test lets them pass. Tests wait on it instead of sleeping."""

    def __init__(self) -> None:
        self._passes = 0
        self._is_open = False
        self._held: deque[asyncio.Future[None]] = deque()
        self._arrivals: deque[asyncio.Future[None]] = deque()

    @property
    def held(self) -> int:
        """Streams that stand before the gate now."""
        return sum(not stream.done() for stream in self._held)

    def let(self, chunks: int = 1) -> None:
        """Let this many chunks pass: those that wait now, then those to come."""
        for _ in range(chunks):
            while self._held and self._held[0].done():
                self._held.popleft()
            if self._held:
                self._held.popleft().set_result(None)
            else:
                self._passes += 1

    def open(self) -> None:
        """Hold nothing any more."""
        self._is_open = True
        self.let(len(self._held))

    async def arrival(self) -> None:
        """Return when a stream stands before the gate: at once, if one does."""
        if not self.held:
            arrival = asyncio.get_running_loop().create_future()
            self._arrivals.append(arrival)
            await arrival

    async def passage(self) -> None:
        """Wait to be let through: what the engine calls before each chunk."""
        if self._is_open:
            return
        if self._passes:
            self._passes -= 1
            return
        held = asyncio.get_running_loop().create_future()
        self._held.append(held)
        while self._arrivals:
            arrival = self._arrivals.popleft()
            if not arrival.done():
                arrival.set_result(None)
        await held


class ScriptedStats(NamedTuple):
    """As `EngineStats`."""

    running: int
    waiting: int
    peak_running: int
    kv_cache_usage: float = 0.0


class ScriptedEngine:
    """Gives the replies in order, one per request, and remembers what it was asked. Keeps the contract of `Engine`.

    Every chunk is one token, and drawn with certainty; the prompt counts one token per word. `sampling.max_tokens` and
    `sampling.stop` cut a reply as a real engine would; a JSON Schema is left to the replies. With `context_tokens`,
    prompt and answer that do not fit are refused. Of the open generations, those beyond `max_running` count as waiting;
    they are answered all the same. With a `load_gate` it is cold until `load` has passed there, and after `close`.
    Thoughts and calls are given as the replies have them, whatever the request allows.
    A request for which no reply is left raises EngineError. Work that is no generation takes no reply: `work` says what
    it comes to, which is made up of its texts by itself (`made_up.py`).
    """

    def __init__(
        self,
        replies: Iterable[Reply] = (),
        *,
        finish_reason: FinishReason = "stop",
        gate: Gate | None = None,
        context_tokens: int | None = None,
        max_running: int | None = None,
        load_gate: Gate | None = None,
        can_sleep: bool = False,
        work: Callable[[Work], Result] = made_up,
    ) -> None:
        #: Every request that came, in order.
        self.requests: list[EngineRequest] = []
        #: Those whose reader went away before the end.
        self.aborts: list[EngineRequest] = []
        #: Generations that are open now.
        self.open = 0
        self._replies = iter(replies)
        self._finish_reason: FinishReason = finish_reason
        self._gate = gate
        self._work = work
        self._context_tokens = context_tokens
        self._max_running = max_running
        self._closings = 0
        self._peak = 0
        self._load_gate = load_gate
        self._state: EngineState = "warm" if load_gate is None else "cold"
        #: As `Engine.can_sleep`.
        self.can_sleep = can_sleep
        self.is_asleep = False
        #: As `Engine.starts`.
        self.starts = 0

    @property
    def pid(self) -> None:
        """There is no process."""

    @property
    def phase(self) -> str:
        """As `Engine.phase`."""
        return "model" if self._state == "loading" else ""

    @property
    def context_tokens(self) -> int | None:
        """As `Engine.context_tokens`."""
        return self._context_tokens

    @property
    def state(self) -> EngineState:
        """Always warm without a `load_gate`: there is nothing to load."""
        return self._state

    async def load(self) -> None:
        """As `Engine.load`: waits before the `load_gate`."""
        if self._load_gate is not None and self._state != "warm":
            self._state = "loading"
            self.starts += 1
            await self._load_gate.passage()
            self._state = "warm"

    async def sleep(self) -> None:
        """As `Engine.sleep`."""
        self.is_asleep = True

    async def wake(self) -> None:
        """As `Engine.wake`."""
        self.is_asleep = False

    async def generate(self, request: EngineRequest) -> AsyncGenerator[EngineChunk, None]:
        """As `Engine.generate`, from the next reply."""
        self.requests.append(request)
        prompt_tokens = self._prompt_tokens(request)
        result = None if request.work is None else self._work(request.work)
        pieces: list[_Chunked] = [""] if result is not None else self._next_pieces(request)
        finish_reason = self._finish_reason
        stopped = _stopped(pieces, request.sampling.stop)
        if stopped is not None:
            pieces, finish_reason = stopped, "stop"
        if len(pieces) > request.sampling.max_tokens and result is None:
            pieces, finish_reason = pieces[: request.sampling.max_tokens], "length"
        closings, ended = self._closings, False
        self.open += 1
        self._peak = max(self._peak, self.open)
        try:
            for index, piece in enumerate(pieces):
                await self._pass(closings)
                ended = index == len(pieces) - 1 or isinstance(piece, Exception)
                if isinstance(piece, Exception):
                    raise piece
                text = piece if isinstance(piece, str) else ""
                yield EngineChunk(
                    text,
                    int(bool(piece)),
                    finish_reason if ended else None,
                    prompt_tokens if index == 0 else None,
                    logprobs=_certain(text, request),
                    reasoning=piece.text if isinstance(piece, Thought) else "",
                    calls=(piece,) if isinstance(piece, CallDelta) else (),
                    result=result,
                )
        except EngineDead:
            ended = True
            raise
        finally:
            self.open -= 1
            if not ended:
                self.aborts.append(request)

    async def stats(self) -> ScriptedStats:
        """As `Engine.stats`; without `max_running`, everything that is open counts as running."""
        running = self.open if self._max_running is None else min(self.open, self._max_running)
        return ScriptedStats(running, self.open - running, self._peak)

    async def close(self) -> None:
        """As `Engine.close`: open generations raise EngineDead, also those that stand before the gate."""
        self._closings += 1
        if self._load_gate is not None:
            self._state = "cold"
        if self._gate is not None:
            self._gate.let(self._gate.held)

    async def _pass(self, closings: int) -> None:
        if self._gate is None:
            await asyncio.sleep(0)
        else:
            await self._gate.passage()
        if closings != self._closings:
            raise EngineDead("The scripted engine was closed while it worked on this call.")

    def _prompt_tokens(self, request: EngineRequest) -> int:
        work = request.work.texts if isinstance(request.work, Pooling) else ()
        texts = [request.prompt or "", *(message.content for message in request.messages or ()), *work]
        pictures = sum(len(message.pictures) for message in request.messages or ())
        prompt_tokens = max(1, sum(len(text.split()) for text in texts) + pictures * PICTURE_TOKENS)
        wanted = prompt_tokens + request.sampling.max_tokens
        if self._context_tokens is not None and wanted > self._context_tokens:
            raise ContextOverflow(wanted, self._context_tokens)
        return prompt_tokens

    def _next_pieces(self, request: EngineRequest) -> list[_Chunked]:
        try:
            reply = next(self._replies)
        except StopIteration:
            number = len(self.requests)
            raise EngineError(
                f"The scripted engine has no reply for request {number}.",
                hint="Give it one reply per expected request.",
            ) from None
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, str):
            reply = _WORD.findall(reply)
        return _spread(reply) or [""]


def _spread(pieces: Pieces) -> list[_Chunked]:
    """The pieces with every call as its two chunks."""
    chunks: list[_Chunked] = []
    calls = 0
    for piece in pieces:
        if isinstance(piece, Call):
            arguments = msgspec.json.encode(piece.arguments).decode()
            chunks += [CallDelta(calls, piece.name, ""), CallDelta(calls, None, arguments)]
            calls += 1
        else:
            chunks.append(piece)
    return chunks


def _certain(piece: str, request: EngineRequest) -> tuple[TokenLogprob, ...]:
    if request.sampling.logprobs is None or not piece:
        return ()
    return (TokenLogprob(piece, 0.0, ((piece, 0.0),)),)


def _stopped(pieces: list[_Chunked], stop: tuple[str, ...]) -> list[_Chunked] | None:
    """The pieces before the first stop string; None when none is met before the end, or before an exception."""
    texts = list(itertools.takewhile(lambda piece: isinstance(piece, str), pieces))
    whole = "".join(str(text) for text in texts)
    room = min((at for word in stop if (at := whole.find(word)) >= 0), default=None)
    if room is None:
        return None
    kept: list[_Chunked] = []
    for text in texts:
        cut = str(text)[:room]
        kept.append(cut)
        room -= len(cut)
        if not room:
            break
    return kept
