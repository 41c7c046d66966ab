"""Every member of env.AI, in a handler, against the service behind it."""

from collections.abc import Callable

import pytest

from paddock.worker.testing import Ai, Paddock

from .snippets import SNIPPETS, for_worker

PHI = "@cf/microsoft/phi-2"
SOURCE = f"""{SNIPPETS}
import json
from js import AbortController, AbortSignal, Blob, FormData, JSON, Object, Response as JsResponse
from pyodide.ffi import JsException, to_js

PHI = "@cf/microsoft/phi-2"

class Default(SnippetEntrypoint):
    async def fetch(self, request):
        try:
            return Response.json(await self.run(request, AI=self.env.AI))
        except JsException as error:
            return Response.json([error.name, error.message])
"""
pytestmark = pytest.mark.paddock(source=SOURCE)


@pytest.fixture
def ask(run_code) -> Callable[[str], object]:
    """`ask(code)`: the JSON that the code returns."""
    return lambda code: run_code(code).json()


def test_plain_dicts_go_in_and_come_out(ask, ai: Ai) -> None:
    """WA-145, WA-146, PW-131"""
    body = """
answer = await AI.run(PHI, {"messages": [{"role": "user", "content": "hi"}]})
same = answer.response == answer["response"]
return {"text": answer.response, "same": same, "usage": answer.usage, "dict": isinstance(answer, dict)}
"""
    ai.reply("a b")
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert ask(body) == {"text": "a b", "same": True, "usage": usage, "dict": True}


@pytest.mark.parametrize(
    "call",
    [
        "run(PHI, to_js({'prompt': 'x'}, dict_converter=Object.fromEntries))",
        "run(PHI, JSON.parse(json.dumps({'prompt': 'x'})))",
        "run(PHI, prompt='x')",
    ],
)
def test_every_known_form_of_inputs_works(ask, ai: Ai, call: str) -> None:
    """PW-132 to PW-134"""
    ai.reply("yes")
    assert ask(f"return (await AI.{call}).response") == "yes"


def test_failures_are_exceptions_named_as_production_names_them(ask) -> None:
    """WA-104, WA-148, PW-141, PW-143"""
    body = """
try:
    await AI.run("@cf/x/y", {"prompt": "x"})
except JsException as error:
    raw = AI._binding
    seen = [error.name, error.message, raw.lastRequestInternalStatusCode, raw.lastRequestHttpStatusCode]
    return [*seen, len(raw.lastRequestId)]
"""
    assert ask(body) == ["AiError", "5007: No such model @cf/x/y or task", 5007, 400, 36]


def test_a_raw_response_is_returned_with_its_status(ask) -> None:
    """PW-142"""
    body = """
reply = await AI.run("@cf/x/y", {"prompt": "x"}, {"returnRawResponse": True})
return [reply.status, (await reply.json())["internalCode"]]
"""
    assert ask(body) == [400, 5007]


def test_every_option_of_run_is_taken(ask, ai: Ai) -> None:
    """WA-095"""
    options = {
        "prefix": "team",
        "extraHeaders": {"x-a": "1"},
        "sessionOptions": {"extraHeaders": {"x-b": 2}},
        "queueRequest": False,
        "tags": ["a:b"],
        "rejectIfBusy": True,
    }
    ai.reply("yes")
    assert ask(f"return (await AI.run(PHI, {{'prompt': 'x'}}, {options!r})).response") == "yes"


def test_a_signal_that_is_aborted_already_sends_nothing(ask, ai: Ai) -> None:
    reply = ask("await AI.run(PHI, {'prompt': 'x'}, {'signal': AbortSignal.abort()})")
    assert reply == ["AbortError", "The operation was aborted"]
    ai.assert_no_calls()


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (
            "{'a': {'body': s(), 'contentType': 'x'}, 'b': s()}",
            "{}",
            "Multiple ReadableStreams are not supported. Found streams in keys: [a, b]",
        ),
        ("{'a': s()}", "{}", "Content-Type is required with ReadableStream inputs"),
        ("{'a': {'body': FormData.new()}}", "{}", "Content-Type is required with ReadableStream inputs"),
        (
            "{'a': {'body': s(), 'contentType': 'x'}}",
            "{'gateway': {'id': 'g'}}",
            "AI Gateway does not support ReadableStreams yet.",
        ),
    ],
)
def test_streams_that_cannot_be_sent_are_refused_before_any_request(ask, inputs, options, message) -> None:
    """WA-100"""
    body = f"s = lambda: Blob.new(['abc']).stream()\nawait AI.run(PHI, {inputs}, {options})"
    assert ask(body) == ["AiInternalError", message]


def test_a_stream_input_goes_out_as_the_body(ask) -> None:
    """WA-100: no text model takes one, so the refusal by name is the answer."""
    body = (
        "await AI.run(PHI, {'image': {'body': Blob.new(['abc']).stream(), 'contentType': 'image/png'}}, {'tags': []})"
    )
    name, message = ask(body)
    assert (name, message.partition(":")[0]) == ("AiError", "5006")
    assert f"{PHI} takes no stream" in message


def test_a_form_input_is_taken_apart(ask, ai: Ai) -> None:
    """WA-101"""
    body = """
form = FormData.new()
form.append("prompt", "from the form")
sent = JsResponse.new(form)
inputs = {"multipart": {"body": sent.body, "contentType": sent.headers.get("content-type")}}
return (await AI.run(PHI, inputs)).response
"""
    ai.reply("yes")
    assert ask(body) == "yes"
    ai.assert_called_once_with(PHI, prompt="from the form")


def test_a_websocket_is_refused_with_the_reason(ask) -> None:
    """WA-109"""
    name, message = ask("await AI.run(PHI, {}, {'websocket': True})")
    assert (name, "no model here takes a WebSocket" in message) == ("AiInternalError", True)


@pytest.mark.paddock(settings={"name": "fresh"})  # a process of its own, in which nothing ran before
def test_the_attributes_tell_of_the_latest_run(ask, ai: Ai) -> None:
    """WA-149, PW-143"""
    body = """
raw = AI._binding
before = [raw.lastRequestId, raw.aiGatewayLogId, raw.lastRequestHttpStatusCode, raw.lastRequestInternalStatusCode]
await AI.run(PHI, {"prompt": "x"}, {"gateway": {"id": "g"}})
return [[str(item) for item in before], len(raw.lastRequestId), len(raw.aiGatewayLogId), raw.lastRequestHttpStatusCode]
"""
    ai.reply("a")
    assert ask(body) == [["jsnull"] * 4, 36, 26, 200]


def test_a_gateway_keeps_a_log(ask, ai: Ai) -> None:
    """WA-099, WA-108"""
    body = """
await AI.run(PHI, {"prompt": "x"}, {"gateway": {"id": "g", "metadata": {"team": "t"}}})
gateway = AI.gateway("g")
log_id = AI.aiGatewayLogId
await gateway.patchLog(log_id, {"feedback": 1})
log = await gateway.getLog(log_id)
return [log.model, log.tokens_out, log.feedback, log.metadata, type(log.created_at).__name__, await gateway.getUrl()]
"""
    ai.reply("a b")
    reply = ask(body)
    assert reply[:5] == [PHI, 2, 1, {"team": "t"}, "datetime"]


def test_an_unknown_log_is_an_exception_of_its_own(ask) -> None:
    assert ask("await AI.gateway('g').getLog('x')") == ["AiGatewayLogNotFound", "Log Not Found"]


def test_a_universal_run_returns_the_response(ask, ai: Ai) -> None:
    """WA-108"""
    body = """
steps = [{"provider": "workers-ai", "endpoint": PHI, "headers": {"a": 1}, "query": {"prompt": "x"}}]
options = {"gateway": {"metadata": {"a": 1}, "skipCache": True, "retries": {"maxAttempts": 2}}}
response = await AI.gateway("g").run(steps, options)
return [response.status, (await response.json())["result"]["response"]]
"""
    ai.reply("yes")
    assert ask(body) == [200, "yes"]


def test_models_takes_params(ask) -> None:
    """WA-105"""
    assert ask("return [m.name for m in await AI.models({'search': 'phi', 'per_page': 1})]") == [PHI]


def test_bad_params_of_models_are_an_exception(ask) -> None:
    name, message = ask("await AI.models({'page': 0})")
    assert (name, "page" in message) == ("AiInternalError", True)


FILES = """
page = {"name": "a.html", "blob": Blob.new(["<h1>x</h1><p>y"], type="text/html")}
image = {"name": "b.png", "blob": Blob.new(["?"], type="image/png")}
"""


@pytest.mark.parametrize("call", ["toMarkdown", "toMarkdown().transform"])
def test_one_document_is_one_result_and_a_list_is_a_list(ask, call: str) -> None:
    """WA-106"""
    one, many = ask(f"{FILES}return [await AI.{call}(page), await AI.{call}([page, image])]")
    assert (one["name"], one["mimeType"], one["format"], one["data"]) == ("a.html", "text/html", "markdown", "# x\n\ny")
    assert [result["format"] for result in many] == ["markdown", "error"]
    assert "Images are not converted" in many[1]["error"]


def test_options_of_a_conversion_are_sent(ask) -> None:
    options = {
        "conversionOptions": {"html": {"cssSelector": "p"}, "output": {"format": "text"}},
        "extraHeaders": {"a": 1},
    }
    result = ask(f"{FILES}return await AI.toMarkdown(page, {options!r})")
    assert (result["format"], result["data"]) == ("text", "y")


def test_the_sdks_own_blobs_and_files_are_documents(ask) -> None:
    body = """
from workers import Blob, File
blobs = [Blob("# x", content_type="text/markdown"), File(["# y"], filename="f.md", content_type="text/markdown")]
return [(await AI.toMarkdown({"name": "a.md", "blob": blob})).data for blob in blobs]
"""
    assert ask(body) == ["# x", "# y"]


def test_a_conversion_that_fails_is_productions_exception(ask) -> None:
    name, message = ask(f"{FILES}await AI.toMarkdown(page, {{'conversionOptions': 1}})")
    assert (name, "`$.options.conversionOptions`" in message) == ("AiInternalError", True)


def test_no_documents_are_no_results(ask) -> None:
    """An empty list is a list: it does not ask for the service."""
    assert ask("return await AI.toMarkdown([])") == []


def test_formats_are_listed(ask) -> None:
    """WA-107"""
    body = """
formats = await AI.toMarkdown().supported()
return [formats[0].extension, [f for f in formats if f["extension"] == ".csv"]]
"""
    assert ask(body) == [".pdf", [{"extension": ".csv", "mimeType": "text/csv"}]]


@pytest.mark.parametrize("call", ["autorag('x')", "aiSearch()", "websearch({})"])
def test_what_needs_cloudflare_is_refused_with_the_reason(ask, call: str) -> None:
    name, message = ask(f"AI.{call}")
    assert (name, "is not served by Paddock" in message) == ("AiInternalError", True)


def test_get_logs_is_empty(ask) -> None:
    assert ask("return list(AI.getLogs())") == []


def test_fetch_speaks_the_bindings_protocol(ask, ai: Ai) -> None:
    body = """
init = {"method": "POST", "headers": {"cf-consn-model-id": PHI}, "body": json.dumps({"inputs": {"prompt": "x"}})}
reply = await AI.fetch("http://workers-binding.ai/run?version=2", init)
return (await reply.json())["response"]
"""
    ai.reply("yes")
    assert ask(body) == "yes"


OLD_SETTINGS = {
    "compatibility_date": "2025-03-01",
    "compatibility_flags": ["python_workers", "disable_python_no_global_handlers"],
}
OLD = """
from js import Object, Response
from pyodide.ffi import to_js

async def on_fetch(request, env):
    answer = await env.AI.run("@cf/microsoft/phi-2", to_js({"prompt": "x"}, dict_converter=Object.fromEntries))
    try:
        answer["response"]
    except TypeError:
        return Response.new(answer.response + str(answer.to_py()["usage"]["completion_tokens"]))
"""


@pytest.mark.paddock(source=OLD, settings=OLD_SETTINGS)
def test_an_older_handler_sees_a_proxy(worker: Paddock) -> None:
    """PW-136, WA-146"""
    worker.ai.reply("a b")
    assert worker.fetch("/").result().text == "a b2"


OLD_CLASS = """
from js import Object
from pyodide.ffi import to_js
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        inputs = to_js({"prompt": "x"}, dict_converter=Object.fromEntries)
        answer = await self.env.AI.run("@cf/microsoft/phi-2", inputs)
        return Response.json([isinstance(answer, dict), hasattr(answer, "to_py"), answer.response])
"""


@pytest.mark.paddock(source=OLD_CLASS)
@pytest.mark.parametrize(
    "is_wrapped",
    [
        for_worker(False, settings={"compatibility_date": "2026-04-20"}),
        for_worker(True, settings={"compatibility_date": "2026-04-21"}),
    ],
)
def test_bindings_of_a_class_are_raw_before_the_sdk_is_the_projects_own(worker: Paddock, is_wrapped: bool) -> None:
    """PW-135, PW-136"""
    worker.ai.reply("a b")
    assert worker.fetch("/").result().json() == [is_wrapped, not is_wrapped, "a b"]


OLD_MARKDOWN = """
from js import Blob, Object, Response
from pyodide.ffi import to_js

async def on_fetch(request, env):
    formats = await env.AI.toMarkdown().supported()
    file = to_js({"name": "a.html", "blob": Blob.new(["<h1>x"])}, dict_converter=Object.fromEntries)
    one = await env.AI.toMarkdown(file)
    many = await env.AI.toMarkdown(to_js([file, file]))
    return Response.new(f"{len(formats) > 2} {formats[0].extension} {one.data} {len(many)} {many[1].data}")
"""


@pytest.mark.paddock(source=OLD_MARKDOWN, settings=OLD_SETTINGS)
def test_an_older_handler_sees_proxies_of_documents(worker: Paddock) -> None:
    """PW-136; the calls of workerd's own test of Python."""
    assert worker.fetch("/").result().text == "True .pdf # x 2 # x"
