"""The adapter of text embeddings: one batch for the engine, and the three shapes of an answer.

Source: the output schemas of the model files; OpenAI's API reference for `/embeddings`; WA-082 to WA-085, WA-128.
"""

from __future__ import annotations

import base64
from array import array
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.engines.protocol import EngineRequest
from paddock.bindings.ai.engines.work import Pooled, Pooling
from paddock.bindings.ai.tasks.contract import NO_SAMPLING, Whole, finished
from paddock.bindings.ai.tasks.text_embeddings.inputs import texts_of, typed
from paddock.bindings.errors import OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Adapter, EngineChunk
    from paddock.bindings.ai.engines.work import PoolingType
    from paddock.bindings.ai.tasks.contract import Dialect, Job
    from paddock.bindings.ai.tasks.text_embeddings.inputs import Texts

__all__ = ["TextEmbeddings"]

_NO_DIMENSIONS: Final = "dimensions: the vectors of {} have one length, {}; leave it out"


class TextEmbeddings:
    """Adapter of the task `Text Embeddings`."""

    runner: Final = "pooling"

    def prepare(self, card: ModelCard, inputs: Mapping[str, object], adapter: Adapter | None, dialect: Dialect) -> Job:
        """The job for checked inputs. Raises InputError for what the schema let through and no engine takes."""
        given = typed(inputs)
        size = card.paddock.dimensions if card.paddock else None
        if given.dimensions not in (None, size):
            raise OptionUnsupported(_NO_DIMENSIONS.format(card.name, size or "which its checkpoint tells"))
        texts = texts_of(card, given)
        pooling = (given.pooling if card.declares_input("pooling") else None) or _own_pooling(card)
        work = Pooling("embed", texts.texts, pooling=pooling, is_truncated=bool(given.truncate_inputs), dimensions=size)
        request = EngineRequest(NO_SAMPLING, work=work, adapter=adapter, is_whole=True)
        if dialect == "native":
            return _Native(request, texts, pooling if card.declares_output("pooling") else None)
        return _OpenAI(request, card.name, is_base64=given.encoding_format == "base64")


def _own_pooling(card: ModelCard) -> PoolingType | None:
    return card.paddock.pooling if card.paddock else None


class _Native(Whole):
    """The answer as the model's output schema has it."""

    def __init__(self, request: EngineRequest, texts: Texts, pooling: str | None) -> None:
        super().__init__(request)
        self._form = texts.form
        self._pooling = pooling

    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> dict[str, object]:
        """`shape` and `data` (or `response`), with `pooling` where the model's file has it; or scores."""
        pooled, _ = await finished(choices, Pooled)
        vectors = _rows(pooled)
        if self._form == "scores":
            query, *contexts = vectors
            return {"response": [{"id": id, "score": _dot(query, vector)} for id, vector in enumerate(contexts)]}
        body: dict[str, object] = {"shape": [pooled.rows, pooled.columns], self._form: vectors}
        return body if self._pooling is None else body | {"pooling": self._pooling}


class _OpenAI(Whole):
    """The answer as OpenAI's API has it."""

    def __init__(self, request: EngineRequest, model: str, *, is_base64: bool) -> None:
        super().__init__(request)
        self._model = model
        self._is_base64 = is_base64

    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> dict[str, object]:
        """A list of embeddings: numbers, or the bytes of float32 numbers in base64."""
        pooled, prompt_tokens = await finished(choices, Pooled)
        size = 4 * pooled.columns
        vectors: list[object]
        if self._is_base64:
            pieces = (pooled.data[start : start + size] for start in range(0, len(pooled.data), size))
            vectors = [base64.b64encode(piece).decode() for piece in pieces]
        else:
            vectors = [*_rows(pooled)]
        return {
            "object": "list",
            "data": [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)],
            "model": self._model,
            "usage": {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens},
        }


def _rows(pooled: Pooled) -> list[list[float]]:
    numbers = array("f", pooled.data).tolist()
    return [numbers[start : start + pooled.columns] for start in range(0, len(numbers), pooled.columns)]


def _dot(one: list[float], other: list[float]) -> float:
    """The cosine of two vectors of unit length."""
    return sum(left * right for left, right in zip(one, other, strict=True))
