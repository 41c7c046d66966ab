"""Pictures and questions, over an engine that counts the bytes of a picture."""

import asyncio
import base64

import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.engines.work import Describing
from paddock.bindings.errors import InputError

LLAVA = "@cf/llava-hf/llava-1.5-7b-hf"


def run(make_service, engine: ScriptedEngine, **inputs: object) -> object:
    return asyncio.run(make_service(engine).run(LLAVA, inputs, [])).output


@pytest.mark.parametrize(
    "image",
    [b"\x00\xff", [0, 255], base64.b64encode(b"\x00\xff").decode(), "data:image/png;base64,AP8="],
    ids=["bytes", "integers", "base64", "data URL"],
)
def test_every_form_of_a_picture_is_the_same_bytes(make_service, image: object) -> None:
    engine = ScriptedEngine()
    assert run(make_service, engine, image=image) == {"description": "A picture of 2 bytes."}
    assert engine.requests[0].work == Describing(b"\x00\xff", "Describe this image.")


def test_prompt_length_and_temperature_reach_the_engine(make_service) -> None:
    engine = ScriptedEngine()
    run(make_service, engine, image=[1], prompt="Why?", raw=True, max_tokens=9.0, temperature=0.5, seed=3)
    assert engine.requests[0].work == Describing(b"\x01", "Why?", is_raw=True, max_tokens=9, temperature=0.5, seed=3)


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"image": [300]}, r"image\[0\]: expected an integer from 0 to 255; got '300'"),
        ({"image": "%%"}, "image: expected base64"),
        ({"image": [1], "max_tokens": 0}, "max_tokens"),
        ({"image": [1], "temperature": -1}, "temperature"),
        ({"prompt": "x"}, "required properties at '/' are 'image'"),
    ],
    ids=["numbers", "text", "length", "temperature", "none"],
)
def test_what_is_no_picture_is_refused_before_any_work(make_service, inputs: dict, text: str) -> None:
    engine = ScriptedEngine()
    with pytest.raises(InputError, match=text):
        run(make_service, engine, **inputs)
    assert engine.requests == []
