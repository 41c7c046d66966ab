"""Production's error table, as far as its failures can happen here, through both doors."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from paddock.bindings.ai.catalog import Catalog
from paddock.bindings.ai.doors import rest, wire
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.service import AiService
from paddock.bindings.ai.weights import find_weights
from paddock.bindings.binding import FetchRequest, FetchResponse
from paddock.bindings.errors import (
    ContextOverflow,
    EngineDead,
    EngineError,
    EngineOverloaded,
    EngineUnavailable,
    FirstTokenTimeout,
    PaddockError,
    RunTimeout,
)

PHI = "@cf/microsoft/phi-2"
ORCA = "@cf/none/orca"
LORA = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
GEMMA = "@cf/google/gemma-4-26b-a4b-it"
NO_DATA = b'{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png,x"}}]}]}'
LIMIT = 500
NOT_MET = "Error: oneOf at '/' not met, 0 matches: required properties at '/' are 'prompt', required properties at '/' "
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

#: model, body, what the engine replies, then: status, number, prefix, beginning of the description.
TABLE = [
    (PHI, b"", "", 400, 3003, "Incomplete request", "Request is missing headers or body: "),
    (PHI, b"x" * (LIMIT + 1), "", 413, 3006, "Request too large", "Request is too large"),
    (LORA, b'{"prompt":"x","lora":"none"}', "", 404, 3037, "AiError", "Finetune none not found"),
    (GEMMA, NO_DATA, "", 400, 8006, "AiError", "Invalid data for image - reason expected `;base64,` separator in data"),
    (PHI, b'{"prompt":"x"}', EngineOverloaded(), 429, 3040, "Out of capacity", "Capacity temporarily exceeded, please"),
    (PHI, b'{"prompt":"x","lora":"a"}', "", 405, 5005, "LoRa unsupported", f"The model {PHI} does not support LoRa"),
    (PHI, b"{}", "", 400, 5006, "Bad input", NOT_MET),
    (PHI, b"{", "", 400, 5006, "Bad input", "Error: Request body is not valid json"),
    (ORCA, b'{"prompt":"x"}', "", 400, 5007, "No such model", f"No such model {ORCA} or task"),
    (PHI, b'{"prompt":"x"}', ContextOverflow(9, 5), 413, 5021, "AiError", "The estimated number of input and maximum"),
    (PHI, b'{"prompt":"x"}', FirstTokenTimeout(), 408, 3007, "Timeout", "Request timeout"),
    (PHI, b'{"prompt":"x"}', RunTimeout(), 408, 3046, "AiError", "Request timeout"),
    (PHI, b'{"prompt":"x"}', EngineUnavailable("no engine"), 503, 1000, "AiError", "no engine"),
    (PHI, b'{"prompt":"x"}', EngineDead("it died"), 500, 1000, "AiError", "it died"),
    (PHI, b'{"prompt":"x"}', EngineError("it broke"), 500, 1000, "AiError", "it broke"),
]
NAMES = ["model", "body", "reply", "status", "code", "prefix", "description"]


def over_rest(make_service, model: str, body: bytes, reply: object) -> FetchResponse:
    request = FetchRequest("POST", f"http://localhost/client/v4/accounts/a/ai/run/{model}", (), body)
    return asyncio.run(rest.answer(make_service(ScriptedEngine([reply])), request, LIMIT))


def over_wire(make_service, model: str, body: bytes, reply: object) -> FetchResponse:
    wrapped = b'{"inputs":' + body + b',"options":{}}' if body.endswith(b"}") else body
    headers = (("cf-consn-model-id", model),)
    request = FetchRequest("POST", "https://workers-binding.ai/run?version=3", headers, wrapped)
    return asyncio.run(wire.answer(make_service(ScriptedEngine([reply])), request, LIMIT))


def test_whatever_can_be_tried_again_has_a_documented_number() -> None:
    """WA-132: 3021 and 3036 (4006) cannot happen, as nothing is counted against an account here."""
    found = {(error.status, error.internal_code) for error in all_errors() if error.status in (408, 429)}
    assert found == {(408, 3007), (408, 3046), (429, 3040)}
    assert found <= {(row[3], row[4]) for row in TABLE}


def all_errors(kind: type[PaddockError] = PaddockError) -> list[type[PaddockError]]:
    return [kind, *(error for child in kind.__subclasses__() for error in all_errors(child))]


@pytest.mark.parametrize(NAMES, TABLE)
def test_rest_failures(make_service, model, body, reply, status, code, prefix, description) -> None:
    """WA-113, WA-114, WA-120"""
    response = over_rest(make_service, model, body, reply)
    answer, request_id = json.loads(response.body), dict(response.headers)["cf-ai-req-id"]
    message = answer["errors"][0]["message"]
    assert list(answer) == ["errors", "success", "result", "messages"]
    assert (answer["success"], answer["result"], answer["messages"]) == (False, {}, [])
    assert (response.status, answer["errors"][0]["code"]) == (status, code)
    assert message.startswith(f"AiError: {prefix}: {description}")
    assert message.endswith(f" ({request_id})")
    assert re.fullmatch(UUID, request_id)


@pytest.mark.parametrize(NAMES, TABLE)
def test_binding_failures(make_service, model, body, reply, status, code, prefix, description) -> None:
    """WA-102"""
    response = over_wire(make_service, model, body, reply)
    answer = json.loads(response.body)
    assert list(answer) == ["name", "internalCode", "httpCode", "message", "description", "requestId"]
    assert (response.status, answer["internalCode"], answer["httpCode"]) == (status, code, status)
    assert answer["description"].startswith(description)
    assert answer["message"] == f"AiError: {prefix}: {answer['description']} ({answer['requestId']})"


@pytest.mark.parametrize("ask", [over_rest, over_wire])
def test_what_is_wrong_with_inputs_is_json_though_a_stream_was_asked_for(make_service, ask) -> None:
    """WA-066"""
    response = ask(make_service, PHI, b'{"prompt":1,"stream":true}', "")
    assert (response.status, dict(response.headers)["content-type"]) == (400, "application/json")
    assert b"Type mismatch of '/prompt'" in response.body


@pytest.mark.parametrize("ask", [over_rest, over_wire])
def test_a_model_of_a_task_that_nothing_here_runs_is_a_clear_failure(tmp_path: Path, ask) -> None:
    """WA-092"""
    task = {"id": "t", "name": "Weather Forecast", "description": ""}
    model = {"id": "u", "source": 1, "name": ORCA, "description": "", "tags": [], "task": task}
    (tmp_path / "orca.json").write_text(json.dumps(model))

    def make(engine: ScriptedEngine) -> AiService:
        return AiService(Catalog.read([tmp_path]), EnginePool(find_weights, lambda card, weights: engine))

    response = ask(make, ORCA, b'{"prompt":"x"}', "")
    assert response.status == 400
    assert f"AiError: AiError: {ORCA} is a model for Weather Forecast: Paddock runs " in response.body.decode()


@pytest.mark.parametrize("ask", [over_rest, over_wire])
def test_only_a_full_queue_asks_to_come_back(make_service, ask) -> None:
    """WA-131: the SDKs wait as long as `retry-after` says"""
    busy = ask(make_service, PHI, b'{"prompt":"x"}', EngineOverloaded())
    wrong = ask(make_service, PHI, b"{}", "")
    assert dict(busy.headers)["retry-after"] == "1"
    assert "retry-after" not in dict(wrong.headers)
