"""`/embeddings` of the OpenAI-compatible API."""

import asyncio
import base64
import json
import math
from array import array

import pytest

from paddock.bindings.ai.doors import openai
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.binding import FetchRequest

URL = "http://localhost:8787/client/v4/accounts/acc/ai/v1/embeddings"
BGE = "@cf/baai/bge-small-en-v1.5"


def ask(make_service, **body: object) -> tuple[int, dict]:
    request = FetchRequest("POST", URL, (), json.dumps({"model": BGE, **body}).encode())
    response = asyncio.run(openai.answer(make_service(ScriptedEngine()), request, 1_000_000))
    return response.status, json.loads(response.body)


@pytest.mark.parametrize("given", ["one", ["one", "two"]])
def test_embeddings_are_openais_list(make_service, given: object) -> None:
    """WA-128"""
    status, body = ask(make_service, input=given, encoding_format="float", user=None)
    assert (status, body["object"], body["model"]) == (200, "list", BGE)
    assert [item["index"] for item in body["data"]] == list(range(len(given) if isinstance(given, list) else 1))
    assert {len(item["embedding"]) for item in body["data"]} == {384}
    assert body["usage"]["prompt_tokens"] == body["usage"]["total_tokens"] > 0


def test_base64_is_the_same_numbers(make_service) -> None:
    """Python's client asks for it unless told otherwise."""
    (item,) = ask(make_service, input="one", encoding_format="base64")[1]["data"]
    (plain,) = ask(make_service, input="one")[1]["data"]
    numbers = array("f", base64.b64decode(item["embedding"]))
    assert all(math.isclose(*pair, rel_tol=1e-6) for pair in zip(numbers, plain["embedding"], strict=True))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"input": [1, 2, 3]}, "input: expected a text or a list of texts; got tokens"),
        ({"input": [[1, 2], [3]]}, "input: expected a text or a list of texts; got tokens"),
        ({"input": "x", "dimensions": 64}, f"dimensions: the vectors of {BGE} have one length, 384; leave it out"),
        ({"input": "x", "encoding_format": "int8"}, "Invalid enum value 'int8'"),
        ({"input": []}, "text: expected at least one text; got none"),
        ({}, "required properties at '/' are 'text'"),
        ({"input": "x", "model": "@cf/microsoft/phi-2"}, "required properties at '/' are"),
    ],
    ids=["tokens", "lists of tokens", "dimensions", "format", "nothing", "no input", "a model that writes"],
)
def test_what_cannot_be_honoured_is_refused_with_the_reason(make_service, body: dict, text: str) -> None:
    status, answer = ask(make_service, **body)
    assert status == 400
    assert text in answer["errors"][0]["message"]


def test_the_length_of_the_vectors_may_be_named(make_service) -> None:
    assert ask(make_service, input="x", dimensions=384)[0] == 200
