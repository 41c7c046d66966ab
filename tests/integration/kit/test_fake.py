"""Models in the mode `fake`: what they say is made up, everything else is real."""

import json
import math
import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.tasks import TASKS
from paddock.worker.testing import JsException, Paddock

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
QWEN = "@cf/qwen/qwen3-30b-a3b-fp8"
CARDS = [card for card in Catalog.read([SHIPPED_CATALOG]) if card.task is not None and card.task.name in TASKS]
VECTORS = [card for card in CARDS if card.task_type == "text-embeddings"]
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a place",
    "parameters": {
        "type": "object",
        "properties": {"place": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
        "required": ["place", "days"],
    },
}


def run(worker: Paddock, model: str, inputs: dict[str, Any]) -> Any:
    return worker.fetch("/run", json={"model": model, "inputs": inputs}).result().json()


INPUTS: dict[str, dict[str, object]] = {
    "text-generation": {"messages": [{"role": "user", "content": "Who are you?"}]},
    "text-embeddings": {"text": ["Who are you?"]},
    "text-classification": {"text": "Who are you?"},
    "summarization": {"input_text": "Who are you?"},
    "translation": {"text": "Who are you?", "target_lang": "fr"},
    "automatic-speech-recognition": {"audio": [0, 1, 2]},
    "image-classification": {"image": [0, 1, 2]},
    "image-to-text": {"image": [0, 1, 2], "prompt": "What is it?"},
    "object-detection": {"image": [0, 1, 2]},
    "text-to-image": {"prompt": "A cat"},
    "text-to-speech": {"prompt": "Who are you?"},
    "@cf/baai/bge-reranker-base": {"query": "Who?", "contexts": [{"text": "I"}, {"text": "you"}]},
    "@cf/openai/whisper-large-v3-turbo": {"audio": "AAEC"},
}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_answers_fit_the_models_own_output_schema(worker: Paddock, card: Any) -> None:
    """DT-069"""
    asked = INPUTS.get(card.name) or INPUTS[card.task_type]
    answer = worker.env.AI.run(card.name, asked).result()
    if isinstance(answer, bytes):  # a stream of something else than JSON
        assert set(card.output_media_types) - {"application/json"}
        return
    # Not oneOf: branches of production's own overlap, as that for batches requires nothing.
    branches = card.output_schema.get("oneOf", [card.output_schema])
    jsonschema.validate(answer, {"anyOf": [one for one in branches if one.get("title") != "Async response"]})


def test_what_a_vision_model_says_depends_on_the_picture(worker: Paddock) -> None:
    """DT-069"""
    model = "@cf/meta/llama-3.2-11b-vision-instruct"
    pictures = [[*b"\x89PNG\r\n\x1a\n", number] for number in (1, 2, 1)]
    one, other, again = (run(worker, model, {"prompt": "What?", "image": picture}) for picture in pictures)
    assert one == again
    assert one["response"] != other["response"]
    assert one["usage"]["prompt_tokens"] == other["usage"]["prompt_tokens"] > 1
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    seen = run(worker, "@cf/google/gemma-4-26b-a4b-it", {"messages": [{"role": "user", "content": [part]}]})
    assert seen["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"] - 1
    with pytest.raises(JsException, match="Invalid data for image - reason expected PNG"):
        worker.env.AI.run(model, {"prompt": "What?", "image": [1, 2, 3]}).result()


@pytest.mark.parametrize("card", VECTORS, ids=lambda card: card.name)
def test_vectors_have_the_declared_size_and_unit_length(worker: Paddock, card: Any) -> None:
    """DT-071"""
    answer = run(worker, card.name, {"text": ["a cat", "a dog", "a cat"]})
    first, second, third = answer["data"]
    assert len(first) == card.paddock.dimensions
    assert math.hypot(*first) == pytest.approx(1)
    assert first == third != second


@pytest.mark.parametrize("card", VECTORS, ids=lambda card: card.name)
def test_retrieval_finds_what_shares_words_with_the_question(worker: Paddock, card: Any) -> None:
    """DT-071"""
    notes = ["The tax form is due in May.", "The keeper of the lighthouse lights the lamp.", "Bread needs an hour."]
    question, *vectors = run(worker, card.name, {"text": ["Who is the lighthouse keeper?", *notes]})["data"]
    nearness = [sum(a * b for a, b in zip(question, vector, strict=True)) for vector in vectors]
    assert max(nearness) == nearness[1]


def test_rankings_go_by_shared_words_and_labels_by_nothing(worker: Paddock) -> None:
    """DT-070"""
    contexts = [{"text": text} for text in ("The tax form.", "The keeper of the lighthouse.", "The lighthouse.")]
    asked = {"query": "the lighthouse keeper", "contexts": contexts}
    scores = [row["score"] for row in run(worker, "@cf/baai/bge-reranker-base", asked)["response"]]
    assert scores[1] > scores[2] > scores[0]
    judged = [run(worker, "@cf/huggingface/distilbert-sst-2-int8", {"text": text}) for text in ("x", "x", "y")]
    assert judged[0] == judged[1] != judged[2]


def test_the_same_question_has_the_same_answer_and_another_one_another(worker: Paddock) -> None:
    """DT-070"""
    first = run(worker, PHI, {"prompt": "x"})
    assert run(worker, PHI, {"prompt": "x"}) == first
    assert run(worker, PHI, {"prompt": "y"})["response"] != first["response"]
    assert run(worker, LLAMA, {"prompt": "x"})["response"] != first["response"]
    assert run(worker, PHI, {"prompt": "x", "seed": 7})["response"] != first["response"]


def test_another_process_gives_the_same_answer(worker: Paddock) -> None:
    """DT-070"""
    from .conftest import SOURCE

    asked = {"model": PHI, "inputs": {"prompt": "x"}}
    program = (
        "import sys\nfrom paddock.worker.testing import Paddock\nfrom json import loads\n"
        f"with Paddock(source=sys.argv[1]) as worker: print(worker.fetch('/run', json={asked!r}).result().text)"
    )
    told = subprocess.run([sys.executable, "-c", program, SOURCE], capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == run(worker, PHI, {"prompt": "x"})


def test_the_kits_seed_counts(worker: Paddock) -> None:
    first = run(worker, PHI, {"prompt": "x"})
    worker.ai.seed = 1
    assert run(worker, PHI, {"prompt": "x"}) != first


def test_a_stream_says_the_same_in_events(worker: Paddock) -> None:
    """DT-073"""
    whole = run(worker, PHI, {"prompt": "x"})
    asked = {"model": PHI, "inputs": {"prompt": "x", "stream": True}}
    text = worker.fetch("/run", json=asked).result().text
    *events, done = [part.removeprefix("data: ") for part in text.strip().split("\n\n")]
    assert done == "[DONE]"
    assert "".join(json.loads(event)["response"] for event in events) == whole["response"]
    assert json.loads(events[-1])["usage"] == whole["usage"]


@pytest.mark.parametrize("mode", ["fake", "scripted"])
def test_inputs_are_checked(worker: Paddock, mode: str) -> None:
    worker.ai.mode = mode  # type: ignore[assignment]  # one of them
    with pytest.raises(JsException, match="5006"):
        run(worker, PHI, {"prompt": "x", "max_tokens": "many"})
    worker.ai.take_problems()


def test_json_mode_gives_a_document_of_the_schema(worker: Paddock) -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 3},
            "age": {"type": "integer", "minimum": 18, "exclusiveMaximum": 21},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1},
        },
        "required": ["name", "age", "tags"],
    }
    asked = {"prompt": "x", "response_format": {"type": "json_schema", "json_schema": schema}}
    jsonschema.validate(run(worker, LLAMA, asked)["response"], schema)


def test_a_tool_is_called_once_with_fitting_arguments(worker: Paddock) -> None:
    other = {"name": "send_mail", "description": "Send a mail", "parameters": {"type": "object", "properties": {}}}
    messages: list[dict[str, object]] = [{"role": "user", "content": "What is the weather in Lisbon?"}]
    asked = {"messages": messages, "tools": [other, WEATHER]}
    (call,) = run(worker, LLAMA, asked)["tool_calls"]
    assert call["name"] == "get_weather"
    jsonschema.validate(call["arguments"], WEATHER["parameters"])
    messages += [{"role": "assistant", "content": ""}, {"role": "tool", "name": "get_weather", "content": "sunny"}]
    assert "sunny" in run(worker, LLAMA, asked)["response"]


def test_models_that_think_think(worker: Paddock) -> None:
    message = run(worker, QWEN, {"messages": [{"role": "user", "content": "x"}]})["choices"][0]["message"]
    assert message["content"]
    assert message["reasoning_content"]


def test_calls_are_kept_with_defaults_usage_and_errors(worker: Paddock) -> None:
    """DT-079"""
    run(worker, PHI, {"prompt": "one two"})
    with pytest.raises(JsException):
        run(worker, PHI, {"nothing": 1})
    first, second = worker.ai.calls
    assert (first.model, first.inputs["prompt"], first.inputs["max_tokens"]) == (PHI, "one two", 256)
    assert first.output["usage"]["total_tokens"] == first.usage.total_tokens == worker.ai.tokens_total
    assert (first.outcome, first.error, first.duration_s > 0) == ("ok", None, True)
    assert second.error is not None
    assert second.outcome == second.error.code
    worker.ai.assert_called(PHI, contains="one", times=1)
    with pytest.raises(AssertionError, match="expected no call of a model"):
        worker.ai.assert_no_calls()


def test_chunks_of_streams_are_kept(worker: Paddock) -> None:
    """DT-079"""
    asked = {"model": PHI, "inputs": {"prompt": "x", "stream": True}}
    text = worker.fetch("/run", json=asked).result().text
    assert "".join(worker.ai.calls[0].chunks) == text
    assert worker.ai.calls[0].outcome == "ok"
