"""What can go wrong with models, on demand."""

from __future__ import annotations

import asyncio
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

from paddock.bindings.errors import EngineDead, EngineUnavailable
from paddock.worker.testing.clock import VirtualClock
from paddock.worker.testing.failures import QUEUE_FULL, error_for

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from paddock.bindings.ai.engines.protocol import EngineState
    from paddock.bindings.errors import PaddockError
    from paddock.worker.testing.ai import AiMode
    from paddock.worker.testing.replies import Reply
    from paddock.worker.testing.threads import Pending

__all__ = ["NO_WAITS", "Faults", "Waits"]

_State = Literal["cold", "loading", "warm", "failed"]
_CAPACITY: Final = 3040
_RATE: Final = 3021
_NEURONS: Final = 4006


class Waits(NamedTuple):
    """Seconds before the first token, and before each of the others, by the virtual clock."""

    ttft: float = 0.0
    per_token: float = 0.0


NO_WAITS: Final = Waits()


class _Failure:
    def __init__(self, model: str, error: Callable[[str], PaddockError], times: int | None) -> None:
        self.model = model
        #: Makes the error of a call of this model.
        self.error = error
        self.times = times


class Faults:
    """The part of the fixture `ai` that makes models fail, wait, load and break off.

    The words of the answers stay those of the mode: what is not made to fail is answered as always.
    """

    #: How models answer.
    mode: AiMode

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.waits = NO_WAITS
        self._failures: list[_Failure] = []
        self._cut_after: int | None = None
        self._states: list[tuple[str, EngineState]] = []
        self._waiting: list[Callable[[], object]] = []
        self._batches: Callable[[], Coroutine[Any, Any, None]] | None = None
        self._run: Callable[[Coroutine[Any, Any, None]], Pending[None]] | None = None

    def fail_next(
        self, count: int = 1, *, code: int = _CAPACITY, status: int | None = None, message: str = "", model: str = "*"
    ) -> None:
        """Have the next calls fail with an error of production's, then answer again. Raises as `fail`."""
        self._fail(model, count, code, message, status)

    def out_of_capacity(self, model: str = "*") -> None:
        """Have every call fail with 3040, as where capacity is lacking for a while, until `recover`."""
        self._fail(model, None, _CAPACITY)

    def queue_full(self, model: str = "*") -> None:
        """Have every call fail with 3040, as where the queue is full and there is nowhere else to go, until `recover`.

        Production has one number for both; this text is that of its docs, the other that of captured answers.
        """
        self._fail(model, None, _CAPACITY, QUEUE_FULL)

    def rate_limited(self, model: str = "*") -> None:
        """Have every call fail with 3021, too many in a minute, until `recover`."""
        self._fail(model, None, _RATE)

    def out_of_neurons(self) -> None:
        """Have every call fail with 4006, the end of the day's free allocation, until `recover`."""
        self._fail("*", None, _NEURONS)

    def recover(self) -> None:
        """Answer again, at once."""
        self._failures.clear()
        self._cut_after, self.waits = None, NO_WAITS
        self._enter("warm", "*")

    def cut_stream_after(self, pieces: int) -> None:
        """Break off the next answer when it has had so many pieces: a stream ends without its end.

        Of models whose answers have one piece, 0 fails the next one; another number waits for a model that writes more.
        """
        self._check_own_engines("cut_stream_after")
        self._cut_after = pieces

    def delay(self, *, ttft: float = 0.0, per_token: float = 0.0) -> None:
        """Have answers take their time by the virtual clock, which takes none: timeouts of the configuration are held
        to, and streams that wait for long have comment lines.
        """
        self._check_own_engines("delay")
        self.waits = Waits(ttft, per_token)

    def set_state(self, state: _State, model: str = "*") -> None:
        """Have models be cold (the next call loads them), loading (calls wait until they are warm), warm, or failed
        (calls try to load them, and fail).
        """
        if state not in get_args(_State):
            raise ValueError(f"expected one of {', '.join(get_args(_State))}; got {state!r}")
        self._check_own_engines("set_state")
        self._enter(state, model)

    def _enter(self, state: _State, model: str) -> None:
        self._states.insert(0, (model, state))
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def advance(self, seconds: float) -> Pending[None]:
        """Let time pass by the virtual clock: models that nobody has called for long go."""
        assert self._run is not None, "the fixture `ai` belongs to a worker"
        return self._run(self.clock.sleep(seconds))

    def batches_done(self) -> Pending[None]:
        """Have every batch that was accepted so far (`queueRequest`) answered: a poll finds its answers then."""
        assert self._run is not None and self._batches is not None, "the fixture `ai` belongs to a worker"
        return self._run(self._batches())

    def _check_own_engines(self, name: str) -> None:
        """Raise ValueError where answers are not made here: those can be made to fail, and nothing else."""
        if self.mode in ("vllm", "replay"):
            raise ValueError(
                f"ai.{name}: expected the mode fake or scripted; got {self.mode}, where calls can only fail"
            )

    def _fail(self, model: str, times: int | None, code: int, message: str = "", status: int | None = None) -> None:
        error_for(code, message, status)  # at once, and not in the middle of a call
        self._failures.append(_Failure(model, lambda called: error_for(code, message, status, called), times))

    # What the service asks

    def attach(self, run: Callable[[Coroutine[Any, Any, None]], Pending[None]]) -> None:
        """Have work done on the worker's loop by this function."""
        self._run = run

    def attach_batches(self, settled: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have this tell when all batches are answered."""
        self._batches = settled

    def fault(self, model: str) -> PaddockError | None:
        """The error that a call of this model has to fail with."""
        for failure in self._failures:
            if fnmatchcase(model, failure.model) and failure.times != 0:
                failure.times = None if failure.times is None else failure.times - 1
                return failure.error(model)
        return None

    def cut(self, reply: Reply) -> Reply:
        """The reply, broken off where it has to be."""
        if self._cut_after is None or reply.error is not None or (reply.result is not None and self._cut_after):
            return reply
        after, self._cut_after = self._cut_after, None
        broken = EngineDead("The stream was cut by the test (ai.cut_stream_after).")
        if reply.result is not None:
            return reply._replace(error=broken)
        return reply._replace(pieces=[*reply.pieces[:after], broken])

    def state_of(self, model: str) -> EngineState:
        """The state that the next call of a model meets."""
        return next((state for pattern, state in self._states if fnmatchcase(model, pattern)), "warm")

    async def load(self, model: str) -> None:
        """Make a model warm. Raises EngineUnavailable where the test wants it to fail; waits while it is loading."""
        loop = asyncio.get_running_loop()
        while (state := self.state_of(model)) == "loading":
            changed = loop.create_future()
            self._waiting.append(partial(loop.call_soon_threadsafe, _settle, changed))
            await changed
        if state == "failed":
            raise EngineUnavailable(f"{model} could not be loaded: the test says so (ai.set_state).")
        if state == "cold":
            self._states.insert(0, (model, "warm"))

    def unloaded(self, model: str) -> None:
        """Note that a model was unloaded."""
        self._states.insert(0, (model, "cold"))


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
