"""Cloudflare's SDK for TypeScript and wrangler, as published."""

import asyncio
from typing import Any, cast

import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.errors import EngineOverloaded

pytestmark = pytest.mark.clients

PHI = "@cf/microsoft/phi-2"
IDLE = """
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    pass
"""
SDK = """
import Cloudflare from "cloudflare";
const client = new Cloudflare({ apiToken: "any", maxRetries: 0 });
const account_id = "a", model = "@cf/microsoft/phi-2";
const names = async (list) => { const found = []; for await (const item of list) found.push(item.name); return found; };
"""


def address(running) -> str:
    return str(running.client.base_url).rstrip("/") + "/client/v4"


async def sdk(serve, node, script: str, *replies: object) -> Any:
    """What the script prints as JSON, with an SDK client in `client`."""
    async with serve(IDLE, ScriptedEngine(replies)) as running:
        arguments = ("--input-type=module", "--eval", SDK + script)
        return (await node("cloudflare", *arguments, CLOUDFLARE_BASE_URL=address(running))).json()


def test_run_gives_the_bare_result(serve, node) -> None:
    """WA-126"""
    script = 'console.log(JSON.stringify(await client.ai.run(model, { account_id, prompt: "x" })));'
    assert asyncio.run(sdk(serve, node, script, "a b"))["response"] == "a b"


def test_listing_turns_pages_until_the_end(serve, node) -> None:
    """WA-123"""
    script = "console.log(JSON.stringify(await names(client.ai.models.list({ account_id, per_page: 2 }))));"
    found = asyncio.run(sdk(serve, node, script))
    assert PHI in found
    assert len(found) == len(set(found))


def test_schema_tasks_and_authors_answer(serve, node) -> None:
    """WA-125"""
    script = """
const schema = await client.ai.models.schema.get({ account_id, model });
const [tasks, authors] = [client.ai.tasks.list({ account_id }), client.ai.authors.list({ account_id })];
console.log(JSON.stringify([schema.input.type, await names(tasks), await names(authors)]));
"""
    kind, tasks, authors = asyncio.run(sdk(serve, node, script))
    assert kind == "object"
    assert "Text Generation" in tasks
    assert "microsoft" in authors


def test_failures_have_the_sdks_classes_and_errors(serve, node) -> None:
    """WA-113, WA-132"""
    script = """
const failed = async (inputs) => {
  try { await client.ai.run(model, { account_id, ...inputs }); return null; }
  catch (error) { return [error.constructor.name, error.status, error.errors[0].code]; }
};
console.log(JSON.stringify([await failed({ prompt: 1 }), await failed({ prompt: "x" })]));
"""
    found = asyncio.run(sdk(serve, node, script, EngineOverloaded()))
    assert found == [["BadRequestError", 400, 5006], ["RateLimitError", 429, 3040]]


async def wrangler(serve, node, *words: str) -> Any:
    async with serve(IDLE) as running:
        settings = {
            "CLOUDFLARE_API_BASE_URL": address(running),
            "CLOUDFLARE_ACCOUNT_ID": "a",
            "CLOUDFLARE_API_TOKEN": "anything",
        }
        return await node("wrangler", "node_modules/wrangler/bin/wrangler.js", *words, **settings)


def test_wrangler_lists_models(serve, node) -> None:
    """WA-124"""
    found = asyncio.run(wrangler(serve, node, "ai", "models", "list", "--json"))
    assert PHI in [model["name"] for model in cast(Any, found.json())]


def test_wrangler_shows_the_table_of_models(serve, node) -> None:
    """WA-124"""
    found = asyncio.run(wrangler(serve, node, "ai", "models", "list"))
    assert found.code == 0, found.err
    assert PHI in found.out


def test_wrangler_prints_a_models_schema(serve, node) -> None:
    """WA-124"""
    found = asyncio.run(wrangler(serve, node, "ai", "models", "schema", PHI))
    assert set(cast(Any, found.json())) == {"input", "output"}
