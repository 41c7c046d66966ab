"""The host's one loop: take the frames that are there, step the engine, send what the step gave as one frame.

Knows no vLLM: `host.py` gives it an engine with the few methods below. One thread does everything but rendering long
prompts, so nothing is locked. Whatever goes wrong with one request is a Refused frame for that request; whatever goes
wrong with a step ends the process, and the server starts another.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from paddock.bindings.ai.engines.adapters import AdapterRefused, AdapterSlots, Slot
from paddock.bindings.ai.engines.frames import (
    Abort,
    Add,
    AskStats,
    Fatal,
    Outputs,
    Ready,
    Refusal,
    Refused,
    Sleep,
    Slept,
    Start,
    Stats,
    Stop,
    ToHost,
)
from paddock.bindings.ai.engines.link import ServerLink
from paddock.bindings.ai.engines.protocol import EngineChunk, FinishReason, TokenLogprob, joined

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from paddock.bindings.ai.engines.reading import Read
    from paddock.bindings.ai.engines.settings import EngineSettings
    from paddock.bindings.ai.engines.work import Result

__all__ = ["Prompt", "RequestRefused", "StepEngine", "StepOutput", "count_characters", "run"]

#: Prompts from this many characters on are rendered in a thread: tokenising them takes as long as a step, about 2 ms.
#: So are all with pictures: a few kilobytes can be megabytes of pixels.
_LONG_PROMPT_CHARACTERS = 4_000
_LAST_WORD_S = 1.0
#: How long running streams wait while requests come one after the other; some twenty short ones fit.
_BURST_S = 0.005


class RequestRefused(Exception):
    """This request cannot be run; the others can."""

    def __init__(self, kind: Refusal, message: str, parameters: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.parameters = parameters


class Prompt(NamedTuple):
    """A rendered prompt: what the engine takes, and its length in tokens."""

    tokens: Any
    length: int


class StepOutput(NamedTuple):
    """What one step gave one request."""

    id: int
    part: Read
    tokens: int
    finish_reason: FinishReason | None
    cached_tokens: int
    logprobs: tuple[TokenLogprob, ...] = ()
    result: Result | None = None


class StepEngine(Protocol):
    """An engine that works when it is stepped."""

    #: Errors of `render` and `begin` that mean: the request is at fault.
    input_errors: tuple[type[Exception], ...]
    #: False where the settings ask for no adapters, or the engine cannot have any for this model.
    takes_adapters: bool

    def render(self, add: Add) -> Prompt:
        """The prompt's tokens. Called from two threads. Raises RequestRefused when they do not fit the context."""
        ...

    def begin(self, add: Add, prompt: Prompt, slot: Slot | None) -> None:
        """Take the request in; from the next step on it may have output."""
        ...

    def abort(self, ids: Sequence[int]) -> None:
        """Drop these requests, which give no further output."""
        ...

    def step(self) -> list[StepOutput]:
        """Work a little for every request."""
        ...

    def counts(self) -> tuple[int, int]:
        """Requests running and waiting, as the engine's own scheduler counts them."""
        ...

    def kv_cache_usage(self) -> float:
        """Share of the KV cache that is taken, 0 to 1."""
        ...

    def sleep(self, *, is_asleep: bool) -> None:
        """Take the weights off the device, or bring them back. Only asked for while no request is there."""
        ...

    def load_adapter(self, slot: Slot) -> None:
        """Make the adapter ready for `begin`."""
        ...

    def unload_adapter(self, slot: Slot) -> None:
        """Free the adapter's slot."""
        ...


def run(sock: socket.socket, load: Callable[[ServerLink, EngineSettings], tuple[StepEngine, Ready]]) -> NoReturn:
    """A host's life: load what the first frame asks for, say Ready, serve. Ends with the process."""
    link = ServerLink(sock)
    messages: list[ToHost] = []
    while not messages:
        messages = link.receive(wait=True)
    start, *others = messages
    try:
        if not isinstance(start, Start):
            raise RuntimeError(f"expected the Start frame first, got {type(start).__name__}")
        engine, ready = load(link, start.settings)
        loop = _StepLoop(link, engine, start.settings)
        link.send(ready)
        loop.serve(others)
    except Exception as exc:  # the last word of a process that ends here: the server must hear it
        traceback.print_exc()
        link.send(Fatal(f"{type(exc).__name__}: {exc}"))
        link.drain(_LAST_WORD_S)
        _leave(1)


def _leave(status: int) -> NoReturn:
    """End the process without taking the engine apart, which needs a second and serves nobody."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def count_characters(add: Add) -> int:
    """The length of the prompt, of all messages and tools, or of the texts: a cheap measure of the tokens' work."""
    turns = sum(len(message.content) + len(message.reasoning) for message in add.messages or ())
    calls = sum(len(call.arguments) for message in add.messages or () for call in message.tool_calls)
    tools = add.tool_use.tools if add.tool_use else ()
    shown = sum(len(tool.parameters) + len(tool.description) for tool in tools)
    return len(add.prompt or "") + turns + calls + shown + (0 if add.work is None else add.work.characters)


def _unchanged(prompt: Prompt) -> Prompt:
    return prompt


class _Running:
    """A request that the engine has taken in."""

    __slots__ = ("is_announced", "is_whole", "kept", "prompt_tokens", "slot")

    def __init__(self, prompt_tokens: int, slot: Slot | None, *, is_whole: bool) -> None:
        self.prompt_tokens = prompt_tokens
        self.slot = slot
        self.is_announced = False
        self.is_whole = is_whole
        #: Of a whole answer, all but the first chunk, until the last one is there.
        self.kept: list[EngineChunk] = []


class _StepLoop:
    def __init__(self, link: ServerLink, engine: StepEngine, settings: EngineSettings) -> None:
        self._link = link
        self._engine = engine
        self._running: dict[int, _Running] = {}
        # Requests that the engine has not seen: prompts in the thread, and rendered ones whose adapter has no slot yet.
        self._rendering: dict[int, Future[Prompt]] = {}
        self._held: dict[int, tuple[Add, Prompt]] = {}
        self._rendered: SimpleQueue[tuple[Add, Future[Prompt]]] = SimpleQueue()
        self._long_prompts = ThreadPoolExecutor(1, "long-prompts")
        self._slots: AdapterSlots | None = None
        if engine.takes_adapters:
            self._slots = AdapterSlots(
                settings.max_loras, settings.max_lora_rank, load=engine.load_adapter, unload=engine.unload_adapter
            )
        self._steps = 0
        self._peak_running = 0

    def serve(self, messages: list[ToHost]) -> NoReturn:
        """Obey, admit, step, for ever; `messages` came while the model was loading."""
        while True:
            self._take_in(messages)
            while not self._rendered.empty():
                self._admit_rendered(*self._rendered.get())
            may_step = bool(self._running) and not self._link.is_congested
            if may_step:
                self._step()
            messages = self._link.receive(wait=not may_step)

    def _take_in(self, messages: list[ToHost]) -> None:
        """Obey these and those that come meanwhile: a step between two requests of a burst delays all that follow."""
        end = time.monotonic() + _BURST_S
        while messages:
            for message in messages:
                self._obey(message)
            messages = self._link.receive(wait=False) if time.monotonic() < end else []

    def _obey(self, message: ToHost) -> None:
        match message:
            case Add():
                self._receive(message)
            case Abort(ids):
                self._abort(ids)
            case AskStats(serial):
                self._link.send(self._stats(serial))
            case Sleep(serial, is_asleep):
                self._engine.sleep(is_asleep=is_asleep)
                self._link.send(Slept(serial))
            case Stop():
                _leave(0)
            case Start():
                raise RuntimeError("a second Start frame: a host loads one model")

    def _step(self) -> None:
        outputs = self._engine.step()
        self._steps += 1
        # What began and ended within the step is in no count after it.
        self._peak_running = max(self._peak_running, self._engine.counts()[0], len(outputs))
        chunks = [(output.id, chunk) for output in outputs if (chunk := self._chunk(output)) is not None]
        if chunks:
            self._link.send(Outputs(chunks))
        for output in outputs:
            if output.finish_reason is not None:
                self._end(output.id)

    def _chunk(self, output: StepOutput) -> EngineChunk | None:
        """What the server is sent now."""
        running = self._running[output.id]
        is_first, running.is_announced = not running.is_announced, True
        chunk = EngineChunk(
            output.part.text,
            output.tokens,
            output.finish_reason,
            running.prompt_tokens if is_first else None,
            output.cached_tokens if is_first else 0,
            output.logprobs,
            output.part.reasoning,
            output.part.calls,
            result=output.result,
        )
        if is_first or not running.is_whole:
            return chunk
        running.kept.append(chunk)
        return None if output.finish_reason is None else joined(running.kept)

    # One request's way in

    def _receive(self, add: Add) -> None:
        is_short = count_characters(add) < _LONG_PROMPT_CHARACTERS
        if is_short and not any(message.pictures for message in add.messages or ()):
            self._admit(add, lambda: self._engine.render(add))
            return

        def pass_on(rendered: Future[Prompt]) -> None:
            self._rendered.put((add, rendered))
            self._link.wake()

        self._rendering[add.id] = rendering = self._long_prompts.submit(self._engine.render, add)
        rendering.add_done_callback(pass_on)

    def _admit_rendered(self, add: Add, rendered: Future[Prompt]) -> None:
        if self._rendering.pop(add.id, None) is not None:  # else aborted meanwhile
            self._admit(add, rendered.result)

    def _admit(self, add: Add, render: Callable[[], Prompt]) -> None:
        """Give the request to the engine, or hold it, or refuse it. Raises for nothing that a request can cause."""
        try:
            self._begin(add, render())
        except RequestRefused as exc:
            self._link.send(Refused(add.id, exc.kind, str(exc), exc.parameters))
        except AdapterRefused as exc:
            self._link.send(Refused(add.id, exc.kind, str(exc)))
        except self._engine.input_errors as exc:
            self._link.send(Refused(add.id, "input", str(exc.args[0] if exc.args else exc)))
        except Exception as exc:  # one request must not end the others; the trace is in the host's output
            traceback.print_exc()
            self._link.send(Refused(add.id, "internal", f"{type(exc).__name__}: {exc}"))

    def _begin(self, add: Add, prompt: Prompt) -> None:
        slot: Slot | None = None
        if add.adapter is not None:
            if self._slots is None:
                raise RequestRefused("lora_off", "this engine was started without LoRA")
            # Behind those that wait already: otherwise a busy adapter would keep the others out for ever.
            slot = None if self._held else self._slots.take(add.adapter)
            if slot is None:
                self._held[add.id] = (add, prompt)
                return
        try:
            self._engine.begin(add, prompt, slot)
        except BaseException:
            if slot is not None:
                slot.users -= 1
            raise
        self._running[add.id] = _Running(prompt.length, slot, is_whole=add.is_whole)

    # Its way out

    def _abort(self, ids: tuple[int, ...]) -> None:
        for id in ids:
            rendering = self._rendering.pop(id, None)
            if rendering is not None:
                rendering.cancel()  # unless the thread is at it, the work is spared
            self._held.pop(id, None)
        known = [id for id in ids if id in self._running]
        self._engine.abort(known)
        for id in known:
            self._end(id)
        self._admit_held()

    def _end(self, id: int) -> None:
        slot = self._running.pop(id).slot
        if slot is not None:
            slot.users -= 1
            self._admit_held()

    def _admit_held(self) -> None:
        held, self._held = self._held, {}
        for add, prompt in held.values():
            self._admit(add, partial(_unchanged, prompt))

    def _stats(self, serial: int) -> Stats:
        running, waiting = self._engine.counts()
        adapters = () if self._slots is None else self._slots.names
        held = len(self._rendering) + len(self._held)
        usage = self._engine.kv_cache_usage()
        return Stats(serial, running, waiting, self._peak_running, held, self._steps, adapters, usage)
