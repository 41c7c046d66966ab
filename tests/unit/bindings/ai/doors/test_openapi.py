"""The OpenAPI document: valid, complete, and true: every route in it answers."""

import asyncio
import itertools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddock.bindings.ai.card import ModelCard
from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.doors import openai, openapi, rest
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.service import AiService
from paddock.bindings.ai.tasks import task_of
from paddock.bindings.ai.weights import Weights
from paddock.bindings.binding import FetchRequest, FetchResponse
from paddock.bindings.state import StateFolder

PHI = "@cf/microsoft/phi-2"
JSON_TYPE = "application/json"
#: What a scripted engine runs on.
NO_WEIGHTS = Weights("/nowhere", "stand_in")
FORM = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
#: A body that every JSON operation takes, and those that want another one.
BGE = "@cf/baai/bge-small-en-v1.5"
BODY = (JSON_TYPE, json.dumps({"model": PHI, "prompt": "x", "text": "x"}).encode())
BODIES = {
    "post_tomarkdown": ("multipart/form-data; boundary=x", FORM),
    "post_cf_baai_bge_reranker_base": (JSON_TYPE, b'{"query": "x", "contexts": [{"text": "y"}]}'),
    "post_cf_facebook_bart_large_cnn": (JSON_TYPE, b'{"input_text": "x"}'),
    "post_cf_llava_hf_llava_1_5_7b_hf": (JSON_TYPE, b'{"image": [1, 2]}'),
    "post_cf_meta_m2m100_1_2b": (JSON_TYPE, b'{"text": "x", "target_lang": "de"}'),
    "post_cf_openai_whisper": (JSON_TYPE, b'{"audio": [1, 2]}'),
    "post_cf_openai_whisper_tiny_en": (JSON_TYPE, b'{"audio": [1, 2]}'),
    "post_cf_openai_whisper_large_v3_turbo": (JSON_TYPE, b'{"audio": "aGk="}'),
    "post_v1_embeddings": (JSON_TYPE, json.dumps({"model": BGE, "input": "x"}).encode()),
    "post_v1_responses": (JSON_TYPE, json.dumps({"model": PHI, "input": "x"}).encode()),
}
BATCH = "?queueRequest=true"
#: Models of tasks that nothing here runs.
NOT_RUN = {
    "post_cf_black_forest_labs_flux_1_schnell",
    "post_cf_facebook_detr_resnet_50",
    "post_cf_microsoft_resnet_50",
    "post_cf_myshell_ai_melotts",
}
NAMES = [
    *("model", "prompt", "messages", "input", "inputs", "instructions", "raw", "stream", "stream_options", "options"),
    *(
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "seed",
        "n",
    ),
    *("stop", "logprobs", "top_logprobs", "logit_bias", "response_format", "guided_json", "text", "tools", "functions"),
    *("tool_choice", "lora", "role", "content", "type", "json_schema", "reasoning", "reasoning_effort", "echo", "name"),
    *("chat_template_kwargs", "repetition_penalty", "frequency_penalty", "presence_penalty", "best_of", "parameters"),
]
VALUES = {"account_id": "local", "model": PHI.replace("/", "%2F"), "finetune": "mine"}


@pytest.fixture(scope="module")
def document(catalog: Catalog) -> Any:
    """As a reader gets it: JSON."""
    return json.loads(json.dumps(openapi.describe(catalog)))


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [(path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()]


@pytest.mark.clients
def test_the_document_is_valid_in_the_eyes_of_a_published_validator(document: Any) -> None:
    validator = pytest.importorskip(
        "openapi_spec_validator", reason="openapi-spec-validator is not installed: make test-clients installs it"
    )
    validator.validate(document)


def test_every_schema_in_it_is_json_schema(document: Any) -> None:
    for _, _, operation in operations(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            for content in body.get("content", {}).values():
                jsonschema.Draft202012Validator.check_schema(content.get("schema", {}))


def test_every_path_variable_is_described_and_every_operation_has_its_own_id(document: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, _, operation in operations(document):
        described = {item["name"] for item in operation["parameters"] if item["in"] == "path"}
        assert described == set(re.findall(r"\{(\w+)\}", path))


def test_every_model_stands_in_it_with_its_own_schema(document: Any, catalog: Catalog) -> None:
    for card in catalog:
        run = document["paths"][f"{rest.ACCOUNT}run/{card.name}"]["post"]
        assert run["requestBody"]["content"]["application/json"]["schema"] == card.input_schema


def test_every_reference_leads_somewhere(document: Any) -> None:
    for reference in set(re.findall(r'"\$ref": "#/components/([^"]+)"', json.dumps(document))):
        kind, _, name = reference.partition("/")
        assert name in document["components"][kind]


def test_every_path_of_both_doors_stands_in_it(document: Any) -> None:
    assert {rest.ACCOUNT + route.path for route in rest.ROUTES} < set(document["paths"])
    below = {path.removeprefix(rest.ACCOUNT) for path in document["paths"]}
    assert {
        "v1/chat/completions",
        "v1/completions",
        "v1/responses",
        "v1/embeddings",
        "v1/models",
        "v1/models/{model}",
    } < below


def test_every_operation_answers_as_it_says(document: Any, catalog: Catalog) -> None:
    engine = ScriptedEngine(itertools.repeat("hello"))
    service = AiService(catalog, EnginePool(lambda card: NO_WEIGHTS, lambda card, weights: engine))
    for path, method, operation in operations(document):
        response = ask(service, path, method, BODIES.get(operation["operationId"], BODY))
        conforms(document, operation, response)
        assert response.status == 200 or "finetunes" in path or operation["operationId"] in NOT_RUN


_CATALOG = Catalog.read([SHIPPED_CATALOG])
_DOCUMENT = json.loads(json.dumps(openapi.describe(_CATALOG)))
_WITH_JSON = [each for each in operations(_DOCUMENT) if JSON_TYPE in each[2].get("requestBody", {}).get("content", {})]
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), changes=st.dictionaries(st.sampled_from(NAMES), _VALUES, max_size=4))
def test_whatever_a_body_says_is_answered_as_the_document_says(data: st.DataObject, changes: dict[str, object]) -> None:
    path, method, operation = data.draw(st.sampled_from(_WITH_JSON))
    _, body = BODIES.get(operation["operationId"], BODY)
    engine = ScriptedEngine(["hello"] * 128)
    service = AiService(_CATALOG, EnginePool(lambda card: NO_WEIGHTS, lambda card, weights: engine))
    response = ask(service, path, method, (JSON_TYPE, json.dumps({**json.loads(body), **changes}).encode()))
    conforms(_DOCUMENT, operation, response)
    assert response.status < 500


def test_what_the_document_says_of_an_answer_is_what_the_models_file_says(document: Any, catalog: Catalog) -> None:
    for card in catalog:
        responses = document["paths"][f"{rest.ACCOUNT}run/{card.name}"]["post"]["responses"]
        if task_of(card) is None:
            assert "200" not in responses
        elif card.task_type != "text-generation":
            assert card.output_properties.keys() <= set(re.findall(r'"(\w+)": {', json.dumps(responses["200"])))
            assert list(responses["200"]["content"]) == [JSON_TYPE]


@pytest.mark.parametrize("card", [card for card in _CATALOG if task_of(card)], ids=lambda card: card.name)
def test_answers_of_every_task_have_what_the_document_says_and_nothing_else(card: ModelCard) -> None:
    """Those of text models have more members than any description names."""
    operation, response = _run(card, BODIES)
    conforms(_DOCUMENT, operation, response)
    if card.task_type != "text-generation":
        assert isinstance(response.body, bytes)
        jsonschema.validate(json.loads(response.body)["result"], closed(_result_of(operation)))


@pytest.mark.parametrize("body", [{"contexts": [{"text": "a"}]}, {"query": "a", "contexts": [{"text": "a"}]}])
def test_each_shape_of_bge_m3_is_described(body: dict[str, object]) -> None:
    operation, response = _run(
        _CATALOG.card("@cf/baai/bge-m3"), {"post_cf_baai_bge_m3": (JSON_TYPE, json.dumps(body).encode())}
    )
    assert isinstance(response.body, bytes)
    jsonschema.validate(json.loads(response.body)["result"], closed(_result_of(operation)))


@pytest.mark.parametrize(
    "card", [card for card in _CATALOG if task_of(card) and card.takes_batches], ids=lambda c: c.name
)
def test_a_batch_is_accepted_and_fetched_as_the_document_says(card: ModelCard, tmp_path: Path) -> None:
    """WA-133, WA-134"""
    service = _service(StateFolder(tmp_path))
    inputs = {"prompt": "x"} if card.task_type == "text-generation" else {"text": "x"}
    path = f"{rest.ACCOUNT}run/{card.name}"
    operation = _DOCUMENT["paths"][path]["post"]

    async def run() -> list[FetchResponse]:
        async with asyncio.TaskGroup() as tasks:
            service.batches.start(tasks)
            accepted = await send(
                service, path, "post", (JSON_TYPE, json.dumps({"requests": [inputs]}).encode()), BATCH
            )
            poll = json.dumps({"request_id": json.loads(accepted.body)["result"]["request_id"]}).encode()
            answers = [accepted]
            while "responses" not in json.loads(answers[-1].body)["result"]:
                answers.append(await send(service, path, "post", (JSON_TYPE, poll), BATCH))
            await service.batches.close()
        return answers

    accepted, *_, fetched = asyncio.run(run())
    for response in (accepted, fetched):
        conforms(_DOCUMENT, operation, response)
    (answer,) = json.loads(fetched.body)["result"]["responses"]
    assert answer["success"]


def _service(state: StateFolder | None = None) -> AiService:
    engine = ScriptedEngine(itertools.repeat("hello"))
    return AiService(_CATALOG, EnginePool(lambda card: NO_WEIGHTS, lambda card, weights: engine), state=state)


def _run(card: ModelCard, bodies: dict[str, tuple[str, bytes]]) -> tuple[Any, FetchResponse]:
    path = f"{rest.ACCOUNT}run/{card.name}"
    operation = _DOCUMENT["paths"][path]["post"]
    return operation, ask(_service(), path, "post", bodies.get(operation["operationId"], BODY))


def _result_of(operation: Any) -> Any:
    return operation["responses"]["200"]["content"][JSON_TYPE]["schema"]["properties"]["result"]


def closed(schema: Any) -> Any:
    """The schema with objects that have a member and none but those that it names, as readers understand it."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    bound = {"additionalProperties": False, "minProperties": 1} if isinstance(schema.get("properties"), dict) else {}
    return inner | bound


def ask(service: AiService, path: str, method: str, body: tuple[str, bytes]) -> FetchResponse:
    return asyncio.run(send(service, path, method, body, "?model=" + PHI))


async def send(service: AiService, path: str, method: str, body: tuple[str, bytes], query: str) -> FetchResponse:
    url = "http://localhost" + path.format_map(VALUES) + query
    request = FetchRequest(method.upper(), url, (("content-type", body[0]),), body[1])
    door = openai if openai.PATH.fullmatch(url.removeprefix("http://localhost").partition("?")[0]) else rest
    response = await door.answer(service, request, 10_000)
    if response.body is not None and not isinstance(response.body, bytes):
        await response.body.cancel(None)
    return response


def conforms(document: Any, operation: Any, response: FetchResponse) -> None:
    """Status, headers, content type and body are as the operation says."""
    described = operation["responses"].get(str(response.status))
    assert described, (operation["operationId"], response.status, response.body)
    if "$ref" in described:
        described = document["components"]["responses"][described["$ref"].rpartition("/")[2]]
    headers = dict(response.headers)
    for name, header in described.get("headers", {}).items():
        assert name in headers or not header["required"], name
        if name in headers:
            jsonschema.validate(headers[name], header["schema"])
    content = described["content"][headers["content-type"]]
    if headers["content-type"] == JSON_TYPE:
        # References lead to the document's own components.
        schema = {**content["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(json.loads(response.body))
