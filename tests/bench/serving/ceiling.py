"""vLLM's engines without any server, as the bound of what a server around them could reach.

ceiling.py llm|async ENGINE_ARGUMENTS_JSON      jobs on standard input, results on standard output, as client.py
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import uvloop

_now = time.perf_counter
#: Standard output as it was: what the engine prints goes to standard error.
_ANSWERS_FD: Final = os.dup(1)


class Job(NamedTuple):
    """What to generate: `count` answers of `tokens` tokens, `streams` at a time."""

    prompts: list[str]
    count: int
    streams: int
    tokens: int
    warm_up: int = 8


def _sampling(tokens: int) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(max_tokens=tokens, ignore_eos=True, temperature=1.0, output_kind=RequestOutputKind.DELTA)


class _Times:
    def __init__(self) -> None:
        self.asked: dict[str, float] = {}
        self.ttft: list[float] = []
        self.began = _now()

    def first(self, id: str) -> None:
        """This request has output; the first time counts."""
        asked = self.asked.pop(id, None)
        if asked is not None:
            self.ttft.append(_now() - asked)

    def result(self) -> dict[str, Any]:
        ordered = sorted(self.ttft)
        at = {
            name: round(1000 * ordered[int(share * len(ordered))], 3) for name, share in (("p50", 0.5), ("p95", 0.95))
        }
        return {"wall_s": _now() - self.began, "ttft_ms": at}


def _jobs() -> Iterator[Job]:
    for line in sys.stdin:
        yield Job(**json.loads(line))


def _say(text: str) -> None:
    os.write(_ANSWERS_FD, text.encode() + b"\n")


def run_llm(arguments: dict[str, Any]) -> None:
    """`LLMEngine` with its core in this process, stepped by its only thread."""
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    from vllm import EngineArgs
    from vllm.v1.engine.llm_engine import LLMEngine

    engine = LLMEngine.from_engine_args(EngineArgs(**arguments))
    gc.collect()
    gc.freeze()
    numbers = iter(range(1 << 60))

    def phase(job: Job, count: int) -> _Times:
        times, left, sampling = _Times(), count, _sampling(job.tokens)

        def add() -> None:
            nonlocal left
            left -= 1
            id = str(next(numbers))
            times.asked[id] = _now()
            (prompt,) = engine.renderer.render_cmpl([{"prompt": job.prompts[left % len(job.prompts)]}])
            engine.add_request(id, prompt, sampling)

        for _ in range(min(job.streams, count)):
            add()
        while engine.has_unfinished_requests():
            for output in engine.step():
                times.first(output.request_id)
                if output.finished and left > 0:
                    add()
        return times

    _say("ready")
    for job in _jobs():
        phase(job, job.warm_up)
        _say("warm")
        sys.stdin.readline()
        _say(json.dumps(phase(job, job.count).result()))


async def run_async(arguments: dict[str, Any]) -> None:
    """`AsyncLLM` with its core in one process of its own."""
    from vllm import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM
    from vllm.v1.executor.uniproc_executor import UniProcExecutor

    made = AsyncEngineArgs(**arguments, distributed_executor_backend=UniProcExecutor)
    engine = AsyncLLM.from_engine_args(made)
    gc.collect()
    gc.freeze()
    numbers = iter(range(1 << 60))

    async def phase(job: Job, count: int) -> _Times:
        times, left, sampling = _Times(), iter(range(count)), _sampling(job.tokens)

        async def stream() -> None:
            for number in left:
                id = str(next(numbers))
                times.asked[id] = _now()
                text = job.prompts[number % len(job.prompts)]
                (prompt,) = await engine.renderer.render_cmpl_async([{"prompt": text}])
                async for _ in engine.generate(prompt, sampling, id):
                    times.first(id)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(job.streams, count)):
                tasks.create_task(stream())
        return times

    _say("ready")
    for job in _jobs():
        await phase(job, job.warm_up)
        _say("warm")
        sys.stdin.readline()
        _say(json.dumps((await phase(job, job.count)).result()))
    os._exit(0)  # the core process ends with its pipe


if __name__ == "__main__":
    os.dup2(2, 1)
    form, given = sys.argv[1], json.loads(sys.argv[2])
    if form == "llm":
        run_llm(given)
    else:
        uvloop.run(run_async(given))
