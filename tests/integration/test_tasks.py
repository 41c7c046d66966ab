"""Tasks that write no text through the doors, with results that are made up."""

import httpx
import pytest

from paddock.worker.testing import Ai

EMBED = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        result = await self.env.AI.run("@cf/baai/bge-base-en-v1.5", {"text": ["one", "two"]})
        number = result.data[0][0]
        return Response.json({
            "is_float": isinstance(number, float), "shape": result.shape, "is_list": isinstance(result.shape, list),
            "same": result["data"][0][0] == number, "pooling": result.pooling,
        })
"""
LISTEN = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        audio = {"body": request.js_object.body, "contentType": "audio/wav"}
        return Response.json(await self.env.AI.run("@cf/openai/whisper", {"audio": audio}))
"""
ACCOUNT = "/client/v4/accounts/a/ai"


@pytest.mark.paddock(source=EMBED)
def test_a_handler_reads_numbers_and_shape(client: httpx.Client) -> None:
    """PW-137"""
    seen = client.get("/").json()
    assert seen == {"is_float": True, "shape": [2, 768], "is_list": True, "same": True, "pooling": "mean"}


@pytest.mark.paddock(source=EMBED)
def test_rest_and_openais_door_give_the_same_vectors(client: httpx.Client) -> None:
    """WA-082, WA-083, WA-128"""
    model = "@cf/baai/bge-base-en-v1.5"
    native = client.post(f"{ACCOUNT}/run/{model}", json={"text": ["one", "two"]})
    openai = client.post(f"{ACCOUNT}/v1/embeddings", json={"model": model, "input": ["one", "two"]})
    result = native.json()["result"]
    assert (result["shape"], native.json()["success"]) == ([2, 768], True)
    assert [item["embedding"] for item in openai.json()["data"]] == result["data"]
    assert float(native.headers["cf-ai-neurons"]) > 0


@pytest.mark.paddock(source=LISTEN)
def test_a_recording_goes_from_the_client_through_a_handler_as_a_stream(client: httpx.Client, ai: Ai) -> None:
    """WA-088, WA-100"""
    sound = bytes(range(256)) * 8
    answer = client.post("/", content=sound).json()
    assert (answer["word_count"], answer["text"]) == (2, "word0 word1")
    assert ai.calls[0].given == {"audio": sound}
