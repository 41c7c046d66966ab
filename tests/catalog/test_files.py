"""The model files that ship: they parse, their schemas compile, and the inputs that they document validate.

PADDOCK_SEEDS may name a folder with the documents that the files were made from; then the two are compared too.
"""

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest

from paddock.bindings.ai.card import ModelCard
from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.strict_yaml import parse_yaml
from paddock.bindings.ai.tasks import task_of

_CATALOG = Catalog.read([SHIPPED_CATALOG])
_SEEDS = os.environ.get("PADDOCK_SEEDS")  # read here, because tests run in a clean environment
_CARDS = pytest.mark.parametrize("card", list(_CATALOG), ids=lambda card: card.name)
#: Those that an engine here can run; the others are there to be refused by name and task.
_RUN = pytest.mark.parametrize("card", list(filter(task_of, _CATALOG)), ids=lambda card: card.name)
#: The models of the first generation of files, which have a page below the front matter.
_PAGES = pytest.mark.parametrize("card", [c for c in _CATALOG if c.file.suffix == ".md"], ids=lambda card: card.name)
#: Those that write text.
_WRITERS = pytest.mark.parametrize(
    "card", [c for c in _CATALOG if c.task_type == "text-generation"], ids=lambda card: card.name
)
_EMBEDDERS = pytest.mark.parametrize(
    "card", [c for c in _CATALOG if c.task_type == "text-embeddings"], ids=lambda card: card.name
)
_EXAMPLE = re.compile(r"^```json\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def _front_matter(file: Path) -> dict[str, object]:
    document = parse_yaml(file.read_text(encoding="utf-8").split("---\n")[1])
    assert isinstance(document, dict)
    return document


def _page(card: ModelCard) -> str:
    return card.file.read_text(encoding="utf-8").split("\n---\n", 1)[1]


def test_every_file_is_a_model() -> None:
    assert _CATALOG.problems == ()
    assert _CATALOG.ids() == (
        "@cf/baai/bge-base-en-v1.5",
        "@cf/baai/bge-large-en-v1.5",
        "@cf/baai/bge-m3",
        "@cf/baai/bge-reranker-base",
        "@cf/baai/bge-small-en-v1.5",
        "@cf/black-forest-labs/flux-1-schnell",
        "@cf/facebook/bart-large-cnn",
        "@cf/facebook/detr-resnet-50",
        "@cf/google/embeddinggemma-300m",
        "@cf/google/gemma-4-26b-a4b-it",
        "@cf/huggingface/distilbert-sst-2-int8",
        "@cf/llava-hf/llava-1.5-7b-hf",
        "@cf/meta/llama-2-7b-chat-fp16",
        "@cf/meta/llama-3.2-11b-vision-instruct",
        "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
        "@cf/meta/m2m100-1.2b",
        "@cf/microsoft/phi-2",
        "@cf/microsoft/resnet-50",
        "@cf/mistral/mistral-7b-instruct-v0.2-lora",
        "@cf/myshell-ai/melotts",
        "@cf/openai/whisper",
        "@cf/openai/whisper-large-v3-turbo",
        "@cf/openai/whisper-tiny-en",
        "@cf/qwen/qwen3-30b-a3b-fp8",
        "@cf/qwen/qwen3-embedding-0.6b",
    )


@_CARDS
def test_path_is_the_model_id(card: ModelCard) -> None:
    assert card.file == SHIPPED_CATALOG / f"{card.name}{card.file.suffix}"


@_CARDS
def test_schemas_are_valid_json_schemas(card: ModelCard) -> None:
    for schema in (card.input_schema, card.output_schema):
        assert schema is not None
        jsonschema.Draft202012Validator.check_schema(schema)


@_PAGES
def test_documented_inputs_validate(card: ModelCard) -> None:
    examples = [json.loads(example) for example in _EXAMPLE.findall(_page(card))]
    assert len(examples) >= 3
    for example in examples:
        assert card.schema.check(example)["max_tokens"] == example.get("max_tokens", 256)


@_WRITERS
def test_output_media_types(card: ModelCard) -> None:
    """WA-016"""
    assert card.output_media_types == ("application/json", "text/event-stream")


@_PAGES
def test_keys_stand_in_the_order_of_the_first_generation(card: ModelCard) -> None:
    keys = ["model", "task_type", "model_display_name", "layout", "weight", "title", "json_schema", "paddock"]
    assert list(_front_matter(card.file)) == keys


@_RUN
def test_engine_table_is_complete(card: ModelCard) -> None:
    engine = card.paddock
    assert engine is not None
    assert engine.repository
    assert engine.architecture
    assert engine.parameters
    assert engine.quantization
    assert engine.licence
    assert engine.stand_in


@_WRITERS
def test_context_is_what_cloudflare_says(card: ModelCard) -> None:
    assert card.paddock is not None
    published = card.value_of("context_window")
    is_silent = card.file.suffix == ".md" or card.name == "@cf/meta/llama-3.2-11b-vision-instruct"
    assert str(card.paddock.context_tokens) == published or (published is None and is_silent)


@_EMBEDDERS
def test_embedding_models_name_the_length_of_their_vectors(card: ModelCard) -> None:
    assert card.paddock is not None
    assert card.paddock.dimensions
    assert card.value_of("output_dimensions") in (None, str(card.paddock.dimensions))
    assert bool(card.paddock.pooling) == card.declares_output("pooling")


@_RUN
def test_prompt_format_is_the_checkpoints_where_it_has_one(card: ModelCard) -> None:
    """The checkpoints that the early files name have no template, or one that drops messages."""
    assert card.paddock is not None
    assert bool(card.paddock.chat_template) == (card.file.suffix == ".md")


@_RUN
def test_parsers_are_named_for_what_the_model_is_said_to_do(card: ModelCard) -> None:
    assert card.paddock is not None
    assert bool(card.paddock.tool_parser) == (card.value_of("function_calling") == "true")
    assert bool(card.paddock.reasoning_parser) == (card.value_of("reasoning") == "true")


@_RUN
def test_stand_in_has_the_architecture_and_context_of_the_model(card: ModelCard) -> None:
    assert card.paddock is not None
    config = json.loads((SHIPPED_CATALOG / "stand-ins" / str(card.paddock.stand_in) / "config.json").read_text())
    # A stand-in reads text: of a model that reads images as well, it is the half that does.
    half = str(card.paddock.architecture).replace("ForConditionalGeneration", "ForCausalLM")
    assert config["architectures"][0] in (card.paddock.architecture, half)
    config = config.get("text_config", config)
    assert config.get("max_position_embeddings", config.get("max_target_positions")) >= card.paddock.context_tokens


@_RUN
def test_shipped_adapters_are_there(card: ModelCard) -> None:
    assert card.paddock is not None
    for folder in card.paddock.adapters.values():
        config = json.loads((SHIPPED_CATALOG / folder / "adapter_config.json").read_text())
        assert config["peft_type"] == "LORA"


def test_who_takes_adapters() -> None:
    """The property of two models, the input `lora` of the two others."""
    assert [card.name for card in _CATALOG if card.takes_lora] == [
        "@cf/meta/llama-3.2-11b-vision-instruct",
        "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
        "@cf/mistral/mistral-7b-instruct-v0.2-lora",
        "@cf/qwen/qwen3-30b-a3b-fp8",
    ]


def test_who_sees() -> None:
    """The property of one model, the input `image` of the other; not the schemas with parts of any URL."""
    assert [card.name for card in _CATALOG if card.task_type == "text-generation" and card.sees] == [
        "@cf/google/gemma-4-26b-a4b-it",
        "@cf/meta/llama-3.2-11b-vision-instruct",
    ]


def _seeds() -> Path:
    if not _SEEDS:
        pytest.skip("PADDOCK_SEEDS names no folder with the documents that the catalog was made from")
    return Path(_SEEDS)


@_PAGES
def test_front_matter_carries_over_exactly(card: ModelCard) -> None:
    """All but the model's description, which is in our words, and our own table."""
    seed, ours = _front_matter(_seeds() / card.file.name), _front_matter(card.file)
    del ours["paddock"]
    for document in (seed, ours):
        assert isinstance(document["model"], dict)
        del document["model"]["description"]
    assert ours == seed


def test_the_documents_are_read_as_they_are() -> None:
    seeds = Catalog.read([_seeds()])
    assert seeds.problems == ()
    assert seeds.ids() == tuple(card.name for card in _CATALOG if card.file.suffix == ".md")
    for seed in seeds:
        ours = _CATALOG.card(seed.name)
        assert (seed.input_schema, seed.output_schema, seed.paddock) == (ours.input_schema, ours.output_schema, None)
