"""`pull` against a small hub on this machine: what it takes, what it leaves, how it goes on, and its errors."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from paddock.bindings.ai.card import ModelCard
from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.weights import find_weights, pull
from paddock.bindings.errors import WeightsMissing

pytest.importorskip("huggingface_hub", reason="pulling needs the extra `pull`")

_COMMIT = "1" * 40
_SMALL = {"config.json": "{}", "tokenizer.json": "{}", "README.md": "# Card"}
_WEIGHTS = {"model.safetensors": "weights", "pytorch_model.bin": "pickle", "onnx/model.safetensors": "copy"}


class _Hub(ThreadingHTTPServer):
    """Speaks as much of the hub's protocol as a snapshot needs. `status` other than 200 answers every question."""

    def __init__(self, files: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _HubHandler)
        self.files = files
        self.status = 200
        self.error_code = ""
        self.served: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _HubHandler(BaseHTTPRequestHandler):
    server: _Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if self.server.status != 200:
            self._answer(b"{}", self.server.status)
        elif path.startswith("/api/models/") and "/tree/" in path:
            self._answer(json.dumps([_entry(name, text) for name, text in self.server.files.items()]).encode())
        elif path.startswith("/api/models/"):
            siblings = [{"rfilename": name} for name in self.server.files]
            self._answer(json.dumps({"id": "microsoft/phi-2", "sha": _COMMIT, "siblings": siblings}).encode())
        else:
            self._file(path.split(f"/resolve/{_COMMIT}/")[1])

    def _file(self, name: str) -> None:
        if self.command == "GET":
            self.server.served.append(name)
        self._answer(self.server.files[name].encode(), etag=_digest(name))

    def _answer(self, body: bytes, status: int = 200, etag: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", _COMMIT)
        if etag:
            self.send_header("ETag", f'"{etag}"')
        if self.server.error_code:
            self.send_header("X-Error-Code", self.server.error_code)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet: requests are not worth a line."""


def _digest(name: str) -> str:
    return name.encode().hex().ljust(40, "0")[:40]


def _entry(name: str, text: str) -> dict[str, object]:
    return {"type": "file", "path": name, "size": len(text), "oid": _digest(name)}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Hub]:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # read from the environment when it was imported
    with _Hub({**_SMALL, **_WEIGHTS}) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="hub")
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def phi() -> ModelCard:
    return Catalog.read([SHIPPED_CATALOG]).card("@cf/microsoft/phi-2")


def test_takes_safetensors_and_leaves_pickles_and_copies(hub: _Hub, phi: ModelCard, tmp_path: Path) -> None:
    weights = pull(phi, progress=False, cache=tmp_path, endpoint=hub.url)
    assert sorted(file.name for file in Path(weights.path).iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert find_weights(phi, cache=tmp_path) == weights


def test_takes_what_pools_the_vectors_of_an_embedding_model(hub: _Hub, tmp_path: Path) -> None:
    """Sentence-transformers keeps it in folders, in which others have copies of the weights."""
    layers = {"modules.json": "[]", "1_Pooling/config.json": "{}", "2_Dense/model.safetensors": "layer"}
    hub.files = {**_SMALL, **_WEIGHTS, **layers, "2_Dense/pytorch_model.bin": "pickle"}
    bge = Catalog.read([SHIPPED_CATALOG]).card("@cf/baai/bge-m3")
    folder = Path(pull(bge, progress=False, cache=tmp_path, endpoint=hub.url).path)
    assert (folder / "1_Pooling" / "config.json").is_file()
    assert (folder / "2_Dense" / "model.safetensors").read_text() == "layer"
    assert not (folder / "2_Dense" / "pytorch_model.bin").exists()
    assert not (folder / "onnx").exists()


def test_goes_on_where_it_stopped(hub: _Hub, phi: ModelCard, tmp_path: Path) -> None:
    weights = pull(phi, progress=False, cache=tmp_path, endpoint=hub.url)
    (Path(weights.path) / "model.safetensors").resolve().unlink()
    (Path(weights.path) / "model.safetensors").unlink()
    hub.served.clear()
    assert find_weights(phi, cache=tmp_path).is_stand_in
    assert pull(phi, progress=False, cache=tmp_path, endpoint=hub.url) == weights
    assert hub.served == ["model.safetensors"]


def test_takes_pickles_where_there_is_nothing_else(hub: _Hub, phi: ModelCard, tmp_path: Path) -> None:
    del hub.files["model.safetensors"]
    weights = pull(phi, progress=False, cache=tmp_path, endpoint=hub.url)
    assert (Path(weights.path) / "pytorch_model.bin").read_text() == "pickle"


def test_configured_repository_is_pulled_instead(hub: _Hub, phi: ModelCard, tmp_path: Path) -> None:
    weights = pull(phi, "acme/phi-tuned", progress=False, cache=tmp_path, endpoint=hub.url)
    assert find_weights(phi, "acme/phi-tuned", cache=tmp_path) == weights


def test_a_repository_without_a_checkpoint(hub: _Hub, phi: ModelCard, tmp_path: Path) -> None:
    hub.files = dict(_SMALL)
    with pytest.raises(WeightsMissing, match=r"has no model\.safetensors"):
        pull(phi, progress=False, cache=tmp_path, endpoint=hub.url)


@pytest.mark.parametrize(
    ("status", "error_code", "words", "hint"),
    [
        (403, "GatedRepo", "is gated", "hf auth login"),
        (404, "RepoNotFound", "There is no repository", "hf auth login"),
        (404, "RevisionNotFound", "no such revision", ""),
        (500, "", "cannot be pulled", "What was pulled so far is kept"),
    ],
)
def test_refusals_say_what_to_do(
    hub: _Hub, phi: ModelCard, tmp_path: Path, status: int, error_code: str, words: str, hint: str
) -> None:
    hub.status, hub.error_code = status, error_code
    with pytest.raises(WeightsMissing) as caught:
        pull(phi, progress=False, cache=tmp_path, endpoint=hub.url)
    assert words in caught.value.message
    assert hint in caught.value.hint


def test_offline(phi: ModelCard, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="the hub was not reached"):
        pull(phi, progress=False, cache=tmp_path, endpoint="http://127.0.0.1:9")
