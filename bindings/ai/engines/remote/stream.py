"""The body of one streamed answer, from its first event to the end of the connection's turn."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.engines.remote.events import DONE, EventReader, EventTooLarge
from paddock.bindings.ai.engines.remote.refusals import ServerLost

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from paddock.bindings.ai.engines.protocol import EngineChunk
    from paddock.bindings.ai.engines.remote.answer import Answer

__all__ = ["read_stream"]

#: Between `[DONE]` and the end of the body; a connection that takes longer is not used again.
_DRAIN_S: Final = 0.5


async def read_stream(body: AsyncGenerator[bytes, None], answer: Answer) -> AsyncGenerator[EngineChunk, None]:
    """The chunks of a stream, the last one when everything is read.

    Raises ServerError for an error among the events; ServerLost when it ends, or turns into something else, before the
    answer is whole. What is whole is given, even if its end is missing.
    """
    async with aclosing(body) as pieces:
        events = EventReader()
        try:
            async for piece in pieces:
                is_done = False
                for data in events.feed(piece):
                    is_done = is_done or data == DONE
                    if not is_done:
                        answer.add(data)
                if is_done:
                    break
                if (chunk := answer.take()) is not None:
                    yield chunk
            await _drain(pieces)
        except EventTooLarge as error:
            raise ServerLost(str(error)) from error
        except ServerLost:
            if answer.finish_reason is None:
                raise
    if answer.finish_reason is None:
        raise ServerLost("the stream ends before the answer does")
    yield answer.last()


async def _drain(pieces: AsyncGenerator[bytes, None]) -> None:
    """Read to the end of the body, or the connection could not be used again."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in pieces:
                pass
