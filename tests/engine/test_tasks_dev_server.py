"""Every task but text generation through `paddock dev` with the real engine, by a handler and over REST, and whether
the answers are what the OpenAPI document says."""

import io
import math
import struct
import wave
from collections.abc import Iterator

import jsonschema
import pytest
from PIL import Image

from paddock.bindings.ai.doors import openapi
from paddock.bindings.ai.doors.rest import ACCOUNT

HANDLER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        asked = await request.json()
        return Response.json(await self.env.AI.run(asked["model"], asked["inputs"]))
"""
CONFIG = """
name = "tasks"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]

[ai]
binding = "AI"
"""
BGE = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"
SENTIMENT = "@cf/huggingface/distilbert-sst-2-int8"
LLAVA = "@cf/llava-hf/llava-1.5-7b-hf"
WHISPER = "@cf/openai/whisper-tiny-en"
CONTEXTS = [{"text": text} for text in ("Ants live in the garden.", "A lighthouse stands on a rock by the sea.")]


def tone() -> bytes:
    """A second of a tone, as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8000)
        samples = (int(9000 * math.sin(at / 3)) for at in range(8000))
        recording.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


@pytest.fixture(scope="module", autouse=True)
def server(start_dev, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    project = tmp_path_factory.mktemp("project")
    (project / "handler.py").write_text(HANDLER)
    (project / "wrangler-like.toml").write_text(CONFIG)
    running = start_dev(project, tmp_path_factory.mktemp("server") / "ready")
    yield running
    assert running.stop() == 130


def both(server, model: str, inputs: dict) -> object:
    """The result, which is the same through the binding and over REST."""
    with server.client as client:
        bound = client.post("/", json={"model": model, "inputs": inputs}).json()
        rest = client.post(f"/client/v4/accounts/any/ai/run/{model}", json=inputs)
        described = client.get(openapi.PATH).json()["paths"][f"{ACCOUNT}run/{model}"]["post"]["responses"]["200"]
    assert rest.headers["paddock-weights"] == "stand_in"
    assert rest.json()["result"] == bound
    jsonschema.validate(rest.json(), described["content"]["application/json"]["schema"])
    return bound


def test_embeddings(server) -> None:
    """WA-082 to WA-084, WA-128"""
    answer = both(server, BGE, {"text": ["Tell me about lighthouses.", "About lighthouses, tell me!"]})
    assert isinstance(answer, dict)
    one, other = answer["data"]
    assert answer["shape"] == [2, 384]
    assert sum(a * b for a, b in zip(one, other, strict=True)) > 0.9
    with server.client as client:
        body = {"model": BGE, "input": "Tell me about lighthouses."}
        (item,) = client.post("/client/v4/accounts/any/ai/v1/embeddings", json=body).json()["data"]
    assert max(abs(a - b) for a, b in zip(item["embedding"], one, strict=True)) < 2e-6


def test_reranking(server) -> None:
    """WA-086"""
    answer = both(server, RERANKER, {"query": "Where is the lighthouse?", "contexts": CONTEXTS, "top_k": 1})
    assert isinstance(answer, dict)
    assert [row["id"] for row in answer["response"]] == [1]


def test_classification(server) -> None:
    """WA-087"""
    answer = both(server, SENTIMENT, {"text": "This pizza is great!"})
    assert isinstance(answer, list)
    assert max(answer, key=lambda row: row["score"])["label"] == "POSITIVE"


def test_speech_recognition(server) -> None:
    """WA-088, WA-089"""
    pytest.importorskip("av", reason='pip install "paddock[audio]"')
    answer = both(server, WHISPER, {"audio": list(tone())})
    assert isinstance(answer, dict)
    assert answer["text"] == "This is a stand-in for Whisper. It hears nothing."
    assert (answer["word_count"], len(answer["words"])) == (9, 9)
    with server.client as client:
        raw = client.post(f"/client/v4/accounts/any/ai/run/{WHISPER}", content=tone())
    assert raw.json()["result"] == answer


def test_translation_and_summarization(server) -> None:
    text = "Ada keeps a lighthouse by the sea. It is old."
    first = "Ada keeps a lighthouse by the sea."
    assert both(server, "@cf/facebook/bart-large-cnn", {"input_text": text}) == {"summary": first}
    translated = both(server, "@cf/meta/m2m100-1.2b", {"text": text, "target_lang": "de"})
    assert translated == {"translated_text": first}


def test_image_to_text(server) -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), (50, 70, 220)).save(file, "PNG")
    answer = both(server, LLAVA, {"image": list(file.getvalue()), "prompt": "What is this?"})
    assert answer == {"description": "This is a stand-in for LLaVA. Most of the picture is blue."}
    with server.client as client:
        raw = client.post(f"/client/v4/accounts/any/ai/run/{LLAVA}", content=file.getvalue())
    assert raw.json()["result"] == answer
