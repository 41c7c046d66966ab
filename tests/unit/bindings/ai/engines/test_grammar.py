import json

import pytest

from paddock.bindings.ai.engines.grammar import MOST_ITEMS, excess


@pytest.mark.parametrize("keyword", ["minItems", "maxItems"])
@pytest.mark.parametrize("count", [MOST_ITEMS + 1, 10**400, 1e300])
def test_a_count_that_no_engine_lives_through_is_found_wherever_it_stands(keyword: str, count: float) -> None:
    array = {"type": "array", keyword: count}
    for schema in (array, {"properties": {"a": {"anyOf": [{"type": "null"}, array]}}}, {"$defs": {"x": array}}):
        assert excess(json.dumps(schema)).startswith(f"{keyword}: expected at most 10000; got 1")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 1, "maxItems": MOST_ITEMS},
        {"properties": {"maxItems": {"type": "integer", "maximum": 10**9}}},
        {"type": "string", "maxLength": 10**9},
    ],
)
def test_what_an_engine_takes_is_left_to_it(schema: dict[str, object]) -> None:
    assert excess(json.dumps(schema)) == ""


@pytest.mark.parametrize("text", ["{", "[" * 10_000])
def test_what_is_no_json_is_left_to_the_engine(text: str) -> None:
    assert excess(text) == ""
