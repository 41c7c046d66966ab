"""The shape of OpenAI's Responses API: one message of text, whole or as typed events.

Source: OpenAI's API reference, Responses. Reasoning and tool items are left out: no model here gives any.
"""

from __future__ import annotations

import time
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from paddock.bindings.ai.tasks.text_generation.answer import Usage, gathered
from paddock.bindings.ai.tasks.text_generation.structure import check_document

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest, FinishReason

__all__ = ["ResponsesJob"]


class ResponsesJob:
    """One answer in the shape of the Responses API."""

    def __init__(self, request: EngineRequest, model: str) -> None:
        self.requests = (request,)
        self._model = model
        self._is_json = request.sampling.json_schema is not None
        self._id = f"resp_{uuid.uuid4().hex}"
        self._item_id = f"msg_{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._sequence = 0

    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> dict[str, object]:
        """The whole answer: an object `response` with one message in `output`."""
        (chunks,) = choices
        usage = Usage()
        answer = await gathered(chunks, usage)
        if self._is_json:
            check_document(answer.text, answer.finish_reason)
        return self._ended(answer.text, answer.finish_reason, usage)

    async def stream(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> AsyncGenerator[bytes, None]:
        """The answer as typed events, the last of which holds all of it. There is no `[DONE]`."""
        (chunks,) = choices
        usage, text, is_first = Usage(), "", True
        async with aclosing(chunks):
            async for chunk in chunks:
                usage.add(chunk)
                events = self._opening() if is_first else b""
                is_first = False
                if chunk.text:
                    text += chunk.text
                    events += self._part_event("output_text.delta", delta=chunk.text, logprobs=[])
                if chunk.finish_reason is not None:
                    events += self._closing(text, chunk.finish_reason, usage)
                if events:
                    yield events

    def _opening(self) -> bytes:
        begun = self._response("in_progress", [], None)
        return b"".join(
            [
                self._event("created", response=begun),
                self._event("in_progress", response=begun),
                self._event("output_item.added", output_index=0, item=self._item("in_progress", [])),
                self._part_event("content_part.added", part=_part("")),
            ]
        )

    def _closing(self, text: str, reason: FinishReason, usage: Usage) -> bytes:
        ended = self._ended(text, reason, usage)
        return b"".join(
            [
                self._part_event("output_text.done", text=text, logprobs=[]),
                self._part_event("content_part.done", part=_part(text)),
                self._event("output_item.done", output_index=0, item=self._item(_status(reason), [_part(text)])),
                self._event(_status(reason), response=ended),
            ]
        )

    def _part_event(self, name: str, **more: object) -> bytes:
        return self._event(name, item_id=self._item_id, output_index=0, content_index=0, **more)

    def _event(self, name: str, **more: object) -> bytes:
        """One event. Unlike in the other streams, its type stands before the data too."""
        kind = f"response.{name}"
        data = msgspec.json.encode({"type": kind, "sequence_number": self._sequence, **more})
        self._sequence += 1
        return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"

    def _ended(self, text: str, reason: FinishReason, usage: Usage) -> dict[str, object]:
        status = _status(reason)
        return self._response(status, [self._item(status, [_part(text)])], usage)

    def _item(self, status: str, content: list[dict[str, object]]) -> dict[str, object]:
        return {"type": "message", "id": self._item_id, "status": status, "role": "assistant", "content": content}

    def _response(self, status: str, output: list[dict[str, object]], usage: Usage | None) -> dict[str, object]:
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
            "output": output,
            "parallel_tool_calls": True,
            "temperature": sampling.temperature,
            "tool_choice": "auto",
            "tools": [],
            "top_p": sampling.top_p,
            "usage": None if usage is None else _counts(usage),
        }


def _status(reason: FinishReason) -> str:
    return "incomplete" if reason == "length" else "completed"


def _part(text: str) -> dict[str, object]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _counts(usage: Usage) -> dict[str, object]:
    totals = usage.totals()
    return {
        "input_tokens": totals["prompt_tokens"],
        "input_tokens_details": usage.detailed()["prompt_tokens_details"],
        "output_tokens": totals["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": totals["total_tokens"],
    }
