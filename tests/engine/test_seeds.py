"""Prompts that are longer than a step, with a seed: the engine lives, and draws what it would draw in one step."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any


def test_a_seeded_prompt_that_takes_several_steps_draws_what_it_draws_in_one(
    run: Any, engine_of: Any, ask: Any, answer: Any, stand_ins: Path
) -> None:
    """vLLM 0.32 ends on the CPU: it winds back a generator that cannot be wound back."""
    question = " ".join(["Tell me about the lighthouse at the harbour."] * 20)
    request = ask(question, temperature=1.0, seed=7, max_tokens=24)
    whole = run(answer(engine_of(stand_ins / "llama3"), request)).text
    short_steps = engine_of(stand_ins / "llama3", max_num_seqs=8, extra={"max_num_batched_tokens": 64})

    async def together() -> list[str]:
        others = [ask(f"{n} {question}", temperature=1.0, seed=n, max_tokens=24) for n in range(3)]
        answers = await asyncio.gather(*(answer(short_steps, one) for one in (request, *others)))
        return [one.text for one in answers]

    assert run(answer(short_steps, request)).text == whole
    assert run(together())[0] == whole
    assert run(answer(short_steps, request)).text == whole
