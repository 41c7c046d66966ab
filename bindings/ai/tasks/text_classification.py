"""Text classification: a text judged by its labels, or contexts judged by a query (rerankers).

Which of the two a model does, its schema says.
Source: the model files of distilbert-sst-2-int8 and bge-reranker-base; WA-086, WA-087.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.engines.protocol import EngineRequest
from paddock.bindings.ai.engines.work import Pooled, Pooling
from paddock.bindings.ai.tasks.contract import NO_SAMPLING, Whole, finished
from paddock.bindings.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Adapter, EngineChunk
    from paddock.bindings.ai.tasks.contract import Dialect, Job

__all__ = ["Context", "Inputs", "TextClassification"]

#: Contexts of one call. Production publishes no bound.
_MOST_CONTEXTS: Final = 4096


class Context(msgspec.Struct):
    """A text that is judged by the query. The schema lets one without text through."""

    text: str


class Inputs(msgspec.Struct):
    """All inputs that Paddock reads; others are ignored, as production ignores them."""

    text: str | None = None
    query: str | None = None
    contexts: list[Context] | None = None
    top_k: int | None = None


class TextClassification:
    """Adapter of the task `Text Classification`."""

    runner: Final = "pooling"

    def prepare(self, card: ModelCard, inputs: Mapping[str, object], adapter: Adapter | None, dialect: Dialect) -> Job:
        """The job for checked inputs. Raises InputError for what the schema let through and no engine takes."""
        try:
            given = msgspec.convert(inputs, Inputs, strict=False)
        except msgspec.ValidationError as error:
            raise InputError(f"Error: {error}") from error
        if not card.declares_input("contexts"):
            if given.text is None:
                raise InputError("Error: text: expected a text; got none")
            return _Judged(EngineRequest(NO_SAMPLING, work=Pooling("classify", (given.text,)), is_whole=True))
        texts = tuple(context.text for context in given.contexts or ())
        if given.query is None or not 0 < len(texts) <= _MOST_CONTEXTS:
            raise InputError(f"Error: contexts: expected a query and 1 to {_MOST_CONTEXTS} contexts; got {len(texts)}")
        request = EngineRequest(NO_SAMPLING, work=Pooling("classify", texts, query=given.query), is_whole=True)
        return _Ranked(request, given.top_k)


class _Judged(Whole):
    """Every label of the model with its share of 1, in the order of the model's own list."""

    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> list[dict[str, object]]:
        """A bare array: `[{"label", "score"}]`."""
        pooled, _ = await finished(choices, Pooled)
        labels = pooled.labels or [f"LABEL_{number}" for number in range(pooled.columns)]
        scores = zip(labels, array("f", pooled.data), strict=True)
        return [{"label": label, "score": score} for label, score in scores]


class _Ranked(Whole):
    """Every context by its place, or the best of them."""

    def __init__(self, request: EngineRequest, top_k: int | None) -> None:
        super().__init__(request)
        self._top_k = top_k

    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> dict[str, object]:
        """`{"response": [{"id", "score"}]}`: best first where `top_k` is given, else in the order of the contexts."""
        pooled, _ = await finished(choices, Pooled)
        if pooled.columns != 1:
            raise InputError(f"Error: contexts: expected a model with one score for a pair; it has {pooled.columns}")
        rows: list[tuple[int, float]] = list(enumerate(array("f", pooled.data)))
        if self._top_k is not None:
            rows = sorted(rows, key=lambda row: -row[1])[: self._top_k]
        return {"response": [{"id": id, "score": score} for id, score in rows]}
