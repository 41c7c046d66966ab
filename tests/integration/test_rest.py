"""The REST API beside a Worker."""

import httpx
import pytest

from paddock.worker.testing import Paddock

AI = "/client/v4/accounts/acc/ai"
MODELS = f"{AI}/models/search"
CHAT = {"model": "@cf/microsoft/phi-2", "messages": [{"role": "user", "content": "x"}]}
RELAYED = {"x-forwarded": "https://workers-binding.ai/run?version=3", "cf-consn-model-id": "@cf/microsoft/phi-2"}
IDLE = """
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    pass
"""


WITH_TOKEN = {"paddock": {"api_token": "secret"}}
pytestmark = pytest.mark.paddock(source=IDLE)


def test_its_description_is_published(client: httpx.Client) -> None:
    reply = client.get("/cdn-cgi/local/ai/openapi.json")
    assert reply.headers["content-type"] == "application/json"
    assert "/client/v4/accounts/{account_id}/ai/run/@cf/microsoft/phi-2" in reply.json()["paths"]


@pytest.mark.paddock(settings=WITH_TOKEN)
def test_a_token_closes_the_api_and_not_the_worker(client: httpx.Client) -> None:
    """WA-117"""
    assert client.get(MODELS).status_code == 401
    assert client.get(MODELS, headers={"Authorization": "Bearer secret"}).status_code == 200
    with pytest.raises(Exception, match="Method fetch does not exist"):  # it was asked
        client.get("/")


@pytest.mark.paddock(settings=WITH_TOKEN)
@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        (f"{AI}/run/@cf/microsoft/phi-2", {"prompt": "x"}, {}),
        (f"{AI}/v1/chat/completions", CHAT, {}),
        (f"{AI}/run/proxy", {"inputs": {"prompt": "x"}, "options": {}}, RELAYED),
    ],
    ids=["rest", "openai", "relay"],
)
def test_every_door_of_the_api_asks_for_the_token(
    worker: Paddock, path: str, body: object, headers: dict[str, str]
) -> None:
    """WA-117"""
    given: list[dict[str, str]] = [{}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer secret"}]
    replies = [worker.fetch(path, json=body, headers={**headers, **more}).result() for more in given]
    assert replies[0].json()["errors"] == [{"code": 10000, "message": "Authentication error"}]
    assert [reply.status_code for reply in replies] == [401, 401, 200]


def test_head_has_the_head_of_get_and_no_body(client: httpx.Client) -> None:
    reply = client.head(MODELS)
    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["content-type"] == "application/json"


def test_a_line_break_in_a_path_is_a_character_like_any_other(client: httpx.Client) -> None:
    assert client.post(f"{AI}/run/a%0Ab", json={"prompt": "x"}).json()["errors"][0]["code"] == 5007


def test_a_host_that_is_none_is_refused(client: httpx.Client) -> None:
    assert client.get(MODELS, headers={"Host": "["}).status_code == 400
