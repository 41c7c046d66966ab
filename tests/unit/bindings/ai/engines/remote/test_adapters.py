"""Adapters of servers: those that they have, those that they load, and those that they do not."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import Adapter
from paddock.bindings.errors import EngineUnavailable, InputError, LoraNotFound, PaddockError

LOAD = "/v1/load_lora_adapter"
CHAT = "/v1/chat/completions"
RANCH = Adapter("ranch", "/adapters/ranch")


def error(message: str, code: int) -> dict[str, Any]:
    return {"error": {"message": message, "type": "X", "param": None, "code": code}}


def test_an_adapter_that_the_server_lists_is_used_as_it_is(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            rows = (wire.model(), wire.model("ranch", parent="acme/chat", root="/elsewhere"))
            p.stub.say("/v1/models", wire.models(*rows))
            await p.ask(wire.ask(adapter=Adapter("ranch", "")))
            assert [body["model"] for body in p.stub.bodies()] == ["ranch"]
            assert p.stub.bodies(LOAD) == []

    asyncio.run(main())


def test_another_is_loaded_once_on_each_server_under_a_name_of_its_own(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            p.stub.say(LOAD, wire.said(b"Success"))
            other = Adapter("ranch", "/adapters/other")
            await asyncio.gather(*(p.ask(wire.ask(adapter=adapter)) for adapter in (RANCH, other, RANCH, RANCH)))
            loaded = p.stub.bodies(LOAD)
            assert sorted(one["lora_path"] for one in loaded) == ["/adapters/other", "/adapters/ranch"]
            names = {one["lora_path"]: one["lora_name"] for one in loaded}
            assert len(set(names.values())) == 2
            asked = [body["model"] for body in p.stub.bodies()]
            assert sorted(asked) == sorted([names["/adapters/other"], *[names["/adapters/ranch"]] * 3])
            await p.ask()
            assert p.stub.bodies()[-1]["model"] == "acme/chat"

    asyncio.run(main())


def test_a_server_that_was_started_anew_is_told_again(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            p.stub.say(LOAD, wire.said(b"Success"))
            await p.ask(wire.ask(adapter=RANCH))
            p.stub.say(CHAT, wire.said(error("The model `ranch` does not exist.", 404), 404), wire.hello())
            assert await p.text(wire.ask(adapter=RANCH)) == "Hello"
            assert len(p.stub.bodies(LOAD)) == 2

    asyncio.run(main())


def test_a_server_that_never_knows_it_is_not_asked_for_ever(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            p.stub.say(LOAD, wire.said(b"Success"))
            p.stub.say(CHAT, wire.said(error("The model `ranch` does not exist.", 404), 404))
            with pytest.raises(LoraNotFound):
                await p.ask(wire.ask(adapter=RANCH))
            assert len(p.stub.bodies()) == 2

    asyncio.run(main())


@pytest.mark.parametrize(
    ("said", "kind", "text"),
    [
        (({"detail": "Not Found"}, 404), EngineUnavailable, "VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"),
        ((error("No adapter found for /adapters/ranch", 404), 404), LoraNotFound, "/adapters/ranch on its machine"),
        ((error("LoRA rank 64 is greater than max_lora_rank 16.", 500), 500), InputError, "rank 64"),
        ((error("LoRA is not enabled.", 500), 500), EngineUnavailable, "--enable-lora"),
        ((error("no", 401), 401), EngineUnavailable, "loads none while it runs"),
    ],
)
def test_what_a_server_says_to_an_adapter(
    place: Any, wire: SimpleNamespace, said: Any, kind: type[PaddockError], text: str
) -> None:
    async def main() -> None:
        async with place() as p:
            p.stub.say(LOAD, wire.said(*said))
            with pytest.raises(PaddockError) as caught:
                await p.ask(wire.ask(adapter=RANCH))
            assert type(caught.value) is kind
            assert text in f"{caught.value.message} {caught.value.hint}"
            assert p.stub.bodies() == [], "nothing was asked without it"

    asyncio.run(main())


def test_one_that_somebody_else_has_just_loaded_is_loaded(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            p.stub.say(LOAD, wire.said(error("The lora adapter 'ranch' has already been loaded.", 400), 400))
            assert await p.text(wire.ask(adapter=RANCH)) == "Hello"

    asyncio.run(main())


def test_one_without_a_folder_that_the_server_has_not_is_not_found(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            with pytest.raises(LoraNotFound, match=r"has the adapters none"):
                await p.ask(wire.ask(adapter=Adapter("ranch", "")))
            assert p.stub.bodies(LOAD) == []

    asyncio.run(main())
