"""Cloudflare's SDK for TypeScript and wrangler, as published."""

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

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


#: Where `make test-clients` installs npm packages.
_INSTALLED = Path(__file__).parents[3] / ".cache" / "clients"


class Ended(NamedTuple):
    """A program that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> object:
        assert self.code == 0, self.err
        return json.loads(self.out)


Node = Callable[..., Awaitable[Ended]]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """`await node(package, *arguments, **environment)`: run Node.js where the JavaScript clients are installed."""
    own = sorted(_INSTALLED.glob("node_modules/node-linux-*/bin/node"))
    program = str(own[0]) if own else shutil.which("node")

    async def run(package: str, *arguments: str, **environment: str) -> Ended:
        if program is None:
            pytest.skip("Node.js is not installed")
        if not (_INSTALLED / "node_modules" / package).is_dir():
            pytest.skip(f"{package} is not installed: make test-clients installs it")
        # A home of its own, so that nobody's login is read.
        path = os.pathsep.join([str(Path(program).parent), os.environ["PATH"]])
        given = {"PATH": path, "HOME": str(tmp_path), "WRANGLER_SEND_METRICS": "false", "CI": "1"}
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            cwd=_INSTALLED,
            env=given | environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    return run


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
    """WA-113"""
    script = """
const failed = async (inputs) => {
  try { await client.ai.run(model, { account_id, ...inputs }); return null; }
  catch (error) { return [error.constructor.name, error.status, error.errors[0].code]; }
};
console.log(JSON.stringify([await failed({ prompt: 1 }), await failed({ prompt: "x" })]));
"""
    found = asyncio.run(sdk(serve, node, script, EngineOverloaded()))
    assert found == [["BadRequestError", 400, 5006], ["RateLimitError", 429, 3040]]


def test_files_become_markdown(serve, node) -> None:
    """WA-130"""
    script = """
const file = { files: [
  new File(["<h1>x</h1><p>y"], "\\u00e9.html", { type: "text/html" }),
  new File([new Uint8Array([0, 13, 10])], "bad.pdf"),
] };
const found = [];
for await (const result of client.ai.toMarkdown.transform({ account_id, file })) found.push(result);
for await (const format of client.ai.toMarkdown.supported({ account_id })) found.push(format.extension);
console.log(JSON.stringify(found));
"""
    good, bad, *formats = asyncio.run(sdk(serve, node, script))
    assert (good["name"], good["format"], good["data"]) == ("\u00e9.html", "markdown", "# x\n\ny")
    assert (bad["name"], bad["format"]) == ("bad.pdf", "error")
    assert ".csv" in formats


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
