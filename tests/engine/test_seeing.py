"""Conversations with pictures in transformers: the same tokens as transformers itself draws, one by one."""

from __future__ import annotations

import asyncio
import io
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from paddock.bindings.ai.engines.frames import Add
from paddock.bindings.ai.engines.protocol import (
    CalledTool,
    EngineRequest,
    Message,
    Picture,
    SamplingParams,
    Tool,
    ToolUse,
)
from paddock.bindings.ai.engines.transformers.prompts import Prompts
from paddock.bindings.ai.engines.work import Pooling
from paddock.bindings.ai.tasks.contract import NO_SAMPLING
from paddock.bindings.errors import ContextOverflow, InputError, InvalidImage, JsonModeUnmet, OptionUnsupported

#: What transformers 5.19 says of a call of its own.
pytestmark = pytest.mark.filterwarnings("ignore:.hidden_state. is deprecated:FutureWarning")

COLOURS = {"red": (220, 40, 40), "blue": (50, 70, 220), "white": (240, 240, 240)}
SCHEMA = '{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}'


def png(name: str, size: tuple[int, int] = (60, 40)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, COLOURS[name]).save(file, "PNG")
    return file.getvalue()


def ask(text: str, *pictures: bytes, **more: Any) -> EngineRequest:
    shown = tuple(Picture(picture) for picture in pictures)
    extra = {name: more.pop(name) for name in ("tool_use", "prompt") if name in more}
    messages = None if "prompt" in extra else (Message("user", text, pictures=shown),)
    return EngineRequest(SamplingParams(**{"max_tokens": 60, "temperature": 0.0} | more), messages=messages, **extra)


@pytest.fixture(scope="module")
def folder(stand_ins: Path) -> Path:
    return stand_ins / "llama32-vision"


@pytest.fixture(scope="module")
def eyes(engine_of, folder: Path) -> Any:
    return engine_of(folder, tool_parser="llama3_json")


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    """Text, and tokens read and written, by transformers' own `generate` of a conversation."""
    import torch
    from transformers import AutoProcessor, MllamaForConditionalGeneration

    processors: Any = AutoProcessor
    processor: Any = processors.from_pretrained(folder)
    model: Any = MllamaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()

    def of(text: str, *names: str) -> tuple[str, int, int]:
        shown = [{"type": "image", "image": Image.new("RGB", (60, 40), COLOURS[name])} for name in names]
        turn = [{"role": "user", "content": [*shown, {"type": "text", "text": text}]}]
        inputs = processor.apply_chat_template(
            turn, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        read = inputs["input_ids"].shape[1]
        written = model.generate(**inputs, max_new_tokens=60, do_sample=False)[0, read:]
        return processor.tokenizer.decode(written, skip_special_tokens=True), read, len(written)

    return of


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What is this?", ("red",)),
        ("What is this?", ("blue",)),
        ("Tell me about lighthouses.", ()),
        ("Compare these.", ("red", "blue")),
        ("\u725b \U0001f404 caf\u00e9", ("white",)),
    ],
)
def test_an_answer_is_what_transformers_writes(run, answer, eyes, reference, text: str, names: tuple[str, ...]) -> None:
    said = run(answer(eyes, ask(text, *map(png, names))))
    chunks = said.chunks
    assert (said.text, chunks[0].prompt_tokens, sum(chunk.tokens for chunk in chunks)) == reference(text, *names)
    assert len(chunks) > 5, "it is streamed token by token"
    assert chunks[-1].finish_reason == "stop"


def test_the_picture_decides(run, answer, eyes) -> None:
    texts = {name: run(answer(eyes, ask("What is this?", png(name)))).text for name in COLOURS}
    sentence = "I am a stand-in for Llama 3.2 Vision. Most of the picture is {}."
    assert texts == {name: sentence.format(name) for name in COLOURS}


def test_answers_that_run_together_are_those_of_each_alone(run, answer, eyes) -> None:
    async def both() -> list[str]:
        requests = [ask(f"Tell me about {word}.", png(name)) for word in "abcdef" for name in ("red", "blue")]
        return [said.text for said in await asyncio.gather(*(answer(eyes, request) for request in requests))]

    texts = run(both())
    assert [text.rpartition(" ")[2] for text in texts] == ["red.", "blue."] * 6


def test_of_many_that_wait_few_keep_their_pixels(folder: Path) -> None:
    from transformers import AutoProcessor

    def add(text: str, *pictures: bytes) -> Add:
        asked = ask(text, *pictures)
        return Add(1, asked.sampling, messages=asked.messages)

    processors: Any = AutoProcessor
    takes = {"input_ids", "attention_mask", "pixel_values"}
    prompts = Prompts(processors.from_pretrained(folder), None, takes, 4096)
    waiting = [prompts.render(add("What is this?", png("red"))) for _ in range(12)]
    assert [prompt.tokens.tensors is None for prompt in waiting] == [False] * 8 + [True] * 4
    assert len({prompt.length for prompt in waiting}) == 1
    again = prompts.tensors(add("What is this?", png("red")))
    assert again["pixel_values"].equal(waiting[0].tokens.tensors["pixel_values"])
    assert prompts.render(add("Hello")).tokens.tensors is not None, "a text is small"
    waiting.pop(0)
    assert prompts.render(add("What is this?", png("red"))).tokens.tensors is not None


def test_a_seed_is_kept_and_ways_of_drawing_are_taken(run, answer, eyes) -> None:
    warm = {"temperature": 3.0, "top_k": 40, "top_p": 0.95, "min_p": 0.001, "max_tokens": 12}
    warm |= {"repetition_penalty": 1.1, "frequency_penalty": 0.5, "presence_penalty": 0.5}
    texts = [run(answer(eyes, ask("Hi", png("red"), seed=seed, **warm))).text for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_stop_strings_length_and_bias(run, answer, eyes) -> None:
    said = run(answer(eyes, ask("What is this?", png("red"), stop=("picture",))))
    assert (said.text, said.chunks[-1].finish_reason) == (
        "I am a stand-in for Llama 3.2 Vision. Most of the ",
        "stop",
    )
    said = run(answer(eyes, ask("What is this?", png("red"), max_tokens=3)))
    assert (sum(chunk.tokens for chunk in said.chunks), said.chunks[-1].finish_reason) == (3, "length")
    biased = run(answer(eyes, ask("What is this?", png("red"), max_tokens=3, logit_bias={40: 100.0})))
    assert biased.text != said.text


def test_probabilities_are_those_of_the_model(run, answer, eyes) -> None:
    (first, *_) = run(answer(eyes, ask("What is this?", png("red"), logprobs=3, max_tokens=2))).chunks[0].logprobs
    assert first.token == first.top[0][0] == "I"
    assert first.logprob == first.top[0][1] > -0.1
    assert len(first.top) == 3


def test_documents_and_calls_that_a_grammar_forces(run, answer, eyes) -> None:
    assert run(answer(eyes, ask("Call it Ada", png("red"), json_schema=SCHEMA))).text.startswith('{"name":"')
    use = ToolUse((Tool("paint", "Paints.", SCHEMA),), is_forced=True)
    calls = [call for chunk in run(answer(eyes, ask("Go", tool_use=use))).chunks for call in chunk.calls]
    assert calls[0].name == "paint"
    assert "".join(call.arguments for call in calls).startswith('{"name":"')
    with pytest.raises(JsonModeUnmet):
        run(answer(eyes, ask("Go", json_schema='{"type":"array","maxItems":99999999}')))


def test_tools_that_the_model_may_call(run, answer, eyes) -> None:
    weather = '{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
    use = ToolUse((Tool("get_weather", "Weather of a city.", weather),))
    chunks = run(answer(eyes, ask("What is the weather in Lisbon?", tool_use=use))).chunks
    calls = [call for chunk in chunks for call in chunk.calls]
    assert [call.name for call in calls if call.name] == ["get_weather"]


def test_tools_without_a_parser_are_refused(run, answer, engine_of, folder: Path) -> None:
    use = ToolUse((Tool("paint", "Paints.", SCHEMA),))
    with pytest.raises(OptionUnsupported, match="tools: nothing says how this model writes tool calls"):
        run(answer(engine_of(folder), ask("Go", tool_use=use)))


def test_marks_in_what_people_write_are_no_pictures(run, answer, eyes, reference) -> None:
    said = run(answer(eyes, ask("What <|image|>is this?<|image|>", png("red"))))
    assert said.text == reference("What is this?", "red")[0]
    # Where one is taken out of another, what is left is none.
    said = run(answer(eyes, ask("What <|im<|image|>age|>is this?", png("red"))))
    assert said.chunks[0].prompt_tokens == reference("What  is this?", "red")[1]


def test_marks_in_calls_and_tools_are_no_pictures(run, answer, eyes) -> None:
    use = ToolUse((Tool("paint", "Paints <|image|>.", SCHEMA),))
    called = Message("assistant", "", tool_calls=(CalledTool("1", "paint", '{"name": "<|image|>"}'),))
    messages = (Message("user", "Paint", pictures=(Picture(png("red")),)), called, Message("tool", "<|image|>"))
    sampling = SamplingParams(max_tokens=3, temperature=0.0)
    assert run(answer(eyes, EngineRequest(sampling, messages=messages, tool_use=use))).chunks[-1].tokens


def test_raw_prompts_go_as_they_are(run, answer, eyes, reference) -> None:
    turn = "<|start_header_id|>{}<|end_header_id|>\n\n{}"
    prompt = turn.format("user", "Tell me about lighthouses.<|eot_id|>") + turn.format("assistant", "")
    for begun in (prompt, "<|begin_of_text|>" + prompt):
        said = run(answer(eyes, ask("", prompt=begun)))
        assert (said.text, said.chunks[0].prompt_tokens) == reference("Tell me about lighthouses.")[:2]


def test_one_that_leaves_stops_nobody(run, answer, eyes) -> None:
    async def leave() -> str:
        async with aclosing(eyes.generate(ask("What is this?", png("blue")))) as left:
            await anext(left)
        return str((await answer(eyes, ask("What is this?", png("red")))).text)

    assert run(leave()).endswith("red.")
    assert run(eyes.stats()).running == 0


@pytest.mark.parametrize(
    ("request_", "error", "text"),
    [
        (ask("x", png("red")[:60]), InvalidImage, "reason expected PNG"),
        (ask("x", b"\x89PNG\r\n\x1a\n"), InvalidImage, "reason expected PNG"),
        (
            ask("x", png("red", (9_000, 5_000)), png("red", (9_000, 5_000))),
            InvalidImage,
            "at most 50000000 .*besides 45000000",
        ),
        (ask("x", png("red"), max_tokens=9999), ContextOverflow, "exceeded this model context"),
        (ask("x " * 4000), ContextOverflow, "exceeded this model context"),
        (ask("x", logit_bias={99999: 1.0}), InputError, "logit_bias: expected token ids below 1543; got 99999"),
        (EngineRequest(NO_SAMPLING, work=Pooling("embed", ("x",))), OptionUnsupported, "holds conversations"),
    ],
    ids=["half", "nothing in it", "a bomb", "too long", "too much", "no such token", "other work"],
)
def test_what_cannot_be_done_is_refused_and_the_engine_goes_on(
    run, answer, eyes, request_: EngineRequest, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        run(answer(eyes, request_))
    assert run(answer(eyes, ask("What is this?", png("red")))).text.endswith("red.")


def test_a_checkpoint_that_reads_text_alone_refuses_pictures(run, answer, engine_of, stand_ins: Path) -> None:
    engine = engine_of(stand_ins / "llama3")
    with pytest.raises(OptionUnsupported, match="images: llama3 runs on a checkpoint that reads text alone"):
        run(answer(engine, ask("What is this?", png("red"))))
