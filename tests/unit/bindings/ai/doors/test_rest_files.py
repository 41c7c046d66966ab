"""Files as bodies of the REST API."""

import asyncio
import json

import pytest

from paddock.bindings.ai.doors import rest
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.engines.work import Listening
from paddock.bindings.binding import FetchRequest

RUN = "http://localhost:8787/client/v4/accounts/acc/ai/run"
SOUND = b"RIFF\x00\x01\xfe\xff of a kind"


def post(make_service, model: str, body: bytes, content_type: str) -> tuple[int, dict, ScriptedEngine]:
    engine = ScriptedEngine(["hello"])
    request = FetchRequest("POST", f"{RUN}/{model}", (("content-type", content_type),), body)
    response = asyncio.run(rest.answer(make_service(engine), request, 1_000_000))
    return response.status, json.loads(response.body), engine


@pytest.mark.parametrize(
    "content_type", ["audio/wav", "application/octet-stream", "application/x-www-form-urlencoded", ""]
)
def test_a_recording_is_the_body_as_it_is(make_service, content_type: str) -> None:
    """WA-088"""
    status, body, engine = post(make_service, "@cf/openai/whisper", SOUND, content_type)
    work = engine.requests[0].work
    assert isinstance(work, Listening)
    assert (status, work.audio) == (200, SOUND)
    assert body["result"]["word_count"] == 1


def test_json_stays_json(make_service) -> None:
    body = json.dumps({"audio": list(SOUND)}).encode()
    assert post(make_service, "@cf/openai/whisper", body, "application/x-www-form-urlencoded")[0] == 200


@pytest.mark.parametrize("model", ["@cf/openai/whisper-large-v3-turbo", "@cf/microsoft/phi-2", "@cf/x/none"])
def test_a_model_that_takes_no_file_as_its_body_wants_json(make_service, model: str) -> None:
    status, body, _ = post(make_service, model, SOUND, "audio/wav")
    assert (status, body["errors"][0]["code"]) == (400, 5006)
    assert "json" in body["errors"][0]["message"].lower()
