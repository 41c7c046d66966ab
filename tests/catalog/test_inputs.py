"""Inputs against every schema that ships: made from the schema, some of them broken, and what comes of them."""

import copy
import re
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.tasks import task_of
from paddock.bindings.ai.tasks.contract import Dialect
from paddock.bindings.ai.tasks.text_generation import TextGeneration
from paddock.bindings.errors import InputError, PaddockError

Json = dict[str, Any]

_CATALOG = Catalog.read([SHIPPED_CATALOG])

_TEXT = st.sampled_from(["", "a", "Hi", "json_schema", "text", "function", "é\N{GRINNING FACE}", "x" * 5000])
_NUMBERS = st.sampled_from([0, 1, -1, 2, 20, 129, 0.5, 2.0, -2.5, 1e300, 10**30, -(2**63)])
_LEAVES = st.none() | st.booleans() | _NUMBERS | _TEXT
_JUNK = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3), max_leaves=6
) | st.integers(0, 300).map(lambda depth: _nested(depth))

#: The texts of spec 7.3, as they are or after a colon. Names of properties in these tests have no quotes.
_PLACE = r"'/[^']*'"
_ERROR = "|".join(
    [
        rf"required properties at {_PLACE} are '[^']+'",
        rf"Type mismatch of {_PLACE}, '\w+' not in '\w+'(?:,'\w+')*",
        r"oneOf at '/' not met, \d matches",
        r"anyOf at '/' not met",
        rf"enum [^']* not in [^']* at {_PLACE}",
        rf"Length of {_PLACE} must be (?:<= \d+|>= \d+ not met)",
        rf"{_PLACE} must be (?:<=|>=) -?[\d.]+",
        rf"Additional or unevaluated properties '[^']*'(?:, ?'[^']*')* at {_PLACE} not allowed",
        rf"{_PLACE} failed test .* patttern",
    ]
)
_MESSAGE = re.compile(rf"Error: (?:{_ERROR})(?:: (?:{_ERROR})(?:, (?:{_ERROR}))*)?")


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@st.composite
def _values(draw: st.DrawFn, schema: Any, kind: str | None = None) -> Any:
    """A value that the schema takes, or nearly."""
    if not isinstance(schema, dict) or not draw(st.integers(0, 30)):
        return draw(_JUNK)
    kind = schema.get("type", kind)
    options = schema.get("oneOf") or schema.get("anyOf")
    if options:
        return draw(_values(draw(st.sampled_from(options)), kind))
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    if kind == "object" or "properties" in schema:
        return draw(_objects(schema))
    if kind == "array":
        return draw(st.lists(_values(schema.get("items")), max_size=3))
    return draw(_scalars(schema, kind))


@st.composite
def _objects(draw: st.DrawFn, schema: Json) -> Json:
    properties: Json = schema.get("properties", {})
    required: list[str] = schema.get("required", [])
    some = draw(st.lists(st.sampled_from(sorted(properties)), max_size=5)) if properties else []
    value = {name: draw(_values(properties[name])) for name in dict.fromkeys([*required, *some])}
    if "additionalProperties" in schema:
        value["city"] = draw(_values(schema["additionalProperties"]))
    return value


def _scalars(schema: Json, kind: str | None) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum", -3), schema.get("maximum", 3000)
    if kind == "integer":
        return st.integers(low, high)
    if kind == "number":
        return st.floats(low, high)
    return {"string": _TEXT, "boolean": st.booleans(), "null": st.none()}.get(str(kind), _JUNK)


@st.composite
def _inputs(draw: st.DrawFn, schema: Any) -> Any:
    """A value for the schema with up to two changes somewhere in it."""
    value = draw(_values(schema))
    for _ in range(draw(st.integers(0, 2))):
        value = _changed(draw, copy.deepcopy(value))
    return value


def _changed(draw: st.DrawFn, value: Any) -> Any:
    keys = sorted(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not keys or not draw(st.integers(0, 5)):
        return draw(_JUNK)
    key = draw(st.sampled_from(keys))
    if isinstance(value, dict) and not draw(st.integers(0, 4)):
        del value[key]
    else:
        value[key] = _changed(draw, value[key])
    return value


@pytest.mark.parametrize("model", _CATALOG.ids())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), dialect=st.sampled_from(get_args(Dialect)))
def test_inputs_are_refused_in_productions_words_or_become_a_job(
    model: str, data: st.DataObject, dialect: Dialect
) -> None:
    card = _CATALOG.card(model)
    inputs = data.draw(_inputs(card.input_schema))
    before = copy.deepcopy(inputs)
    try:
        checked = card.schema.check(inputs)
    except InputError as refusal:
        assert _MESSAGE.fullmatch(refusal.message), refusal.message
        return
    finally:
        assert inputs == before
    assert checked.keys() >= inputs.keys()
    try:
        job = (task_of(card) or TextGeneration()).prepare(card, checked, None, dialect)
    except PaddockError:
        return
    assert job.requests
    for request in job.requests:
        assert sum([request.prompt is not None, bool(request.messages), request.work is not None]) == 1
