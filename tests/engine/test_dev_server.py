"""`paddock dev` with the demo handler and the real engine: the main job, as a user starts it."""

import asyncio
import json
import os
import re
import select
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG

ROOT = Path(__file__).parents[2]
PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
MISTRAL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
MODELS = [PHI, LLAMA, MISTRAL]
#: Raw text in each model's own format.
RAW = {
    PHI: "Instruct: Tell me about lighthouses.\nOutput:",
    LLAMA: "[INST] Tell me about lighthouses. [/INST]",
    MISTRAL: "[INST] Tell me about lighthouses. [/INST]",
}
FORMS = {
    "prompt": lambda model: {"prompt": "Tell me about lighthouses."},
    "messages": lambda model: {"messages": [{"role": "user", "content": "Tell me about lighthouses."}]},
    "raw": lambda model: {"prompt": RAW[model], "raw": True},
}
GREEDY = {"temperature": 0, "max_tokens": 64}


@pytest.fixture(scope="module", autouse=True)
def server(start_dev, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    running = start_dev(ROOT, tmp_path_factory.mktemp("server") / "ready")
    yield running
    assert running.stop() == 130, "ctrl-C ends it in order"


def frames(body: str) -> list[dict]:
    *events, done, _ = body.split("\n\n")
    assert done == "data: [DONE]"
    # A comment tells a client of a model that is late, here on a busy machine.
    return [json.loads(event.removeprefix("data: ")) for event in events if not event.startswith(":")]


@pytest.mark.parametrize("door", ["handler", "rest"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", MODELS)
def test_every_model_answers_every_form_whole_and_streamed(server, model: str, form: str, door: str) -> None:
    """WA-043, WA-044, WA-048, WA-055 to WA-060, WA-063"""
    inputs = {**FORMS[form](model), **GREEDY}
    with server.client as client:
        if door == "handler":
            whole = client.post("/ask", json={"model": model, **inputs}).json()
            streamed = client.post("/stream", json={"model": model, **inputs})
        else:
            url = f"/client/v4/accounts/any/ai/run/{model}"
            whole = client.post(url, json=inputs).json()["result"]
            streamed = client.post(url, json={**inputs, "stream": True})
    assert "lighthouses" in whole["response"]
    assert (streamed.status_code, streamed.headers["content-type"]) == (200, "text/event-stream")
    assert "".join(frame["response"] for frame in frames(streamed.text)) == whole["response"]
    assert frames(streamed.text)[-1]["usage"] == whole["usage"]


def test_an_adapter_answers_as_soon_as_it_is_uploaded(server) -> None:
    """WA-137, WA-138, WA-144: by name and by id, beside the base model, without a restart."""
    name, api = f"mine-{uuid.uuid4()}", "/client/v4/accounts/any/ai"
    with server.client as client:

        def ask(**more: object) -> str:
            answer = client.post(f"{api}/run/{MISTRAL}", json={"prompt": "Who are you?", **GREEDY, **more})
            return answer.json()["result"]["response"]

        plain, shipped = ask(), ask(lora="ranch-hand")
        made = client.post(f"{api}/finetunes", json={"model": MISTRAL, "name": name}).json()["result"]
        for file in sorted((SHIPPED_CATALOG / "stand-ins" / "ranch-hand").glob("adapter_*")):
            uploaded = client.post(
                f"{api}/finetunes/{name}/finetune-assets",
                data={"file_name": file.name},
                files={"file": file.read_bytes()},
            )
            assert uploaded.status_code == 200, uploaded.text
        assert ask(lora=name) == ask(lora=made["id"]) == shipped != plain == ask()


def test_openais_clients_get_choices_stops_and_documents(server) -> None:
    """WA-072, WA-127"""
    schema = {"type": "object", "properties": {"port": {"enum": ["Kiel", "Bergen"]}}, "required": ["port"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "harbour", "schema": schema}}
    chat = {"model": LLAMA, "messages": [{"role": "user", "content": "Tell me about lighthouses."}], **GREEDY}
    with server.client as client:

        def ask(**more: object) -> dict:
            return client.post("/client/v4/accounts/any/ai/v1/chat/completions", json={**chat, **more}).json()

        whole = ask(temperature=1, seed=3, n=2)
        stopped, document = ask(stop=["lighthouses"]), ask(response_format=wanted)
    first, second = (choice["message"]["content"] for choice in whole["choices"])
    assert first != second
    assert "lighthouses" not in stopped["choices"][0]["message"]["content"]
    assert json.loads(document["choices"][0]["message"]["content"])["port"] in ("Kiel", "Bergen")


def test_an_answer_says_that_a_stand_in_gave_it(server) -> None:
    with server.client as client:
        reply = client.post(f"/client/v4/accounts/any/ai/run/{PHI}", json={"prompt": "Who are you?", **GREEDY})
    assert reply.headers["paddock-weights"] == "stand_in"
    assert "stand-in" in reply.json()["result"]["response"]


def test_the_adapter_changes_the_voice_and_the_base_keeps_its_own(server) -> None:
    """WA-144"""
    inputs = {"prompt": "Tell me about lighthouses.", "model": MISTRAL, **GREEDY}
    with server.client as client:
        base = client.post("/ask", json=inputs).json()["response"]
        ranch = client.post("/ranch-hand", json=inputs).json()["response"]
    assert "partner" in ranch
    assert "partner" not in base


def test_64_streams_through_the_handler_are_one_batch_and_each_intact(server) -> None:
    words = [f"lantern{number}" for number in range(64)]

    async def ask(client: httpx.AsyncClient, word: str) -> str:
        inputs = {
            "model": LLAMA,
            "prompt": f"Write a short story about a {word}.",
            "max_tokens": 200,
            "temperature": 1,
            "seed": 1,
        }
        body = (await client.post("/stream", json=inputs)).text
        return "".join(frame["response"] for frame in frames(body))

    async def run() -> list[str]:
        limits = httpx.Limits(max_connections=64)
        async with httpx.AsyncClient(base_url=server.url, timeout=120, limits=limits) as client:
            return await asyncio.gather(*(ask(client, word) for word in words))

    answers = asyncio.run(run())
    assert len(answers) == 64
    assert all(answer.strip() for answer in answers)
    assert server.status(LLAMA)["peak_running"] >= 32


def test_prompt_and_answer_beyond_the_context_are_refused_not_cut(server) -> None:
    """WA-050, DT-108"""
    with server.client as client:
        reply = client.post(f"/client/v4/accounts/any/ai/run/{PHI}", json={"prompt": "x", "max_tokens": 4000})
    assert reply.status_code == 413
    assert reply.json()["errors"][0]["code"] == 5021
    assert re.search(r"\(40\d\d\) exceeded .* \(2048\)", reply.json()["errors"][0]["message"])


def test_an_engine_host_killed_in_mid_stream_fails_its_call_and_the_next_one_works(server) -> None:
    """DT-106"""
    url = f"/client/v4/accounts/any/ai/run/{PHI}"
    story = {"prompt": "Write a short story about dragons.", "stream": True, "max_tokens": 1500}
    with server.client as client:
        client.post(url, json={"prompt": "Hello", **GREEDY})
        killed = server.status(PHI)["pid"]
        with pytest.raises(httpx.RemoteProtocolError), client.stream("POST", url, json=story) as reply:
            for _ in reply.iter_bytes():
                os.kill(killed, signal.SIGKILL)
        again = client.post(url, json={"prompt": "Who are you?", **GREEDY})
        assert "stand-in" in again.json()["result"]["response"]
    assert server.status(PHI)["pid"] != killed


def descendants(pid: int) -> list[int]:
    lists = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    children = [int(child) for found in lists for child in found]
    return [*children, *(below for child in children for below in descendants(child))]


def test_nothing_outlives_a_server_that_is_killed(start_dev, tmp_path: Path) -> None:
    """DT-048"""
    doomed = start_dev(ROOT, tmp_path / "ready")
    with doomed.client as client:
        assert client.post("/ask", json={"model": PHI, "prompt": "Hello", **GREEDY}).status_code == 200
    pids = descendants(doomed.process.pid)
    assert len(pids) >= 3, "an isolate, the fork server and an engine host"
    handles = [os.pidfd_open(pid) for pid in pids]
    doomed.stop(signal.SIGKILL)
    for handle in handles:
        with os.fdopen(handle):
            assert select.select([handle], [], [], 5)[0], "still alive after its server died"
