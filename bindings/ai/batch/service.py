"""Asynchronous batches: accepted with `queueRequest`, run beside other calls, fetched by their id.

Source: developer docs, "Asynchronous Batch API"; WA-133 to WA-136.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import msgspec

from paddock.bindings.errors import InputError, OptionUnsupported, PaddockError, RequestTooLarge, StateUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from paddock.bindings.ai.batch.store import Batch, BatchStore, Item
    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.clock import Clock

__all__ = ["MAX_BYTES", "Batches", "polled_id"]

logger = logging.getLogger(__name__)

#: Of a batch. Source: developer docs, "Asynchronous Batch API".
MAX_BYTES: Final = 10_000_000
#: Requests of batches that run at once: so many while nobody else calls, and one while somebody does, and for a second
#: more: whoever calls again and again leaves gaps, and what begins in a gap runs beside the next call.
_MOST: Final = 8
_MOST_BESIDE: Final = 1
_QUIET_S: Final = 1.0
#: A request that met a full queue or a model that does not start is tried again, so often and after so long.
_TRIES: Final = 5
_PAUSE_S: Final = 1.0
_P = ParamSpec("_P")
_T = TypeVar("_T")
_COUNTS: Final = ("prompt_tokens", "completion_tokens", "total_tokens")


def polled_id(inputs: object) -> object:
    """The id of a batch that inputs ask for, else None: no model has an input `request_id`."""
    return inputs["request_id"] if isinstance(inputs, dict) and set(inputs) == {"request_id"} else None


class Batches:
    """Accepts batches, runs them, and tells what they came to.

    `run` answers one request of a model; `quiet_s` tells for how long nobody has waited for an answer, by `clock`;
    `pause` waits for so many seconds before a request is tried again.
    """

    def __init__(
        self,
        store: BatchStore,
        run: Callable[[str, object], Awaitable[object]],
        quiet_s: Callable[[], float],
        clock: Callable[[], Clock],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._run_one = run
        self._quiet_s = quiet_s
        self._clock = clock
        self._pause = pause
        self._running = 0
        self._arrived = asyncio.Event()
        self._ended = asyncio.Event()
        self._answered = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._is_stuck = False

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Run what waits, from an earlier process as well, in this group until `close`."""
        self._runner = tasks.create_task(self._run())

    async def close(self) -> None:
        """Stop. What runs is queued again at the next start."""
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.wait([self._runner])
        self._store.close()

    async def enqueue(self, card: ModelCard, inputs: object) -> dict[str, object]:
        """Accept a batch. Raises OptionUnsupported, InputError, RequestTooLarge; nothing is accepted then."""
        if not card.takes_batches:
            raise OptionUnsupported(f"queueRequest: {card.name} takes no batches (its property async_queue is not set)")
        id = await asyncio.to_thread(self._accept, card, inputs)
        self._arrived.set()
        return {"status": "queued", "request_id": id, "model": card.name}

    async def settled(self) -> None:
        """Return when every request that is kept has been answered."""
        while True:
            self._answered.clear()
            if not await asyncio.to_thread(self._store.has_open):
                return
            await self._answered.wait()

    def _accept(self, card: ModelCard, inputs: object) -> str:
        requests = _requests(inputs)
        if len(msgspec.json.encode(inputs)) > MAX_BYTES:
            raise RequestTooLarge(f"Request is too large: a batch of at most {MAX_BYTES} bytes is allowed")
        if card.declares_input("requests"):
            card.schema.check(inputs)
        return self._store.add(card.name, requests)

    async def poll(self, card: ModelCard, id: object) -> dict[str, object]:
        """What a batch came to, or how far it is. Raises InputError for one that is not there."""
        batch = await asyncio.to_thread(self._store.find, card.name, id) if isinstance(id, str) else None
        if batch is None:
            raise InputError(f"Error: request_id: {card.name} has no batch {id!r}")
        if batch.status != "done":
            return {"status": batch.status, "request_id": id, "model": card.name}
        return await asyncio.to_thread(_answers, batch)

    async def _kept(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What the store does, in a thread, as often as it takes: a full disk ends neither the server nor a batch."""
        while True:
            doing = asyncio.get_running_loop().run_in_executor(None, partial(work, *args, **kwargs))
            try:
                done = await asyncio.shield(doing)
            except asyncio.CancelledError:
                await asyncio.wait([doing])  # whoever closes may count on it that nothing is written behind their back
                raise
            except StateUnavailable as error:
                if not self._is_stuck:
                    logger.error("batches_stuck %s Tried again until it works.", error)
                self._is_stuck = True
                await asyncio.sleep(_PAUSE_S)
            else:
                self._is_stuck = False
                return done

    async def _run(self) -> None:
        if again := await self._kept(self._store.recover):
            logger.warning("batches_recovered: %d requests had begun when the server ended, and run again.", again)
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._arrived.clear()
                await self._may_begin()
                item = await self._kept(self._store.take)
                if item is None:
                    await self._arrived.wait()
                    continue
                self._running += 1
                tasks.create_task(self._answer(item))

    async def _may_begin(self) -> None:
        """Return when one more may run: when one has ended, or when it has been quiet for long enough."""
        while True:
            left_s = _QUIET_S - self._quiet_s()
            if self._running < (_MOST if left_s <= 0 else _MOST_BESIDE):
                return
            self._ended.clear()
            timer = self._clock().call_later(max(left_s, 0.0), self._ended.set) if self._running < _MOST else None
            try:
                await self._ended.wait()
            finally:
                if timer is not None:
                    timer.cancel()

    async def _answer(self, item: Item) -> None:
        try:
            answer: dict[str, object] = {"result": await self._run_one(item.model, item.inputs), "success": True}
        except PaddockError as error:
            if error.retryable and item.starts < _TRIES:
                await self._pause(error.retry_after_s or _PAUSE_S)
                await self._kept(self._store.put_back, item.number)
                self._arrived.set()
                return
            errors = [{"code": error.internal_code, "message": str(error)}]
            answer = {"result": {}, "success": False, "errors": errors}
        except Exception as error:  # the server and the other requests go on
            logger.exception("batch_request_failed model=%s", item.model)
            errors = [{"code": PaddockError.internal_code, "message": f"{type(error).__name__}: {error}"}]
            answer = {"result": {}, "success": False, "errors": errors}
        finally:
            self._running -= 1
            self._ended.set()
        await self._kept(self._store.finish, item.number, answer)
        self._answered.set()


def _requests(inputs: object) -> list[tuple[str | None, object]]:
    """The (reference, inputs) of a batch. Raises InputError."""
    requests = inputs.get("requests") if isinstance(inputs, dict) else None
    if not isinstance(requests, list) or not requests:
        raise InputError("Error: requests: expected a list of inputs; queueRequest needs one")
    found: list[tuple[str | None, object]] = []
    for place, request in enumerate(requests):
        if not isinstance(request, dict):
            raise InputError(f"Error: requests[{place}]: expected inputs; got {type(request).__name__}")
        reference = request.get("external_reference")
        if reference is not None and not isinstance(reference, str):
            raise InputError(
                f"Error: requests[{place}].external_reference: expected a string; got {type(reference).__name__}"
            )
        if request.get("stream"):
            raise InputError(f"Error: requests[{place}].stream: a batch has no streams")
        found.append((reference, {name: value for name, value in request.items() if name != "external_reference"}))
    return found


def _answers(batch: Batch) -> dict[str, object]:
    """The answer to a poll. Of a request that was begun more than once, it says how often."""
    responses: list[dict[str, object]] = []
    usage = dict.fromkeys(_COUNTS, 0)
    for place, item in enumerate(batch.items):
        again = {"starts": item.starts} if item.starts > 1 else {}
        responses.append({"id": place, **item.answer, "external_reference": item.reference, **again})
        for name, count in _usage(item.answer.get("result")).items():
            usage[name] += count
    return {"responses": responses, "usage": usage}


def _usage(result: object) -> dict[str, int]:
    usage = result.get("usage") if isinstance(result, dict) else None
    return {name: usage[name] for name in _COUNTS if name in usage} if isinstance(usage, dict) else {}
