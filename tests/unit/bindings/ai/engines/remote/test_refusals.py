"""Every failure before the first chunk is an error of ours, wherever it comes from."""

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from paddock.bindings.ai.engines.protocol import Tool, ToolUse
from paddock.bindings.ai.engines.remote.http import Http
from paddock.bindings.ai.engines.remote.refusals import ServerLost, parse_error
from paddock.bindings.errors import (
    ContextOverflow,
    EngineOverloaded,
    EngineUnavailable,
    InputError,
    JsonModeUnmet,
    OptionUnsupported,
    PaddockError,
)

CHAT = "/v1/chat/completions"
TOOLS = ToolUse((Tool("clock", "", '{"type": "object"}'),))


def error(message: str, code: int = 400, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "BadRequestError", "param": None, "code": code, **more}}


async def refused(place: Any, request: Any, *answers: Any, path: str = CHAT) -> PaddockError:
    """What a call raises whose server answers so."""
    async with place() as p:
        p.stub.say(path, *answers)
        with pytest.raises(PaddockError) as caught:
            await p.ask(request)
        return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (400, InputError, "Error: no such thing"),
        (422, InputError, "Error: no such thing"),
        (401, EngineUnavailable, "refuses the key.*PADDOCK_REMOTE_KEY"),
        (403, EngineUnavailable, "refuses the key"),
        (404, EngineUnavailable, "It serves acme/chat"),
        (429, EngineOverloaded, "Capacity"),
        (503, EngineOverloaded, "Capacity"),
        (502, EngineUnavailable, "answers 502"),
        (500, EngineUnavailable, r"failed \(500\): no such thing"),
        (501, EngineUnavailable, r"failed \(501\)"),
        (307, EngineUnavailable, "redirect"),
    ],
)
def test_statuses(place: Any, wire: SimpleNamespace, status: int, kind: type[PaddockError], text: str) -> None:
    raised = asyncio.run(refused(place, wire.ask(), wire.said(error("no such thing", status), status)))
    assert type(raised) is kind
    assert re.search(text, str(raised))


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (
            "This model's maximum context length is 100 tokens. However, your prompt contains 120 input tokens, which",
            129,
        ),
        ("Input length (120) exceeds model's maximum context length (100).", 129),
        # vLLM before 0.32: the sum is in the text.
        ("This model's maximum context length is 100 tokens. However, you requested 125 tokens (116 in the ...)", 125),
        # The count stops early, or never began: the server is asked.
        ("maximum context length is 100 tokens. However, your prompt contains at least 101 input tokens, which", 209),
        ("maximum context length is 100 tokens. However, your prompt contains 90000 characters (more than 9", 209),
        ("max_tokens=9 cannot be greater than max_model_len=100. Please request fewer output tokens.", 209),
    ],
)
def test_context_overflow_has_both_numbers(place: Any, wire: SimpleNamespace, message: str, wanted: int) -> None:
    async def main() -> None:
        async with place() as p:
            await p.engine.load()
            p.stub.say(CHAT, wire.said(error(message), 400))
            p.stub.say("/tokenize", wire.said({"count": 200, "max_model_len": 100, "tokens": []}))
            with pytest.raises(ContextOverflow, match=rf"\({wanted}\).*\(100\)"):
                await p.ask(wire.ask(max_tokens=9))

    asyncio.run(main())


def test_context_overflow_is_estimated_where_nobody_counts(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            await p.engine.load()
            p.stub.say(CHAT, wire.said(error("maximum context length is 100 tokens: too long"), 400))
            p.stub.say("/tokenize", wire.said({"detail": "Not Found"}, 404))
            with pytest.raises(ContextOverflow, match=r"\(1009\).*\(100\)"):
                await p.ask(wire.ask("x" * 4000, max_tokens=9))

    asyncio.run(main())


def test_an_answer_that_the_server_would_cut_is_refused(place: Any, wire: SimpleNamespace) -> None:
    """vLLM 0.32 fills what is left of the context, without a word; the first event tells how long the prompt is."""

    async def main() -> None:
        async with place() as p:
            assert await p.text(wire.ask(max_tokens=93)) == "Hello"
            with pytest.raises(ContextOverflow, match=r"\(101\).*\(100\)"):
                await p.ask(wire.ask(max_tokens=94))

    asyncio.run(main())


@pytest.mark.parametrize(
    "message",
    [
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        'tool_choice="required" requires --tool-call-parser to be set',
    ],
)
def test_a_server_without_tool_parser(place: Any, wire: SimpleNamespace, message: str) -> None:
    raised = asyncio.run(refused(place, wire.ask(tool_use=TOOLS), wire.said(error(message), 400)))
    assert isinstance(raised, OptionUnsupported)
    assert "Start it with --enable-auto-tool-choice" in raised.hint


def test_a_server_whose_grammars_cannot_force_calls(place: Any, wire: SimpleNamespace) -> None:
    use = ToolUse(TOOLS.tools, is_forced=True)
    said = wire.said(events=(error("Invalid grammar specification: 'triggers'"), "[DONE]"))
    raised = asyncio.run(refused(place, wire.ask(tool_use=use), said))
    assert isinstance(raised, OptionUnsupported)
    assert "xgrammar" in raised.hint


def test_a_server_without_chat_template(place: Any, wire: SimpleNamespace) -> None:
    message = (
        "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template"
    )
    raised = asyncio.run(refused(place, wire.ask(), wire.said(error(message), 400)))
    assert isinstance(raised, InputError)
    assert "--chat-template" in raised.hint


def test_an_error_that_comes_as_first_event_is_what_its_status_says(place: Any, wire: SimpleNamespace) -> None:
    """vLLM checks sampling and grammar when the stream has begun: its head says 200."""
    start = wire.chat({"role": "assistant", "content": ""}, 0)
    said = wire.said(events=(error("Grammar error: Invalid type: nosuch"), "[DONE]"))
    raised = asyncio.run(refused(place, wire.ask(json_schema='{"type":"nosuch"}'), said))
    assert isinstance(raised, JsonModeUnmet)
    assert "Grammar error" in raised.hint
    raised = asyncio.run(refused(place, wire.ask(), wire.said(events=(start, error("bad token id"), "[DONE]"))))
    assert type(raised) is InputError
    raised = asyncio.run(refused(place, wire.ask(), wire.said(events=(error("full", 503), "[DONE]"))))
    assert isinstance(raised, EngineOverloaded)


def test_a_token_id_out_of_range_is_the_inputs_fault_and_not_the_schemas(place: Any, wire: SimpleNamespace) -> None:
    request = wire.ask(json_schema="{}", logit_bias={99999: 1.0})
    raised = asyncio.run(refused(place, request, wire.said(error("token_id(s) [99999] out-of-vocab"), 400)))
    assert type(raised) is InputError


def test_a_page_in_place_of_a_stream(place: Any, wire: SimpleNamespace) -> None:
    raised = asyncio.run(refused(place, wire.ask(), wire.said(b"<html>", kind="text/html")))
    assert isinstance(raised, EngineUnavailable)
    assert "answers with text/html" in raised.message


def test_structured_outputs_that_the_server_does_not_know_are_sent_in_openais_form(
    place: Any, wire: SimpleNamespace
) -> None:
    async def main() -> None:
        async with place() as p:
            p.stub.say(CHAT, wire.said(error("Unrecognized request argument: structured_outputs"), 400), wire.hello())
            for _ in range(2):
                assert await p.text(wire.ask(json_schema="{}")) == "Hello"
            fields = ["structured_outputs" in body for body in p.stub.bodies()]
            assert fields == [True, False, False], "it is asked once"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"error": {"message": "a", "code": 400, "param": "p"}}', "a"),
        (b'{"object": "error", "message": "a", "type": "T", "code": 400}', "a"),
        (b'{"error": "a"}', "a"),
        (b'{"detail": "a"}', "a"),
        (b'{"detail": [{"loc": ["body"], "msg": "a"}]}', '[{"loc":["body"],"msg":"a"}]'),
        (b'{"error": {"message": 7}}', '{"error": {"message": 7}}'),
        (b"Bad Gateway\n", "Bad Gateway"),
        (b"\xff", "\ufffd"),
        (b"", ""),
    ],
)
def test_errors_are_read_in_every_form(content: bytes, message: str) -> None:
    assert parse_error(400, content).message == message


def _errors(kind: type[httpx.RequestError]) -> set[type[httpx.RequestError]]:
    return {kind}.union(*(_errors(child) for child in kind.__subclasses__()))


@pytest.mark.parametrize("kind", sorted(_errors(httpx.RequestError), key=lambda kind: kind.__name__))
def test_every_error_of_the_client_is_a_lost_server(kind: type[httpx.RequestError]) -> None:
    class Failing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise kind("")

    async def main() -> None:
        http = Http(None, 1)
        http._client = httpx.AsyncClient(transport=Failing())
        with pytest.raises(ServerLost, match=kind.__name__):
            await http.ask("GET", "http://nowhere/", timeout_s=5)
        await http.close()

    asyncio.run(main())
