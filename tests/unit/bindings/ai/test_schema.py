"""Inputs against a model's own schema, with production's verdicts and words."""

import contextlib
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.schema import Schema, compile_schema
from paddock.bindings.errors import CatalogError, InputError

Json = dict[str, Any]

_CATALOG = Catalog.read([SHIPPED_CATALOG])
_LLAMA = _CATALOG.card("@cf/meta/llama-2-7b-chat-fp16").schema
_PHI = _CATALOG.card("@cf/microsoft/phi-2").schema
_NOTHING = "required properties at '/' are 'prompt', required properties at '/' are 'messages'"

#: Schemas of other models, reduced to what decides.
_EMBEDDINGS: Json = {
    "type": "object",
    "properties": {
        "text": {
            "oneOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 100},
            ]
        }
    },
    "required": ["text"],
}
_TRANSLATION: Json = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "target_lang": {"type": "string"}},
    "required": ["text", "target_lang"],
}
_SPEECH: Json = {
    "oneOf": [
        {"type": "string", "format": "binary"},
        {
            "type": "object",
            "properties": {"audio": {"type": "array", "items": {"type": "number"}}},
            "required": ["audio"],
        },
    ]
}
_IMAGE: Json = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}, "steps": {"type": "integer", "default": 4}},
    "required": ["prompt"],
    "additionalProperties": False,
}


def _message(schema: Schema | Json, inputs: object) -> str:
    compiled = schema if isinstance(schema, Schema) else compile_schema(schema)
    with pytest.raises(InputError) as caught:
        compiled.check(inputs)
    assert caught.value.message.startswith("Error: ")
    return caught.value.message.removeprefix("Error: ")


def _accepts(schema: Json, inputs: object) -> bool:
    try:
        compile_schema(schema).check(inputs)
    except InputError:
        return False
    return True


@pytest.mark.parametrize(
    ("inputs", "rest"),
    [
        ({}, _NOTHING),
        ({"prompt": ""}, "Length of '/prompt' must be >= 1 not met, required properties at '/' are 'messages'"),
        (
            {"prompt": 5},
            "Type mismatch of '/prompt', 'string' not in 'number','integer', required properties at '/' are 'messages'",
        ),
        ({"messages": [{"role": "user"}]}, "required properties at '/messages/0' are 'role,content'"),
        (
            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text"}]}]},
            "Type mismatch of '/messages/1/content', 'string' not in 'array'",
        ),
        ({"messages": "x"}, "Type mismatch of '/messages', 'array' not in 'string'"),
    ],
)
def test_no_branch_matches(inputs: Json, rest: str) -> None:
    """WA-017, WA-019, WA-020, WA-028, WA-029"""
    shown = rest if "/prompt" in rest or rest == _NOTHING else f"required properties at '/' are 'prompt', {rest}"
    assert _message(_LLAMA, inputs) == f"oneOf at '/' not met, 0 matches: {shown}"


@pytest.mark.parametrize(
    ("name", "value", "rest"),
    [
        ("temperature", 6, "'/temperature' must be <= 5"),
        ("temperature", "0.5", "Type mismatch of '/temperature', 'number' not in 'string'"),
        ("max_tokens", 1.5, "Type mismatch of '/max_tokens', 'integer' not in 'number'"),
        ("max_tokens", None, "Type mismatch of '/max_tokens', 'integer' not in 'null'"),
        ("seed", 0, "'/seed' must be >= 1"),
        ("top_k", 0, "'/top_k' must be >= 1"),
        ("top_k", 51, "'/top_k' must be <= 50"),
    ],
)
def test_a_parameter_out_of_bounds(name: str, value: object, rest: str) -> None:
    """WA-023 to WA-027. Both branches declare the parameter, and say the same of it, once."""
    assert _message(_LLAMA, {"prompt": "a", name: value}) == f"oneOf at '/' not met, 0 matches: {rest}"


def test_raw_as_text_fails_where_it_is_declared() -> None:
    """WA-033"""
    rest = "Type mismatch of '/raw', 'boolean' not in 'string', required properties at '/' are 'messages'"
    assert _message(_LLAMA, {"prompt": "a", "raw": "true"}) == f"oneOf at '/' not met, 0 matches: {rest}"


def test_prompt_and_messages_together_are_two_matches() -> None:
    """WA-018"""
    inputs = {"prompt": "a", "messages": [{"role": "user", "content": "b"}]}
    assert _message(_LLAMA, inputs) == "oneOf at '/' not met, 2 matches"


def test_prompt_over_the_limit() -> None:
    """WA-021"""
    expected = "oneOf at '/' not met, 0 matches: Length of '/prompt' must be <= 4096, required properties"
    assert _message(_PHI, {"prompt": "x" * 4097}).startswith(expected)


def test_length_counts_utf16_units() -> None:
    """WA-022"""
    assert _PHI.check({"prompt": "\N{GRINNING FACE}" * 2048})
    assert "must be <= 4096" in _message(_PHI, {"prompt": "\N{GRINNING FACE}" * 2048 + "x"})


def test_empty_prompt_passes_without_a_minimum() -> None:
    """WA-019"""
    assert _PHI.check({"prompt": ""})["prompt"] == ""


def test_empty_messages_pass() -> None:
    """WA-031"""
    assert _LLAMA.check({"messages": []})["messages"] == []


def test_unknown_keys_and_undeclared_types_pass() -> None:
    """WA-032, WA-033"""
    checked = _LLAMA.check({"messages": [], "raw": "true", "colour": None})
    assert (checked["raw"], checked["colour"]) == ("true", None)


def test_defaults_of_the_matching_branch_are_applied_to_a_copy() -> None:
    """WA-041"""
    inputs: Json = {"prompt": "a"}
    assert _LLAMA.check(inputs) == {"prompt": "a", "raw": False, "stream": False, "max_tokens": 256}
    assert inputs == {"prompt": "a"}
    assert _LLAMA.check({"messages": []}) == {"messages": [], "stream": False, "max_tokens": 256}


def test_given_values_win_over_defaults() -> None:
    assert _LLAMA.check({"prompt": "a", "max_tokens": 5})["max_tokens"] == 5


def test_defaults_of_a_branch_that_did_not_match_are_left_out() -> None:
    first = {"properties": {"a": {"type": "string"}, "b": {"default": 1}}}
    second = {"properties": {"c": {"type": "string"}, "d": {"default": 2}}}
    schema = compile_schema({"type": "object", "anyOf": [first, second]})
    assert schema.check({"c": "x"}) == {"c": "x", "d": 2}


def test_a_default_brings_the_objects_around_it() -> None:
    """Schemas of 2026 write `enable_thinking`, true by default, into an object that most callers leave out."""
    inner = {"type": "object", "properties": {"x": {"default": 1}}}
    schema = compile_schema({"type": "object", "properties": {"o": {"type": "object", "properties": {"p": inner}}}})
    inputs: Json = {}
    assert [schema.check(given) for given in (inputs, {"o": {}}, {"o": {"p": {}}})] == [{"o": {"p": {"x": 1}}}] * 3
    assert inputs == {}


def test_a_default_needs_an_object_or_nothing_in_its_place() -> None:
    schema = compile_schema({"type": "object", "properties": {"o": {"properties": {"x": {"default": 1}}}}})
    assert [schema.check({"o": given}) for given in (None, "text", [1])] == [{"o": None}, {"o": "text"}, {"o": [1]}]


def test_defaults_of_a_later_option_of_a_nested_any_of_are_lost() -> None:
    """As in production: in schemas of 2026 the parts of a message would all gain `image_url` otherwise."""
    part = {"type": "object", "properties": {"text": {"type": "string"}, "detail": {"default": "auto"}}}
    text, parts = {"type": "string"}, {"type": "array", "items": part}
    inputs = {"content": [{"text": "a"}]}
    for options, detail in (([text, parts], {}), ([parts, text], {"detail": "auto"})):
        schema = compile_schema({"type": "object", "properties": {"content": {"anyOf": options}}})
        assert schema.check(inputs) == {"content": [{"text": "a"} | detail]}


def test_a_refusing_branch_leaves_no_defaults_behind() -> None:
    rest = {"n": {"type": "integer"}, "k": {"default": 1}}
    branch = {"properties": {"prompt": {"type": "string"}, **rest}, "required": ["prompt"]}
    items = {"type": "object", "oneOf": [branch]}
    schema = compile_schema({"type": "object", "properties": {"requests": {"type": "array", "items": items}}})
    requests = [{"prompt": "a", "n": "b"}, {"prompt": "a"}]
    assert schema.check({"requests": requests})["requests"] == [{"prompt": "a", "n": "b"}, {"prompt": "a", "k": 1}]


def test_a_default_inside_a_list_leaves_the_original_alone() -> None:
    item = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"default": []}}, "required": ["a"]}
    inputs = {"list": [{"a": "x"}]}
    checked = compile_schema({"type": "object", "properties": {"list": {"type": "array", "items": item}}}).check(inputs)
    assert checked == {"list": [{"a": "x", "b": []}]}
    assert inputs == {"list": [{"a": "x"}]}


def test_a_list_where_an_object_with_defaults_is_declared() -> None:
    schema = {"type": "object", "properties": {"o": {"type": "object", "properties": {"x": {"default": 1}}}}}
    assert compile_schema(schema).check({"o": [{}]}) == {"o": [{}]}


def test_a_default_satisfies_required_outside_of_branches() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "default": 2000}}, "required": ["n"]}
    assert compile_schema(schema).check({}) == {"n": 2000}


def test_nullable_field_takes_its_default() -> None:
    """Later schemas write `anyOf [X, null]` around each field."""
    field = {"anyOf": [{"type": "integer", "minimum": 1, "default": 1}, {"type": "null"}]}
    schema = compile_schema({"type": "object", "properties": {"n": field}})
    assert [schema.check({}), schema.check({"n": None}), schema.check({"n": 2})] == [{"n": 1}, {"n": None}, {"n": 2}]


@pytest.mark.parametrize(
    ("schema", "inputs", "message"),
    [
        (_EMBEDDINGS, {}, "required properties at '/' are 'text'"),
        (
            _EMBEDDINGS,
            {"text": ""},
            (
                "required properties at '/' are 'text': Length of '/text' must be >= 1 not met, "
                "Type mismatch of '/text', 'array' not in 'string'"
            ),
        ),
        (_TRANSLATION, {"text": "a"}, "required properties at '/' are 'text,target_lang'"),
        (
            _SPEECH,
            {"audio": "aGk="},
            (
                "oneOf at '/' not met, 0 matches: Type mismatch of '/', 'string' not in 'object', "
                "Type mismatch of '/audio', 'array' not in 'string'"
            ),
        ),
        (_IMAGE, {"prompt": "a", "seed": 1}, "Additional or unevaluated properties '/seed' at '/' not allowed"),
    ],
)
def test_other_tasks(schema: Json, inputs: Json, message: str) -> None:
    """WA-032, WA-036, WA-040: recorded messages for embeddings, translation, speech and image models."""
    assert _message(schema, inputs) == message


def test_binary_arrays_are_not_looked_into() -> None:
    """WA-035"""
    assert _accepts(_EMBEDDINGS, {"text": ["a"] * 101})
    assert _accepts(_EMBEDDINGS, {"text": ["", 1]})
    assert _accepts(_SPEECH, {"audio": [1, 2]})


def test_null_makes_no_binary_array() -> None:
    assert "'/messages/0' are 'role,content'" in _message(_LLAMA, {"messages": [None]})


def test_content_array_on_a_string_or_array_schema() -> None:
    """WA-030"""
    part = {"type": "object", "properties": {"type": {"type": "string"}}}
    schema = {
        "type": "object",
        "properties": {"content": {"oneOf": [{"type": "string"}, {"type": "array", "items": part}]}},
        "required": ["content"],
    }
    assert _accepts(schema, {"content": [{"type": "text"}]})
    assert not _accepts(schema, {"content": 5})


def test_nested_choice_does_not_raise() -> None:
    """WA-034"""
    flat = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    wrapped = {"type": "object", "properties": {"function": flat}, "required": ["function"]}
    schema = {"type": "object", "properties": {"tools": {"type": "array", "items": {"oneOf": [flat, wrapped]}}}}
    assert _accepts(schema, {"tools": [{"nonsense": 1}]})


def test_absent_object_with_required_is_rejected() -> None:
    """WA-037"""
    inner = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    assert _message({"type": "object", "properties": {"opt": inner}}, {}) == "required properties at '/opt' are 'a'"


def test_absent_object_in_a_choice_is_tolerated_but_heard() -> None:
    voice = {"type": "object", "properties": {"voice": {}, "format": {}}, "required": ["voice", "format"]}
    schema = {
        "type": "object",
        "properties": {"audio": {"anyOf": [voice, {"type": "null"}]}, "prompt": {"type": "string"}},
        "required": ["prompt"],
    }
    assert _accepts(schema, {"prompt": "a"})
    rest = "required properties at '/audio' are 'voice,format'"
    assert _message(schema, {}) == f"required properties at '/' are 'prompt': {rest}"


def test_enum_lists_values_without_spaces() -> None:
    """WA-038"""
    schema = {"type": "object", "properties": {"type": {"type": "string", "enum": ["json_object", "json_schema"]}}}
    assert _message(schema, {"type": "text"}) == "enum text not in json_object,json_schema at '/type'"


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        ({"type": "string", "pattern": "^a$"}, "b", "'/x' failed test ^a$ patttern"),
        ({"pattern": "("}, "b", "'/x' failed test ( patttern"),
        ({"const": "a"}, "b", "const b doesn't match a at '/x'"),
        ({"enum": "a"}, "b", "enum should be an array at '/x'"),
        ({"not": {"type": "string"}}, "b", "not at '/x' not met"),
        ({"type": "number", "exclusiveMaximum": 5}, 5, "'/x' must be < 5"),
        ({"type": "number", "exclusiveMinimum": 0.5}, 0.5, "'/x' must be > 0.5"),
        ({"type": "integer", "multipleOf": 2}, 3, "'/x' must be multiple of 2"),
        ({"type": "integer"}, float("inf"), "Type mismatch of '/x', 'integer' not in 'number'"),
        ({"type": "number"}, True, "Type mismatch of '/x', 'number' not in 'boolean'"),
        ({"type": ["string", "null"]}, "b", "Type mismatch of '/x', 'string,null' not in 'string'"),
        ({"type": "string"}, [[1]], "Type mismatch of '/x', 'string' not in 'array'"),
        ({"type": "string"}, [1], "Type mismatch of '/x', 'string' not in 'array','binary'"),
        ({"type": "array"}, [{}], "No schema for path '/x/0'"),
    ],
)
def test_messages_of_single_rules(rule: Json, value: object, message: str) -> None:
    """WA-039 and the table of messages"""
    assert _message({"type": "object", "properties": {"x": rule}}, {"x": value}) == message


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"minProperties": 2}, "minProperties at '/' is 2, got 1"),
        ({"minProperties": 0, "maxProperties": 0}, "maxProperties at '/' is 0, got 1"),
    ],
)
def test_object_size(bounds: Json, message: str) -> None:
    assert _message({"type": "object", **bounds}, {"a": 1}) == message


def test_whole_floats_are_integers() -> None:
    """JavaScript knows one kind of number: 256.0 is 256."""
    assert _LLAMA.check({"prompt": "a", "max_tokens": 256.0})


def test_sub_errors_come_once_and_in_order() -> None:
    """WA-042"""
    branch = {"properties": {"a": {"type": "string"}}, "required": ["a"]}
    other = {"properties": {"b": {"type": "string"}}, "required": ["b"]}
    message = _message({"type": "object", "oneOf": [branch, other, branch]}, {})
    rest = "required properties at '/' are 'a', required properties at '/' are 'b'"
    assert message == f"oneOf at '/' not met, 0 matches: {rest}"


def test_any_of_at_the_root() -> None:
    branch = {"properties": {"a": {"type": "string"}}, "required": ["a"]}
    assert _message({"type": "object", "anyOf": [branch]}, {}).startswith("anyOf at '/' not met: required")


def test_all_of_counts_what_its_parts_matched() -> None:
    parts = [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "string"}}}]
    schema = {"type": "object", "allOf": parts, "required": ["a", "b"]}
    assert _accepts(schema, {"a": "x", "b": "y"})
    assert not _accepts(schema, {"a": "x"})


def test_other_properties_are_checked_against_their_schema() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    assert _accepts(schema, {"a": "x"})
    assert _message(schema, {"a": 1}) == "Type mismatch of '/a', 'string' not in 'number','integer'"


def test_references_are_followed_even_in_circles() -> None:
    tree = {
        "type": "object",
        "properties": {"label": {"type": "string"}, "child": {"$ref": "#/$defs/tree"}},
        "required": ["label"],
    }
    schema = {"type": "object", "properties": {"tree": {"$ref": "#/$defs/tree"}}, "$defs": {"tree": tree}}
    assert _accepts(schema, {"tree": {"label": "a", "child": {"label": "b"}}})
    assert _message(schema, {"tree": {"label": "a", "child": {}}}) == "required properties at '/tree/child' are 'label'"


def test_inputs_deeper_than_the_limit_are_refused() -> None:
    node = {"type": "object", "properties": {"n": {"$ref": "#/$defs/node"}}}
    schema = {"type": "object", "properties": {"n": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}
    inputs: Json = {}
    for _ in range(5000):
        inputs = {"n": inputs}
    assert "nested deeper" in _message(schema, inputs)


def test_no_schema_takes_every_object() -> None:
    """WA-005, WA-006"""
    assert compile_schema(None).check({"anything": [1]}) == {"anything": [1]}


def test_inputs_that_are_no_object_are_refused() -> None:
    assert _message(compile_schema(None), [1]) == "Type mismatch of '/', 'object' not in 'array','binary'"


def test_markers_of_bodies_are_ignored() -> None:
    """WA-015"""
    schema = {"type": "object", "contentType": "application/json", "properties": {"f": {"format": "binary"}}}
    assert _accepts(schema, {"f": "x"})


@pytest.mark.parametrize(
    ("schema", "key"),
    [
        ({"type": "object", "properties": {"x": {"type": "string", "minLength": "1"}}}, "/properties/x/minLength"),
        ({"type": "object", "properties": []}, "/properties"),
        ({"type": "object", "required": [1]}, "/required"),
        ({"oneOf": {}}, "/oneOf"),
        ({"pattern": 1}, "/pattern"),
        ({"$ref": "#/$defs/none"}, "/$ref"),
        ({"$ref": "https://example.com/schema"}, "/$ref"),
    ],
)
def test_a_malformed_schema_names_the_keyword(schema: Json, key: str) -> None:
    with pytest.raises(CatalogError) as caught:
        compile_schema(schema, file="m.md", key="json_schema.input")
    assert (caught.value.file, caught.value.key) == ("m.md", f"json_schema.input: {key}")


def test_a_bottomless_schema_is_refused() -> None:
    schema: Json = {}
    for _ in range(3000):
        schema = {"not": schema}
    with pytest.raises(CatalogError, match="at most"):
        compile_schema(schema)


# Held against jsonschema where the two must agree: scalars, objects whose `required` names scalars, lists of objects,
# and choices at the root whose branches all require something.
_NAMES = st.sampled_from(["a", "b", "c"])
_TEXT = st.text(st.characters(max_codepoint=0x7F), max_size=4)
_SCALARS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("string")}, optional={"minLength": st.integers(0, 3), "maxLength": st.integers(0, 3)}
    ),
    st.fixed_dictionaries(
        {"type": st.just("number")}, optional={"minimum": st.integers(-3, 3), "exclusiveMaximum": st.integers(-3, 3)}
    ),
    st.fixed_dictionaries(
        {"type": st.just("integer")}, optional={"maximum": st.integers(-3, 3), "multipleOf": st.integers(1, 3)}
    ),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.fixed_dictionaries({"enum": st.lists(st.sampled_from(["x", "y", 1, True, None]), min_size=1)}),
    st.fixed_dictionaries({"type": st.just("string"), "pattern": st.sampled_from(["^x", "y$", "[0-9]+"])}),
)


@st.composite
def _objects(draw: st.DrawFn, least_required: int = 0) -> Json:
    properties = draw(st.dictionaries(_NAMES, _SCALARS, min_size=1, max_size=3))
    required = draw(st.lists(st.sampled_from(sorted(properties)), min_size=least_required, max_size=2, unique=True))
    schema: Json = {"type": "object", "properties": properties, "required": required}
    if draw(st.booleans()):
        schema["additionalProperties"] = draw(st.sampled_from([False, True, {"type": "integer"}]))
    if draw(st.booleans()):
        schema["properties"]["list"] = {"type": "array", "items": draw(_objects(least_required=1))}
    return schema


_ROOTS = st.one_of(
    _objects(),
    st.builds(lambda parts: {"oneOf": parts}, st.lists(_objects(least_required=1), min_size=1, max_size=3)),
    st.builds(lambda parts: {"anyOf": parts}, st.lists(_objects(least_required=1), min_size=1, max_size=3)),
    st.builds(lambda parts: {"type": "object", "allOf": parts}, st.lists(_objects(), min_size=1, max_size=2)),
    st.builds(lambda unwanted, rest: {**rest, "not": unwanted}, _objects(least_required=1), _objects()),
)
_LEAVES = st.one_of(
    _TEXT, st.integers(-4, 4), st.floats(-4, 4, width=16), st.booleans(), st.none(), st.sampled_from(["x", "y"])
)
_FLAT = st.dictionaries(_NAMES | st.just("d"), _LEAVES, max_size=3)
_INPUTS = st.builds(
    lambda flat, others: {**flat, **others},
    _FLAT,
    st.fixed_dictionaries({}, optional={"list": st.lists(_FLAT, max_size=2) | _TEXT}),
)


@settings(max_examples=300, deadline=None)
@given(schema=_ROOTS, inputs=_INPUTS)
def test_agrees_with_jsonschema_where_the_rules_are_the_same(schema: Json, inputs: Json) -> None:
    assert _accepts(schema, inputs) == jsonschema.Draft202012Validator(schema).is_valid(inputs)


_ANY_JSON = st.recursive(
    _LEAVES | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["prompt", "messages", "role"]), inner),
)


@settings(deadline=None)
@given(inputs=_ANY_JSON)
def test_any_json_is_answered_or_refused_but_never_breaks(inputs: object) -> None:
    with contextlib.suppress(InputError):
        assert "stream" in _LLAMA.check(inputs)
