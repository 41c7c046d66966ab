"""JavaScript Workers on real workerd and on Miniflare, whose env.AI is answered by Paddock."""

import asyncio
import json

import httpx
import pytest

from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.worker.relay import PREFIX

pytestmark = pytest.mark.clients(
    "workerd", "miniflare", what="`env.AI` in JavaScript: run, streams, errors, models, gateways, refusals, leaving"
)

PHI = "@cf/microsoft/phi-2"

#: A Worker that answers with what an expression gives, or with the error that it throws.
WORKER = """
export default {
  async fetch(request, env) {
    const AI = env.AI;
    const PHI = "@cf/microsoft/phi-2";
    try {
      return await (%s)(AI, PHI, request);
    } catch (error) {
      const { lastRequestInternalStatusCode: internal, lastRequestHttpStatusCode: status } = AI;
      return Response.json({ name: error.name, message: error.message, internal, status });
    }
  }
};
"""


@pytest.fixture(params=["workerd", "miniflare at the root", "miniflare at the prefix"])
def ask(request, serve):
    """`ask(javascript, engine)`: the reply of a Worker whose fetch handler is the function.

    `engine` is a scripted engine, or the address of a server.
    """
    name, _, place = request.param.partition(" at the ")
    runtime = request.getfixturevalue(name)

    def run(function: str, engine: ScriptedEngine | str | None = None) -> httpx.Response:
        async def at(url: str) -> httpx.Response:
            async with runtime(WORKER % function, url + (PREFIX if place == "prefix" else "")) as client:
                return await client.get("/")

        async def asked() -> httpx.Response:
            if isinstance(engine, str):
                return await at(engine)
            async with serve(None, engine) as running:
                return await at(str(running.client.base_url).rstrip("/"))

        return asyncio.run(asked())

    return run


def test_the_real_engine_answers_whole_and_streamed(ask, real) -> None:
    """WA-055, WA-093"""
    function = """async (AI, PHI) => {
      const inputs = { prompt: "Tell me about lighthouses.", temperature: 0 };
      const whole = await AI.run(PHI, inputs);
      const stream = await AI.run(PHI, { ...inputs, stream: true });
      return Response.json({ whole, streamed: await new Response(stream).text() });
    }"""
    reply = ask(function, real).json()
    frames = [json.loads(event[6:]) for event in reply["streamed"].split("\n\n") if event.startswith("data: {")]
    assert "".join(frame["response"] for frame in frames) == reply["whole"]["response"] != ""
    assert frames[-1]["usage"] == reply["whole"]["usage"]


def test_run_returns_the_value_and_its_request_id(ask) -> None:
    """WA-093, WA-096, WA-097, WA-098, WA-111"""
    function = """async (AI, PHI) => {
      const options = { prefix: "team", tags: ["a"], extraHeaders: { "x-y": 1 } };
      const answer = await AI.run(PHI, { prompt: "hello" }, options);
      return Response.json({ answer, id: AI.lastRequestId, status: AI.lastRequestHttpStatusCode });
    }"""
    reply = ask(function, ScriptedEngine(["I am here"])).json()
    assert reply["answer"]["response"] == "I am here"
    assert (len(reply["id"]), reply["status"]) == (36, 200)


def test_a_stream_goes_through_to_the_client(ask) -> None:
    """WA-055"""
    function = "async (AI, PHI) => new Response(await AI.run(PHI, { prompt: 'x', stream: true }))"
    text = ask(function, ScriptedEngine(["one two"])).text
    assert '"response":"one"' in text
    assert text.endswith("data: [DONE]\n\n")


def test_a_failure_is_productions_exception(ask) -> None:
    """WA-102, WA-103, WA-104"""
    assert ask("(AI) => AI.run('@cf/x/y', { prompt: 'x' })").json() == {
        "name": "AiError",
        "message": "5007: No such model @cf/x/y or task",
        "internal": 5007,
        "status": 400,
    }


def test_a_raw_response_is_returned_whatever_its_status(ask) -> None:
    reply = ask("(AI) => AI.run('@cf/x/y', { prompt: 'x' }, { returnRawResponse: true })")
    assert (reply.status_code, reply.json()["internalCode"]) == (400, 5007)


def test_models_lists_the_catalog(ask) -> None:
    """WA-105"""
    models = ask("async (AI) => Response.json(await AI.models({ search: 'phi-2', per_page: 5 }))").json()
    assert [model["name"] for model in models] == [PHI]


def test_a_stream_input_reaches_the_model(ask) -> None:
    """WA-100: no text model takes one, so the answer is a refusal by name."""
    function = """(AI, PHI) => AI.run(PHI, {
      prompt: "x", image: { body: new Blob(["abc"]).stream(), contentType: "image/png" }
    })"""
    assert f"{PHI} takes no stream" in ask(function).json()["message"]


def test_a_gateway_keeps_a_log(ask) -> None:
    """WA-099, WA-108"""
    function = """async (AI, PHI) => {
      await AI.run(PHI, { prompt: "x" }, { gateway: { id: "g", metadata: { team: "t" } } });
      const gateway = AI.gateway("g");
      await gateway.patchLog(AI.aiGatewayLogId, { feedback: 1 });
      const log = await gateway.getLog(AI.aiGatewayLogId);
      const missing = await gateway.getLog("none").catch((error) => error.name);
      return Response.json({ ...log, missing, isDate: log.created_at instanceof Date, url: await gateway.getUrl() });
    }"""
    log = ask(function, ScriptedEngine(["a b"])).json()
    assert {
        "model": PHI,
        "tokens_out": 2,
        "feedback": 1,
        "metadata": {"team": "t"},
        "isDate": True,
    }.items() <= log.items()
    assert log["missing"] == "AiGatewayLogNotFound"


def test_a_universal_run_is_answered(ask) -> None:
    """WA-108"""
    function = """(AI, PHI) => AI.gateway("g").run(
      { provider: "workers-ai", endpoint: PHI, headers: { a: 1 }, query: { prompt: "x" } }
    )"""
    assert ask(function, ScriptedEngine(["yes"])).json()["result"]["response"] == "yes"


def test_documents_become_markdown(ask) -> None:
    """WA-106"""
    function = """async (AI) => {
      const page = { name: "a.html", blob: new Blob(["<h1>x</h1><p>y"], { type: "text/html" }) };
      const image = { name: "b.png", blob: new Blob([new Uint8Array([137, 80])], { type: "image/png" }) };
      const conversionOptions = { html: { cssSelector: "p" }, output: { format: "text" } };
      const one = await AI.toMarkdown(page);
      const many = await AI.toMarkdown([page, image], { conversionOptions, extraHeaders: { a: "b" } });
      return Response.json([one, ...many]);
    }"""
    one, first, second = ask(function).json()
    assert {"name": "a.html", "mimeType": "text/html", "format": "markdown", "data": "# x\n\ny"}.items() <= one.items()
    assert (first["format"], first["data"]) == ("text", "y")
    assert (second["format"], second["mimeType"]) == ("error", "image/png")


def test_formats_are_listed(ask) -> None:
    """WA-107"""
    formats = ask("async (AI) => Response.json(await AI.toMarkdown().supported())").json()
    assert {"extension": ".html", "mimeType": "text/html"} in formats


def test_a_conversion_that_fails_is_productions_exception(ask) -> None:
    reply = ask("(AI) => AI.toMarkdown({ blob: new Blob([]) })").json()
    assert (reply["name"], "`name`" in reply["message"]) == ("AiInternalError", True)


def test_a_websocket_is_refused_with_the_reason(ask) -> None:
    """WA-109"""
    function = """async (AI, PHI) => {
      const reply = await AI.run(PHI, {}, { websocket: true });
      return Response.json({ status: reply.status, text: await reply.text(), socket: reply.webSocket });
    }"""
    reply = ask(function).json()
    assert (reply["status"], reply["socket"]) == (400, None)
    assert "serves no WebSockets" in reply["text"]


def test_a_client_that_leaves_aborts_the_generation(serve, workerd, until) -> None:
    """WA-065: workerd notices that its client has left when it writes the next piece."""
    gate = Gate()
    engine = ScriptedEngine(["word " * 2000], gate=gate)
    function = """async (AI, PHI) =>
      new Response(await AI.run(PHI, { prompt: "x", stream: true, max_tokens: 2000 }))"""

    async def run() -> None:
        async with serve(None, engine) as running, workerd(WORKER % function, str(running.client.base_url)) as client:
            gate.let(1)
            async with client.stream("GET", "/") as reply:
                assert b"word" in await anext(reply.aiter_bytes())
            while not engine.aborts:
                gate.let(1)
                await until(lambda: gate.held or engine.aborts)

    asyncio.run(run())
