"""The chat-completion shape: OpenAI's objects, of newer models everywhere and of all models on the OpenAI door."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Literal

import msgspec

from paddock.bindings.ai import sse
from paddock.bindings.ai.tasks.text_generation.answer import Bundle, Usage, gathered
from paddock.bindings.ai.tasks.text_generation.calls import Calls
from paddock.bindings.ai.tasks.text_generation.logprobs import chat_logprobs, text_logprobs
from paddock.bindings.ai.tasks.text_generation.structure import check_document

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest, FinishReason, TokenLogprob

__all__ = ["ChatJob", "ChatOptions"]


class ChatOptions(msgspec.Struct, frozen=True):
    """What the frames of a chat answer depend on."""

    model: str
    #: `chat` for messages, `text` for a prompt.
    kind: Literal["chat", "text"]
    #: How many alternatives to show per token; None shows no log probabilities.
    alternatives: int | None
    #: A chunk of token counts, with no choices, near the end of a stream.
    has_usage_chunk: bool
    #: The native usage frame of `/ai/run`, which OpenAI's own clients do not expect.
    has_native_frames: bool
    #: The padding of `/ai/run`, of which the same is true.
    is_padded: bool
    #: The name of the member that holds what the model thinks.
    reasoning_name: str = "reasoning_content"
    #: The caller offered `functions`, and is answered with `function_call`.
    is_legacy: bool = False


class ChatJob:
    """One answer in the chat-completion shape, of as many choices as there are requests."""

    def __init__(self, requests: Sequence[EngineRequest], options: ChatOptions) -> None:
        self.requests = requests
        self._options = options
        self._is_json = requests[0].sampling.json_schema is not None
        self._is_chat = options.kind == "chat"
        self._id = f"{'chatcmpl' if self._is_chat else 'cmpl'}-{uuid.uuid4().hex}"
        self._created = int(time.time())

    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> dict[str, object]:
        """The whole answer: `chat.completion`, or `text_completion` for a prompt."""
        usage = Usage()
        try:
            async with asyncio.TaskGroup() as tasks:
                made = [tasks.create_task(self._choice(i, chunks, usage)) for i, chunks in enumerate(choices)]
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group  # one choice failed, and the others were stopped for it
        body = self._head("chat.completion" if self._is_chat else "text_completion")
        return body | {"choices": [task.result() for task in made], "usage": usage.detailed(), "prompt_logprobs": None}

    async def stream(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent events, choice after choice: their order among each other is not promised."""
        usage, bundle = Usage(), Bundle()
        async with AsyncExitStack() as open_choices:
            for chunks in choices:
                await open_choices.enter_async_context(aclosing(chunks))
            for index, chunks in enumerate(choices):
                calls, is_first = Calls(self.requests[0].tool_use), True
                async for chunk in chunks:
                    usage.add(chunk)
                    events = self._events(index, chunk, calls, is_first=is_first)
                    is_first = False
                    if chunk.finish_reason is not None and index == len(choices) - 1:
                        events += self._ending(usage)
                    if leaving := bundle.add(events, chunk):
                        yield leaving

    async def _choice(self, index: int, chunks: AsyncGenerator[EngineChunk, None], usage: Usage) -> dict[str, object]:
        answer = await gathered(chunks, usage, self.requests[0].tool_use)
        if self._is_json:
            check_document(answer.text, answer.finish_reason)
        content: dict[str, object]
        thought = {self._options.reasoning_name: answer.reasoning} if answer.reasoning else {}
        if self._is_chat:
            text = answer.said or None if answer.calls else answer.text
            called = self._called(answer.calls.openai()) if answer.calls else {"tool_calls": []}
            content = {"message": {"role": "assistant", "content": text, "refusal": None, **thought, **called}}
        else:
            content = {"text": answer.text, **thought}
        reason = self._reason(answer.calls, answer.finish_reason)
        shown = {"logprobs": self._logprobs(answer.logprobs), "finish_reason": reason, "stop_reason": None}
        return {"index": index, **content, **shown}

    def _called(self, calls: list[dict[str, object]]) -> dict[str, object]:
        """Calls, or pieces of them, as a member of a message or a delta."""
        return {"function_call": calls[0]["function"]} if self._options.is_legacy else {"tool_calls": calls}

    def _reason(self, calls: Calls, reason: FinishReason) -> str:
        if not calls or reason != "stop":
            return reason
        return "function_call" if self._options.is_legacy else "tool_calls"

    def _events(self, index: int, chunk: EngineChunk, calls: Calls, *, is_first: bool) -> bytes:
        """What one chunk adds to the stream: role, thoughts, content, calls, finish; each in a frame of its own."""
        events = b""
        if is_first and self._is_chat:
            events += self._frame(index, {"role": "assistant", "content": ""})
        if chunk.reasoning:
            events += self._frame(index, {self._options.reasoning_name: chunk.reasoning})
        if chunk.text or chunk.logprobs:
            events += self._frame(index, {"content": chunk.text}, chunk)
        if pieces := calls.add(chunk.calls):
            events += self._frame(index, self._called(pieces))
        if chunk.finish_reason is not None:
            events += self._frame(index, {}, reason=self._reason(calls, chunk.finish_reason))
        return events

    def _frame(
        self, index: int, delta: dict[str, object], chunk: EngineChunk | None = None, reason: str | None = None
    ) -> bytes:
        if not self._is_chat:
            delta = {"text": delta.pop("content", ""), **delta}
        tokens = self._logprobs(chunk.logprobs) if chunk is not None and chunk.logprobs else None
        content = {"delta": delta} if self._is_chat else delta
        choice = {"index": index, **content, "logprobs": tokens, "finish_reason": reason}
        frame = self._chunk_head() | {"choices": [choice]}
        if self._options.is_padded:
            frame["p"] = sse.padding("" if chunk is None else chunk.text, index)
        return sse.event(msgspec.json.encode(frame))

    def _ending(self, usage: Usage) -> bytes:
        events = b""
        if self._options.has_usage_chunk:
            counts = self._chunk_head() | {"choices": [], "usage": usage.detailed()}
            events += sse.event(msgspec.json.encode(counts))
        if self._options.has_native_frames:
            events += sse.usage_frame(usage.totals())
        return events + sse.DONE

    def _chunk_head(self) -> dict[str, object]:
        return self._head("chat.completion.chunk" if self._is_chat else "text_completion")

    def _head(self, kind: str) -> dict[str, object]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._options.model}

    def _logprobs(self, tokens: Sequence[TokenLogprob]) -> dict[str, object] | None:
        if self._options.alternatives is None:
            return None
        show = chat_logprobs if self._is_chat else text_logprobs
        return show(tokens, self._options.alternatives)
