"""The OpenAPI document: valid, complete, and true: every route in it answers."""

import asyncio
import json
import re
from typing import Any

import jsonschema
import pytest

from paddock.bindings.ai.catalog import Catalog
from paddock.bindings.ai.doors import openapi, rest
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.binding import FetchRequest, FetchResponse

PHI = "@cf/microsoft/phi-2"
FORM = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
VALUES = {"account_id": "local", "model": PHI.replace("/", "%2F"), "finetune": "mine"}


@pytest.fixture
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


def test_every_route_in_it_answers_as_it_says(document: Any, make_service) -> None:
    """No route of the document is unknown to the door, and each answers with a status that the document has."""
    service = make_service(ScriptedEngine(["hello"] * 100))

    async def ask(path: str, method: str, is_form: bool) -> FetchResponse:
        url = "http://localhost" + path.format_map(VALUES) + "?model=" + PHI
        body, headers = json.dumps({"model": PHI, "prompt": "x"}).encode(), ()
        if is_form:
            body, headers = FORM, (("content-type", "multipart/form-data; boundary=x"),)
        return await rest.answer(service, FetchRequest(method.upper(), url, headers, body), 1_000)

    for path, method, operation in operations(document):
        is_form = "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
        response = asyncio.run(ask(path, method, is_form))
        error = json.loads(response.body)["errors"]
        assert str(response.status) in operation["responses"], (path, error)
        assert not error or error[0]["message"] != "No route for that URI"
