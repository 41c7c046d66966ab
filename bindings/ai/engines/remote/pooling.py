"""Texts to vectors and scores on vLLM's server: one request for all texts of a call.

Vectors by the server's own way of pooling come from `/v1/embeddings`. Where a call says how, the vectors of all tokens
are asked for (`/pooling`, on a server that was started for them) and pooled here: which way is a server's own, it does
not say.
"""

from __future__ import annotations

import base64
import math
from array import array
from typing import TYPE_CHECKING, Any, Final

import msgspec

from paddock.bindings.ai.engines.protocol import EngineChunk
from paddock.bindings.ai.engines.remote.rows import Usage, in_order
from paddock.bindings.ai.engines.work import Pooled
from paddock.bindings.errors import EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.work import Pooling

__all__ = ["Reading"]

_EMBEDDINGS: Final = "/v1/embeddings"
_TOKENS: Final = "/pooling"
_SCORES: Final = "/v1/score"


class _Row(msgspec.Struct):
    index: int
    embedding: str | None = None
    #: A vector for each token.
    data: list[list[float]] | None = None
    score: float | None = None


class _Answer(msgspec.Struct):
    data: list[_Row]
    usage: Usage = msgspec.field(default_factory=Usage)


class Reading:
    """Vectors of texts, and scores of pairs. As `asking.Asking`."""

    def __init__(self, work: Pooling) -> None:
        self._work = work
        if work.kind == "classify":
            self.path, self.deed = _SCORES, "score pairs of texts"
        else:
            self.path, self.deed = _EMBEDDINGS if work.pooling is None else _TOKENS, "embed texts"

    def body(self, model: str) -> bytes:
        """As `Asking.body`."""
        work = self._work
        body: dict[str, Any] = {"model": model}
        if work.is_truncated:
            body["truncate_prompt_tokens"] = -1  # to the model's own length
        if work.kind == "classify":
            return msgspec.json.encode(body | {"text_1": work.query, "text_2": work.texts})
        body["input"] = work.texts
        if work.pooling is None:
            return msgspec.json.encode(body | {"encoding_format": "base64"})
        return msgspec.json.encode(body | {"task": "token_embed", "use_activation": False})

    def read(self, content: bytes, url: str) -> EngineChunk:
        """As `Asking.read`."""
        try:
            answer = msgspec.json.decode(content, type=_Answer)
            rows = [_vector(row, self._work) for row in in_order(answer.data, len(self._work.texts), url)]
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            raise EngineUnavailable(f"{url} answers in another form than vLLM's server: {error}") from error
        columns = len(rows[0]) if rows else 0
        if any(len(row) != columns for row in rows):
            raise EngineUnavailable(f"{url} answers with rows of different lengths")
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
