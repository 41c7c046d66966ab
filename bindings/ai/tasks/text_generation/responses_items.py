"""The output of OpenAI's Responses API: messages, reasoning and function calls, with the events that make them.

Source: OpenAI's API reference, Responses, streaming events.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.protocol import EngineChunk
    from paddock.bindings.ai.tasks.text_generation.calls import Calls

__all__ = ["Output", "Status"]

Status = Literal["in_progress", "completed", "incomplete"]
_Kind = Literal["message", "reasoning", "function_call"]

_ID_PREFIXES: Final[dict[_Kind, str]] = {"message": "msg", "reasoning": "rs", "function_call": "fc"}
#: What the text of an item is called in the names of its events.
_TEXT_NAMES: Final[dict[_Kind, str]] = {
    "message": "output_text",
    "reasoning": "reasoning_text",
    "function_call": "function_call_arguments",
}


class _Item(msgspec.Struct):
    kind: _Kind
    index: int
    id: str
    name: str = ""
    call_id: str = ""
    text: str = ""

    def shown(self, status: Status) -> dict[str, object]:
        """The item as the API has it. One that has just begun has no parts yet."""
        head: dict[str, object] = {"type": self.kind, "id": self.id, "status": status}
        if self.kind == "function_call":
            return head | {"call_id": self.call_id, "name": self.name, "arguments": self.text}
        more: dict[str, object] = {"role": "assistant"} if self.kind == "message" else {"summary": []}
        return head | more | {"content": [] if status == "in_progress" else [self.part()]}

    def part(self) -> dict[str, object]:
        part: dict[str, object] = {"type": _TEXT_NAMES[self.kind], "text": self.text}
        return part if self.kind == "reasoning" else part | {"annotations": [], "logprobs": []}


class Output:
    """The items of one response, in order; every method gives the events of what it does."""

    def __init__(self) -> None:
        #: Those that are whole.
        self.items: list[dict[str, object]] = []
        self._open: _Item | None = None
        self._sequence = 0

    def event(self, name: str, /, **more: object) -> bytes:
        """One event. Unlike in other streams, its type stands before the data too."""
        kind = f"response.{name}"
        data = msgspec.json.encode({"type": kind, "sequence_number": self._sequence, **more})
        self._sequence += 1
        return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"

    def take(self, chunk: EngineChunk, calls: Calls) -> bytes:
        """What one chunk adds. The first piece of a call begins an item, other text only where its kind changes."""
        events = b""
        for kind, text in (("reasoning", chunk.reasoning), ("message", chunk.text)):
            if text and (self._open is None or self._open.kind != kind):
                events += self._begin("reasoning" if kind == "reasoning" else "message")
            events += self._add(text)
        return events + self._take_calls(calls.add(chunk.calls))

    def _take_calls(self, pieces: Sequence[dict[str, object]]) -> bytes:
        events = b""
        for piece in pieces:
            function = piece["function"]
            assert isinstance(function, dict)
            if "id" in piece:
                events += self._begin("function_call", name=str(function["name"]), call_id=str(piece["id"]))
            events += self._add(function["arguments"])
        return events

    def end(self, status: Status) -> bytes:
        """The end of the last item. There is always one: an answer of nothing is an empty message."""
        events = b"" if self._open is not None else self._begin("message")
        return events + self._finish(status)

    def _begin(self, kind: _Kind, **more: str) -> bytes:
        events = self._finish("completed")
        item = self._open = _Item(kind, len(self.items), f"{_ID_PREFIXES[kind]}_{uuid.uuid4().hex}", **more)
        events += self.event("output_item.added", output_index=item.index, item=item.shown("in_progress"))
        return events if kind == "function_call" else events + self._of_item("content_part.added", part=item.part())

    def _add(self, text: str) -> bytes:
        if not text or self._open is None:
            return b""
        self._open.text += text
        return self._of_item(f"{_TEXT_NAMES[self._open.kind]}.delta", delta=text, **_no_logprobs(self._open))

    def _finish(self, status: Status) -> bytes:
        item = self._open
        if item is None:
            return b""
        done = f"{_TEXT_NAMES[item.kind]}.done"
        if item.kind == "function_call":
            events = self._of_item(done, name=item.name, arguments=item.text)
        else:
            events = self._of_item(done, text=item.text, **_no_logprobs(item))
            events += self._of_item("content_part.done", part=item.part())
        self.items.append(item.shown(status))
        self._open = None
        return events + self.event("output_item.done", output_index=item.index, item=self.items[-1])

    def _of_item(self, name: str, /, **more: object) -> bytes:
        item = self._open
        assert item is not None
        place: dict[str, object] = {"item_id": item.id, "output_index": item.index}
        if item.kind != "function_call":
            place["content_index"] = 0
        return self.event(name, **place, **more)


def _no_logprobs(item: _Item) -> dict[str, object]:
    return {"logprobs": []} if item.kind == "message" else {}
