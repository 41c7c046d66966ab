"""The server's end of one engine host's life: what is sent to it, what comes back, and how it ends for everybody."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from typing import TYPE_CHECKING, assert_never

from paddock.bindings.ai.engines.failures import closed_error, death_error, load_error, refusal_error
from paddock.bindings.ai.engines.frames import (
    Abort,
    Add,
    AskStats,
    Fatal,
    Outputs,
    Phase,
    Progress,
    Ready,
    Refused,
    Sleep,
    Slept,
    Start,
    Stats,
    Stop,
    ToHost,
    decode_from_host,
    encode,
)
from paddock.bindings.ai.engines.hostprocess import quote
from paddock.bindings.ai.engines.streams import Pace, Stream
from paddock.bindings.ai.engines.watchdog import Watchdog, processor_s
from paddock.bindings.errors import EngineDead, EngineUnavailable, InputError, RequestTooLarge
from paddock.worker.channel import Channel, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.ai.engines.hostprocess import HostProcess
    from paddock.bindings.ai.engines.protocol import EngineRequest
    from paddock.bindings.ai.engines.settings import EngineSettings

__all__ = ["HostConnection"]

logger = logging.getLogger(__name__)

#: How long a host may take to leave when it is told to; a step of a large model fits.
_STOP_S = 2.0
#: How long the frames of a dead host may take to be read.
_LAST_FRAMES_S = 0.5
#: What an integer of a request may be; more does not fit a frame, here or on the way back.
_INTEGERS = range(-(2**63), 2**63)


class HostConnection:
    """One host from its fork to its end. Never used again after that."""

    def __init__(self, process: HostProcess, settings: EngineSettings) -> None:
        self.process = process
        self.settings = settings
        #: Set when the load has ended, well or not; then either `ready` or `failure` is there, until `is_gone`.
        self.settled = asyncio.Event()
        self.ready: Ready | None = None
        self.failure: str | None = None
        self.is_closing = False
        self._began = time.monotonic()
        #: What the load is at, or ended at.
        self.phase: Phase = "fork"
        self._last_word: str | None = None
        self._streams: dict[int, Stream] = {}
        self._pace = Pace(asyncio.get_running_loop())
        #: Questions that the host has not answered yet.
        self._asked: dict[int, asyncio.Future[Stats | Slept]] = {}
        self._numbers = itertools.count(1)
        self._channel: Channel | None = None
        self._is_channel_closed = False
        self._deadline: asyncio.TimerHandle | None = None
        self._buried = asyncio.Event()
        self._watchdog = Watchdog(
            settings.stall_timeout_s,
            asyncio.get_running_loop(),
            owes=self._owes_an_answer,
            computed=lambda: None if process.pid is None else processor_s(process.pid),
            bite=self._give_up_host,
        )

    async def load(self) -> None:
        """Connect and send the settings. The rest arrives as frames."""
        loop = asyncio.get_running_loop()
        self._channel = await Channel.open(self.process.sock, self._on_payload, self._on_closed)
        self.process.gone.add_done_callback(self._on_exit)
        self._deadline = loop.call_later(self.settings.load_timeout_s, self._give_up_load)
        self._send(Start(self.settings))

    @property
    def is_gone(self) -> bool:
        """True when the process has ended and everybody was told."""
        return self._buried.is_set()

    @property
    def open_streams(self) -> int:
        """Generations that somebody reads."""
        return len(self._streams)

    def begin(self, request: EngineRequest) -> tuple[int, Stream]:
        """Send a request; its stream. Raises InputError for one that cannot travel, EngineDead if the host is gone."""
        if self.is_gone:
            raise self._death("ended before the call reached it", was_read=False)
        for name in ("max_tokens", "top_k", "seed"):
            value = getattr(request.sampling, name)
            if value is not None and value not in _INTEGERS:
                raise InputError(f"Error: {name}: expected an integer of 64 bits, got {value}")
        number = next(self._numbers)
        self._watchdog.watch()
        try:
            self._send(
                Add(
                    number,
                    request.sampling,
                    request.prompt,
                    request.messages,
                    request.adapter,
                    request.tool_use,
                    request.template_variables,
                    request.is_whole,
                    request.work,
                    request.is_patient,
                )
            )
        except WireError as exc:
            raise RequestTooLarge(f"The prompt does not fit the engine connection: {exc}") from exc
        stream = self._streams[number] = Stream(request, self._pace)
        stream.is_lost = self._is_channel_closed
        return number, stream

    def end(self, number: int) -> None:
        """Nobody reads this stream any more: abort it, unless it has ended."""
        stream = self._streams.pop(number, None)
        if stream is not None and not stream.ended:
            self._send(Abort((number,)))

    async def stats(self) -> Stats:
        """What the host counts now. Raises EngineDead."""
        answer = await self._ask(AskStats)
        assert isinstance(answer, Stats)
        return answer

    async def sleep(self, *, is_asleep: bool) -> None:
        """Take the weights off the device, or bring them back. Raises EngineDead."""
        await self._ask(lambda serial: Sleep(serial, is_asleep))

    async def _ask(self, question: Callable[[int], ToHost]) -> Stats | Slept:
        serial = next(self._numbers)
        answer: asyncio.Future[Stats | Slept] = asyncio.get_running_loop().create_future()
        self._watchdog.watch()
        self._asked[serial] = answer
        self._send(question(serial))
        try:
            return await answer
        finally:
            self._asked.pop(serial, None)

    async def close(self) -> None:
        """Stop, and kill what does not stop; returns when the process is gone."""
        self.is_closing = True
        if self.ready is None:
            self.process.kill()  # while it loads it reads nothing
        self._send(Stop())
        try:
            async with asyncio.timeout(_STOP_S):
                await self._buried.wait()
        except TimeoutError:
            logger.info("engine_kill model=%s pid=%s", self.settings.served_name, self.process.pid)
        finally:
            self.process.kill()
        await self._buried.wait()

    def _send(self, message: ToHost) -> None:
        if self._channel is not None:
            self._channel.send(encode(message))

    # What the host says

    def _on_payload(self, payload: bytes) -> None:
        message = decode_from_host(payload)
        self._watchdog.hear()
        match message:
            case Outputs(chunks):
                for number, chunk in chunks:
                    stream = self._streams.get(number)
                    if stream is not None:
                        stream.push(chunk)
                self._pace.step(len(self._streams))
            case Refused(number):
                stream = self._streams.get(number)
                if stream is not None:
                    stream.fail(refusal_error(message, stream.request, self.settings.served_name))
            case Stats(serial) | Slept(serial):
                answer = self._asked.get(serial)
                if answer is not None and not answer.done():
                    answer.set_result(message)
            case Progress(phase):
                self.phase = phase
                self._watchdog.watch()
                logger.debug("engine_progress model=%s phase=%s", self.settings.served_name, phase)
            case Ready():
                self._on_ready(message)
            case Fatal(text):
                self._last_word = text
            case _:
                assert_never(message)

    def _on_ready(self, ready: Ready) -> None:
        self.ready = ready
        self.process.pid = ready.pid
        phases = " ".join(f"{phase}={seconds:.2f}" for phase, seconds in ready.seconds.items())
        logger.info(
            "engine_ready model=%s pid=%s seconds=%.2f %s device=%s dtype=%s context=%d kv_tokens=%d vllm=%s",
            self.settings.served_name,
            self.process.pid,
            time.monotonic() - self._began,
            phases,
            ready.device,
            ready.dtype,
            ready.max_model_len,
            ready.kv_cache_tokens,
            ready.vllm,
        )
        self._settle()

    # How it ends

    def _give_up_load(self) -> None:
        self._last_word = f"no answer within {self.settings.load_timeout_s:g} s"
        self.process.kill()

    def _owes_an_answer(self) -> bool:
        # Native code that finds no memory for a thread can wait for that thread for ever: loads hang as well.
        is_loading = self.ready is None and self.phase != "fork"
        return is_loading or bool(self._asked) or any(not stream.ended for stream in self._streams.values())

    def _give_up_host(self) -> None:
        self._last_word = f"hangs: no answer and no work for {self.settings.stall_timeout_s:g} s"
        self.process.kill()

    def _on_closed(self) -> None:
        self._is_channel_closed = True
        self.process.kill()  # a host without its socket is of no use, and usually dead already
        self._bury()

    def _on_exit(self, _: asyncio.Future[str]) -> None:
        if self._channel is not None and not self._is_channel_closed:
            asyncio.get_running_loop().call_later(_LAST_FRAMES_S, self._channel.close)
        self._bury()

    def _bury(self) -> None:
        """Tell everybody who waits, once the process is gone and its last frame is read."""
        if self.is_gone or not (self._is_channel_closed and self.process.gone.done()):
            return
        self._buried.set()
        self._watchdog.stop()
        cause = self._last_word or f"ended with {self.process.gone.result()}"
        logger.info(
            'engine_exited model=%s pid=%s cause="%s" open=%d',
            self.settings.served_name,
            self.process.pid,
            "closed" if self.is_closing else cause,
            len(self._streams),
        )
        if self.ready is not None and not self.is_closing:
            logger.error("engine_died model=%s %s", self.settings.served_name, quote(self.process.last_lines))
        if self.ready is None:
            self.failure = "closed while loading" if self.is_closing else f"{cause} {quote(self.process.last_lines)}"
        for stream in self._streams.values():
            if not stream.ended:
                stream.fail(self._death(cause, was_read=self._was_read(stream)))
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(self._death(cause))
        self._settle()

    def _settle(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self.settled.set()

    def load_error(self) -> EngineUnavailable:
        """Why the load failed, as a new error."""
        return load_error(self.settings.served_name, self.phase, self.failure or "")

    def _was_read(self, stream: Stream) -> bool:
        """False for a request that the dead host may never have seen.

        When a process ends without having read all that it was sent, the kernel resets its connection. Which frames
        were left, it does not say: one that the host has read in the same instant counts as unread too.
        """
        has_unread = self._channel is not None and isinstance(self._channel.error, ConnectionError)
        return stream.has_begun or not (has_unread or stream.is_lost)

    def _death(self, cause: str, *, was_read: bool = True) -> EngineDead:
        if self.is_closing:
            return closed_error(self.settings.served_name)
        return death_error(self.settings.served_name, self.process.pid, cause, was_read=was_read)
