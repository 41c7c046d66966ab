"""The recipe of the stand-ins with tools: what they are taught is true, and their templates lose nothing."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="jinja2 comes with the engine extra")

_RECIPE = Path(__file__).parents[2] / "catalog" / "stand-ins" / "recipe"
_FORMATS = ("llama3", "qwen3", "gemma4")
_SAMPLES = 400
_ROUND = 120

each_format = pytest.mark.parametrize("name", _FORMATS)


@pytest.fixture(scope="module")
def recipe() -> Iterator[SimpleNamespace]:
    """The modules of the recipe that only make data; they are scripts' modules, so their folder is on the path here."""
    sys.path.insert(0, str(_RECIPE))
    names = ("chat_formats", "generate", "reading", "samples")
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    sys.path.remove(str(_RECIPE))
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "").parent == _RECIPE:
            del sys.modules[name]


def _call(key: str, name: str, arguments: object) -> dict[str, Any]:
    return {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}


_TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "look", "description": "D", "parameters": {"type": "object"}}},
    {"type": "function", "function": {"name": "bare"}},
]
_TWO_CALLS = {
    "role": "assistant",
    "content": "A",
    "tool_calls": [_call("c1", "look", {"n": 1, "many": ["B", None, True]}), _call("c2", "bare", {})],
}
_CONVERSATIONS: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "tools and results": [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "Q"},
        _TWO_CALLS,
        {"role": "tool", "tool_call_id": "c2", "content": "T2"},
        {"role": "tool", "tool_call_id": "c1", "content": "T1"},
        {"role": "assistant", "content": "E"},
        {"role": "user", "content": "R"},
    ],
    "a result of nothing": [{"role": "tool", "content": "T"}, {"role": "user", "content": "Q"}],
    "a result too late": [{"role": "user", "content": "Q"}, _TWO_CALLS, {"role": "user", "content": "R"}],
    "no content": [{"role": "assistant", "content": None, "tool_calls": [_call("c1", "look", '{"n": 1}')]}],
    "odd roles": [
        {"role": "developer", "content": "S"},
        {"role": "system", "content": "T"},
        {"role": "narrator", "content": "N"},
        {"role": "function", "content": "F"},
    ],
    "an answer first": [{"role": "assistant", "content": "A"}, {"role": "user", "content": "Q"}],
}


@each_format
@pytest.mark.parametrize("conversation", _CONVERSATIONS)
@pytest.mark.parametrize("thinking", [True, False])
@pytest.mark.parametrize("tools", [[], _TOOLS], ids=["no tools", "tools"])
def test_no_message_is_lost(
    recipe: SimpleNamespace, name: str, conversation: str, thinking: bool, tools: list[Any]
) -> None:
    messages = _CONVERSATIONS[conversation]
    form = recipe.chat_formats.CHAT_FORMATS[name]
    prompt = form.render(messages, tools, add_generation_prompt=True, enable_thinking=thinking)
    calls = [call["function"]["name"] for message in messages for call in message.get("tool_calls", [])]
    sent = [message["content"] or "" for message in messages] + [tool["function"]["name"] for tool in tools]
    assert all(text in prompt for text in sent + calls)


@each_format
def test_an_unknown_role_is_written_as_a_user_turn(recipe: SimpleNamespace, name: str) -> None:
    form = recipe.chat_formats.CHAT_FORMATS[name]
    first = {"role": "user", "content": "Q"}
    assert form.render([first, {"role": "narrator", "content": "N"}]) == form.render([first, first | {"content": "N"}])


@each_format
def test_calls_are_read_back_as_they_were_taught(recipe: SimpleNamespace, name: str) -> None:
    form = recipe.chat_formats.CHAT_FORMATS[name]
    world = recipe.generate.make_world(form, seed=3)
    samples = [world.called() for _ in range(_SAMPLES)]
    for sample in samples:
        taught = "".join(text for text, learned in form.pieces(sample) if learned).removesuffix(form.eos)
        calls = [call["function"] for call in sample.conversation()[-1]["tool_calls"]]
        assert recipe.reading.read(form, taught).calls == [(call["name"], call["arguments"]) for call in calls]


def test_an_argument_stands_in_the_request_or_in_the_definition(recipe: SimpleNamespace) -> None:
    """Nothing else can be copied, and a model that is taught more learns to make things up."""
    world = recipe.generate.make_world(recipe.chat_formats.CHAT_FORMATS["qwen3"], seed=4)
    for _ in range(_SAMPLES):
        sample = world.called()
        *_, request, answer = sample.conversation()
        told = request["content"] + json.dumps(sample.tools)
        for call in answer["tool_calls"]:
            values = [value for value in call["function"]["arguments"].values() if value is not True]
            flat = [str(item) for value in values for item in (value if isinstance(value, list) else [value])]
            assert all(value in told for value in flat), (flat, request)


def test_required_parameters_are_filled_and_only_those(recipe: SimpleNamespace) -> None:
    world = recipe.generate.make_world(recipe.chat_formats.CHAT_FORMATS["qwen3"], seed=5)
    for _ in range(_SAMPLES):
        tool = world.tool()
        _, ((name, arguments),) = world.request(tool, alone=True)
        parameters = tool.definition["function"].get("parameters", {})
        assert name == tool.name
        assert list(arguments) == parameters.get("required", list(parameters.get("properties", {})))


def test_documents_are_json_without_white_space_between_tokens(recipe: SimpleNamespace) -> None:
    world = recipe.generate.make_world(recipe.chat_formats.CHAT_FORMATS["llama3"], seed=6)
    for _ in range(_ROUND):
        _, pieces = world.document()
        text = "".join(piece for piece, _ in pieces)
        assert json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False) == text
        assert pieces[0] == ('{"', False), "or it would answer with documents that nobody asked for"
        assert pieces[-1][1], "the end is learned"


def test_reasoning_comes_in_its_frame_and_only_where_the_model_has_some(recipe: SimpleNamespace) -> None:
    for name, form in recipe.chat_formats.CHAT_FORMATS.items():
        sample = recipe.samples.Sample([("Q", "A")], thinking=True, reasoning="T")
        learned = [text for text, wanted in form.pieces(sample) if wanted]
        framed = ["T".join(form.think)] if form.think else []
        assert learned == [*framed, "A", form.eos], name
