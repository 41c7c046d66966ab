"""The events of one answer, chat or completion, as chunks of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from paddock.bindings.ai.engines.protocol import CallDelta, EngineChunk, TokenLogprob
from paddock.bindings.ai.engines.remote.refusals import ServerLost, parse_error

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.protocol import FinishReason

__all__ = ["Answer"]

_FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "abort": "abort",
    "tool_calls": "stop",
    "function_call": "stop",
    "content_filter": "stop",
}


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _Details | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int = 0
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning: str | None = None
    #: Its name before vLLM 0.12, and on other servers.
    reasoning_content: str | None = None
    tool_calls: list[_Call] | None = None


class _Token(msgspec.Struct):
    token: str
    logprob: float
    top_logprobs: list[_Token] | None = None


class _Logprobs(msgspec.Struct):
    #: Of chats.
    content: list[_Token] | None = None
    #: Of completions: three lists, one entry for each token.
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    text: str | None = None
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None
    #: `error`, in the errors of older servers.
    object: str = ""


_DECODER: Final = msgspec.json.Decoder(_Event)


class Answer:
    """Collects events; `take` gives what came since, `last` the end. The last chunk waits for the final counts."""

    def __init__(self) -> None:
        #: As the server counts; None until it says so.
        self.prompt_tokens: int | None = None
        self.finish_reason: FinishReason | None = None
        #: Output tokens so far.
        self._seen = 0
        self._told = 0
        self._has_told_prompt = False
        self._cached_tokens = 0
        self._named: set[int] = set()
        self._clear()

    @property
    def has_told(self) -> bool:
        """A chunk was taken."""
        return self._told > 0 or self._has_told_prompt

    def add(self, data: bytes) -> None:
        """Take one event. Raises ServerError for an error, and ServerLost for what is no event of such a stream."""
        try:
            event = _DECODER.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ServerLost(f"an event that is none of OpenAI's API ({error})") from error
        if event.error is not None or event.object == "error":
            raise parse_error(200, data)
        for choice in event.choices:
            self._add_choice(choice)
        if event.usage is not None:
            self._count(event.usage)
        elif event.choices and self._is_new(event.choices[0]):
            # A server that counts at the end only: an event is taken for a token until then.
            self._seen += 1

    def take(self) -> EngineChunk | None:
        """What came since the last time; None when that is nothing, or belongs to the last chunk."""
        has_more = self._text or self._reasoning or self._calls or self._logprobs or self._seen > self._told
        return None if self.finish_reason is not None or not has_more else self._chunk(None)

    def last(self) -> EngineChunk:
        """The last chunk. Only when `finish_reason` is set."""
        return self._chunk(self.finish_reason)

    def _chunk(self, finish_reason: FinishReason | None) -> EngineChunk:
        prompt_tokens = None if self._has_told_prompt else self.prompt_tokens
        self._has_told_prompt = self.prompt_tokens is not None
        tokens, self._told = max(0, self._seen - self._told), max(self._seen, self._told)
        chunk = EngineChunk(
            "".join(self._text),
            tokens,
            finish_reason,
            prompt_tokens,
            self._cached_tokens,
            tuple(self._logprobs),
            "".join(self._reasoning),
            tuple(self._calls),
        )
        self._clear()
        self._cached_tokens = 0
        return chunk

    def _clear(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[CallDelta] = []
        self._logprobs: list[TokenLogprob] = []

    def _add_choice(self, choice: _Choice) -> None:
        if choice.text:
            self._text.append(choice.text)
        if choice.delta is not None:
            self._add_delta(choice.delta)
        if choice.logprobs is not None:
            self._logprobs += _chat_logprobs(choice.logprobs) or _completion_logprobs(choice.logprobs)
        if choice.finish_reason is not None:
            self.finish_reason = _FINISH_REASONS.get(choice.finish_reason, "error")

    def _add_delta(self, delta: _Delta) -> None:
        if delta.content:
            self._text.append(delta.content)
        if thought := delta.reasoning or delta.reasoning_content:
            self._reasoning.append(thought)
        for call in delta.tool_calls or ():
            function = call.function or _Function()
            name = None if call.index in self._named else function.name
            if name is not None:
                self._named.add(call.index)
            if name is not None or function.arguments:
                self._calls.append(CallDelta(call.index, name, function.arguments or ""))

    def _count(self, usage: _Usage) -> None:
        self.prompt_tokens = usage.prompt_tokens
        self._seen = usage.completion_tokens or 0
        if usage.prompt_tokens_details is not None:
            self._cached_tokens = usage.prompt_tokens_details.cached_tokens or 0

    @staticmethod
    def _is_new(choice: _Choice) -> bool:
        delta = choice.delta or _Delta()
        return bool(choice.text or delta.content or delta.reasoning or delta.reasoning_content or delta.tool_calls)


def _chat_logprobs(logprobs: _Logprobs) -> list[TokenLogprob]:
    return [
        _with_drawn(token.token, token.logprob, [(top.token, top.logprob) for top in token.top_logprobs or ()])
        for token in logprobs.content or ()
    ]


def _completion_logprobs(logprobs: _Logprobs) -> list[TokenLogprob]:
    tokens = logprobs.tokens or []
    values = logprobs.token_logprobs or [None] * len(tokens)
    tops = logprobs.top_logprobs or [None] * len(tokens)
    return [
        _with_drawn(token, 0.0 if value is None else value, list((top or {}).items()))
        for token, value, top in zip(tokens, values, tops, strict=False)
    ]


def _with_drawn(token: str, logprob: float, top: list[tuple[str, float]]) -> TokenLogprob:
    """The likeliest first, the drawn one among them."""
    if token not in (name for name, _ in top):
        top = [*top, (token, logprob)]
    return TokenLogprob(token, logprob, tuple(sorted(top, key=lambda entry: -entry[1])))
