"""Jobs of text generation over chunks that a test writes down."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import EngineChunk, TokenLogprob
from paddock.bindings.ai.tasks import TASKS
from paddock.bindings.ai.tasks.contract import Job


async def _chunks(*pieces: str, finish: str = "stop") -> AsyncGenerator[EngineChunk, None]:
    for index, piece in enumerate(pieces):
        reason, prompt = finish if index == len(pieces) - 1 else None, 7 if index == 0 else None
        logprobs = (TokenLogprob(piece, -0.5, ((piece, -0.5), ("x", -1.0))),)
        yield EngineChunk(piece, 1, reason, prompt, logprobs=logprobs)


@pytest.fixture
def job_of(later) -> Callable[..., Job]:
    def of(model: str, inputs: dict[str, Any], dialect: str = "native") -> Job:
        return TASKS["Text Generation"].prepare(later.card(model), inputs, None, dialect)

    return of


@pytest.fixture
def collect() -> Callable[..., Any]:
    """The whole answer of a job whose choices are these pieces."""
    return lambda job, *choices, finish="stop": asyncio.run(
        job.collect([_chunks(*one, finish=finish) for one in choices])
    )


@pytest.fixture
def events() -> Callable[..., list[bytes]]:
    """What a job streams, write by write."""

    async def read(job: Job, choices: tuple[list[str], ...]) -> list[bytes]:
        return [event async for event in job.stream([_chunks(*one) for one in choices])]

    return lambda job, *choices: asyncio.run(read(job, choices))


@pytest.fixture
def frames(events) -> Callable[..., list[dict[str, Any]]]:
    """The JSON of every event but `[DONE]`, which has to be the last one."""

    def read(job: Job, *choices: list[str]) -> list[dict[str, Any]]:
        *datas, done, end = b"".join(events(job, *choices)).split(b"\n\n")
        assert (done, end) == (b"data: [DONE]", b"")
        return [json.loads(data.removeprefix(b"data: ")) for data in datas]

    return read
