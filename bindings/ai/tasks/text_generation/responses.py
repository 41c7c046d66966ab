"""The shape of OpenAI's Responses API, whole or as typed events. Source: OpenAI's API reference, Responses."""

from __future__ import annotations

import time
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from paddock.bindings.ai.engines.protocol import EngineChunk
from paddock.bindings.ai.tasks.text_generation.answer import Bundle, Usage, gathered
from paddock.bindings.ai.tasks.text_generation.calls import Calls
from paddock.bindings.ai.tasks.text_generation.responses_items import Output
from paddock.bindings.ai.tasks.text_generation.structure import check_document

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from paddock.bindings.ai.engines.protocol import EngineRequest, FinishReason, ToolUse
    from paddock.bindings.ai.tasks.text_generation.responses_items import Status

__all__ = ["ResponsesJob"]


class ResponsesJob:
    """One answer in the shape of the Responses API."""

    def __init__(self, request: EngineRequest, model: str) -> None:
        self.requests = (request,)
        self._model = model
        self._is_json = request.sampling.json_schema is not None
        self._use = request.tool_use
        self._id = f"resp_{uuid.uuid4().hex}"
        self._created = int(time.time())

    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> dict[str, object]:
        """The whole answer: an object `response` with the items in `output`."""
        (chunks,) = choices
        usage = Usage()
        answer = await gathered(chunks, usage, self._use)
        if self._is_json:
            check_document(answer.text, answer.finish_reason)
        output, status = Output(), _status(answer.finish_reason)
        output.take(
            EngineChunk(answer.text, 0, reasoning=answer.reasoning, calls=answer.calls.pieces()), Calls(self._use)
        )
        output.end(status)
        return self._response(status, output, usage)

    async def stream(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> AsyncGenerator[bytes, None]:
        """The answer as typed events, the last of which holds all of it. There is no `[DONE]`."""
        (chunks,) = choices
        usage, output, calls, is_first = Usage(), Output(), Calls(self._use), True
        bundle = Bundle()
        async with aclosing(chunks):
            async for chunk in chunks:
                usage.add(chunk)
                events = self._opening(output) if is_first else b""
                is_first = False
                events += output.take(chunk, calls)
                if chunk.finish_reason is not None:
                    status = _status(chunk.finish_reason)
                    events += output.end(status)
                    events += output.event(status, response=self._response(status, output, usage))
                if leaving := bundle.add(events, chunk):
                    yield leaving

    def _opening(self, output: Output) -> bytes:
        begun = self._response("in_progress", output, None)
        return output.event("created", response=begun) + output.event("in_progress", response=begun)

    def _response(self, status: Status, output: Output, usage: Usage | None) -> dict[str, object]:
        sampling = self.requests[0].sampling
        is_cut = status == "incomplete"
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
            "instructions": None,
            "max_output_tokens": sampling.max_tokens,
            "metadata": {},
            "model": self._model,
            "output": output.items,
            "parallel_tool_calls": self._use is None or self._use.most is None,
            "temperature": sampling.temperature,
            "tool_choice": _choice(self._use),
            "tools": _tools(self._use),
            "top_p": sampling.top_p,
            "usage": None if usage is None else _counts(usage),
        }


def _status(reason: FinishReason) -> Status:
    return "incomplete" if reason == "length" else "completed"


def _choice(use: ToolUse | None) -> object:
    if use is None or not use.is_forced:
        return "auto"
    return "required" if use.only is None else {"type": "function", "name": use.only}


def _tools(use: ToolUse | None) -> list[dict[str, object]]:
    return [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": msgspec.json.decode(tool.parameters),
            "strict": False,
        }
        for tool in (() if use is None else use.tools)
    ]


def _counts(usage: Usage) -> dict[str, object]:
    totals = usage.totals()
    return {
        "input_tokens": totals["prompt_tokens"],
        "input_tokens_details": usage.detailed()["prompt_tokens_details"],
        "output_tokens": totals["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": totals["total_tokens"],
    }
