"""Model files of all generations, with everything that has been seen in them, and the look-up by model id."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from paddock.bindings.ai.catalog import Catalog
from paddock.bindings.ai.model_file import MAX_FILE_BYTES
from paddock.bindings.errors import CatalogError, ModelNotFound

_SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
_TASK = {"id": "t", "name": "Text Generation", "description": None}


def _model(name: str = "@cf/acme/one", **others: Any) -> dict[str, Any]:
    return {"id": "u", "source": 1, "name": name, "description": "d", "task": _TASK, "tags": [], **others}


def _yaml(model: dict[str, Any] | None = None, **others: Any) -> str:
    """Generation B. JSON is YAML, so every value may stand as JSON."""
    document = {"model": model or _model(), "task_type": "text-generation", **others}
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in document.items())


def _markdown(model: dict[str, Any] | None = None, **others: Any) -> str:
    return f"---\n{_yaml(model, **others)}---\n"


def _schemas(indent: int | None = None) -> dict[str, str]:
    return {"input": json.dumps(_SCHEMA, indent=indent), "output": "{}"}


def _read(folder: Path, **files: str) -> Catalog:
    """Write files (`a__md` is a.md) and read the folder."""
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return Catalog.read([folder])


def _problem(catalog: Catalog) -> CatalogError:
    assert len(catalog.problems) == 1, catalog.problems
    return catalog.problems[0]


def test_front_matter_with_schemas_as_text(tmp_path: Path) -> None:
    """WA-001"""
    card = _read(tmp_path, a__md=_markdown(json_schema=_schemas(indent=2))).card("@cf/acme/one")
    assert (card.input_schema, card.output_schema, card.task_type) == (_SCHEMA, {}, "text-generation")


def test_yaml_without_fences_and_with_blank_lines_is_the_same(tmp_path: Path) -> None:
    """WA-002"""
    text = _yaml(json_schema=_schemas())
    (tmp_path / "b").mkdir()
    first = _read(tmp_path, a__md=_markdown(json_schema=_schemas())).card("@cf/acme/one")
    second = _read(tmp_path / "b", a__yaml=f"\n{text}\n\n\n").card("@cf/acme/one")
    fields = ("id", "source", "name", "task", "tags", "input_schema")
    assert [getattr(first, field) for field in fields] == [getattr(second, field) for field in fields]


def test_json_in_any_key_order(tmp_path: Path) -> None:
    """WA-003"""
    document = {"schema": {"input": _SCHEMA, "output": {}}, **_model(), "created_at": "2025-08-05 10:49:53.265"}
    card = _read(tmp_path, a__json=json.dumps(document)).card("@cf/acme/one")
    assert (card.input_schema, card.created_at, card.deprecated) == (_SCHEMA, "2025-08-05 10:49:53.265", False)
    assert card.task_type == "text-generation"


def test_minified_and_indented_schema_text_are_equal(tmp_path: Path) -> None:
    """WA-004"""
    files = {"a__md": _markdown(json_schema=_schemas()), "b__md": _markdown(_model("b"), json_schema=_schemas(2))}
    one, other = _read(tmp_path, **files)
    assert one.input_schema == other.input_schema


@pytest.mark.parametrize("schemas", ["", None, {"input": "", "output": ""}])
def test_a_model_without_schemas_takes_every_object(tmp_path: Path, schemas: object) -> None:
    """WA-005"""
    card = _read(tmp_path, a__md=_markdown(json_schema=schemas)).card("@cf/acme/one")
    assert (card.input_schema, card.schema.check({"any": 1})) == (None, {"any": 1})


def test_json_without_a_schema_loads(tmp_path: Path) -> None:
    """WA-006; a line break after a colon is no obstacle either"""
    catalog = _read(tmp_path, a__json=json.dumps(_model()).replace('"source": ', '"source":\n  '))
    assert catalog.card("@cf/acme/one").input_schema is None


def test_task_without_a_description(tmp_path: Path) -> None:
    """WA-007"""
    task = _read(tmp_path, a__md=_markdown()).card("@cf/acme/one").task
    assert task is not None
    assert task.description is None


def test_property_values_are_kept_as_they_stand(tmp_path: Path) -> None:
    """WA-008, WA-009, WA-010"""
    values = [[{"unit": "per step", "price": 0.00000251}], {"mandatory": True}, 'a: "b" # c\nd: e\n', "en, fr", "new"]
    properties = [{"property_id": f"p{i}", "value": value} for i, value in enumerate(values)]
    files = {
        "a__md": _markdown(_model(properties=properties)),
        "b__json": json.dumps(_model("b", properties=properties)),
    }
    for card in _read(tmp_path, **files):
        assert [item.value for item in card.properties] == values


def test_hf_names_and_upper_case_are_matched_exactly(tmp_path: Path) -> None:
    """WA-011, WA-013"""
    model = _model("@hf/acme/Two-1B")
    del model["source"]
    catalog = _read(tmp_path, a__yml=_yaml(model))
    assert catalog.card("@hf/acme/Two-1B").source == 2
    with pytest.raises(ModelNotFound):
        catalog.card("@hf/acme/two-1b")


def test_pages_without_a_model_are_skipped_with_a_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """WA-012; a folder's readme is nothing to notice."""
    caplog.set_level(logging.INFO)
    pages = {
        "README__md": "# Folder\n",
        "task__md": "---\ntitle: x\n---\n",
        "_index__md": "---\n---\n",
        "x__json": "[]",
    }
    catalog = _read(tmp_path, **pages, y__json='{"title": "x"}', z__yaml="")
    assert (len(catalog), catalog.problems) == (0, ())
    assert [record.getMessage().split()[0] for record in caplog.records] == ["catalog_file_skipped"] * 5


def test_checkpoints_and_hidden_folders_are_not_looked_into(tmp_path: Path) -> None:
    for name in ("stand-ins", ".git"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{")
    assert Catalog.read([tmp_path]).problems == ()


def test_duplicate_key_names_the_file(tmp_path: Path) -> None:
    """WA-014"""
    problem = _problem(_read(tmp_path, a__md="---\nmodel:\n  name: x\n  name: y\n---\n"))
    assert (problem.file, problem.key) == (str(tmp_path / "a.md"), "model.name (line 4)")


def test_output_media_types(tmp_path: Path) -> None:
    """WA-016"""
    output = {"oneOf": [{"contentType": "application/json"}, {"contentType": "text/event-stream"}]}
    card = _read(tmp_path, a__json=json.dumps(_model(schema={"output": output}))).card("@cf/acme/one")
    assert card.output_media_types == ("application/json", "text/event-stream")


def test_odd_schemas_load(tmp_path: Path) -> None:
    """An array with properties and no items; a `required` list among the properties; wrong types; empty schemas."""
    schema = {
        "input": {"properties": {"required": ["prompt"], "end_ms": {"type": "boolean"}, "any": {}}},
        "output": {"type": "array", "contentType": "application/json", "properties": {"description": {}}},
    }
    card = _read(tmp_path, a__json=json.dumps(_model(schema=schema))).card("@cf/acme/one")
    assert card.schema.check({"any": [1]}) == {"any": [1]}


def test_text_outside_ascii_and_line_ends_of_windows(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(
        b"\xef\xbb\xbf" + _markdown(_model(description="“a”—b\n")).replace("\n", "\r\n").encode()
    )
    assert Catalog.read([tmp_path]).card("@cf/acme/one").description == "“a”—b\n"


def test_the_body_of_a_page_is_not_read(tmp_path: Path) -> None:
    assert len(_read(tmp_path, a__md=_markdown() + "\n# a: b: c\n---\n{{\n")) == 1


def test_later_generation_of_a_model_wins(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    files = {
        "one__json": json.dumps(_model(description="C")),
        "one__yaml": _yaml(_model(description="B")),
        "one__md": _markdown(_model(description="A")),
    }
    catalog = _read(tmp_path, **files)
    assert (len(catalog), catalog.problems, catalog.card("@cf/acme/one").description) == (1, (), "C")
    assert len(caplog.records) == 2


def test_an_earlier_folder_wins_and_a_folder_counts_once(tmp_path: Path) -> None:
    folders = [tmp_path / "own", tmp_path / "shipped"]
    for folder in folders:
        folder.mkdir()
        (folder / "a.md").write_text(_markdown(_model(description=folder.name)))
    catalog = Catalog.read([*folders, tmp_path / "own" / ".." / "own"])
    assert (catalog.card("@cf/acme/one").description, catalog.problems) == ("own", ())


def test_second_file_of_one_generation_is_a_problem(tmp_path: Path) -> None:
    catalog = _read(tmp_path, a__md=_markdown(_model(description="first")), b__md=_markdown())
    assert "already described by" in str(_problem(catalog))
    assert catalog.card("@cf/acme/one").description == "first"


def test_a_malformed_file_hides_no_other_model(tmp_path: Path) -> None:
    catalog = _read(tmp_path, a__md="---\nmodel: {\n---\n", b__md=_markdown())
    assert catalog.ids() == ("@cf/acme/one",)
    assert _problem(catalog).file == str(tmp_path / "a.md")


@pytest.mark.parametrize(
    ("name", "text", "key", "words"),
    [
        ("a.md", "---\nmodel:\n", "", "only the first"),
        ("a.md", "---\nmodel: {}\n---\n", "model.name", "missing"),
        ("a.md", _markdown(_model("two words")), "model.name", "regex"),
        ("a.md", _markdown(_model(task={"id": 1, "name": "x"})), "model.task.id", "expected str, got int"),
        ("a.md", _markdown(_model(properties=[{"value": 1}])), "model.properties[0].property_id", "missing"),
        ("a.md", _markdown(json_schema={"input": "{"}), "json_schema.input", "expected JSON"),
        ("a.md", _markdown(json_schema={"input": "[]"}), "json_schema.input", "got list"),
        ("a.md", _markdown(json_schema="{}"), "json_schema", "got str"),
        ("a.md", _markdown(json_schema={"input": '{"oneOf": 1}'}), "json_schema.input: /oneOf", "list of schemas"),
        ("a.yaml", "model: &x {}\n", "", "name"),
        ("a.yaml", "model: *x\n", "model (line 1)", "aliases"),
        ("a.json", '{"name": 1}', "name", "expected str, got int"),
        ("a.json", "{", "", "expected JSON"),
        ("a.json", "[" * 100_000 + "]" * 100_000, "", "nested too deep"),
        ("a.json", json.dumps({"task": _TASK}), "name", "missing"),
    ],
)
def test_problems_name_file_and_key(tmp_path: Path, name: str, text: str, key: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    problem = _problem(Catalog.read([tmp_path]))
    assert problem.file == str(tmp_path / name)
    assert key in problem.key
    assert words in str(problem)


def test_bytes_that_are_no_text_and_files_that_are_too_large(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"---\n\xff")
    (tmp_path / "b.json").write_bytes(b" " * (MAX_FILE_BYTES + 1))
    words = [str(problem).partition(": ")[2] for problem in Catalog.read([tmp_path]).problems]
    assert words == ["expected UTF-8 text, got 0xff at byte 4", f"expected at most {MAX_FILE_BYTES} bytes"]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "secret.yaml").write_text("token: x\n")
    (tmp_path / "catalog" / "a.yaml").symlink_to(tmp_path / "secret.yaml")
    assert "leads out" in str(_problem(Catalog.read([tmp_path / "catalog"])))


def test_a_folder_that_is_missing_is_a_problem(tmp_path: Path) -> None:
    assert "found none" in str(_problem(Catalog.read([tmp_path / "none"])))


_ENGINE = {
    "repository": "acme/one",
    "architecture": "OneForCausalLM",
    "parameters": 7,
    "quantization": "fp16",
    "context_tokens": 2048,
    "licence": "mit",
}


def test_paddock_table(tmp_path: Path) -> None:
    card = _read(tmp_path, a__md=_markdown(paddock=_ENGINE)).card("@cf/acme/one")
    assert card.paddock is not None
    assert (card.paddock.repository, card.paddock.concurrency_cost) == ("acme/one", 1)


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"context_token": 1}, "paddock.context_token", "did you mean `context_tokens`"),
        ({"xyz": 1}, "paddock.xyz", "known keys: repository"),
        ({"parameters": "7B"}, "paddock.parameters", "expected int"),
        ({"context_tokens": 0}, "paddock.context_tokens", ">= 1"),
        ({"repository": "https://example.com"}, "paddock.repository", "regex"),
        ({"stand_in": "../../etc"}, "paddock.stand_in", "regex"),
        ({"adapters": {"a": "../b"}}, "paddock.adapters.a", "below the catalog"),
    ],
)
def test_paddock_table_is_strict(tmp_path: Path, change: dict[str, object], key: str, words: str) -> None:
    problem = _problem(_read(tmp_path, a__md=_markdown(paddock={**_ENGINE, **change})))
    assert problem.key == key
    assert words in str(problem)


@pytest.mark.parametrize(
    ("model_id", "hint"),
    [
        ("@cf/acme-ai/one", "Did you mean @cf/acme/one?"),
        ("@cf/acme/onee", "Did you mean @cf/acme/one?"),
        ("phi", "The catalog has 1 models"),
        ("@cf/acme/broken", "Its file is malformed: "),
    ],
)
def test_unknown_model_gets_a_hint(tmp_path: Path, model_id: str, hint: str) -> None:
    """Names of examples differ from the catalog's; they are not mapped silently."""
    catalog = _read(tmp_path, a__md=_markdown(), broken__md="---\nmodel: [\n---\n")
    with pytest.raises(ModelNotFound) as caught:
        catalog.card(model_id)
    assert caught.value.hint.startswith(hint)
    assert caught.value.message == f"No such model {model_id} or task"


@pytest.mark.parametrize(
    ("change", "is_true"),
    [
        ({}, False),
        ({"properties": [{"property_id": "lora", "value": "true"}]}, True),
        ({"schema": {"input": {"anyOf": [{"oneOf": [{"properties": {"lora": {}}}]}]}}}, True),
        ({"schema": {"input": {"properties": {"a": {"properties": {"lora": {}}}}}}}, False),
    ],
)
def test_which_models_take_adapters(tmp_path: Path, change: dict[str, Any], is_true: bool) -> None:
    """WA-141: the property, or an input of this name"""
    assert _read(tmp_path, a__json=json.dumps(_model(**change))).card("@cf/acme/one").takes_lora == is_true


def test_a_file_without_an_id_gets_a_lasting_one(tmp_path: Path) -> None:
    model = _model()
    del model["id"]
    first, second = (_read(tmp_path, a__md=_markdown(model)).card("@cf/acme/one").id for _ in range(2))
    assert first == second != ""
