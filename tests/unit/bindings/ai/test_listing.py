"""models/search: every filter, and what planned deprecation does to a list."""

import datetime
import json
from pathlib import Path

import pytest

from paddock.bindings.ai.catalog import Catalog
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.listing import ModelQuery, schemas, search_page
from paddock.bindings.ai.service import AiService
from paddock.bindings.ai.weights import find_weights
from paddock.bindings.errors import InputError, OptionUnsupported

TODAY = datetime.date(2026, 9, 15)
TASK = {"id": "t", "name": "Text Generation", "description": ""}


def model(name: str, **more: object) -> dict[str, object]:
    base = {"id": name, "source": 1, "name": name, "description": "A model", "task": TASK, "tags": [], "properties": []}
    return {"model": base | more, "task_type": "text-generation", "model_display_name": name}


@pytest.fixture
def service(tmp_path: Path) -> AiService:
    soon = [{"property_id": "planned_deprecation_date", "value": "2026-09-16"}]
    past = [{"property_id": "planned_deprecation_date", "value": "2026-09-01"}]
    gone = [{"property_id": "planned_deprecation_date", "value": "2026-01-01"}]
    models = [
        model("@cf/meta/one", created_at="2025-01-01 00:00:00.000"),
        model("@cf/meta/two", properties=[{"property_id": "beta", "value": "true"}], description="Speaks of Goats"),
        model("@hf/google/three", source=2, task=None),
        model("@cf/a/soon", properties=soon),
        model("@cf/a/past", properties=past),
        model("@cf/a/gone", properties=gone),
    ]
    for number, content in enumerate(models):
        (tmp_path / f"{number}.json").write_text(json.dumps(content))
    return AiService(Catalog.read([tmp_path]), EnginePool(find_weights, lambda card, weights: ScriptedEngine()))


def names(service: AiService, **query: str) -> list[str]:
    found = search_page(service, ModelQuery.from_pairs(query.items()), TODAY)
    return [str(item["name"]).rpartition("/")[2] for item in found.items]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["soon", "one", "two", "three"]),
        ({"search": "goats"}, ["two"]),
        ({"search": "META/"}, ["one", "two"]),
        ({"author": "meta"}, ["one", "two"]),
        ({"author": "nobody"}, []),
        ({"task": "Text Generation", "author": "google"}, []),
        ({"task": "Nothing"}, []),
        ({"source": "2"}, ["three"]),
        ({"source": "2.0"}, ["three"]),
        ({"hide_experimental": "true"}, ["soon", "one", "three"]),
        ({"include_deprecated": "true"}, ["past", "soon", "one", "two", "three"]),
        ({"per_page": "3", "page": "2"}, ["three"]),
        ({"per_page": "3", "page": "3"}, []),
        ({"unknown": "x"}, ["soon", "one", "two", "three"]),
    ],
)
def test_filters(service: AiService, query: dict[str, str], expected: list[str]) -> None:
    """WA-122, WA-123"""
    assert names(service, **query) == expected


@pytest.mark.parametrize("query", [{"page": "0"}, {"per_page": "-1"}, {"page": "x"}, {"hide_experimental": "maybe"}])
def test_values_that_cannot_be_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(InputError):
        ModelQuery.from_pairs(query.items())


def test_another_form_of_list_is_refused() -> None:
    with pytest.raises(OptionUnsupported, match="openrouter"):
        ModelQuery.from_pairs([("format", "openrouter")])


def test_created_at_is_passed_on_where_the_file_has_it(service: AiService) -> None:
    one, two = search_page(service, ModelQuery(author="meta"), TODAY).items
    assert one["created_at"] == "2025-01-01 00:00:00.000"
    assert "created_at" not in two


def test_a_model_without_schemas_has_empty_ones(service: AiService) -> None:
    assert schemas(service, "@cf/meta/one") == {"input": {}, "output": {}}


@pytest.mark.parametrize("form", ["front matter", "yaml", "json"])
def test_a_models_schemas_are_objects_whatever_form_its_file_has(tmp_path: Path, form: str) -> None:
    """WA-125"""
    both = {"input": {"type": "object"}, "output": {"type": "string"}}
    document = model("@cf/meta/one") | {"json_schema": {name: json.dumps(schema) for name, schema in both.items()}}
    text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in document.items())
    name, content = {
        "front matter": ("a.md", f"---\n{text}---\n"),
        "yaml": ("a.yaml", f"\n{text}"),
        "json": ("a.json", json.dumps({**model("@cf/meta/one")["model"], "schema": both})),
    }[form]
    (tmp_path / name).write_text(content)
    pool = EnginePool(find_weights, lambda card, weights: ScriptedEngine())
    assert schemas(AiService(Catalog.read([tmp_path]), pool), "@cf/meta/one") == both
