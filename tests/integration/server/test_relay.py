"""The AI binding of other runtimes on the dev server's port, beside a Worker's own routes."""

import asyncio

import httpx
import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.worker.relay import PREFIX

PHI = "@cf/microsoft/phi-2"
BODY = {"inputs": {"prompt": "x"}, "options": {}}
MODEL = {"cf-consn-model-id": PHI}
HOST = {"host": "workers-binding.ai"}
RUN = "https://workers-binding.ai/run?version=3"

HANDLER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("the worker's own: " + request.url.partition("/")[2][1:].partition("/")[2])
"""

CARRIERS = {
    "by host": ("/run?version=3", HOST | MODEL),
    "by prefix": (f"{PREFIX}/run?version=3", MODEL),
    "miniflare": ("/", {"MF-URL": RUN, "MF-Binding": "AI", "MF-Header-cf-consn-model-id": PHI}),
    "wrangler": ("/client/v4/accounts/abc/ai/run/proxy", {"X-Forwarded": RUN} | MODEL),
}


def post(serve, path: str, headers: dict[str, str], source: str | None = HANDLER) -> httpx.Response:
    async def run() -> httpx.Response:
        async with serve(source, ScriptedEngine(["hello"])) as running:
            return await running.client.post(path, headers=headers, json=BODY)

    return asyncio.run(run())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_every_way_leads_to_the_same_answer(serve, carrier: str) -> None:
    """WA-093, WA-110, WA-111"""
    reply = post(serve, *CARRIERS[carrier])
    assert reply.json()["response"] == "hello"
    assert reply.headers["content-type"] == "application/json"


def test_the_same_path_without_the_bindings_host_is_the_workers_own(serve) -> None:
    assert post(serve, "/run?version=3", MODEL).text == "the worker's own: run?version=3"


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_page_of_another_site_is_refused(serve, carrier: str) -> None:
    """DT-045"""
    path, headers = CARRIERS[carrier]
    reply = post(serve, path, headers | {"origin": "https://example.com"}, None)
    assert (reply.status_code, reply.text) == (403, "Invalid Origin header")


@pytest.mark.parametrize("carrier", ["by prefix", "miniflare", "wrangler"])
def test_a_rebound_name_is_refused(serve, carrier: str) -> None:
    """DT-045"""
    path, headers = CARRIERS[carrier]
    reply = post(serve, path, headers | {"host": "rebound.example.com"}, None)
    assert (reply.status_code, reply.text) == (403, "Invalid Host header")


def test_another_target_is_refused_in_the_form_that_becomes_an_exception(serve) -> None:
    reply = post(serve, "/", {"MF-URL": "http://169.254.169.254/", "MF-Binding": "KV"}, None)
    assert (reply.status_code, reply.json()["internalCode"]) == (400, 5006)
    assert "Paddock answers the AI binding here and passes nothing on" in reply.json()["description"]


def test_a_body_over_the_limit_is_refused(serve) -> None:
    async def run() -> None:
        async with serve(None) as running:
            reply = await running.client.post(f"{PREFIX}/run", headers=MODEL, content=b"x" * 20_000_000)
            assert reply.status_code == 413

    asyncio.run(run())


def test_a_stream_that_is_refused_unread_gets_its_answer(serve) -> None:
    """WA-100"""

    async def film():
        for _ in range(50):
            yield b"x" * 100_000

    async def run() -> None:
        async with serve(None) as running:
            headers = HOST | {"cf-consn-model-id": "@cf/x/y", "content-type": "video/mp4"}
            for _ in range(2):
                reply = await running.client.post("/run?version=3&userInputs={}", headers=headers, content=film())
                assert (reply.status_code, reply.json()["internalCode"]) == (400, 5007)

    asyncio.run(run())


def test_an_upgrade_is_answered_with_the_reason(serve) -> None:
    """WA-109"""
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}

    async def run() -> None:
        async with serve(None) as running:
            headers = HOST | MODEL | upgrade | {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
            reply = await running.client.get("/run?version=3&body=x", headers=headers)
            assert reply.status_code == 400
            assert "serves no WebSockets" in reply.json()["description"]

    asyncio.run(run())
