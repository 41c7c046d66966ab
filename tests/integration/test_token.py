"""One token for every door below /client/v4 (WA-117)."""

import asyncio

import pytest

from paddock.bindings.ai.doors.access import Access
from paddock.bindings.ai.engines.scripted import ScriptedEngine

AI = "/client/v4/accounts/acc/ai"
HANDLER = "from workers import WorkerEntrypoint\n\nclass Default(WorkerEntrypoint):\n    pass\n"
CHAT = {"model": "@cf/microsoft/phi-2", "messages": [{"role": "user", "content": "x"}]}
RELAYED = {"x-forwarded": "https://workers-binding.ai/run?version=3", "cf-consn-model-id": "@cf/microsoft/phi-2"}


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        (f"{AI}/run/@cf/microsoft/phi-2", {"prompt": "x"}, {}),
        (
            f"{AI}/v1/chat/completions",
            CHAT,
            {},
        ),
        (f"{AI}/run/proxy", {"inputs": {"prompt": "x"}, "options": {}}, RELAYED),
    ],
    ids=["rest", "openai", "relay"],
)
def test_every_door_of_the_api_asks_for_the_token(serve, path: str, body: object, headers: dict[str, str]) -> None:
    async def run() -> list[int]:
        async with serve(HANDLER, ScriptedEngine(["yes"]), access=Access("secret")) as running:
            given = [{}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer secret"}]
            replies = [await running.client.post(path, json=body, headers={**headers, **more}) for more in given]
            assert replies[0].json()["errors"] == [{"code": 10000, "message": "Authentication error"}]
            return [reply.status_code for reply in replies]

    assert asyncio.run(run()) == [401, 401, 200]
