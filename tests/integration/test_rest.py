"""The REST API over real HTTP."""

import asyncio

from paddock.bindings.ai.doors.access import Access
from paddock.bindings.ai.engines.scripted import ScriptedEngine

MODELS = "/client/v4/accounts/a/ai/models/search"
IDLE = """
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    pass
"""


def test_its_description_is_published(serve) -> None:
    async def run() -> None:
        async with serve(IDLE) as running:
            reply = await running.client.get("/cdn-cgi/local/ai/openapi.json")
            assert reply.headers["content-type"] == "application/json"
            assert "/client/v4/accounts/{account_id}/ai/run/@cf/microsoft/phi-2" in reply.json()["paths"]

    asyncio.run(run())


def test_a_token_closes_the_api_and_not_the_worker(serve) -> None:
    """WA-117"""

    async def run() -> None:
        async with serve(IDLE, ScriptedEngine(), access=Access("secret")) as running:
            assert (await running.client.get(MODELS)).status_code == 401
            bearer = {"Authorization": "Bearer secret"}
            assert (await running.client.get(MODELS, headers=bearer)).status_code == 200
            assert (await running.client.get("/")).status_code != 401

    asyncio.run(run())


def test_head_has_the_head_of_get_and_no_body(serve) -> None:
    async def run() -> None:
        async with serve(IDLE) as running:
            reply = await running.client.head(MODELS)
            assert (reply.status_code, reply.content) == (200, b"")
            assert reply.headers["content-type"] == "application/json"

    asyncio.run(run())


def test_a_line_break_in_a_path_is_a_character_like_any_other(serve) -> None:
    async def run() -> None:
        async with serve(IDLE) as running:
            reply = await running.client.post(f"{MODELS.rpartition('/models')[0]}/run/a%0Ab", json={"prompt": "x"})
            assert reply.json()["errors"][0]["code"] == 5007

    asyncio.run(run())


def test_a_host_that_is_none_is_refused(serve) -> None:
    async def run() -> None:
        async with serve(IDLE) as running:
            assert (await running.client.get(MODELS, headers={"Host": "["})).status_code == 400

    asyncio.run(run())
