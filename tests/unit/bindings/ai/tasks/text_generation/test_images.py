"""Pictures in conversations, in every form in which callers give them."""

import asyncio
import base64
import json
from typing import Any

import pytest

from paddock.bindings.ai.engines.pictures import MOST_PICTURES
from paddock.bindings.ai.engines.protocol import EngineRequest, Message, Picture
from paddock.bindings.ai.engines.scripted import PICTURE_TOKENS, ScriptedEngine
from paddock.bindings.ai.tasks import TASKS
from paddock.bindings.errors import InputError, InvalidImage, OptionUnsupported, PaddockError

LLAMA = "@cf/meta/llama-3.2-11b-vision-instruct"
GEMMA = "@cf/google/gemma-4-26b-a4b-it"
OLDER = "@cf/test/parts"
PNG = b"\x89PNG\r\n\x1a\n and more"
JPEG = b"\xff\xd8\xff and more"


def uri(data: bytes = PNG, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def image(url: str) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url}}


def text(said: str) -> dict[str, object]:
    return {"type": "text", "text": said}


def user(*parts: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


@pytest.fixture
def asked(later):
    def of(model: str, inputs: dict[str, Any], dialect: str = "native") -> EngineRequest:
        """What an engine is asked, once the model's schema has let the inputs through."""
        card = later.card(model)
        return TASKS["Text Generation"].prepare(card, inputs, None, dialect).requests[0]

    return of


@pytest.mark.parametrize("model", [GEMMA, LLAMA, OLDER])
def test_parts_stand_where_they_stood(asked, model: str) -> None:
    inputs = user(text("Compare "), image(uri()), text("with "), image(uri(JPEG)), image(uri()))
    (message,) = asked(model, inputs).messages
    assert message == Message("user", "Compare with ", pictures=(Picture(PNG, 8), Picture(JPEG, 13), Picture(PNG, 13)))
    assert message.parts == ("Compare ", message.pictures[0], "with ", *message.pictures[1:])


@pytest.mark.parametrize(
    "given",
    [list(PNG), PNG, base64.b64encode(PNG).decode(), uri(), [float(byte) for byte in PNG]],
    ids=["integers", "bytes", "base64", "data URI", "floats"],
)
def test_an_image_beside_a_prompt_stands_before_it(asked, given: object) -> None:
    asked_for = asked(LLAMA, {"prompt": "What is it?", "image": given})
    assert asked_for.messages == (Message("user", "What is it?", pictures=(Picture(PNG),)),)


def test_bytes_that_json_made_an_object_of_are_told_apart(asked) -> None:
    for given, got in (({"0": 137}, r"an object, as which JSON has bytes: pass list\(data\)"), (7, "7")):
        with pytest.raises(InputError, match=f"image: expected a list of integers, or base64; got {got}"):
            asked(LLAMA, {"prompt": "What?", "image": given})


def test_an_image_beside_messages_belongs_to_the_last_of_the_user(asked) -> None:
    turns = [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello"), ("user", "And this?")]
    inputs = {"messages": [{"role": role, "content": said} for role, said in turns], "image": uri()}
    assert [len(message.pictures) for message in asked(LLAMA, inputs).messages] == [0, 0, 0, 1]
    with pytest.raises(InputError, match="image: expected a message of the role user"):
        asked(LLAMA, {"messages": inputs["messages"][:1], "image": uri()})


def test_forms_that_clients_send(asked) -> None:
    bare = {"type": "image_url", "image_url": uri()}
    detailed = {"type": "image_url", "image_url": {"url": uri(), "detail": "low"}}
    broken_into_lines = image(uri()[:40] + "\r\n" + uri()[40:])
    for part in (
        bare,
        detailed,
        broken_into_lines,
        image(uri(kind="image/jpeg")),
        image(uri().replace("data", "DATA")),
    ):
        (message,) = asked(GEMMA, user(part)).messages
        assert message.pictures == (Picture(PNG),)
    (message,) = asked(OLDER, {"messages": [{"role": "user", "content": image(uri())}]}).messages
    assert message.parts == message.pictures


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("data:image/png,AAAA", "expected `;base64,` separator in data URI"),
        ("data:image/png;base64,%%%", "invalid base64 encoding"),
        ("data:image/png;base64,AAA", "invalid base64 encoding"),
        ("https://example.com/cat.png", "expected a data URI, got 'https://example.com/cat.png'"),
        ("file:///etc/passwd", "expected a data URI, got 'file:///etc/passwd'"),
        ("", "expected a data URI, got ''"),
        (uri(b""), "expected PNG, JPEG, WebP, GIF or BMP; got no bytes"),
        (uri(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"), "expected PNG.*begin with 3c 73 76 67"),
        (uri(b"RIFF\x00\x00\x00\x00WAVE"), "expected PNG"),
        (uri(b"%PDF-1.4"), "expected PNG"),
    ],
    ids=["separator", "letters", "padding", "http", "file", "empty", "nothing", "svg", "wave", "pdf"],
)
def test_what_is_no_picture_is_refused_as_in_production(asked, url: str, reason: str) -> None:
    with pytest.raises(InvalidImage, match=f"^Invalid data for image - reason {reason}") as refused:
        asked(GEMMA, user(text("What?"), image(url)))
    assert (refused.value.internal_code, refused.value.status) == (8006, 400)


@pytest.mark.parametrize(
    ("model", "inputs", "message"),
    [
        ("@cf/test/json-mode", user(image(uri())), r"content\[0\]: expected a part of type text; got image_url"),
        ("@cf/qwen/qwen3-30b-a3b-fp8", user(image(uri())), "takes no pictures"),
        ("@cf/microsoft/phi-2", {"prompt": "x", "image": uri()}, "image: @cf/microsoft/phi-2 takes no pictures"),
        (GEMMA, {"prompt": "x", "image": uri()}, "image: give pictures as parts of messages"),
        (LLAMA, {"prompt": "x", "image": uri(), "raw": True}, "raw: where a picture stands"),
        (GEMMA, {"messages": [{"role": "assistant", "content": [image(uri())]}]}, "messages of the role user"),
        (GEMMA, user({"type": "input_audio"}), "expected a part of type text or image_url; got input_audio"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_reason(asked, model: str, inputs: dict, message: str) -> None:
    with pytest.raises(OptionUnsupported, match=message):
        asked(model, inputs)


def test_there_are_only_so_many(asked) -> None:
    asked(GEMMA, user(*[image(uri())] * MOST_PICTURES))
    with pytest.raises(InvalidImage, match=f"at most {MOST_PICTURES} images in a request; got {MOST_PICTURES + 1}"):
        asked(GEMMA, user(*[image(uri())] * (MOST_PICTURES + 1)))
    with pytest.raises(InputError, match=r"image_url: expected an object with a url"):
        asked(GEMMA, user({"type": "image_url"}))


@pytest.mark.parametrize(
    ("model", "inputs"), [(LLAMA, {"prompt": "What is it?", "image": list(PNG)}), (GEMMA, user(image(uri())))]
)
def test_usage_counts_pictures_whole_and_streamed(make_service, model: str, inputs: dict) -> None:
    async def answers() -> tuple[dict, bytes]:
        service = make_service(ScriptedEngine(["It is red.", "It is red."]))
        whole = await service.run(model, inputs, [])
        streamed = await service.run(model, inputs | {"stream": True}, [])
        pieces = []
        while (piece := await streamed.events.pull()) is not None:
            pieces.append(piece)
        return whole.output, b"".join(pieces)

    whole, events = asyncio.run(answers())
    frames = [json.loads(line[6:]) for line in events.decode().split("\n\n")[:-2]]
    words = 3 if "prompt" in inputs else 0
    assert whole["usage"]["prompt_tokens"] == words + PICTURE_TOKENS
    assert frames[-1]["usage"]["prompt_tokens"] == words + PICTURE_TOKENS


def test_a_schema_refuses_before_anything_is_read(make_service) -> None:
    """phi-2 takes text as content."""
    with pytest.raises(PaddockError) as refused:
        asyncio.run(make_service(ScriptedEngine()).run("@cf/microsoft/phi-2", user(image(uri())), []))
    assert refused.value.internal_code == 5006


def test_the_schema_of_llama_lets_parts_through(make_service) -> None:
    """As Cloudflare's published types have it; what it sees is counted."""
    answer = asyncio.run(make_service(ScriptedEngine(["A cat."])).run(LLAMA, user(image(uri()), text("What?")), []))
    assert (answer.output["response"], answer.output["usage"]["prompt_tokens"]) == ("A cat.", 1 + PICTURE_TOKENS)
