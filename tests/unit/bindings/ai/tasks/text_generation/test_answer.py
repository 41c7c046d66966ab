"""What a stream consists of does not depend on how many chunks were there at once; how many writes it takes does."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable

import msgspec
import pytest

from paddock.bindings.ai.engines.protocol import EngineChunk
from paddock.bindings.ai.tasks.contract import Job

LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
CHUNKS = [EngineChunk("Hel", 1, prompt_tokens=7), EngineChunk("lo", 1), EngineChunk("", 1), EngineChunk(".", 1, "stop")]


@pytest.fixture
def writes(job_of: Callable[..., Job]) -> Callable[..., list[bytes]]:
    """What a job of this dialect streams of CHUNKS, write by write; these of them came with the next one."""

    def run(dialect: str, *followed: int) -> list[bytes]:
        async def chunks() -> AsyncGenerator[EngineChunk, None]:
            for number, chunk in enumerate(CHUNKS):
                yield msgspec.structs.replace(chunk, is_followed=number in followed)

        async def read() -> list[bytes]:
            inputs = {"messages": [{"role": "user", "content": "x"}]}
            return [write async for write in job_of(LLAMA, inputs, dialect).stream([chunks()])]

        return asyncio.run(read())

    return run


def _without_ids(stream: list[bytes]) -> bytes:
    return re.sub(rb'"(id|item_id)":"[^"]*"|"created(_at)?":\d+', b"", b"".join(stream))


@pytest.mark.parametrize("dialect", ["native", "openai", "responses"])
def test_events_of_chunks_that_came_together_leave_in_one_write(
    writes: Callable[..., list[bytes]], dialect: str
) -> None:
    one_by_one = writes(dialect)
    together = writes(dialect, 1, 2)
    assert len(one_by_one) == 3, "a chunk without text has no event"
    assert len(together) == 2
    assert _without_ids(together) == _without_ids(one_by_one)


@pytest.mark.parametrize("dialect", ["native", "openai", "responses"])
def test_a_chunk_without_events_lets_those_before_it_go(writes: Callable[..., list[bytes]], dialect: str) -> None:
    assert len(writes(dialect, 1)) == 3
