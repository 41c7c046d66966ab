"""Conversations with pictures through `paddock dev` with the real engine, by every door."""

import base64
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

HANDLER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        asked = await request.json()
        return Response.json(await self.env.AI.run(asked["model"], asked["inputs"]))
"""
CONFIG = """
name = "seeing"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]

[ai]
binding = "AI"

[paddock.models."@cf/test/parts"]
weights = "{eyes}"
"""
EYES = "@cf/meta/llama-3.2-11b-vision-instruct"
#: A model of 2025, whose schema has parts of messages; it gets the stand-in that sees for its weights.
PARTS = "@cf/test/parts"
HOME = Path(__file__).parents[2]
RUN, OPENAI = "/client/v4/accounts/any/ai/run/", "/client/v4/accounts/any/ai/v1/"
SEEN = "I am a stand-in for Llama 3.2 Vision. Most of the picture is {}."


def png(colour: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(file, "PNG")
    return file.getvalue()


RED, BLUE = png((220, 40, 40)), png((50, 70, 220))
pictures = pytest.mark.parametrize(("picture", "colour"), [(RED, "red"), (BLUE, "blue")], ids=["red", "blue"])


def uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def shown(url: str) -> dict[str, Any]:
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    return {"messages": [{"role": "user", "content": parts}], "temperature": 0}


def frames(events: str) -> list[Any]:
    *sent, done, end = events.split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in sent]


@pytest.fixture(scope="module", autouse=True)
def server(start_dev, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    project = tmp_path_factory.mktemp("project")
    (project / "handler.py").write_text(HANDLER)
    eyes = HOME / "catalog" / "stand-ins" / "llama32-vision"
    (project / "wrangler-like.toml").write_text(CONFIG.format(eyes=eyes))
    (project / "catalog").mkdir()
    shutil.copy(HOME / "tests" / "unit" / "bindings" / "ai" / "models" / "parts.json", project / "catalog")
    running = start_dev(project, tmp_path_factory.mktemp("server") / "ready")
    yield running
    assert running.stop() == 130


@pytest.fixture
def client(server) -> Iterator:
    with server.client as client:
        yield client


@pictures
def test_an_image_beside_a_prompt(client, picture: bytes, colour: str) -> None:
    inputs = {"prompt": "What is this?", "temperature": 0}
    rest = client.post(RUN + EYES, json=inputs | {"image": list(picture)})
    assert rest.headers["paddock-weights"] == "stand_in"
    answer = rest.json()["result"]
    assert (answer["response"], answer["usage"]["prompt_tokens"]) == (SEEN.format(colour), 17)
    for image in (base64.b64encode(picture).decode(), uri(picture)):
        assert client.post("/", json={"model": EYES, "inputs": inputs | {"image": image}}).json() == answer
    streamed = frames(client.post(RUN + EYES, json=inputs | {"image": list(picture), "stream": True}).text)
    assert "".join(frame["response"] for frame in streamed) == SEEN.format(colour)
    assert len(streamed) > 5
    assert streamed[-1]["usage"] == answer["usage"]


@pictures
@pytest.mark.parametrize("model", [PARTS, EYES])
def test_parts_of_messages(client, model: str, picture: bytes, colour: str) -> None:
    native = client.post("/", json={"model": model, "inputs": shown(uri(picture))}).json()
    assert (native["response"], native["usage"]["prompt_tokens"]) == (SEEN.format(colour), 17)
    chat = client.post(OPENAI + "chat/completions", json=shown(uri(picture)) | {"model": model}).json()
    assert chat["choices"][0]["message"]["content"] == SEEN.format(colour)
    assert native["usage"].items() <= chat["usage"].items()
    streamed = client.post(OPENAI + "chat/completions", json=shown(uri(picture)) | {"model": model, "stream": True})
    deltas = [frame["choices"][0]["delta"].get("content") or "" for frame in frames(streamed.text)]
    assert "".join(deltas) == SEEN.format(colour)


@pictures
def test_an_input_image_of_the_responses_api(client, picture: bytes, colour: str) -> None:
    parts = [{"type": "input_text", "text": "What?"}, {"type": "input_image", "image_url": uri(picture)}]
    body = {"model": PARTS, "temperature": 0, "input": [{"role": "user", "content": parts}]}
    answer = client.post(OPENAI + "responses", json=body).json()
    assert answer["output"][0]["content"][0]["text"] == SEEN.format(colour)


def test_a_conversation_without_a_picture(client) -> None:
    answer = client.post(RUN + EYES, json={"prompt": "Tell me about lighthouses.", "temperature": 0}).json()
    assert "lighthouses" in answer["result"]["response"]


@pytest.mark.parametrize(
    ("model", "inputs", "number", "text"),
    [
        (PARTS, shown("data:image/png;base64,AAA"), 8006, "AiError: AiError: Invalid data for image - reason invalid"),
        (PARTS, shown("http://localhost/cat.png"), 8006, "AiError: AiError: Invalid data for image - reason expected"),
        (EYES, {"prompt": "x", "image": list(RED[:50])}, 8006, "AiError: AiError: Invalid data for image"),
        ("@cf/google/gemma-4-26b-a4b-it", shown(uri(RED)), 5006, "AiError: AiError: images: "),
        ("@cf/microsoft/phi-2", {"prompt": "x", "image": uri(RED)}, 5006, "AiError: AiError: image: "),
    ],
    ids=["base64", "http", "half", "a blind stand-in", "a blind model"],
)
def test_what_cannot_be_seen_is_refused(client, model: str, inputs: dict, number: int, text: str) -> None:
    refused = client.post(RUN + model, json=inputs)
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["code"]) == (400, number)
    assert error["message"].startswith(text)
