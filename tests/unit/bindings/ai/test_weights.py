"""Which checkpoint a model runs on, and which adapters go with it. The cache is a folder made by the test."""

import json
from pathlib import Path

import pytest

from paddock.bindings.ai.card import ModelCard
from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.engines.protocol import Adapter
from paddock.bindings.ai.hub import missing_file
from paddock.bindings.ai.weights import Weights, find_weights, pull, resolve_adapter
from paddock.bindings.errors import LoraNotFound, LoraUnsupported, WeightsMissing

_COMMIT = "0" * 40
_REAL = Weights("/models/mistral", "pulled", "mistralai/Mistral-7B-Instruct-v0.2")
_STAND_IN = Weights(str(SHIPPED_CATALOG / "stand-ins" / "mistral"), "stand_in")


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.read([SHIPPED_CATALOG])


@pytest.fixture
def phi(catalog: Catalog) -> ModelCard:
    return catalog.card("@cf/microsoft/phi-2")


@pytest.fixture
def mistral(catalog: Catalog) -> ModelCard:
    return catalog.card("@cf/mistral/mistral-7b-instruct-v0.2-lora")


def _checkpoint(folder: Path, *weights: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "tokenizer.json", *weights):
        (folder / name).write_text("{}")
    return folder


def _cached(cache: Path, repository: str, *weights: str) -> Path:
    """A snapshot as Hugging Face's cache keeps it."""
    pytest.importorskip("huggingface_hub", reason="pulled weights are found through huggingface_hub")
    home = cache / f"models--{repository.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(_COMMIT)
    return _checkpoint(home / "snapshots" / _COMMIT, *weights)


def test_configured_folder_comes_first(phi: ModelCard, tmp_path: Path) -> None:
    _cached(tmp_path / "cache", "microsoft/phi-2", "model.safetensors")
    own = _checkpoint(tmp_path / "own", "model.safetensors")
    assert find_weights(phi, str(own), cache=tmp_path / "cache") == Weights(str(own), "configured")


def test_servers_have_the_weights_whatever_is_here(phi: ModelCard, tmp_path: Path) -> None:
    own = _checkpoint(tmp_path / "own", "model.safetensors")
    found = find_weights(phi, str(own), stand_ins=False, servers=("http://a", "http://b"))
    assert (found.kind, found.path, found.is_stand_in) == ("remote", "", False)
    assert found.describe() == "remote http://a, http://b"


def test_configured_repository_is_looked_up_in_the_cache(phi: ModelCard, tmp_path: Path) -> None:
    folder = _cached(tmp_path, "acme/phi-tuned", "model.safetensors")
    found = find_weights(phi, "acme/phi-tuned", cache=tmp_path)
    assert found == Weights(str(folder), "configured", "acme/phi-tuned")


def test_pulled_weights_come_second(phi: ModelCard, tmp_path: Path) -> None:
    folder = _cached(tmp_path, "microsoft/phi-2", "model.safetensors")
    assert find_weights(phi, cache=tmp_path) == Weights(str(folder), "pulled", "microsoft/phi-2")


def test_stand_in_comes_last_and_says_so(phi: ModelCard, tmp_path: Path) -> None:
    found = find_weights(phi, cache=tmp_path)
    assert (found.path, found.is_stand_in) == (str(SHIPPED_CATALOG / "stand-ins" / "phi"), True)
    assert "stand-in phi" in found.describe()


def test_unfinished_download_is_not_served_and_mentioned(phi: ModelCard, tmp_path: Path) -> None:
    folder = _cached(tmp_path, "microsoft/phi-2", "model-00001-of-00002.safetensors")
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    found = find_weights(phi, cache=tmp_path)
    assert found.is_stand_in
    assert "model-00002-of-00002.safetensors is missing): paddock ai pull @cf/microsoft/phi-2" in found.describe()


@pytest.mark.parametrize("configured", ["acme/phi-tuned", "/nowhere/phi"])
def test_what_is_configured_is_never_replaced(phi: ModelCard, tmp_path: Path, configured: str) -> None:
    """DT-107"""
    with pytest.raises(WeightsMissing, match=configured):
        find_weights(phi, configured, cache=tmp_path)


def test_without_stand_ins_the_error_names_the_command(phi: ModelCard, tmp_path: Path) -> None:
    """DT-107"""
    with pytest.raises(WeightsMissing) as caught:
        find_weights(phi, stand_ins=False, cache=tmp_path)
    assert "stand-ins are switched off" in caught.value.message
    assert caught.value.hint == "Run `paddock ai pull @cf/microsoft/phi-2`."


def test_a_model_without_a_paddock_table_says_what_to_name(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"name": "@cf/acme/one"}')
    card = Catalog.read([tmp_path]).card("@cf/acme/one")
    with pytest.raises(WeightsMissing, match=r'\[paddock.models."@cf/acme/one"\]'):
        find_weights(card, cache=tmp_path)


def test_a_copied_model_file_still_finds_the_shipped_stand_in(phi: ModelCard, tmp_path: Path) -> None:
    (tmp_path / "phi-2.md").write_text(phi.file.read_text(encoding="utf-8"), encoding="utf-8")
    card = Catalog.read([tmp_path, SHIPPED_CATALOG]).card(phi.name)
    assert card.folder == tmp_path
    assert find_weights(card, cache=tmp_path).path == str(SHIPPED_CATALOG / "stand-ins" / "phi")


@pytest.mark.parametrize(
    ("remove", "missing"),
    [
        (None, None),
        ("config.json", "config.json"),
        ("tokenizer.json", "tokenizer.json"),
        ("model.safetensors", "model.safetensors"),
    ],
)
def test_a_checkpoint_is_whole_or_names_what_lacks(tmp_path: Path, remove: str | None, missing: str | None) -> None:
    _checkpoint(tmp_path, "model.safetensors")
    if remove:
        (tmp_path / remove).unlink()
    assert missing_file(tmp_path) == missing


def test_a_broken_link_is_no_file(tmp_path: Path) -> None:
    _checkpoint(tmp_path)
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "blob-that-never-came")
    assert missing_file(tmp_path) == "model.safetensors"


def test_pulling_a_model_that_runs_on_a_folder_is_refused(phi: ModelCard, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="nothing to pull"):
        pull(phi, str(tmp_path))


def test_shipped_adapter_goes_with_the_stand_in(mistral: ModelCard) -> None:
    adapter = resolve_adapter(mistral, "ranch-hand", {}, _STAND_IN)
    assert (adapter.name, Path(adapter.path).name) == ("ranch-hand", "ranch-hand")


def test_shipped_adapter_is_refused_for_other_weights(mistral: ModelCard) -> None:
    with pytest.raises(LoraNotFound) as caught:
        resolve_adapter(mistral, "ranch-hand", {}, _REAL)
    assert "fits the stand-in" in caught.value.hint


def test_configured_adapter_wins(mistral: ModelCard, tmp_path: Path) -> None:
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (tmp_path / name).touch()
    assert resolve_adapter(mistral, "ranch-hand", {"ranch-hand": str(tmp_path)}, _STAND_IN).path == str(tmp_path)


def test_adapter_folder_that_lacks_a_file(mistral: ModelCard, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").touch()
    with pytest.raises(LoraNotFound) as caught:
        resolve_adapter(mistral, "mine", {"mine": str(tmp_path)}, _REAL)
    assert caught.value.hint.endswith("has no adapter_model.safetensors.")


@pytest.mark.parametrize(
    ("name", "hint"), [("ranch_hand", "Did you mean ranch-hand?"), ("xyz", "has ranch-hand; [paddock.models.")]
)
def test_unknown_adapter_gets_a_hint(mistral: ModelCard, name: str, hint: str) -> None:
    with pytest.raises(LoraNotFound) as caught:
        resolve_adapter(mistral, name, {}, _STAND_IN)
    assert hint in caught.value.hint
    assert caught.value.message == f"Finetune {name} not found"


def test_model_without_adapters(phi: ModelCard) -> None:
    """WA-141"""
    with pytest.raises(LoraUnsupported) as caught:
        resolve_adapter(phi, "ranch-hand", {}, _STAND_IN)
    assert (caught.value.internal_code, caught.value.status) == (5005, 405)


def test_adapters_of_servers_are_for_the_servers_to_know(mistral: ModelCard, phi: ModelCard) -> None:
    remote = Weights("", "remote", servers=("http://a",))
    assert resolve_adapter(mistral, "x", {"x": "/there/x"}, remote) == Adapter("x", "/there/x")
    assert resolve_adapter(mistral, "ranch-hand", {}, remote) == Adapter("ranch-hand", "")
    with pytest.raises(LoraUnsupported):
        resolve_adapter(phi, "x", {}, remote)
