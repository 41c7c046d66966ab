"""Asynchronous batches on the real engine: what was accepted is answered, whatever happens to the server."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

EMBEDDINGS = "@cf/baai/bge-small-en-v1.5"
LLAMA3 = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
PROJECT = """
name = "batches"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
"""
HANDLER = """
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("unused")
"""
#: Seconds. A poll is all that tells when a batch is done, as for its clients.
_BETWEEN_POLLS = 0.05


def ask(client: httpx.Client, model: str, inputs: object) -> Any:
    answer = client.post(f"/client/v4/accounts/any/ai/run/{model}?queueRequest=true", json=inputs).json()
    assert answer["success"], answer
    return answer["result"]


def polled(client: httpx.Client, model: str, id: str, wanted: str = "responses") -> Any:
    while wanted not in (result := ask(client, model, {"request_id": id})) and result.get("status") != wanted:
        time.sleep(_BETWEEN_POLLS)
    return result


@pytest.mark.timeout(240)
def test_a_batch_outlives_the_kill_of_its_server(start_dev, tmp_path: Path) -> None:
    """WA-133 to WA-135: no request is lost, and what ran twice says so."""
    (tmp_path / "wrangler-like.toml").write_text(PROJECT)
    (tmp_path / "handler.py").write_text(HANDLER)
    first = start_dev(tmp_path, tmp_path / "ready-1")
    asked = [{"prompt": f"Tell me about the number {n}.", "max_tokens": 40, "seed": n + 1} for n in range(24)]
    with first.client as client:
        id = ask(client, LLAMA3, {"requests": asked})["request_id"]
        polled(client, LLAMA3, id, "running")
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    second = start_dev(tmp_path, tmp_path / "ready-2")
    try:
        with second.client as client:
            result = polled(client, LLAMA3, id)
    finally:
        assert second.stop() == 130
    responses = result["responses"]
    assert [response["id"] for response in responses] == list(range(24))
    assert all(response["success"] and response["result"]["response"] for response in responses)
    assert 1 <= sum("starts" in response for response in responses) <= 8, "those that ran when the server was killed"
    assert all(response.get("starts", 2) == 2 for response in responses)


@pytest.mark.timeout(120)
def test_a_batch_of_embeddings_gives_what_calls_give(start_dev, tmp_path: Path) -> None:
    """WA-134"""
    (tmp_path / "wrangler-like.toml").write_text(PROJECT)
    (tmp_path / "handler.py").write_text(HANDLER)
    server = start_dev(tmp_path, tmp_path / "ready")
    texts = [["a lighthouse"], ["a harbour", "a ferry"]]
    try:
        with server.client as client:
            id = ask(client, EMBEDDINGS, {"requests": [{"text": text} for text in texts]})["request_id"]
            batch = polled(client, EMBEDDINGS, id)["responses"]
            for response, text in zip(batch, texts, strict=True):
                whole = client.post(f"/client/v4/accounts/any/ai/run/{EMBEDDINGS}", json={"text": text}).json()
                assert response["result"]["shape"] == whole["result"]["shape"]
                for one, other in zip(response["result"]["data"], whole["result"]["data"], strict=True):
                    assert one == pytest.approx(other, abs=1e-3)
    finally:
        assert server.stop() == 130
