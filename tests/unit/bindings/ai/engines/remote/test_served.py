"""Which of a server's models is ours, and what it says of itself."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from paddock.bindings.errors import EngineUnavailable


def test_the_only_model_is_ours_whatever_its_name(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            p.stub.say("/v1/models", wire.models(wire.model("odd"), wire.model("tuned", parent="odd", root="/tuned")))
            await p.ask()
            assert p.stub.bodies()[0]["model"] == "odd"

    asyncio.run(main())


def test_several_names_of_the_same_weights_are_one_model(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            p.stub.say("/v1/models", wire.models(wire.model("a", root="/w"), wire.model("b", root="/w")))
            await p.ask()
            assert p.stub.bodies()[0]["model"] == "a"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"repository": "owner/right"}, "owner/right"),
        ({"repository": "owner/root"}, "by-root"),
        ({"model": "owner/right"}, "owner/right"),
        ({"remote_model": "other", "repository": "owner/right"}, "other"),
    ],
)
def test_of_several_models_ours_is_found(
    place: Any, wire: SimpleNamespace, settings: dict[str, str], name: str
) -> None:
    async def main() -> None:
        async with place(**settings) as p:
            rows = (wire.model("other"), wire.model("owner/right"), wire.model("by-root", root="owner/root"))
            p.stub.say("/v1/models", wire.models(*rows))
            await p.ask()
            assert p.stub.bodies()[0]["model"] == name

    asyncio.run(main())


@pytest.mark.parametrize("settings", [{"remote_model": "nobody"}, {}])
def test_otherwise_the_error_lists_what_is_served(place: Any, wire: SimpleNamespace, settings: dict[str, str]) -> None:
    async def main() -> None:
        async with place(**settings) as p:
            p.stub.say("/v1/models", wire.models(wire.model("one"), wire.model("two")))
            with pytest.raises(EngineUnavailable, match=r"serves? .*one, two.*remote_model"):
                await p.engine.load()
            assert p.engine.state == "failed"

    asyncio.run(main())


def test_context_is_the_smallest_of_servers_and_configuration(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place(2) as p:
            p.stubs[1].say("/v1/models", wire.models(wire.model(max_model_len=80)))
            assert p.engine.context_tokens is None
            await p.engine.load()
            assert p.engine.context_tokens == 80
        async with place(context_tokens=64) as p:
            await p.engine.load()
            assert p.engine.context_tokens == 64

    asyncio.run(main())


def test_a_plain_openai_server_is_used_without_vllms_own_fields(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            nothing = wire.said({"detail": "Not Found"}, 404)
            for path in ("/health", "/version", "/tokenize", "/metrics"):
                p.stub.say(path, nothing)
            p.stub.say("/v1/models", wire.said({"data": [{"id": "gpt"}]}))
            assert await p.text(wire.ask(json_schema="{}")) == "Hello"
            (sent,) = p.stub.bodies()
            assert sent["stream_options"] == {"include_usage": True}
            assert "response_format" in sent

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (({"detail": "Not Found"}, 404), r"is no OpenAI-compatible server: GET /v1/models answers 404.*Expected vLLM"),
        ((b"<html>", 200), "answers no list of models"),
        (({"error": "Unauthorized"}, 401), "refuses the key.*PADDOCK_REMOTE_KEY"),
    ],
)
def test_what_is_no_such_server_is_said(place: Any, wire: SimpleNamespace, answer: Any, text: str) -> None:
    async def main() -> None:
        async with place() as p:
            p.stub.say("/v1/models", wire.said(*answer))
            with pytest.raises(EngineUnavailable, match=text) as caught:
                await p.engine.load()
            assert p.stub.url in caught.value.message

    asyncio.run(main())
