import msgspec
import pytest

from paddock.bindings.ai.engines.protocol import EngineRequest, Message
from paddock.bindings.ai.tasks import TASKS
from paddock.bindings.ai.tasks.text_generation.adapter import answers_as_chat
from paddock.bindings.errors import InputError, JsonModeStreamed, OptionUnsupported

USER = [{"role": "user", "content": "hi"}]
BARE = {"type": "object", "properties": {"a": {"type": "string"}}}


def requests(card, inputs, dialect="native") -> list[EngineRequest]:
    return list(TASKS["Text Generation"].prepare(card, inputs, None, dialect).requests)


def request(card, inputs, dialect="native") -> EngineRequest:
    (one,) = requests(card, inputs, dialect)
    return one


@pytest.fixture
def card(catalog):
    return catalog.card("@cf/meta/llama-2-7b-chat-fp16")


def test_a_prompt_becomes_one_user_message(card) -> None:
    """WA-043"""
    asked = request(card, {"prompt": "Hi"})
    assert (asked.messages, asked.prompt) == ((Message("user", "Hi"),), None)


def test_raw_leaves_the_prompt_as_it_is(card) -> None:
    """WA-044"""
    asked = request(card, {"prompt": "[INST] Hi [/INST]", "raw": True})
    assert (asked.messages, asked.prompt) == (None, "[INST] Hi [/INST]")


def test_raw_messages_are_joined_without_a_template(card) -> None:
    """WA-033: the string `true` beside messages, as in the documented LoRA example."""
    messages = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
    assert request(card, {"messages": messages, "raw": "true"}).prompt == "a\nb"


def test_max_tokens_is_256_when_nothing_says_otherwise(card) -> None:
    """WA-045"""
    assert request(card, {"prompt": "x"}).sampling.max_tokens == 256


@pytest.mark.parametrize(
    ("given", "sampled"),
    [
        ({"temperature": 5}, {"temperature": 2.0}),
        ({"temperature": 0, "top_k": 3}, {"temperature": 0.0, "top_k": None}),
        ({"top_p": 2}, {"top_p": 1.0}),
        ({"top_p": 0}, {"temperature": 0.0, "top_p": None}),
        ({"repetition_penalty": 0}, {"repetition_penalty": None}),
        ({"frequency_penalty": 2, "presence_penalty": 1}, {"frequency_penalty": 2.0, "presence_penalty": 1.0}),
        ({"seed": 9999999999}, {"seed": 9999999999}),
        ({"top_k": 20.0}, {"top_k": 20}),
        ({"stop": "end"}, {"stop": ("end",)}),
        ({"stop": ["a", "b"]}, {"stop": ("a", "b")}),
        ({"stop": None}, {"stop": ()}),
        ({"min_p": 0.1}, {"min_p": 0.1}),
        ({"logit_bias": {"7": 200, "8": -1}}, {"logit_bias": {7: 100.0, 8: -1.0}}),
        ({"max_completion_tokens": 9, "max_tokens": 256}, {"max_tokens": 9}),
    ],
)
def test_values_that_schemas_allow_are_mapped_to_what_engines_take(card, given, sampled) -> None:
    sampling = request(card, {"prompt": "x", **given}).sampling
    assert {name: getattr(sampling, name) for name in sampled} == sampled


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"max_tokens": 0}, "max_tokens: expected an integer of at least 1; got 0"),
        ({"seed": 2**64}, "seed: expected an integer that fits 64 bits"),
        ({"max_completion_tokens": 0}, "max_completion_tokens: expected an integer of at least 1; got 0"),
        ({"stop": ["a", ""]}, "stop: expected texts of at least one character"),
        ({"top_k": -(2**64)}, "top_k: expected an integer that fits 64 bits"),
        ({"max_tokens": 2**64}, "max_tokens: expected an integer that fits 64 bits"),
        ({"logit_bias": {"word": 1}}, "logit_bias: expected token ids as keys; got 'word'"),
        ({"logit_bias": {"9" * 5_000: 1}}, "logit_bias: expected token ids as keys; got '9{100}'"),
        ({"temperature": "hot"}, r"Expected `float \| null`, got `str` - at `\$.temperature`"),
    ],
)
def test_what_no_engine_takes_is_an_input_error(card, given, text) -> None:
    with pytest.raises(InputError, match=text):
        request(card, {"prompt": "x", **given})


def test_an_empty_conversation_is_refused(card) -> None:
    with pytest.raises(InputError, match="at least one message"):
        request(card, {"messages": []})


def test_the_output_schema_decides_the_shape(later) -> None:
    """WA-052"""
    shapes = {name: answers_as_chat(later.card(name)) for name in ("@cf/test/chat", "@cf/test/json-mode")}
    assert shapes == {"@cf/test/chat": True, "@cf/test/json-mode": False}


@pytest.mark.parametrize(
    ("inputs", "outputs", "is_chat"),
    [
        ("messages", "response", False),
        ("max_completion_tokens", "response", False),
        ("max_completion_tokens", "id", True),
        ("input", "id", True),
        ("messages", "id", False),
        ("messages", "choices", True),
    ],
)
def test_inputs_of_openai_decide_where_the_output_schema_says_nothing(card, inputs, outputs, is_chat) -> None:
    """Cloudflare's file for gpt-oss-120b describes its output as any object."""
    given = {"anyOf": [{"oneOf": [{"properties": {inputs: {}}}]}]}
    model = msgspec.structs.replace(card, input_schema=given, output_schema={"oneOf": [{"properties": {outputs: {}}}]})
    assert answers_as_chat(model) is is_chat


def test_text_parts_are_joined(later) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    asked = request(later.card("@cf/test/json-mode"), {"messages": [{"role": "user", "content": parts}]})
    assert asked.messages == (Message("user", "ab"),)


def test_parts_that_are_no_text_are_refused_with_the_reason(later) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    with pytest.raises(
        OptionUnsupported, match=r"messages\[0\].content\[1\]: expected a part of type text; got image_url"
    ):
        request(later.card("@cf/test/json-mode"), {"messages": [{"role": "user", "content": parts}]})


def test_models_without_tools_read_calls_as_text_and_results_follow(later) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "time", "arguments": "{}"}}
    turns = [*USER, {"role": "assistant", "content": None, "tool_calls": [call]}, {"role": "tool", "content": "noon"}]
    asked = request(later.card("@cf/test/json-mode"), {"messages": turns})
    assert [turn.role for turn in asked.messages] == ["user", "assistant", "tool"]
    assert '"name":"time"' in asked.messages[1].content


def test_null_content_is_for_calls_alone(later) -> None:
    with pytest.raises(InputError, match=r"messages\[0\].content: expected text or parts"):
        request(later.card("@cf/test/chat"), {"messages": [{"role": "user", "content": None}]})


@pytest.mark.parametrize(
    ("given", "schema"),
    [
        ({"response_format": {"type": "json_object"}}, '{"type":"object"}'),
        ({"response_format": {"type": "json_schema", "json_schema": BARE}}, None),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": BARE}}}, None),
        ({"guided_json": BARE}, None),
    ],
)
def test_every_form_of_json_mode_is_one_schema(later, given, schema) -> None:
    """WA-071, WA-072, WA-073, WA-077"""
    asked = request(later.card("@cf/test/json-mode"), {"messages": USER, **given})
    bare = '{"type":"object","properties":{"a":{"type":"string"}}}'
    assert asked.sampling.json_schema == (schema or bare)


def test_json_mode_of_a_model_that_does_not_declare_it_is_no_input_there(card) -> None:
    given = {"messages": USER, "response_format": {"type": "json_object"}}
    assert request(card, given).sampling.json_schema is None
    assert request(card, given, "openai").sampling.json_schema is not None


def test_json_mode_does_not_stream(later) -> None:
    """WA-074"""
    given = {"messages": USER, "response_format": {"type": "json_object"}, "stream": True}
    with pytest.raises(JsonModeStreamed, match="JSON Schema mode is not supported with stream mode"):
        request(later.card("@cf/test/json-mode"), given)


def test_choices_are_requests_with_seeds_of_their_own(later) -> None:
    asked = requests(later.card("@cf/test/chat"), {"messages": USER, "n": 3, "seed": 7})
    assert [one.sampling.seed for one in asked] == [7, 8, 9]


def test_the_native_shape_has_one_choice(card) -> None:
    assert len(requests(card, {"messages": USER, "n": 3})) == 1
