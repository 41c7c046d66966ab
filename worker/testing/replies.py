"""What tests answer calls of models with: one reply a call, in the words of the test."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar

import msgspec

from paddock.bindings.ai.engines.scripted import Call, Thought
from paddock.worker.testing.failures import error_for

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import EngineRequest, FinishReason
    from paddock.bindings.ai.engines.work import Result
    from paddock.worker.testing.aicalls import AiCall

__all__ = ["Answer", "Asked", "Reply", "Rule", "Script", "UnfitAnswer", "failing", "scripted", "streaming"]

_T = TypeVar("_T")
_R = TypeVar("_R")

#: What an answer may be given as: its text, an object with members of the model's own output, or a list: vectors,
#: scores, or labels with scores.
Answer: TypeAlias = "str | Mapping[str, Any] | Sequence[Any]"
_WORDS: Final = re.compile(r"\s*\S+|\s+$")
_SAID: Final = frozenset({"response", "reasoning", "tool_calls", "finish_reason"})
#: The members of an answer, by what the model does.
_MEMBERS: Final = (
    _SAID,
    frozenset({"data", "response", "shape", "pooling"}),
    frozenset({"text", "word_count", "words", "vtt", "segments", "transcription_info"}),
    frozenset({"translated_text"}),
    frozenset({"summary"}),
    frozenset({"description"}),
)


class UnfitAnswer(ValueError):
    """The answer cannot be one of the model that was called."""


class Asked(NamedTuple):
    """What a reply answers."""

    card: ModelCard
    call: AiCall
    request: EngineRequest


class Reply(NamedTuple):
    """One answer of a model: its pieces, a token each, or what its work comes to, or the error that the call fails
    with.
    """

    pieces: Sequence[str | Thought | Call | Exception] = ()
    error: Exception | None = None
    finish_reason: FinishReason = "stop"
    #: Seconds between two pieces.
    delay_s: float = 0.0
    #: Of work that is no generation.
    result: Result | None = None
    #: Makes the whole answer what the test gives, where an engine could not say it as exactly.
    settle: Callable[[object], object] | None = None


class Script(NamedTuple):
    """What a test says of one call. `make` raises UnfitAnswer."""

    make: Callable[[Asked], Reply]
    #: Words are no answer of a model that makes vectors or scores of what it reads.
    is_words: bool = False


class Rule:
    """Answers the calls that it matches: any number of them, or as many as `times` says."""

    def __init__(
        self,
        model: str,
        prompt: re.Pattern[str] | None,
        times: int | None,
        input: Callable[[dict[str, Any]], object] | None = None,
    ) -> None:
        self._model = model
        self._prompt = prompt
        self._times = times
        self._input = input
        self._script: Script | None = None
        #: Calls that it has answered.
        self.used = 0

    def reply(self, answer: Answer) -> Rule:
        """Answer with this text, object or list."""
        return self._answering(scripted(answer))

    def stream(self, pieces: Sequence[str], delay_s: float = 0.0) -> Rule:
        """Answer with these pieces, a token each."""
        return self._answering(streaming(pieces, delay_s))

    def fail(self, code: int = 3040, message: str = "", status: int | None = None) -> Rule:
        """Fail with an error of production's."""
        return self._answering(failing(code, message, status))

    def call(self, function: Callable[[AiCall], Answer]) -> Rule:
        """Answer with what the function makes of the call."""
        return self._answering(Script(lambda asked: scripted(self._told(function, asked.call)).make(asked)))

    def matches(self, call: AiCall) -> bool:
        """Whether it has an answer for this call. Raises UnfitAnswer where the test's own function fails."""
        is_left = self._script is not None and (self._times is None or self.used < self._times)
        is_asked = self._prompt is None or self._prompt.search(call.prompt) is not None
        is_for_it = is_left and is_asked and fnmatchcase(call.model, self._model)
        return is_for_it and (self._input is None or bool(self._told(self._input, call.inputs)))

    def script(self) -> Script:
        """What it says of a call that it matches."""
        assert self._script is not None
        self.used += 1
        return self._script

    @property
    def is_spent(self) -> bool:
        """Whether it has answered what it was made for."""
        return self.used >= (1 if self._times is None else self._times)

    @property
    def account(self) -> str:
        """What it has done, for a test that did not get from it what it was made for."""
        if self._script is None:
            return f"{self} has no answer: say .reply(...), .stream(...), .fail(...) or .call(...) of it"
        return f"{self} answered {self.used} calls"

    def _told(self, function: Callable[[_T], _R], about: _T) -> _R:
        try:
            return function(about)
        except Exception as error:  # of the test's own code
            raise UnfitAnswer(f"{self} raised {type(error).__name__}: {error}") from error

    def _answering(self, script: Script) -> Rule:
        self._script = script
        return self

    def __repr__(self) -> str:
        prompt = "" if self._prompt is None else f", prompt={self._prompt.pattern!r}"
        times = "" if self._times is None else f", times={self._times}"
        inputs = "" if self._input is None else f", input={getattr(self._input, '__name__', self._input)}"
        return f"ai.on(model={self._model!r}{prompt}{inputs}{times})"


def scripted(answer: Answer) -> Script:
    """The script of an answer. Raises TypeError or ValueError for what is the answer of no model."""
    if isinstance(answer, bytes | bytearray) or not isinstance(answer, str | Mapping | Sequence):
        raise TypeError(f"expected the text of an answer, an object or a list; got {type(answer).__name__}")
    if isinstance(answer, Mapping) and not any(answer.keys() <= members for members in _MEMBERS):
        known = "; ".join(", ".join(sorted(members)) for members in _MEMBERS)
        given = ", ".join(sorted(map(str, answer)))
        raise ValueError(f"answers have the members {known} (usage is counted); got {given}")
    rows = answer.get("data", answer.get("response")) if isinstance(answer, Mapping) else answer
    return Script(
        lambda asked: _fitting(answer, asked), is_words=isinstance(rows, str) or not isinstance(rows, Sequence)
    )


def streaming(pieces: Sequence[str], delay_s: float) -> Script:
    """The script of these pieces."""
    made = Reply(list(pieces), delay_s=delay_s)

    def make(asked: Asked) -> Reply:
        if asked.request.work is not None:
            raise UnfitAnswer("it comes in one piece: use reply, not stream")
        return made

    return Script(make, is_words=True)


def failing(code: int, message: str = "", status: int | None = None) -> Script:
    """The script of an error of production's. Raises ValueError for a number without words."""
    error_for(code, message, status)  # at once, and not in the middle of a call
    return Script(lambda asked: Reply(error=error_for(code, message, status, asked.card.name)))


def _fitting(answer: Answer, asked: Asked) -> Reply:
    try:
        return _reply(answer, asked)
    except (KeyError, TypeError, AttributeError) as error:  # parts that are missing, or of another kind
        raise UnfitAnswer(f"{type(error).__name__}: {error} in {answer!r}") from error


def _reply(answer: Answer, asked: Asked) -> Reply:
    if asked.request.work is not None:
        from paddock.worker.testing.workreplies import work_reply  # most tests have text alone

        return work_reply(answer, asked)
    if isinstance(answer, str):
        return Reply(_WORDS.findall(answer) or [""])
    if not isinstance(answer, Mapping) or not answer.keys() <= _SAID:
        got = ", ".join(sorted(answer)) if isinstance(answer, Mapping) else "a list"
        raise UnfitAnswer(f"expected its text, or an object with {', '.join(sorted(_SAID))}; got {got}")
    pieces: list[str | Thought | Call] = [Thought(text) for text in _WORDS.findall(answer.get("reasoning") or "")]
    response = answer.get("response")
    if response is not None:
        text = response if isinstance(response, str) else msgspec.json.encode(response).decode()
        pieces += _WORDS.findall(text)
    for called in answer.get("tool_calls") or ():
        pieces.append(Call(called["name"], dict(called.get("arguments") or {})))
    reason = answer.get("finish_reason", "tool_calls" if answer.get("tool_calls") else "stop")
    return Reply(pieces or [""], finish_reason="length" if reason == "length" else "stop")
