"""Uploads at a real server: hostile ones leave the engine as it is, good ones answer at once and together."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.unit.bindings.ai.finetunes.adapters import CONFIG, GOOD_SHAPES, MISTRAL, RANCH_HAND, WEIGHTS, config
from tests.unit.bindings.ai.finetunes.hostile import uploads

if TYPE_CHECKING:
    from collections.abc import Iterator

AI = "/client/v4/accounts/any/ai"
#: In full precision, a text does not depend on what else is in the batch.
PROJECT = """
name = "finetunes"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[paddock.engine]
dtype = "float32"
"""
HANDLER = "from workers import WorkerEntrypoint\n\n\nclass Default(WorkerEntrypoint):\n    pass\n"
QUESTION = {"prompt": "Write a short story about hedgehogs.", "max_tokens": 60, "temperature": 0, "seed": 1}


@pytest.fixture(scope="module")
def server(start_dev, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "wrangler-like.toml").write_text(PROJECT)
    (folder / "handler.py").write_text(HANDLER)
    running = start_dev(folder, folder / "ready")
    yield running
    assert running.stop() == 130


@pytest.fixture
def client(server) -> Iterator[httpx.Client]:
    with server.client as opened:
        yield opened


def created(client: httpx.Client, name: str) -> None:
    assert client.post(f"{AI}/finetunes", json={"model": MISTRAL, "name": name}).status_code == 200


def uploaded(client: httpx.Client, name: str, file_name: str, content: bytes) -> httpx.Response:
    path = f"{AI}/finetunes/{name}/finetune-assets"
    return client.post(path, data={"file_name": file_name}, files={"file": ("blob", content)})


def filled(client: httpx.Client, name: str, configuration: dict[str, Any], tensors: dict[str, Any]) -> None:
    from safetensors.torch import save

    created(client, name)
    for file_name, content in ((CONFIG, json.dumps(configuration).encode()), (WEIGHTS, save(tensors))):
        answer = uploaded(client, name, file_name, content)
        assert answer.status_code == 200, answer.text


def text(client: httpx.Client, **more: object) -> str:
    answer = client.post(f"{AI}/run/{MISTRAL}", json=QUESTION | more)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["result"]["response"])


def ranch_hand(strength: float = 1.0, rank: int = 8) -> tuple[dict[str, Any], dict[str, Any]]:
    """The adapter that ships, stronger or weaker, and with so many rows of zeros that it has this rank."""
    from safetensors.torch import load_file
    from torch.nn.functional import pad

    before = json.loads((RANCH_HAND / CONFIG).read_bytes())
    changes = {"r": rank, "lora_alpha": before["lora_alpha"] * strength * rank / before["r"]}
    tensors = load_file(RANCH_HAND / WEIGHTS)
    for name, tensor in tensors.items():
        missing = rank - before["r"]
        tensors[name] = pad(tensor, (0, 0, 0, missing) if ".lora_A." in name else (0, missing))
    return before | changes, tensors


@pytest.mark.timeout(240)
def test_two_hundred_hostile_uploads_leave_the_engine_as_it_is(server, client: httpx.Client) -> None:
    """WA-142, WA-143: each is refused, the process of the model is the same, and so is its answer."""
    before = text(client)
    process = server.status(MISTRAL)["pid"]
    created(client, "empty")
    created(client, "configured")
    assert uploaded(client, "configured", CONFIG, config()).status_code == 200
    refused = 0
    for each in uploads():
        answer = uploaded(client, "configured" if each.other else "empty", each.file_name, each.content)
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["code"]) == (400, 5006), (each, answer.text)
        assert each.said in error["message"]
        refused += 1
    assert refused >= 200
    assert server.status(MISTRAL)["pid"] == process
    assert text(client) == before
    for name in ("empty", "configured"):
        answer = client.post(f"{AI}/run/{MISTRAL}", json=QUESTION | {"lora": name})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, 3039)


def test_an_adapter_of_no_numbers_spoils_its_own_answers_alone(server, client: httpx.Client) -> None:
    """Its header is right, and nobody reads the numbers before vLLM does."""
    import torch

    before = text(client)
    process = server.status(MISTRAL)["pid"]
    tensors = {name: torch.full(shape, torch.nan) for name, shape in GOOD_SHAPES.items()}
    filled(client, "no-numbers", json.loads(config()), tensors)

    async def both() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=server.url, timeout=120) as calls:
            bodies = [QUESTION, QUESTION | {"lora": "no-numbers"}, QUESTION]
            return await asyncio.gather(*(calls.post(f"{AI}/run/{MISTRAL}", json=body) for body in bodies))

    first, _, last = asyncio.run(both())
    assert [one.json()["result"]["response"] for one in (first, last)] == [before, before]
    assert text(client) == before
    assert server.status(MISTRAL)["pid"] == process


def test_finetunes_of_several_ranks_answer_at_once_and_in_one_batch(server, client: httpx.Client) -> None:
    """WA-138: no restart, whatever rank they have, and each its own answer."""
    base = text(client)
    process = server.status(MISTRAL)["pid"]
    made = {"usual": (1.0, 8), "wide": (1.0, 32), "backwards": (-1.5, 16), "strong": (4.0, 24)}
    for name, (strength, rank) in made.items():
        filled(client, name, *ranch_hand(strength, rank))
    alone = {name: text(client, lora=name) for name in made}
    assert alone["wide"] == alone["usual"], "rows of zeros change nothing"
    assert len({base, *alone.values()}) >= 3, "each its own answer"

    async def together() -> list[str]:
        async with httpx.AsyncClient(base_url=server.url, timeout=120) as calls:
            loras = [{}, *({"lora": name} for name in made)] * 2
            answers = await asyncio.gather(*(calls.post(f"{AI}/run/{MISTRAL}", json=QUESTION | lora) for lora in loras))
            return [answer.json()["result"]["response"] for answer in answers]

    assert asyncio.run(together()) == [base, *alone.values()] * 2
    status = server.status(MISTRAL)
    assert status["pid"] == process
    assert status["peak_running"] >= len(made) + 1, "in one batch"
