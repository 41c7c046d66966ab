"""Texts to vectors and scores on vLLM's server: one request for all texts of a call.

Vectors by the server's own way of pooling come from `/v1/embeddings`. Where a call says how, the vectors of all tokens
are asked for (`/pooling`, on a server that was started for them) and pooled here: which way is a server's own, it does
not say.
"""

from __future__ import annotations

import base64
import math
from array import array
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from paddock.bindings.ai.engines.protocol import EngineChunk
from paddock.bindings.ai.engines.work import Pooled, Pooling
from paddock.bindings.errors import EngineUnavailable, OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.work import Work

__all__ = ["Question", "question", "read_pooled"]

_EMBEDDINGS: Final = "/v1/embeddings"
_TOKENS: Final = "/pooling"
_SCORES: Final = "/v1/score"


class Question(NamedTuple):
    """What a server is asked."""

    path: str
    content: bytes


class _Row(msgspec.Struct):
    index: int
    embedding: str | None = None
    #: A vector for each token.
    data: list[list[float]] | None = None
    score: float | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0


class _Answer(msgspec.Struct):
    data: list[_Row]
    usage: _Usage = msgspec.field(default_factory=_Usage)


def question(work: Work, model: str) -> Question:
    """The request for this work. Raises OptionUnsupported for work that no server of vLLM's does as Paddock does it."""
    if not isinstance(work, Pooling):
        raise OptionUnsupported(
            f"{model}: servers on other machines write, embed and rerank texts, and do nothing else"
        )
    body: dict[str, Any] = {"model": model}
    if work.is_truncated:
        body["truncate_prompt_tokens"] = -1  # to the model's own length
    if work.kind == "classify":
        if work.query is None:
            raise OptionUnsupported(f"{model}: vLLM's server names the best label alone; run the model on this machine")
        return Question(_SCORES, msgspec.json.encode(body | {"text_1": work.query, "text_2": work.texts}))
    body["input"] = work.texts
    if work.pooling is None:
        return Question(_EMBEDDINGS, msgspec.json.encode(body | {"encoding_format": "base64"}))
    return Question(_TOKENS, msgspec.json.encode(body | {"task": "token_embed", "use_activation": False}))


def read_pooled(work: Pooling, content: bytes, url: str) -> EngineChunk:
    """The one chunk of an answer. Raises EngineUnavailable for an answer of another form."""
    try:
        answer = msgspec.json.decode(content, type=_Answer)
        rows = [_vector(row, work) for row in sorted(answer.data, key=lambda row: row.index)]
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise EngineUnavailable(f"{url} answers in another form than vLLM's server: {error}") from error
    columns = len(rows[0]) if rows else 0
    if len(rows) != len(work.texts) or any(len(row) != columns for row in rows):
        raise EngineUnavailable(f"{url} answers with {len(rows)} rows for {len(work.texts)} texts")
    data = b"".join(row.tobytes() for row in rows)
    return EngineChunk("", 0, "stop", answer.usage.prompt_tokens, result=Pooled(len(rows), columns, data))


def _vector(row: _Row, work: Pooling) -> array[float]:
    if row.score is not None:
        return array("f", [row.score])
    if row.data:
        return _unit(
            row.data[0] if work.pooling == "cls" else [math.fsum(column) for column in zip(*row.data, strict=True)]
        )
    numbers = array("f", base64.b64decode(row.embedding or "", validate=True))
    if not numbers:
        raise ValueError("a row has no numbers")
    return numbers


def _unit(numbers: Sequence[float]) -> array[float]:
    """The same direction with length 1; of a mean, the sum is as good."""
    length = math.sqrt(sum(number * number for number in numbers)) or 1.0
    return array("f", [number / length for number in numbers])
