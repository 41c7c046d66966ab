"""Log probabilities in OpenAI's two forms. Source: OpenAI's API reference, chat and legacy completions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.protocol import TokenLogprob

__all__ = ["chat_logprobs", "text_logprobs"]


def chat_logprobs(tokens: Sequence[TokenLogprob], alternatives: int) -> dict[str, object]:
    """As in a chat choice: one object per token."""
    content = [
        _token(one.token, one.logprob) | {"top_logprobs": [_token(*pair) for pair in one.top[:alternatives]]}
        for one in tokens
    ]
    return {"content": content, "refusal": None}


def text_logprobs(tokens: Sequence[TokenLogprob], alternatives: int) -> dict[str, object]:
    """As in a text choice: lists side by side. Offsets count characters from the first of these tokens."""
    offsets = [0]
    for one in tokens:
        offsets.append(offsets[-1] + len(one.token))
    return {
        "tokens": [one.token for one in tokens],
        "token_logprobs": [one.logprob for one in tokens],
        "top_logprobs": [dict(one.top[:alternatives]) for one in tokens],
        "text_offset": offsets[:-1],
    }


def _token(token: str, logprob: float) -> dict[str, object]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}
