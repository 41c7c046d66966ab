"""OpenAI's own Python SDK, unpatched, against the server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import BaseModel

from paddock.bindings.ai.engines.scripted import Call, Gate, ScriptedEngine

openai = pytest.importorskip("openai", reason='the SDK is not installed: pip install "paddock[dev]"')

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
QWEN = "@cf/qwen/qwen3-30b-a3b-fp8"
USER = [{"role": "user", "content": "hi there"}]
JSON = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}


@pytest.fixture
def client_of(serve):
    """`async with client_of(engine) as client:`, the SDK's client of a running server."""

    @asynccontextmanager
    async def of(engine: ScriptedEngine) -> AsyncIterator[openai.AsyncOpenAI]:
        async with serve(None, engine) as running:
            url = str(running.client.base_url).rstrip("/") + "/client/v4/accounts/acc/ai/v1"
            async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
                yield client

    return of


@pytest.fixture
def with_client(client_of) -> Callable[..., object]:
    """`with_client(engine, use)`: what `await use(client)` gives."""

    def run(engine: ScriptedEngine, use: Callable[[openai.AsyncOpenAI], Awaitable[object]]) -> object:
        async def main() -> object:
            async with client_of(engine) as client:
                return await use(client)

        return asyncio.run(main())

    return run


def test_chat(with_client) -> None:
    """WA-127"""

    async def use(client):
        return await client.chat.completions.create(model=PHI, messages=USER, stop=None, max_completion_tokens=20)

    answer = with_client(ScriptedEngine(["one two three"]), use)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("one two three", "stop")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, 3)
    assert not answer.choices[0].message.tool_calls


def test_chat_streamed(with_client) -> None:
    """WA-127, WA-064"""

    async def use(client):
        options = {"stream": True, "stream_options": {"include_usage": True}}
        return [chunk async for chunk in await client.chat.completions.create(model=PHI, messages=USER, **options)]

    *chunks, finish, usage = with_client(ScriptedEngine(["one two three"]), use)
    assert "".join(chunk.choices[0].delta.content for chunk in chunks) == "one two three"
    assert (finish.choices[0].finish_reason, usage.choices, usage.usage.total_tokens) == ("stop", [], 5)


def test_completions_plain_and_streamed(with_client) -> None:
    async def use(client):
        plain = await client.completions.create(model=PHI, prompt="hi", max_tokens=1)
        streamed = await client.completions.create(model=PHI, prompt="hi", stream=True)
        return plain.choices[0], "".join([chunk.choices[0].text async for chunk in streamed])

    choice, streamed = with_client(ScriptedEngine(["one two", "three four"]), use)
    assert (choice.text, choice.finish_reason, streamed) == ("one", "length", "three four")


def test_structured_output(with_client) -> None:
    """WA-073"""

    async def use(client):
        return await client.chat.completions.create(model=PHI, messages=USER, response_format=JSON)

    assert with_client(ScriptedEngine(['{"a": 1}']), use).choices[0].message.content == '{"a": 1}'


class Harbour(BaseModel):
    """A harbour."""

    name: str
    berths: int


@pytest.mark.parametrize("path", ["chat", "responses"])
def test_a_document_is_parsed(with_client, path: str) -> None:
    """WA-073"""

    async def use(client):
        if path == "chat":
            answer = await client.chat.completions.parse(model=PHI, messages=USER, response_format=Harbour)
            return answer.choices[0].message.parsed
        return (await client.responses.parse(model=PHI, input="hi", text_format=Harbour)).output_parsed

    assert with_client(ScriptedEngine(['{"name": "Kiel", "berths": 3}']), use) == Harbour(name="Kiel", berths=3)


def test_a_tool_is_called_and_its_result_comes_back(with_client) -> None:
    """WA-080, WA-081"""

    async def use(client):
        turns, tools = [*USER], [openai.pydantic_function_tool(Harbour)]
        first = await client.chat.completions.parse(model=QWEN, messages=turns, tools=tools)
        (call,) = first.choices[0].message.tool_calls
        assert call.function.parsed_arguments == Harbour(name="Kiel", berths=3)
        turns += [first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "open"}]
        last = await client.chat.completions.create(model=QWEN, messages=turns, tools=tools)
        return first.choices[0].finish_reason, last.choices[0].message.content

    engine = ScriptedEngine([[Call("Harbour", {"name": "Kiel", "berths": 3})], "It is open."])
    assert with_client(engine, use) == ("tool_calls", "It is open.")
    assert [turn.content for turn in engine.requests[1].messages if turn.role == "tool"] == ["open"]


def test_a_call_is_gathered_from_a_stream(with_client) -> None:
    """WA-070"""

    async def use(client):
        tools = [openai.pydantic_function_tool(Harbour)]
        async with client.chat.completions.stream(model=QWEN, messages=USER, tools=tools) as stream:
            choice = (await stream.get_final_completion()).choices[0]
        return choice.finish_reason, choice.message.tool_calls[0].function.parsed_arguments

    engine = ScriptedEngine([[Call("Harbour", {"name": "Kiel", "berths": 3})]])
    assert with_client(engine, use) == ("tool_calls", Harbour(name="Kiel", berths=3))


def test_8_calls_are_answered_at_once(with_client) -> None:
    gate = Gate()

    def reply(request) -> str:
        if engine.open == 7:  # this is the eighth; the others stand before the gate
            gate.open()
        return "yes"

    async def use(client):
        calls = (client.chat.completions.create(model=PHI, messages=USER) for _ in range(8))
        return [answer.choices[0].message.content for answer in await asyncio.gather(*calls)]

    engine = ScriptedEngine([reply] * 8, gate=gate)
    assert with_client(engine, use) == ["yes"] * 8


@pytest.mark.parametrize(
    ("asked", "error", "code"),
    [
        ({"model": "@cf/x/y"}, openai.BadRequestError, 5007),
        ({"model": LLAMA, "temperature": 9}, openai.BadRequestError, 5006),
        ({"max_tokens": 5000}, openai.APIStatusError, 5021),
    ],
)
def test_refusals_are_the_sdks_own_errors(with_client, asked, error, code) -> None:
    async def use(client):
        with pytest.raises(error) as caught:
            await client.chat.completions.create(**{"model": PHI, "messages": USER, **asked})
        return caught.value

    refusal = with_client(ScriptedEngine(["x"], context_tokens=2048), use)
    assert (refusal.body["errors"][0]["code"], refusal.code) == (code, str(code))
    assert "AiError: " in str(refusal)


def test_leaving_a_stream_aborts_the_generation(with_client, until) -> None:
    """WA-065"""
    gate = Gate()
    engine = ScriptedEngine(["one two three"], gate=gate)

    async def use(client):
        gate.let(1)
        stream = await client.chat.completions.create(model=PHI, messages=USER, stream=True)
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break
        await stream.close()
        await until(lambda: engine.aborts)

    with_client(engine, use)
    assert (len(engine.aborts), engine.open) == (1, 0)


def test_models(with_client) -> None:
    async def use(client):
        return [model.id async for model in client.models.list()], await client.models.retrieve(PHI)

    ids, one = with_client(ScriptedEngine(), use)
    assert PHI in ids
    assert (one.id, one.owned_by) == (PHI, "microsoft")


def test_responses(with_client) -> None:
    """Production serves these for gpt-oss models only; here every text model does."""

    async def use(client):
        return await client.responses.create(model=PHI, instructions="Be brief.", input="hi there")

    engine = ScriptedEngine(["one two"])
    answer = with_client(engine, use)
    assert (answer.output_text, answer.status, answer.usage.output_tokens) == ("one two", "completed", 2)
    assert [(turn.role, turn.content) for turn in engine.requests[0].messages] == [
        ("system", "Be brief."), ("user", "hi there"),
    ]  # fmt: skip


def test_responses_streamed(with_client) -> None:
    async def use(client):
        return [event async for event in await client.responses.create(model=PHI, input=USER, stream=True)]

    events = with_client(ScriptedEngine(["one two"]), use)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == events[-1].response.output_text == "one two"
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_a_cut_response_is_incomplete(with_client) -> None:
    async def use(client):
        return await client.responses.create(model=PHI, input="hi", max_output_tokens=1)

    answer = with_client(ScriptedEngine(["one two"]), use)
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
