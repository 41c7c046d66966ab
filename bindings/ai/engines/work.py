"""Work for a model that is no conversation: what goes in, and what comes out of it."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Pooled", "Pooling", "PoolingType", "Result", "Work"]

#: How the vectors of a text's tokens become one: their mean, or that of the first token.
PoolingType = Literal["mean", "cls"]


class Pooling(msgspec.Struct, frozen=True, tag="pooling", omit_defaults=True):
    """Texts to read, all in one batch: `embed` wants a vector of unit length for each, `classify` the scores of labels.

    A text that is longer than the model reads is refused, unless it is to be truncated.
    """

    kind: Literal["embed", "classify"]
    texts: tuple[str, ...]
    #: With a query, each text is read together with it, as a pair.
    query: str | None = None
    #: None is the checkpoint's own.
    pooling: PoolingType | None = None
    is_truncated: bool = False
    #: How many numbers the model's vectors have by its file: for engines that make vectors up.
    dimensions: int | None = None

    @property
    def characters(self) -> int:
        """The length of everything that is to be read."""
        return sum(map(len, self.texts)) + len(self.query or "") * len(self.texts)


class Pooled(msgspec.Struct, frozen=True, tag="pooled", array_like=True):
    """Vectors or scores: `data` is [rows, columns] float32, little endian; row order = order of the texts."""

    rows: int
    columns: int
    data: bytes
    #: Names of the columns, where the checkpoint has some.
    labels: tuple[str, ...] = ()
    #: The longest text, in tokens.
    longest: int = 0


#: What `EngineRequest.work` may be, and `EngineChunk.result`.
Work = Pooling
Result = Pooled
