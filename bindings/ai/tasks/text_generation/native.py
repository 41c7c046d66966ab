"""The native shape: `response` and `usage`."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from paddock.bindings.ai import sse
from paddock.bindings.ai.tasks.text_generation.structure import document
from paddock.bindings.ai.tasks.text_generation.usage import Usage, gathered

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest

__all__ = ["NativeJob"]


class NativeJob:
    """One answer in the native shape, which has room for one choice."""

    def __init__(self, request: EngineRequest) -> None:
        self.requests = (request,)
        self._is_json = request.sampling.json_schema is not None

    async def collect(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> dict[str, object]:
        """The whole answer: `{"response": text, "usage": {...}}`; in JSON mode `response` is the document itself."""
        (chunks,) = choices
        text, reason, usage = await gathered(chunks)
        return {"response": document(text, reason) if self._is_json else text, "usage": usage.totals()}

    async def stream(self, choices: Sequence[AsyncGenerator[EngineChunk, None]]) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent events: one frame per piece of text, then the usage frame, then `[DONE]`."""
        (chunks,) = choices
        usage = Usage()
        index = 0
        async with aclosing(chunks):
            async for chunk in chunks:
                usage.add(chunk)
                events = b""
                if chunk.text:
                    events = sse.native_frame(chunk.text, index)
                    index += 1
                if chunk.finish_reason is not None:
                    events += sse.usage_frame(usage.totals()) + sse.DONE
                if events:
                    yield events
