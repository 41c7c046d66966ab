"""LLaVA in transformers: the same words as transformers itself writes, for pictures in every format."""

from __future__ import annotations

import io
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest
from paddock.bindings.ai.engines.work import Describing, Pooling, Written
from paddock.bindings.ai.tasks.contract import NO_SAMPLING
from paddock.bindings.errors import ContextOverflow, InputError, OptionUnsupported

COLOURS = {"red": (220, 40, 40), "green": (40, 190, 60), "blue": (50, 70, 220), "white": (240, 240, 240)}


def coloured(name: str, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), COLOURS[name]).save(file, form)
    return file.getvalue()


def empty(width: int, height: int) -> bytes:
    """A whole picture in a few kilobytes."""
    file = io.BytesIO()
    Image.new("1", (width, height)).save(file, "PNG")
    return file.getvalue()


async def _described(engine: Any, work: Any) -> EngineChunk:
    async with aclosing(engine.generate(EngineRequest(NO_SAMPLING, work=work, is_whole=True))) as stream:
        (chunk,) = [chunk async for chunk in stream]
    return chunk


def words(chunk: EngineChunk) -> str:
    assert isinstance(chunk.result, Written)
    return chunk.result.text


@pytest.fixture(scope="module")
def llava(engine_of, stand_ins: Path) -> Any:
    return engine_of(stand_ins / "llava", max_model_len=None)


def test_a_description_is_what_transformers_writes(run, llava, stand_ins: Path) -> None:
    import torch
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    folder = stand_ins / "llava"
    processors: Any = AutoProcessor
    processor: Any = processors.from_pretrained(folder)
    model: Any = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = processor(
        images=Image.open(io.BytesIO(coloured("blue"))),
        text="USER: <image>\nWhat is it? ASSISTANT:",
        return_tensors="pt",
    )
    inputs.pop("token_type_ids", None)
    written = model.generate(**inputs, max_new_tokens=40, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    chunk = run(_described(llava, Describing(coloured("blue"), "What is it?", max_tokens=40)))
    assert words(chunk) == processor.tokenizer.decode(written, skip_special_tokens=True).strip()
    assert (chunk.tokens, chunk.prompt_tokens) == (len(written), inputs["input_ids"].shape[1])


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("name", COLOURS)
def test_the_picture_decides_in_every_format(run, llava, name: str, form: str) -> None:
    said = words(run(_described(llava, Describing(coloured(name, form), "What is this?"))))
    assert said == f"This is a stand-in for LLaVA. Most of the picture is {name}."


@pytest.mark.parametrize(
    "prompt", ["Which <image> colour<image>?", "USER: <image>\nWhat is this? ASSISTANT:", "<ima<image>ge>"]
)
@pytest.mark.parametrize("is_raw", [True, False])
def test_marks_of_pictures_in_a_prompt_do_no_harm(run, llava, prompt: str, is_raw: bool) -> None:
    assert words(run(_described(llava, Describing(coloured("red"), prompt, is_raw=is_raw, max_tokens=30))))


def test_an_answer_ends_at_its_length_and_a_seed_is_kept(run, llava) -> None:
    chunk = run(_described(llava, Describing(coloured("red"), "Hi", max_tokens=3)))
    assert (chunk.tokens, chunk.finish_reason) == (3, "length")
    warm = Describing(coloured("red"), "Hi", temperature=3.0, seed=7, max_tokens=20)
    assert words(run(_described(llava, warm))) == words(run(_described(llava, warm)))


@pytest.mark.parametrize(
    ("work", "error", "text"),
    [
        (Describing(b"", "x"), InputError, "image: expected PNG.*got no bytes"),
        (Describing(b"no picture", "x"), InputError, "image: expected PNG.*got 10 bytes that begin with 6e 6f"),
        (Describing(coloured("red")[:60], "x"), InputError, "image: expected PNG.*image file is truncated"),
        (Describing(empty(16_000, 16_000), "x"), InputError, "at most 50000000 pixels in a request; got many"),
        (Describing(empty(9_000, 9_000), "x"), InputError, "at most 50000000 pixels in a request; got 9000 x 9000"),
        (Describing(b"%PDF-1.4", "x"), InputError, "image: expected PNG"),
        (Describing(coloured("red"), "x", max_tokens=9999), ContextOverflow, "exceeded this model context"),
        (Pooling("embed", ("x",)), OptionUnsupported, "describes pictures"),
    ],
    ids=["nothing", "text", "half", "a bomb", "too large", "another format", "too long", "other work"],
)
def test_what_cannot_be_seen_is_refused_and_the_engine_goes_on(
    run, llava, work: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        run(_described(llava, work))
    assert words(run(_described(llava, Describing(coloured("red"), "x"))))
