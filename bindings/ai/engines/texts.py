"""Texts to tokens, inside a host, for models that read."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from paddock.bindings.ai.engines.steploop import RequestRefused

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.work import Pooling

__all__ = ["encode_texts", "native_tokenizer"]


def native_tokenizer(tokenizer: Any) -> Any:
    """The tokenizer's native code without padding and truncation; None where it has none."""
    native: Any = copy.deepcopy(getattr(tokenizer, "backend_tokenizer", None))
    if native is not None:
        native.no_truncation()
        native.no_padding()
    return native


def encode_texts(tokenizer: Any, native: Any, work: Pooling, limit: int) -> list[list[int]]:
    """The tokens of each text, or of each pair of query and text; at most `limit` of them.

    A truncated text keeps its last token, which is the mark of its end. Raises RequestRefused for one that is too long.
    """
    texts = work.texts if work.query is None else [(work.query, text) for text in work.texts]
    if native is not None:
        encoded = [encoding.ids for encoding in native.encode_batch_fast(list(texts))]
    elif work.query is None:
        encoded = tokenizer(list(work.texts))["input_ids"]
    else:
        encoded = tokenizer([work.query] * len(work.texts), list(work.texts))["input_ids"]
    longest = max(map(len, encoded), default=0)
    if longest > limit and not work.is_truncated:
        raise RequestRefused("text", f"{longest} tokens", (longest, limit))
    return [tokens if len(tokens) <= limit else [*tokens[: limit - 1], tokens[-1]] for tokens in encoded]
