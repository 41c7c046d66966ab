"""The AI service: one way through it, whatever door a call came in by."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from paddock.bindings.ai.batch.service import Batches
from paddock.bindings.ai.batch.store import BatchStore
from paddock.bindings.ai.engines.policy import parse_keep_alive
from paddock.bindings.ai.engines.work import Heard
from paddock.bindings.ai.finetunes.service import Finetunes
from paddock.bindings.ai.finetunes.store import FinetuneStore
from paddock.bindings.ai.gateway import GatewayLog
from paddock.bindings.ai.markdown.service import MarkdownService
from paddock.bindings.ai.patience import primed
from paddock.bindings.ai.price import token_price
from paddock.bindings.ai.tasks import TASKS, task_of
from paddock.bindings.ai.weights import resolve_adapter
from paddock.bindings.binding import CallRecord
from paddock.bindings.errors import EngineError, InputError, OptionUnsupported, PaddockError, TaskUnsupported

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.catalog import Catalog
    from paddock.bindings.ai.engines.pool import EnginePool
    from paddock.bindings.ai.engines.protocol import Adapter, EngineChunk
    from paddock.bindings.ai.tasks.contract import Dialect, Task
    from paddock.bindings.binding import Headers
    from paddock.bindings.state import StateFolder
    from paddock.worker.channel import ByteSource

__all__ = ["AiService", "RunResult"]

#: Values in the inputs; a check of that many takes about a tenth of a second.
_MANY: Final = 10_000


class RunResult(NamedTuple):
    """An answer: a value ready for JSON, or a stream of event bytes whose first piece is already made."""

    output: object
    events: ByteSource | None
    #: What Paddock says about the answer: the model's state when the call came, and the weights that gave it.
    headers: Headers


class AiService:
    """Runs models. `adapters` maps model id to the LoRA folders that the configuration names, `state` keeps finetunes
    and batches; `on_end` gets the record of each call that reached an engine, when it has ended.
    """

    def __init__(
        self,
        catalog: Catalog,
        engines: EnginePool,
        adapters: Mapping[str, Mapping[str, str]] | None = None,
        on_end: Callable[[CallRecord], None] | None = None,
        state: StateFolder | None = None,
    ) -> None:
        self.catalog = catalog
        self.engines = engines
        self._adapters = adapters or {}
        self._finetunes = self._batches = None
        if state is not None:
            self._finetunes = Finetunes(FinetuneStore(state), lambda model: self.catalog.card(model), engines.weights)
            self._batches = Batches(
                BatchStore(state), self._run_of_batch, lambda: engines.quiet_s, lambda: engines.clock
            )
        self.gateway_log = GatewayLog()
        self.markdown = MarkdownService()
        self._on_end = on_end

    def renew(self, catalog: Catalog, adapters: Mapping[str, Mapping[str, str]]) -> None:
        """Serve these models from now on. Calls that run go on as they began."""
        self.catalog, self._adapters = catalog, adapters

    async def run(
        self,
        model: str,
        inputs: object,
        calls: list[CallRecord],
        dialect: Dialect = "native",
        keep_alive: object = None,
        *,
        is_patient: bool = False,
    ) -> RunResult:
        """Answer one call, in the shapes of `dialect`. Its record is appended to `calls` and filled in as it proceeds.

        `keep_alive` says how long the model stays after it, as `policy.parse_keep_alive` reads it; `is_patient`, that
        nobody waits for it, as nobody does for the requests of a batch.
        Returns when the first piece of the answer is there, so that every refusal still has its own status.
        Raises ModelNotFound, InputError and its children, TaskUnsupported, WeightsMissing, EngineError.
        """
        record = CallRecord(model)
        calls.append(record)
        try:
            return await self._run(record, inputs, dialect, _seconds(keep_alive), is_patient=is_patient)
        except PaddockError as error:
            record.outcome = error.code
            raise

    @property
    def finetunes(self) -> Finetunes:
        """The finetunes of this project. Raises OptionUnsupported for a service that keeps nothing."""
        if self._finetunes is None:
            raise OptionUnsupported("finetunes: this service was made without a place to keep them")
        return self._finetunes

    @property
    def batches(self) -> Batches:
        """The asynchronous batches of this project. Raises OptionUnsupported for a service that keeps nothing."""
        if self._batches is None:
            raise OptionUnsupported("queueRequest: this service was made without a place to keep batches")
        return self._batches

    def runnable(self, model: str) -> ModelCard:
        """The card of a model that can be run here. Raises ModelNotFound, TaskUnsupported."""
        card = self.catalog.card(model)
        _task(card)
        return card

    async def _run_of_batch(self, model: str, inputs: object) -> object:
        return (await self.run(model, inputs, [], is_patient=True)).output

    async def _run(
        self, record: CallRecord, inputs: object, dialect: Dialect, keep_alive_s: float | None, *, is_patient: bool
    ) -> RunResult:
        card = self.catalog.card(record.model)
        record.task = card.task.name if card.task else ""
        task = _task(card)
        checked = await _checked(card, inputs)
        record.price = token_price(card)
        serving = self.engines.serving(card)
        job = task.prepare(card, checked, await self._adapter(card, checked), dialect)
        headers = (("paddock-weights", serving.weights.kind), ("paddock-model-state", serving.state))
        on_end = _after(len(job.requests), self._on_end)
        requests = [msgspec.structs.replace(request, is_patient=is_patient) for request in job.requests]
        choices = [_recorded(serving.life.generate(request, keep_alive_s), record, on_end) for request in requests]
        if job.requests[0].is_whole:
            output = await job.collect(choices)
            return RunResult(output, None, (*headers, *_cost_headers(record)))
        return RunResult(None, await primed(job.stream(choices), self.engines.clock), headers)

    async def _adapter(self, card: ModelCard, inputs: Mapping[str, object]) -> Adapter | None:
        if inputs.get("lora") is None:
            return None
        name = str(inputs["lora"])
        configured, weights = self._adapters.get(card.name, {}), self.engines.weights(card)
        is_settled = name in configured or not card.takes_lora
        uploaded = None
        if self._finetunes is not None and not is_settled:
            uploaded = await asyncio.to_thread(self._finetunes.adapter, card, name, weights)
        return uploaded or resolve_adapter(card, name, configured, weights)


async def _checked(card: ModelCard, inputs: object) -> dict[str, object]:
    """Inputs that fit the model's schema. Those that take seconds to look through do not take them from everybody.

    Bytes stand for the array of numbers that the schema declares, and stay bytes.
    """
    if isinstance(inputs, dict) and (
        files := {name: value for name, value in inputs.items() if isinstance(value, bytes)}
    ):
        return card.schema.check(inputs | {name: [] for name in files}) | files
    if _has_at_most(_MANY, inputs):
        return card.schema.check(inputs)
    return await asyncio.to_thread(card.schema.check, inputs)


def _has_at_most(most: int, inputs: object) -> bool:
    """True when there are no more values than that in the inputs, as deep as messages have parts."""
    level = [inputs]
    for _ in range(4):
        nodes = [value for value in level if isinstance(value, dict | list)]
        most -= sum(map(len, nodes))
        if most < 0:
            return False
        level = [inner for node in nodes for inner in (node.values() if isinstance(node, dict) else node)]
    return True


def _seconds(keep_alive: object) -> float | None:
    """Raises InputError for what is no duration."""
    if keep_alive is None:
        return None
    if isinstance(keep_alive, bool) or not isinstance(keep_alive, int | float | str):
        raise InputError(f"Error: keep_alive: expected seconds or a duration; got {type(keep_alive).__name__}")
    try:
        return parse_keep_alive(keep_alive)
    except ValueError as error:
        raise InputError(f"Error: keep_alive: {error}") from error


def _task(card: ModelCard) -> Task:
    task = task_of(card)
    if task is None:
        name = card.task.name if card.task else ""
        served = f"Paddock runs {', '.join(sorted(TASKS))} so far"
        raise TaskUnsupported(f"{card.name} is a model for {name or 'an unnamed task'}: {served}")
    return task


def _cost_headers(record: CallRecord) -> Headers:
    """`cf-ai-neurons`, as production's answers have it. A stream's head leaves before its cost is known."""
    return () if record.cost is None else (("cf-ai-neurons", f"{record.cost.neurons:.6f}"),)


def _after(choices: int, on_end: Callable[[CallRecord], None] | None) -> Callable[[CallRecord], None]:
    """`on_end` for a call of several choices: called once, when the last of them has ended."""
    left = choices

    def ended(record: CallRecord) -> None:
        nonlocal left
        left -= 1
        if left == 0 and on_end is not None:
            on_end(record)

    return ended


async def _recorded(
    chunks: AsyncGenerator[EngineChunk, None], record: CallRecord, on_end: Callable[[CallRecord], None]
) -> AsyncGenerator[EngineChunk, None]:
    """The same chunks; counts and times go into the record, and the record to `on_end`."""
    started = time.monotonic()
    record.outcome = "aborted"
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                if record.ttft_s is None:
                    record.ttft_s = time.monotonic() - started
                record.prompt_tokens = chunk.prompt_tokens or record.prompt_tokens
                record.completion_tokens += chunk.tokens
                if chunk.finish_reason == "error":
                    raise EngineError("The engine gave this answer up: it ended with the finish reason `error`.")
                record.cached_tokens = chunk.cached_tokens or record.cached_tokens
                record.audio_s += chunk.result.duration_s if isinstance(chunk.result, Heard) else 0.0
                if chunk.finish_reason is not None:
                    record.finish_reason = chunk.finish_reason
                    record.outcome = "ok"
                yield chunk
    except PaddockError as error:
        record.outcome = error.code
        raise
    finally:
        record.duration_s = time.monotonic() - started
        on_end(record)
