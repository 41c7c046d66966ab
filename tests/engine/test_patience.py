"""Requests that nobody waits for, on the real engine: those that somebody waits for go first."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from paddock.bindings.ai.engines.protocol import EngineRequest
from paddock.bindings.ai.engines.work import Pooling
from paddock.bindings.ai.tasks.contract import NO_SAMPLING


def test_a_call_goes_before_what_a_batch_has_waiting(run: Any, engine_of: Any, tireless: Path, ask: Any) -> None:
    engine = engine_of(tireless, max_num_seqs=1)
    ended: list[str] = []

    async def one(name: str, *, is_patient: bool) -> None:
        request = msgspec.structs.replace(ask(f"I am {name}.", max_tokens=8), is_patient=is_patient)
        async with aclosing(engine.generate(request)) as chunks:
            async for _ in chunks:
                pass
        ended.append(name)

    async def waiting(count: int) -> None:
        while (await engine.stats()).waiting != count:
            pass

    async def main() -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            first = msgspec.structs.replace(ask("I am the first.", max_tokens=1900), is_patient=True)
            async with aclosing(engine.generate(first)) as chunks:
                await anext(chunks)
                for place, name in enumerate(("patient 1", "patient 2", "somebody")):
                    tasks.create_task(one(name, is_patient=name != "somebody"))
                    await waiting(place + 1)

    run(main())
    assert ended == ["somebody", "patient 1", "patient 2"]


def test_patient_texts_are_read_as_others_are(run: Any, engine_of: Any, stand_ins: Path, answer: Any) -> None:
    engine = engine_of(stand_ins / "bge", runner="pooling", dimensions=384, max_model_len=None)
    request = EngineRequest(NO_SAMPLING, work=Pooling("embed", ("a lighthouse", "a harbour")), is_whole=True)
    requests = (request, msgspec.structs.replace(request, is_patient=True))
    whole, patient = (run(answer(engine, one)).chunks[0].result for one in requests)
    assert whole == patient
