"""What tests answer calls of models with: one reply a call, in the words of the test."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from paddock.bindings.ai.engines.scripted import Call, Thought
from paddock.bindings.errors import EngineError, PaddockError

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.protocol import FinishReason
    from paddock.worker.testing.aicalls import AiCall

__all__ = ["Answer", "Reply", "Rule", "error_for", "reply_of"]

#: What an answer may be given as: its text, or an object with `response`, `reasoning` and `tool_calls`.
Answer: TypeAlias = "str | Mapping[str, Any]"
_WORDS: Final = re.compile(r"\s*\S+|\s+$")
_MEMBERS: Final = frozenset({"response", "reasoning", "tool_calls", "finish_reason"})
#: Where a test does not say a status. Source: error table of the developer docs.
_STATUSES: Final = {3007: 408, 3008: 408, 3036: 429, 3040: 429, 3041: 403, 3043: 500, 5004: 400, 5005: 405}


class Reply(NamedTuple):
    """One answer of a model: its pieces, a token each, or the error that the call fails with."""

    pieces: Sequence[str | Thought | Call | Exception]
    error: Exception | None = None
    finish_reason: FinishReason = "stop"
    #: Seconds between two pieces.
    delay_s: float = 0.0


class Rule:
    """Answers the calls that it matches: any number of them, or as many as `times` says."""

    def __init__(self, model: str, prompt: re.Pattern[str] | None, times: int | None) -> None:
        self._model = model
        self._prompt = prompt
        self._times = times
        self._answer: Callable[[AiCall], Reply] | None = None
        #: Calls that it has answered.
        self.used = 0

    def reply(self, answer: Answer) -> Rule:
        """Answer with this text or object."""
        made = reply_of(answer)
        return self._answering(lambda call: made)

    def stream(self, pieces: Sequence[str], delay_s: float = 0.0) -> Rule:
        """Answer with these pieces, a token each."""
        made = Reply(list(pieces), delay_s=delay_s)
        return self._answering(lambda call: made)

    def fail(self, code: int = 3040, message: str = "", status: int | None = None) -> Rule:
        """Fail with an error of production's."""
        made = Reply((), error_for(code, message, status))
        return self._answering(lambda call: made)

    def call(self, function: Callable[[AiCall], Answer]) -> Rule:
        """Answer with what the function makes of the call."""
        return self._answering(lambda call: reply_of(function(call)))

    def matches(self, call: AiCall) -> bool:
        """Whether it has an answer for this call."""
        is_left = self._answer is not None and (self._times is None or self.used < self._times)
        is_asked = self._prompt is None or self._prompt.search(call.prompt) is not None
        return is_left and is_asked and fnmatchcase(call.model, self._model)

    def answer(self, call: AiCall) -> Reply:
        """Its answer to a call that it matches."""
        assert self._answer is not None
        self.used += 1
        return self._answer(call)

    @property
    def is_spent(self) -> bool:
        """Whether it has answered what it was made for."""
        return self.used >= (1 if self._times is None else self._times)

    def _answering(self, answer: Callable[[AiCall], Reply]) -> Rule:
        self._answer = answer
        return self

    def __repr__(self) -> str:
        prompt = "" if self._prompt is None else f", prompt={self._prompt.pattern!r}"
        times = "" if self._times is None else f", times={self._times}"
        return f"ai.on(model={self._model!r}{prompt}{times})"


def reply_of(answer: Answer) -> Reply:
    """The reply that an answer stands for. Raises TypeError or ValueError for what is none."""
    if isinstance(answer, str):
        return Reply(_WORDS.findall(answer) or [""])
    if not isinstance(answer, Mapping):
        raise TypeError(f"expected the text of an answer or an object with `response`; got {type(answer).__name__}")
    if unknown := answer.keys() - _MEMBERS:
        known = ", ".join(sorted(_MEMBERS))
        raise ValueError(f"an answer has the members {known}; got {', '.join(sorted(unknown))} (usage is counted)")
    pieces: list[str | Thought | Call] = [Thought(text) for text in _WORDS.findall(answer.get("reasoning") or "")]
    response = answer.get("response")
    if response is not None:
        text = response if isinstance(response, str) else msgspec.json.encode(response).decode()
        pieces += _WORDS.findall(text)
    for called in answer.get("tool_calls") or ():
        pieces.append(Call(called["name"], dict(called.get("arguments") or {})))
    reason = answer.get("finish_reason", "tool_calls" if answer.get("tool_calls") else "stop")
    return Reply(pieces or [""], finish_reason="length" if reason == "length" else "stop")


def error_for(code: int, message: str = "", status: int | None = None) -> PaddockError:
    """The error of a number of production's (3040: out of capacity), with its own words unless a message is given."""
    kind = next((kind for kind in _children(PaddockError) if kind.internal_code == code and code != 1000), EngineError)
    error: PaddockError
    try:
        error = kind(*((message,) if message or kind is EngineError else ()))
    except TypeError:  # one that has its own words, or that needs to be told what for
        error = EngineError(message or kind.__doc__ or f"Error {code}")
        error.label = kind.label  # type: ignore[misc]  # of this one error
    error.internal_code = code  # type: ignore[misc]  # as above
    error.status = status or (kind.status if kind is not EngineError else _STATUSES.get(code, 500))  # type: ignore[misc]  # as above
    return error


def _children(kind: type[PaddockError]) -> list[type[PaddockError]]:
    return [found for child in kind.__subclasses__() for found in (child, *_children(child))]
