"""What the OpenAPI document says of finetunes is what is answered."""

import json

import jsonschema
import pytest

from paddock.bindings.ai.doors.openapi_finetunes import BODIES, RESULTS

from .adapters import CONFIG, MISTRAL, RANCH_HAND, WEIGHTS
from .conftest import Account

CREATE = ("POST", "finetunes")
UPLOAD = ("POST", "finetunes/{finetune}/finetune-assets")


def closed(schema: object) -> object:
    """The same schema, with no member that it does not name."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    return {**inner, "additionalProperties": False} if schema.get("type") == "object" else inner


def test_every_answer_has_the_described_members_and_no_other(account: Account) -> None:
    """WA-116, WA-137"""
    example = BODIES[CREATE]["content"]["application/json"]["example"] | {"public": True}
    assert example["model"] == MISTRAL
    answers = {CREATE: account.ask("POST", "/finetunes", json.dumps(example).encode())}
    for file_name in (CONFIG, WEIGHTS):
        answers[UPLOAD] = account.upload(example["name"], file_name, (RANCH_HAND / file_name).read_bytes())
    for path in ("finetunes", "finetunes/public"):
        answers["GET", path] = account.ask("GET", f"/{path}")
    assert set(answers) == set(RESULTS)
    for route, (status, body) in answers.items():
        assert status == 200, (route, body)
        assert body["result"]
        jsonschema.Draft202012Validator(closed(RESULTS[route])).validate(body["result"])


@pytest.mark.parametrize("description", [None, "", "mine"])
def test_a_creation_that_is_described_is_taken(account: Account, description: str | None) -> None:
    body = {"model": MISTRAL, "name": "a" * 100, "description": description, "public": None}
    jsonschema.Draft202012Validator(BODIES[CREATE]["content"]["application/json"]["schema"]).validate(body)
    assert account.ask("POST", "/finetunes", json.dumps(body).encode())[0] == 200
