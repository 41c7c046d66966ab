"""The native shape: `response`, `usage`, and `tool_calls` for models whose output schema has them."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Literal

import msgspec

from paddock.bindings.ai import sse
from paddock.bindings.ai.tasks.text_generation.answer import Bundle, Usage, gathered
from paddock.bindings.ai.tasks.text_generation.calls import Calls
from paddock.bindings.ai.tasks.text_generation.structure import document

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest

__all__ = ["CallForm", "NativeJob"]

#: How a whole answer has its calls, as `calls.py` says. A flat answer has the list even without calls.
CallForm = Literal["flat", "openai"]


class NativeJob:
    """One answer in the native shape, which has room for one choice."""

    def __init__(self, request: EngineRequest, call_form: CallForm = "openai", *, is_padded: bool = True) -> None:
        self.requests = (request,)
        self._use = request.tool_use
        self._is_json = request.sampling.json_schema is not None
        self._call_form = call_form
        self._is_padded = is_padded

    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> dict[str, object]:
        """The whole answer: `{"response": text, "usage": {...}}`; in JSON mode `response` is the document itself."""
        (chunks,) = choices
        usage = Usage()
        answer = await gathered(chunks, usage, self._use)
        text: object = document(answer.text, answer.finish_reason) if self._is_json else answer.text
        body: dict[str, object] = {"response": text}
        if self._call_form == "flat":
            if answer.calls:
                body["response"] = answer.said + answer.calls.cut() or None
            body["tool_calls"] = answer.calls.flat()
        elif answer.calls:
            body = ({"response": answer.said} if answer.said else {}) | {"tool_calls": answer.calls.openai()}
        if answer.reasoning:
            body["reasoning_content"] = answer.reasoning
        return body | {"usage": usage.totals()}

    async def stream(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent events: one frame per piece, then the usage frame, then `[DONE]`.

        Calls come in OpenAI's form, whatever form the whole answer has, and the reason `tool_calls` behind them.
        """
        (chunks,) = choices
        usage, calls = Usage(), Calls(self._use)
        index, bundle = 0, Bundle()
        async with aclosing(chunks):
            async for chunk in chunks:
                usage.add(chunk)
                events = b""
                if chunk.reasoning:
                    events += self._frame({"reasoning_content": chunk.reasoning}, chunk.reasoning, index)
                if chunk.text:
                    events += sse.native_frame(chunk.text, index, is_padded=self._is_padded)
                if pieces := calls.add(chunk.calls):
                    events += self._frame({"tool_calls": pieces}, "", index)
                index += bool(events)
                if chunk.finish_reason is not None:
                    if calls and chunk.finish_reason == "stop":
                        events += sse.event(b'{"finish_reason":"tool_calls"}')
                    events += sse.usage_frame(usage.totals()) + sse.DONE
                if leaving := bundle.add(events, chunk):
                    yield leaving

    def _frame(self, body: dict[str, object], text: str, index: int) -> bytes:
        """The event of what is no text of the answer."""
        padding = {"p": sse.padding(text, index)} if self._is_padded else {}
        return sse.event(msgspec.json.encode(body | padding))
