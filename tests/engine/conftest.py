"""The real vLLM engine: one fork server, and one engine per model and setting, for the whole session."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import paddock.bindings
from paddock.bindings.ai.engines.embedded import EmbeddedEngine
from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.bindings.ai.engines.protocol import Adapter, EngineRequest, Message, SamplingParams
from paddock.bindings.ai.engines.remote.engine import RemoteEngine
from paddock.bindings.ai.engines.remote.settings import RemoteSettings
from paddock.bindings.ai.engines.settings import EngineSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

    from paddock.bindings.ai.engines.protocol import Engine, EngineChunk

    Run = Callable[[Coroutine[Any, Any, Any]], Any]
    EngineOf = Callable[..., EmbeddedEngine]

HERE = Path(__file__).parent
#: Adapters, calls, JSON without white space; vLLM's other backend of grammars cannot force calls. One slot more than
#: the tests have adapters: vLLM 0.32 on the CPU gives requests without adapter the weights of the last one.
SERVER_FLAGS = [
    *("--host", "127.0.0.1", "--served-model-name", "tireless", "--disable-uvicorn-access-log"),
    *("--max-model-len", "2048", "--dtype", "float32", "--enforce-eager"),
    *("--kv-cache-memory-bytes", str(64 * 2**20), "--distributed-executor-backend", "uni"),
    *("--enable-lora", "--max-loras", "2", "--max-cpu-loras", "2", "--max-lora-rank", "8"),
    *("--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--enable-prompt-tokens-details"),
    *("--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}'),
]
#: For a model that reads or hears. Without the memory, the server would want what others have.
READER_FLAGS = [
    *("--host", "127.0.0.1", "--served-model-name", "reader", "--disable-uvicorn-access-log"),
    *("--dtype", "float32", "--enforce-eager", "--kv-cache-memory-bytes", str(64 * 2**20)),
    *("--distributed-executor-backend", "uni"),
]
SERVER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    # Without it vLLM would not believe "uni", and start one process more.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
}
STAND_INS = Path(paddock.bindings.__file__).parent.parent / "catalog" / "stand-ins"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs vLLM, and the time to start it."""
    missing = importlib.util.find_spec("vllm") is None
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.engine)
            item.add_marker(pytest.mark.timeout(300))
            if missing:
                item.add_marker(pytest.mark.skip(reason='vLLM is not installed: pip install "paddock[cpu]"'))


class VllmServer:
    """vLLM's OpenAI server as users start it, in a process group of its own."""

    def __init__(self, model: Path, flags: Sequence[str] = SERVER_FLAGS) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._is_ready = threading.Event()
        self._lines: list[str] = []
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), *flags]
        self._process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, **SERVER_ENVIRONMENT},
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def ready(self) -> str:
        """Its address, when it answers there; it says so in a line of its log."""
        assert self._is_ready.wait(240), self._last_lines()
        assert self._process.poll() is None, self._last_lines()
        return self.url

    def stop(self) -> None:
        """End it, and the process of its engine, which would outlive a server that was killed."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=30)
        self._reader.join(timeout=30)  # its pipe ends with the last process that holds it
        assert not self._reader.is_alive(), "a process of the server's is left"
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)
            if "Application startup complete" in line:
                self._is_ready.set()
        self._is_ready.set()  # it has ended, as the one who waits will see

    def _last_lines(self) -> str:
        return "".join(self._lines[-40:])


class Answer(NamedTuple):
    """A whole answer, and its chunks."""

    text: str
    chunks: list[EngineChunk]


async def _answer(engine: Engine, request: EngineRequest) -> Answer:
    async with aclosing(engine.generate(request)) as stream:
        chunks = [chunk async for chunk in stream]
    return Answer("".join(chunk.text for chunk in chunks), chunks)


def _ask(question: str | None = None, *, adapter: Adapter | None = None, **more: Any) -> EngineRequest:
    """A greedy request: a question for the chat template, or `prompt` as it is."""
    prompt = more.pop("prompt", None)
    messages = None if question is None else (Message("user", question),)
    sampling = SamplingParams(**{"max_tokens": 48, "temperature": 0.0, **more})
    return EngineRequest(sampling=sampling, prompt=prompt, messages=messages, adapter=adapter)


@pytest.fixture(scope="session")
def answer() -> Callable[[Engine, EngineRequest], Coroutine[Any, Any, Answer]]:
    return _answer


@pytest.fixture(scope="session")
def ask() -> Callable[..., EngineRequest]:
    return _ask


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Runs a coroutine on the loop that the session's engines live on."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="session", autouse=True)
def forkserver(run: Run) -> Iterator[ForkServer]:
    """Started before any test, so that no test counts it among the processes that it left behind."""
    server = ForkServer()
    server.start()
    yield server
    run(server.close())


@pytest.fixture(scope="session")
def engine_of(run: Run, forkserver: ForkServer) -> Iterator[EngineOf]:
    """The engine of a model folder with these settings, made once."""
    engines: dict[str, EmbeddedEngine] = {}

    def of(path: Path, **more: Any) -> EmbeddedEngine:
        name = f"{path.name} {json.dumps(more, sort_keys=True)}" if more else path.name
        settings = {"max_model_len": 2048, "dtype": "float32", **more}
        if name not in engines:
            engines[name] = EmbeddedEngine(
                EngineSettings(model_path=str(path), served_name=name, **settings), forkserver
            )
        return engines[name]

    yield of
    for engine in engines.values():
        run(engine.close())


@pytest.fixture(scope="session")
def stand_ins() -> Path:
    return STAND_INS


@pytest.fixture(scope="session")
def tireless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that never ends its answer."""
    return _tireless("llama", tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session", autouse=True)
def vllm_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VllmServer | None]:
    """vLLM's own server, of the Mistral stand-in without an end, which takes adapters.

    Started before any test, so that no test counts it among the processes that it left behind, and so that it loads
    while other tests run; None when no test of this session is for it.
    """
    if not any("remote" in item.nodeid for item in request.session.items if item.path.is_relative_to(HERE)):
        yield None
        return
    server = VllmServer(_tireless("mistral", tmp_path_factory.mktemp("served")))
    yield server
    server.stop()


@pytest.fixture(scope="session", autouse=True)
def reading_servers(request: pytest.FixtureRequest) -> Iterator[dict[str, VllmServer]]:
    """vLLM's own server for each kind of model that reads or hears, when a test here is for them; as above."""
    servers: dict[str, VllmServer] = {}
    if any("test_served" in item.nodeid for item in request.session.items if item.path.is_relative_to(HERE)):
        by_token = ("--pooler-config", '{"task": "token_embed"}')
        for name, more in {"bge": by_token, "embeddinggemma": (), "bge-reranker": ()}.items():
            servers[name] = VllmServer(STAND_INS / name, [*READER_FLAGS, "--runner", "pooling", *more])
        servers["judge"] = VllmServer(request.getfixturevalue("judge"), [*READER_FLAGS, "--runner", "pooling"])
        servers["whisper"] = VllmServer(STAND_INS / "whisper", READER_FLAGS)
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier with two labels: the reranker's score for one, its opposite for the other."""
    import numpy
    from safetensors.numpy import load_file, save_file

    path = tmp_path_factory.mktemp("judge") / "judge"
    shutil.copytree(STAND_INS / "bge-reranker", path)
    weights = load_file(path / "model.safetensors")
    for name in ("classifier.out_proj.weight", "classifier.out_proj.bias"):
        weights[name] = numpy.concatenate([-weights[name], weights[name]])
    save_file(weights, path / "model.safetensors", {"format": "pt"})
    labels = {"id2label": {"0": "NEGATIVE", "1": "POSITIVE"}, "label2id": {"NEGATIVE": 0, "POSITIVE": 1}}
    config = json.loads((path / "config.json").read_text()) | labels
    (path / "config.json").write_text(json.dumps(config))
    return path


@pytest.fixture(scope="session")
def remote_engine(run: Run, vllm_server: VllmServer) -> Iterator[RemoteEngine]:
    """An engine in front of vLLM's own server."""
    engine = RemoteEngine(RemoteSettings(model="@cf/mistral/tireless", urls=(vllm_server.ready(),)))
    yield engine
    run(engine.close())


def _tireless(family: str, folder: Path) -> Path:
    """A stand-in that is told that another token were its end of sequence."""
    path = folder / "tireless"
    shutil.copytree(STAND_INS / family, path)
    vocabulary = json.loads((path / "tokenizer.json").read_text())["model"]["vocab"]
    for file, key, value in [
        ("config.json", "eos_token_id", vocabulary["~"]),
        ("generation_config.json", "eos_token_id", vocabulary["~"]),
        ("tokenizer_config.json", "eos_token", "~"),
    ]:
        (path / file).write_text(json.dumps({**json.loads((path / file).read_text()), key: value}))
    return path
